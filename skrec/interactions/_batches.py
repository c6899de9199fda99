"""Recommendations for many users, a part at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from numbers import Integral
from typing import Any, Literal, overload

import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike
from tqdm.auto import tqdm

from skrec import kernels
from skrec.interactions._encoder import Ids, InteractionEncoder
from skrec.interactions._lists import Request, make_request
from skrec.utils import check_count, check_flag, taking_the_place_of

__all__ = ["RecommendationBatches", "recommend_batches"]


def recommend_batches(
    model: Any,
    users: Ids | None = None,
    X: Any = None,
    *,
    batch_size: int = 10_000,
    encoder: InteractionEncoder | None = None,
    n_items: int = 10,
    titles: Any = None,
    exclude_seen: bool = True,
    candidates: ArrayLike | None = None,
    exclude: ArrayLike | None = None,
    strategy: Literal["mean", "ucb", "thompson"] = "mean",
    return_std: bool = False,
    n_jobs: int | None = None,
    verbose: bool = False,
) -> RecommendationBatches:
    """Return the lists of many users as a sequence of tables, each made when it is asked for.

    Parameters
    ----------
    model : estimator
        A fitted model of skrec, or a fitted search or Pipeline around one.
    users : array-like of shape (n,), default=None
        Raw ids of users that ``fit`` has seen. Neither these nor ``X``: all of them.
    X : Interactions, DataFrame, table or dict of columns, default=None
        Histories, as for `recommend_frame`.
    batch_size : int, default=10_000
        Users of a batch.
    encoder : InteractionEncoder, default=None
        The coding of the raw ids; None takes ``model.encoder_``. A model that was fitted to a
        matrix needs none: users and items then are its rows and columns, and ``X`` may be a matrix.
    n_items : int, default=10
        Length of the lists.
    titles : dict, Series, DataFrame or table, default=None
        Titles by raw item id.
    exclude_seen : bool, default=True
        Leave out what the user has.
    candidates, exclude : array-like of shape (m,), default=None
        Raw ids of the only items to choose from, and of items never to recommend.
    strategy : {"mean", "ucb", "thompson"}, default="mean"
        As for ``recommend``.
    return_std : bool, default=False
        Add the deviations of the scores (probabilistic models).
    n_jobs : int, default=None
        Batches made at once where all are gone through, in threads or where
        `joblib.parallel_config` says; None takes its number.
    verbose : bool, default=False
        Show a progress bar over users while the batches are gone through.

    Returns
    -------
    batches : RecommendationBatches
        A sequence of tables as `recommend_frame` returns them, which can be pickled.

    Raises
    ------
    TypeError
        If ``model`` is no model of skrec.
    ValueError
        If users or items are not known, the encoder is not that of the model, or ``n_jobs`` is no
        number of jobs.

    See Also
    --------
    recommend_frame : One table at once.

    Examples
    --------
    >>> from skrec import PopularityRecommender, recommend_batches
    >>> from skrec.datasets import make_interactions
    >>> model = PopularityRecommender().fit(make_interactions(50, 30, 300, random_state=0).X)
    >>> batches = recommend_batches(model, n_items=3, batch_size=20)
    >>> len(batches), batches[2]["user"].unique().tolist()[:3]
    (3, [40, 41, 42])
    >>> sum(len(table) for table in batches)
    150
    """
    size = check_count(batch_size, "batch_size", minimum=1)
    given = {
        "exclude_seen": exclude_seen,
        "candidates": candidates,
        "exclude": exclude,
        "strategy": strategy,
        "return_std": return_std,
        "n_items": n_items,
    }
    request = make_request(model, users, X, encoder, titles, given, anyone=True)
    is_number = isinstance(n_jobs, Integral) and not isinstance(n_jobs, bool) and n_jobs
    if n_jobs is not None and not is_number:
        raise ValueError(f"n_jobs must be an integer other than 0, or None; got {n_jobs!r}")
    return RecommendationBatches(request, size, check_flag(verbose, "verbose"), n_jobs)


class RecommendationBatches(Sequence[pd.DataFrame]):
    """Tables of recommendations, each made when it is asked for, from `recommend_batches`.

    It holds the model and can be pickled, so that an engine can map ``batches.__getitem__`` over
    ``range(len(batches))``; batches do not depend on each other.

    Parameters
    ----------
    request : Request
        What is to be made.
    batch_size : int
        Users of a batch.
    verbose : bool
        Show a progress bar over users.
    n_jobs : int, default=None
        Batches made at once.

    See Also
    --------
    recommend_batches : Makes them.

    Examples
    --------
    >>> from joblib import Parallel, delayed
    >>> from skrec import PopularityRecommender, recommend_batches
    >>> from skrec.datasets import make_interactions
    >>> model = PopularityRecommender().fit(make_interactions(50, 30, 300, random_state=0).X)
    >>> batches = recommend_batches(model, n_items=3, batch_size=20)
    >>> tables = Parallel(n_jobs=1)(delayed(batches.__getitem__)(i) for i in range(len(batches)))
    >>> [len(table) for table in tables]
    [60, 60, 30]
    """

    def __init__(
        self, request: Request, batch_size: int, verbose: bool, n_jobs: int | None = None
    ) -> None:
        self.request = request
        self.batch_size = batch_size
        self.verbose = verbose
        self.n_jobs = n_jobs

    def __sizeof__(self) -> int:
        # engines ask for it: what is large they send once, and not to every task
        parts = vars(self.request.model).values()
        data = (part.data if sp.issparse(part) else part for part in parts)
        return super().__sizeof__() + sum(getattr(part, "nbytes", 0) for part in data)

    @property
    def n_users(self) -> int:
        """Number of users in all batches."""
        return len(self.request.asked.labels)

    def __len__(self) -> int:
        return -(-self.n_users // self.batch_size)

    @overload
    def __getitem__(self, index: int) -> pd.DataFrame: ...
    @overload
    def __getitem__(self, index: slice) -> list[pd.DataFrame]: ...
    def __getitem__(self, index: int | slice) -> pd.DataFrame | list[pd.DataFrame]:
        """Make the lists of one batch, or of a slice of them."""
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        start = range(len(self))[index] * self.batch_size
        return self.request.table(slice(start, start + self.batch_size))

    def __iter__(self) -> Iterator[pd.DataFrame]:
        with tqdm(
            total=self.n_users, desc="recommend", unit="user", disable=not self.verbose
        ) as bar:
            made: list[pd.DataFrame] = []
            for first in range(len(self)):
                made = made or self._some_from(first)
                yield made.pop(0)
                bar.update(min(self.batch_size, self.n_users - bar.n))

    def _some_from(self, first: int) -> list[pd.DataFrame]:
        """Return as many batches as are made at once; all of them may not fit into memory."""
        with kernels.engine_workers(self.n_jobs):
            last = min(first + kernels.count_jobs(self.n_jobs), len(self))
            calls = ((index,) for index in range(first, last))
            return kernels.in_threads(_table, calls, self.n_jobs, common=(self,))

    def __repr__(self) -> str:
        model = type(self.request.model).__name__
        return f"<{len(self)} batches of up to {self.batch_size} of {self.n_users} users, {model}>"

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """Write all tables to one Parquet file, a row group each.

        The file is written beside the path and then takes its place: if anything fails, what was
        there before stays.

        Parameters
        ----------
        path : str or path-like
            The file.

        Raises
        ------
        ImportError
            If pyarrow is missing.
        """
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ImportError as error:
            raise ImportError(
                "to_parquet needs pyarrow: pip install 'sklearn-recommenders[parquet]'"
            ) from error
        schema = self._schema(pa)
        with taking_the_place_of(path) as file, parquet.ParquetWriter(file, schema) as writer:
            for table in self:
                writer.write_table(pa.Table.from_pandas(table, schema, preserve_index=False))

    def _schema(self, pa: Any) -> Any:
        """Return the types of the columns: those of the ids, and what lists have."""
        empty = self.request.table(slice(0, 0))
        ids = {"user": self.request.asked.labels}
        if self.request.encoder is not None:
            ids["item"] = self.request.encoder.item_ids_
        kinds = {name: pa.array(values).type for name, values in ids.items()}
        kinds["title"] = pa.string()
        given = pa.Schema.from_pandas(empty, preserve_index=False)
        return pa.schema([(name, kinds.get(name, given.field(name).type)) for name in given.names])


def _table(batches: RecommendationBatches, index: int) -> pd.DataFrame:
    return batches[index]
