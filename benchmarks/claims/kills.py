"""Kill fits at random moments with signal 9, let them go on, and compare their weights.

A fit with `checkpoint=` is killed once, twice or three times in a row and then left to its end. Its
weights and scores must be those of a fit without a checkpoint that nobody has stopped, bit for bit.
"with a state" are the kills after which there was a file to go on from; the others came before
the first one was written.
"""

import argparse
import multiprocessing
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.base import clone

from benchmarks.arguments import add_data, add_output, make_parser, prepare
from skrec import (
    BayesianMFRegressor,
    BiasedMFRegressor,
    BPRMFRanker,
    CalibratedRecommender,
    CrossFeedbackBMF,
    MultDAERecommender,
    MultVAERecommender,
    NeuMFClassifier,
    WMFRecommender,
)
from skrec.reproduce import load_data
from skrec.typing import Array, CSRMatrix

__all__ = ["kill_and_go_on", "main", "weights_of"]

_CPU = {"random_state": 0, "device": "cpu"}
_SMALL = {"hidden_sizes": (32,), "latent_size": 16, **_CPU}
_KINDS: dict[str, tuple[type, dict[str, Any]]] = {
    "rows": (MultVAERecommender, {**_SMALL, "max_epochs": 40}),
    "pairs": (
        NeuMFClassifier,
        {**_CPU, "n_factors": 8, "max_epochs": 3, "pretrain": "halves", "pretrain_epochs": 2},
    ),
    "descent": (BPRMFRanker, {**_CPU, "n_factors": 16, "max_epochs": 60}),
    "alternating": (CrossFeedbackBMF, {**_CPU, "n_factors": 8, "max_epochs": 12}),
    "ratings": (BiasedMFRegressor, {**_CPU, "n_factors": 8, "max_epochs": 20}),
    "WMF": (WMFRecommender, {**_CPU, "n_factors": 32, "max_epochs": 60}),
    "chains": (
        BayesianMFRegressor,
        {"n_factors": 8, "burn_in": 20, "n_samples": 20, "n_chains": 2, "random_state": 0},
    ),
    "wrapped": (
        CalibratedRecommender,
        {"estimator": MultDAERecommender(**_SMALL, max_epochs=40), "random_state": 0},
    ),
}
_SMOKE = {"max_epochs": 2, "burn_in": 2, "n_samples": 2}
_MOST_KILLS = 3  # of one fit


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = make_parser("claims.kills", __doc__)
    add_data(parser, "ml-100k")
    parser.add_argument("--kinds", nargs="+", default=list(_KINDS), choices=list(_KINDS))
    parser.add_argument("--moments", type=int, default=50, help="kills of each kind; default: 50")
    parser.add_argument("--users", type=int, default=100, help="to fit to; default: 100")
    add_output(parser, "kills.csv", "CSV to write")
    options = parser.parse_args(argv)
    prepare(parser, options)
    if options.moments < 1:
        parser.error(f"--moments must be positive; got {options.moments}")
    Path(options.output).parent.mkdir(parents=True, exist_ok=True)
    threads, rows = torch.get_num_threads(), []
    torch.set_num_threads(1)  # of more a fork may wait for ever
    for kind in options.kinds:
        rows.append(kill_and_go_on(kind, options))
        pd.DataFrame(rows).to_csv(options.output, index=False)
        print(", ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
    torch.set_num_threads(threads)


def kill_and_go_on(kind: str, options: argparse.Namespace) -> dict[str, Any]:
    """Kill fits of one kind, and count how often they end as they should.

    Parameters
    ----------
    kind : str
        Of model.
    options : Namespace
        With ``data``, ``data_home``, ``moments``, ``users`` and ``smoke``.

    Returns
    -------
    row : dict
        Kills, and how many left a state; fits, and how many of them have the right weights.
    """
    rng = np.random.default_rng(0)
    X = load_data(options.data, options.data_home).interactions.tocsr()[: options.users]
    _make(kind, None, smoke=True).fit(X[:50])  # forks find everything imported and compiled
    row = {"kind": kind, "model": _KINDS[kind][0].__name__, "data": options.data}
    row |= {"kills": 0, "with a state": 0, "fits": 0, "equal": 0}
    with TemporaryDirectory() as home:
        out = Path(home) / "weights.npz"
        row["seconds"] = round(_Fit(_make(kind, None, options.smoke), X, out).wait(), 2)
        wanted = _read(out)
        while row["kills"] < options.moments:
            folder = Path(home) / f"fit{row['fits']}"
            model = _make(kind, folder, options.smoke)
            for _ in range(rng.integers(1, _MOST_KILLS + 1)):
                killed = _Fit(model, X, out).kill(rng.uniform(0, row["seconds"]))
                row["kills"] += killed
                row["with a state"] += killed and any(folder.glob("*.npz"))
            out.unlink(missing_ok=True)
            _Fit(model, X, out).wait()
            row["fits"] += 1
            row["equal"] += _same(_read(out), wanted)
    return row


class _Fit:
    """A fit in a process of its own, forked from this one; torch has one thread and is safe."""

    def __init__(self, model: Any, X: CSRMatrix, out: Path) -> None:
        context = multiprocessing.get_context("fork")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_fit, args=(model, X, out, theirs))
        self.process.start()
        theirs.close()

    def wait(self) -> float:
        """Return the seconds of the fit when it has ended."""
        seconds = self.pipe.recv()
        self.process.join()
        return seconds

    def kill(self, seconds: float) -> bool:
        """Kill the fit some seconds from its start; return False where it was over before."""
        if self.pipe.poll(seconds):
            self.process.join()
            return False
        self.process.kill()
        self.process.join()
        return True


def _fit(model: Any, X: CSRMatrix, out: Path, pipe: Connection) -> None:
    start = time.perf_counter()
    model.fit(X)
    seconds = time.perf_counter() - start
    savez: Any = np.savez  # whose type has no place for names
    savez(out, **weights_of(model, X))
    pipe.send(seconds)


def _make(kind: str, folder: Path | None, smoke: bool) -> Any:
    cls, parameters = _KINDS[kind]
    model: Any = clone(cls(**parameters))
    holder = model.estimator if "estimator" in parameters else model
    names = holder.get_params()
    small = {name: value for name, value in _SMOKE.items() if smoke and name in names}
    holder.set_params(**small, checkpoint=folder)
    return model


def weights_of(model: Any, X: CSRMatrix) -> dict[str, Array]:
    """Return what a model has learnt: arrays, weights of its net, scores and probabilities.

    Parameters
    ----------
    model : BaseRecommender
        Fitted to X.
    X : csr_matrix of shape (n_users, n_items)
        Rows to score.

    Returns
    -------
    weights : dict of str to ndarray
        By name.
    """
    learnt = getattr(model, "estimator_", model)
    own = {k: v for k, v in vars(learnt).items() if isinstance(v, np.ndarray)}
    if hasattr(learnt, "net_"):
        state = learnt.net_.module_.state_dict()
        own |= {f"net {name}": weight.numpy() for name, weight in state.items()}
    few = X[:20]
    scores = {"scores": model.decision_function(few), "probabilities": model.predict_proba(few)}
    return own | scores | {"known": model.decision_function(users=np.arange(20))}


def _read(path: Path) -> dict[str, Array]:
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def _same(one: dict[str, Array], other: dict[str, Array]) -> bool:
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype and one[name].tobytes() == other[name].tobytes()
        for name in one
    )


if __name__ == "__main__":
    main()
