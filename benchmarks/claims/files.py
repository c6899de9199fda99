"""Save every estimator, load it in another process, and compare the answers to the last bit.

Each is fitted for an epoch to some users of the data. "answers" counts arrays: lists, scores and
their deviations, probabilities and ratings, of known users and of the histories of others. "equal"
are those of which every bit is the same when another process has read the file; without the
training data only histories are asked. Sizes are in KiB, "bare" that without the training data.
"""

import argparse
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.utils import get_tags

from benchmarks.arguments import add_data, add_output, make_parser, prepare
from benchmarks.cells import smoke_parameters
from skrec import MultVAERecommender, load_model, save_model
from skrec.reproduce import load_data
from skrec.testing import all_estimators, make_estimator
from skrec.typing import Array, CSRMatrix

__all__ = ["answer_elsewhere", "answers", "main"]

_ROOT = Path(__file__).parents[2]
_ASKED = 10  # users, and as many histories
_SAVEZ: Any = np.savez  # whose type has no place for names
_SHORT = {"max_epochs": 1, "pretrain_epochs": 1, "random_state": 0, "device": "cpu"}
# all items of a user take minutes with the sizes of the defaults
_MAPS: dict[str, Any] = {"n_factors": 16}
_CUBES: dict[str, Any] = {"n_factors": 16, "n_draws": 2, "n_filters": 4}
_OWN: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("ConvNCFRanker", "ConvNCFRegressor"), _MAPS),
    **dict.fromkeys(("GeRecClassifier", "GeRecRanker", "GeRecRegressor"), _CUBES),
    "BayesianMFRegressor": {"burn_in": 5, "n_samples": 5, "n_chains": 2},
    "CalibratedRecommender": {"estimator": MultVAERecommender(max_epochs=1, random_state=0)},
}
_WORKER = "import sys; from benchmarks.claims.files import answer_elsewhere as a; a(sys.argv[1])"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    prepare(parser, options)
    table = pd.DataFrame(_rows(options))
    Path(options.output).parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.output, index=False)
    print(table.round(2).to_string(index=False))
    sizes = table[["pickle", "file", "bare"]].sum()
    print(
        f"{len(table)} estimators, {table['equal'].sum():,} of {table['answers'].sum():,} answers "
        f"equal; of the bytes of all pickles a file has {sizes['file'] / sizes['pickle']:.2f}, "
        f"a bare one {sizes['bare'] / sizes['pickle']:.2f}"
    )


def _make_parser() -> argparse.ArgumentParser:
    parser = make_parser("claims.files", __doc__)
    add_data(parser, "ml-100k")
    names = [name for name, _ in all_estimators()]
    parser.add_argument("--only", nargs="+", default=names, choices=names, metavar="NAME")
    parser.add_argument("--users", type=int, default=100, help="to fit to; default: 100")
    add_output(parser, "files.csv", "CSV to write")
    return parser


def _rows(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    X = load_data(options.data, options.data_home).interactions.tocsr()
    order = np.random.default_rng(0).permutation(X.shape[0])
    train, others = X[order[: options.users]], X[order[options.users :][:_ASKED]]
    with tempfile.TemporaryDirectory() as home:
        sp.save_npz(Path(home) / "histories.npz", others)
        made = [_save(name, train, others, Path(home), options) for name in options.only]
        # one process for all files: most of its time is the import of torch
        subprocess.run([sys.executable, "-c", _WORKER, home], cwd=_ROOT, check=True)
        for row in made:
            yield {**row, **_compared(Path(home) / row["system"])}


def _save(
    name: str, train: CSRMatrix, others: CSRMatrix, home: Path, options: argparse.Namespace
) -> dict[str, Any]:
    """Fit and save an estimator with its answers; return the sizes of its files."""
    folder = home / name
    folder.mkdir()
    model = _make(name, options.smoke)
    start = time.perf_counter()
    model.fit(train)
    seconds = time.perf_counter() - start
    _SAVEZ(folder / "wanted.npz", **answers(model, others))
    save_model(model, folder / "file")
    save_model(model, folder / "bare", training_data=False)
    sizes = {each: (folder / each).stat().st_size / 1024 for each in ("file", "bare")}
    print(f"{name}: {seconds:.1f} s", file=sys.stderr, flush=True)
    size = len(pickle.dumps(model)) / 1024
    return {"data": options.data, "system": name, "fit seconds": seconds, "pickle": size, **sizes}


def _make(name: str, smoke: bool) -> Any:
    cls = dict(all_estimators())[name]
    model = make_estimator(cls, **_OWN.get(name, {}))
    names = model.get_params(deep=False)
    if "estimator" in names or "estimators" in names:
        return model
    small = smoke_parameters(name) if smoke else {}
    given = {**_SHORT, **_OWN.get(name, {}), **small}
    return cls(**{key: value for key, value in given.items() if key in names})


def answers(model: Any, histories: CSRMatrix, known: bool = True) -> dict[str, Array]:
    """Return all that a model answers, by the names of methods.

    Parameters
    ----------
    model : BaseRecommender
        Fitted.
    histories : csr_matrix of shape (n_rows, n_items)
        Of users whom it does not know.
    known : bool, default=True
        Whether to ask for users whom it knows too.

    Returns
    -------
    answers : dict of str to ndarray
        Of as many users as there are histories.
    """
    asked: dict[str, Any] = {"rows": {"X": histories}}
    if known:
        asked["users"] = {"users": np.arange(histories.shape[0])}
    probabilistic = getattr(get_tags(model), "probabilistic", False)
    with_std = {"return_std": True} if probabilistic else {}
    methods = [n for n in ("decision_function", "predict_proba", "predict") if hasattr(model, n)]
    found: dict[str, Array] = {}
    for who, of in asked.items():
        parts: dict[str, Any] = {n: getattr(model, n)(**of, **with_std) for n in methods}
        parts["recommend"] = model.recommend(**of, return_scores=True, **with_std)
        for name, value in parts.items():
            arrays = value if isinstance(value, tuple) else (value,)
            found.update({f"{who} {name} {i}": each for i, each in enumerate(arrays)})
    return found


def answer_elsewhere(home: str) -> None:
    """Load the models of a folder, and write their answers beside them.

    Parameters
    ----------
    home : str
        Histories, and a folder for each model.
    """
    histories: Any = sp.load_npz(Path(home) / "histories.npz")
    for folder in (each for each in Path(home).iterdir() if each.is_dir()):
        for name, known in (("file", True), ("bare", False)):
            found = answers(load_model(folder / name), histories, known)
            _SAVEZ(folder / f"{name}.npz", **found)


def _compared(folder: Path) -> dict[str, Any]:
    wanted = np.load(folder / "wanted.npz")
    pairs = [
        (name, wanted[name], found[name])
        for found in (np.load(folder / f"{each}.npz") for each in ("file", "bare"))
        for name in found.files
    ]
    other = [name for name, a, b in pairs if a.dtype != b.dtype or a.tobytes() != b.tobytes()]
    return {
        "answers": len(pairs),
        "equal": len(pairs) - len(other),
        "different": "; ".join(other),
    }


if __name__ == "__main__":
    main()
