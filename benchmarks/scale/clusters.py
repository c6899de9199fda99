"""Clusters of two processes on this machine: dask, Ray and Spark by the same few methods."""

import logging
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import joblib
import pandas as pd
from joblib.parallel import ThreadingBackend

from skrec import load_model, recommend_batches
from skrec.typing import Array

__all__ = ["ENGINES", "Cluster", "DaskCluster", "Fuse", "RayCluster", "SparkCluster", "list_users"]

ROOT = Path(__file__).parents[2]
_PARTS = 8  # in which users are cut

_loaded = lru_cache(maxsize=1)(load_model)  # once a process


class Fuse:
    """Kill the first worker that calls it.

    Parameters
    ----------
    path : str
        A file that is not there yet.
    score : callable, default=None
        What is returned of other calls.
    """

    def __init__(self, path: str, score: Callable[..., Any] | None = None) -> None:
        self.path, self.score, self.driver = path, score, os.getpid()

    def __call__(self, *arguments: Any) -> Any:
        # with one worker left, dask lets the driver do the work
        if os.getpid() != self.driver and not os.path.exists(self.path):
            Path(self.path).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.score(*arguments) if self.score else None


def list_users(users: Array, path: str, fuse: Fuse | None = None) -> pd.DataFrame:
    """Return the lists of some users of a saved model, as `recommend_frame` does."""
    if fuse is not None:
        fuse()
    model = _loaded(path, mmap=True)
    return pd.concat(recommend_batches(model, users)).loc[:, ["user", "item", "score"]]


class Cluster:
    """Two processes that do maps of joblib and lists, to be used in a ``with``.

    Examples
    --------
    >>> from benchmarks.scale.clusters import Cluster
    >>> with Cluster() as cluster, cluster.parallel():
    ...     pass
    """

    def __enter__(self) -> Self:
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        os.environ["PYTHONPATH"] = os.pathsep.join(paths)  # of processes that are started
        self.stack = ExitStack()
        try:
            self.start()
        except BaseException:
            self.stack.close()
            raise
        return self

    def __exit__(self, *exception: Any) -> None:
        self.stack.close()

    def start(self) -> None:
        """Start the processes; this class has none."""

    def parallel(self, data: Any = None) -> Any:
        """Return the context in which joblib's maps are done there, of tasks that share data."""
        return joblib.parallel_config(n_jobs=1)

    def wait(self) -> None:
        """Wait until all processes are there, where one has died before."""

    def lists(self, path: str, users: Array, fuse: Fuse | None = None) -> pd.DataFrame:
        """Return the lists of users from a saved model, in the order of the users."""
        return list_users(users, path, fuse)


class DaskCluster(Cluster):
    """dask.distributed."""

    def start(self) -> None:
        from distributed import Client, LocalCluster

        options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
        cluster = self.stack.enter_context(LocalCluster(**options))
        self.client: Any = self.stack.enter_context(Client(cluster))

    def wait(self) -> None:
        self.client.wait_for_workers(2)

    def parallel(self, data: Any = None) -> Any:
        # to both processes: what one has alone is lost with it
        return joblib.parallel_config(backend="dask", scatter=None if data is None else [data])

    def lists(self, path: str, users: Array, fuse: Fuse | None = None) -> pd.DataFrame:
        import dask.dataframe as dd

        table = dd.from_pandas(pd.DataFrame({"user": users}), npartitions=_PARTS)
        meta = {"user": "int64", "item": "int64", "score": "float32"}
        return table.map_partitions(_list_part, path, fuse, meta=meta).compute()


def _list_part(table: pd.DataFrame, path: str, fuse: Fuse | None) -> pd.DataFrame:
    return list_users(table["user"].to_numpy(), path, fuse)


class RayCluster(Cluster):
    """Ray, with half a gigabyte for what processes share."""

    def start(self) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        import ray
        from ray.util.joblib import register_ray

        quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
        ray.init(num_cpus=2, object_store_memory=500_000_000, **quiet)
        self.stack.callback(ray.shutdown)
        register_ray()
        ray.data.DataContext.get_current().enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)

    def parallel(self, data: Any = None) -> Any:
        return joblib.parallel_config(backend="ray", n_jobs=-1)  # its own default is 1

    def lists(self, path: str, users: Array, fuse: Fuse | None = None) -> pd.DataFrame:
        import ray

        table = ray.data.from_pandas(pd.DataFrame({"user": users})).repartition(_PARTS)
        part: Any = _list_part
        made = table.map_batches(part, fn_args=(path, fuse), batch_format="pandas")
        lists = made.to_pandas().astype({"user": "int64", "item": "int64", "score": "float32"})
        return lists.sort_values("user", kind="stable", ignore_index=True)


class SparkCluster(Cluster):
    """Spark in its local mode, which tries a task four times."""

    def start(self) -> None:
        os.environ["PYSPARK_PYTHON"] = sys.executable
        from pyspark.sql import SparkSession

        builder: Any = SparkSession.builder
        builder = builder.master("local[2,4]").config("spark.ui.enabled", "false")
        builder = builder.config("spark.ui.showConsoleProgress", "false")
        self.spark: Any = builder.config("spark.driver.memory", "2g").getOrCreate()
        self.stack.callback(self.spark.stop)
        self.spark.sparkContext.setLogLevel("OFF")
        joblib.register_parallel_backend("spark", SparkBackend)

    def parallel(self, data: Any = None) -> Any:
        return joblib.parallel_config(backend="spark", context=self.spark.sparkContext)

    def lists(self, path: str, users: Array, fuse: Fuse | None = None) -> pd.DataFrame:
        def of_parts(tables: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
            for table in tables:
                yield _list_part(table, path, fuse)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pandas 3, which pyspark 4.3 does not know
            table = self.spark.createDataFrame(pd.DataFrame({"user": users})).repartition(_PARTS)
            made = table.mapInPandas(of_parts, "user long, item long, score float").toPandas()
        return made.sort_values("user", kind="stable", ignore_index=True)


class SparkBackend(ThreadingBackend):
    """joblib on Spark: each task is a job of one partition, which a thread waits for.

    It is here because the package joblibspark, which does the same, need not be installed.

    Parameters
    ----------
    context : SparkContext
        What runs the jobs.
    **options
        As for any backend.
    """

    supports_sharedmem = uses_threads = False
    default_n_jobs = -1

    def __init__(self, context: Any = None, **options: Any) -> None:
        super().__init__(**options)
        self.context = context

    def effective_n_jobs(self, n_jobs: int) -> int:
        """Return the number of cores of the cluster."""
        return self.context.defaultParallelism

    def submit(self, func: Any, callback: Any = None) -> Any:
        """Run a batch of calls there."""
        return super().submit(_Job(self.context, func), callback)


class _Job:
    def __init__(self, context: Any, func: Any) -> None:
        self.context, self.func = context, func

    def __call__(self) -> Any:
        func = self.func
        return self.context.parallelize([0], 1).map(lambda _: func()).collect()[0]


ENGINES: dict[str, type[Cluster]] = {
    "none": Cluster,
    "dask": DaskCluster,
    "ray": RayCluster,
    "spark": SparkCluster,
}
