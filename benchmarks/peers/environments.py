"""Peers in their own virtual environments, one round at a time on the same arrays.

They are never dependencies of the project: an environment is made when a measurement asks for it.
"""

import json
import os
import subprocess
import venv
from pathlib import Path
from typing import Any

__all__ = ["PEERS", "Worker", "environment"]

_HERE = Path(__file__).parent
_VARIABLE = "SKREC_PEERS"

# name: what pip installs, in this order; with --no-deps where the peer's own pins are out of date
PEERS: dict[str, tuple[list[str], ...]] = {
    "recbole": (
        # of this release of torch the wheel is small; an open range may fetch gigabytes
        ["torch==2.13.0", "numpy==2.4.6", "scipy==1.17.1", "pandas==3.1.1", "scikit-learn==1.9.1"],
        ["pyyaml==6.0.3", "tqdm==4.70.1", "colorlog==6.12.0", "colorama==0.4.6"],
        ["--no-deps", "recbole==1.2.1"],
    ),
    "implicit": (["implicit==0.7.2", "threadpoolctl==3.8.0", "numpy==2.4.6", "scipy==1.17.1"],),
    "cornac": (
        ["torch==2.13.0", "numpy==2.4.6", "scipy==1.17.1", "tqdm==4.70.1", "threadpoolctl==3.8.0"],
        ["--no-deps", "cornac==3.0.1"],
    ),
    "skrecsys": (
        ["numpy==2.4.6", "scipy==1.17.1", "scikit-learn==1.9.1", "joblib==1.6.0"],
        ["typing-extensions==4.16.0", "threadpoolctl==3.8.0", "skrecsys==0.9.0"],
    ),
    "fastslim": (["numpy==2.4.6", "scipy==1.17.1", "threadpoolctl==3.8.0", "fastslim==0.3.0"],),
    "irspack": (
        ["numpy==2.4.6", "scipy==1.17.1", "pandas==3.1.1", "scikit-learn==1.9.1"],
        ["pydantic==2.14.3", "colorlog==6.12.0", "fastprogress==1.0.5", "threadpoolctl==3.8.0"],
        ["--no-deps", "irspack==0.5.2"],
    ),
    "myfm": (
        ["numpy==2.4.6", "scipy==1.17.1", "pandas==3.1.1", "tqdm==4.70.1"],
        ["typing-extensions==4.16.0", "threadpoolctl==3.8.0", "myfm==0.4.0"],
    ),
}


def environment(name: str, folder: str | os.PathLike[str] | None = None) -> Path:
    """Return the Python of a peer's virtual environment, which is made if it is not there.

    Parameters
    ----------
    name : str
        One of `PEERS`.
    folder : str or path-like, default=None
        Where the environments are; None takes what ``SKREC_PEERS`` names, or ``.venv-peers`` in
        the checkout.

    Returns
    -------
    python : Path
        The interpreter.
    """
    folder = folder or os.environ.get(_VARIABLE) or _HERE.parents[1] / ".venv-peers"
    home = Path(folder).absolute() / name
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    finished = home / "installed.json"
    wanted = json.dumps(PEERS[name])
    if finished.exists() and finished.read_text() == wanted:
        return python
    print(f"installing {name} into {home}", flush=True)
    venv.create(home, with_pip=True, clear=True)
    for packages in PEERS[name]:
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    finished.write_text(wanted)
    return python


class Worker:
    """A process of a peer that runs one round when it is told to.

    Parameters
    ----------
    name : str
        One of `PEERS`.
    *arguments
        What the worker's script takes.
    threads : int
        Threads of its libraries.
    script : str, default=None
        The worker's file without its ending; None takes ``{name}_worker``.
    """

    def __init__(
        self, name: str, *arguments: object, threads: int, script: str | None = None
    ) -> None:
        script = _HERE / "workers" / f"{script or f'{name}_worker'}.py"
        limits = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        self._process = subprocess.Popen(
            [environment(name), script, *map(str, arguments)],
            env={**os.environ, **dict.fromkeys(limits, str(threads)), "PYTHONPATH": ""},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "Worker":
        self.tasks = self._answer()["ready"]
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=60)

    def run(self, task: str, *arguments: Any) -> Any:
        """Run one round of a task, with arguments that JSON can hold; return its seconds."""
        print(json.dumps([task, *arguments]), file=self._process.stdin, flush=True)
        return self._answer()["seconds"]

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(
                f"the worker must answer; it ended with status {self._process.wait()}"
            )
        return json.loads(line)
