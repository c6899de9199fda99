"""Compare lists of exported models, which onnxruntime makes, with those of recommend.

"equal" is the share of users whose lists are the same, and "ties" the share whose lists are so but
for items of scores within 1e-5 of the largest one: each place has a score that close to its own,
and each listed item is one that recommend might have listed. "off" is the largest difference of
scores, as a share of the largest. Times are milliseconds a user. A system that fits vectors to
unseen users is exported with inputs="vectors", and its vectors are computed before. Weights are
those of short fits.
"""

import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks.arguments import add_data, make_parser
from skrec import (
    BPRMFRanker,
    CDAERecommender,
    EASERecommender,
    ELSARecommender,
    FISMRanker,
    GraphFilterRecommender,
    InfiniteAERecommender,
    ItemKNNRecommender,
    LightGCNRanker,
    MFClassifier,
    MFRecommender,
    MultDAERecommender,
    MultVAERecommender,
    RecVAERecommender,
    RP3betaRecommender,
    SLIMRecommender,
    SVDppRanker,
    VampVAERecommender,
    WMFRecommender,
    export_onnx,
)
from skrec.reproduce import load_data
from skrec.typing import Array

__all__ = ["main"]

_MODELS: dict[str, Callable[[], Any]] = {
    "EASE": EASERecommender,
    "ItemKNN": ItemKNNRecommender,
    "RP3beta": RP3betaRecommender,
    "SLIM": lambda: SLIMRecommender(tol=0.05),
    "GraphFilter": lambda: GraphFilterRecommender(n_factors=32),
    "InfiniteAE": lambda: InfiniteAERecommender(max_landmarks=1000, random_state=0),
    "WMF": lambda: WMFRecommender(max_epochs=3, random_state=0),
    "MultVAE": lambda: MultVAERecommender(max_epochs=2, random_state=0),
    "MultDAE": lambda: MultDAERecommender(max_epochs=2, random_state=0),
    "VampVAE": lambda: VampVAERecommender(
        max_epochs=1, hierarchical=True, gated=True, n_pseudo_inputs=50, random_state=0
    ),
    "RecVAE": lambda: RecVAERecommender(max_epochs=1, n_encoder_passes=1, random_state=0),
    "ELSA": lambda: ELSARecommender(max_epochs=2, random_state=0),
    "CDAE": lambda: CDAERecommender(max_epochs=2, random_state=0),
    "FISM": lambda: FISMRanker(max_epochs=1, early_stopping=False, random_state=0),
    "SimpleX": lambda: MFRecommender(
        max_epochs=1,
        n_negatives=5,
        loss="ccl",
        history="mean",
        early_stopping=False,
        fold_in_steps=0,
        random_state=0,
    ),
    "SVD++": lambda: SVDppRanker(max_epochs=1, early_stopping=False, random_state=0),
    "LightGCN": lambda: LightGCNRanker(max_epochs=1, early_stopping=False, random_state=0),
    "BPRMF": lambda: BPRMFRanker(max_epochs=2, random_state=0),
    "MF": lambda: MFClassifier(max_epochs=2, random_state=0),
}
_VECTORS = {"MF"}
_BATCHES = (1, 7, 256)
_CLOSE = 1e-5
_COLUMNS = ("batch", "users", "equal", "ties", "off", "MiB", "onnx", "recommend")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = make_parser("speed.onnx", __doc__)
    add_data(parser, "ml-1m")
    parser.add_argument("--models", nargs="+", choices=_MODELS, default=list(_MODELS))
    parser.add_argument("--users", type=int, default=1000, help="whose lists; default: 1000")
    parser.add_argument("--batches", type=int, nargs="+", default=list(_BATCHES))
    parser.add_argument("--threads", type=int, default=1, help="of onnxruntime; default: 1")
    options = parser.parse_args(argv)
    if options.smoke:
        options.data, options.users, options.batches = "synthetic", 20, [1, 7]
    if min(options.users, options.threads, *options.batches) < 1:
        parser.error("--users, --batches and --threads must be 1 or more")
    print(f"{'':12}", *(f"{name:>10}" for name in _COLUMNS), f"  {options.data}")
    for name, row in compared(options):
        print(f"{name:12}", *(f"{row[column]:10.4g}" for column in _COLUMNS), flush=True)


def compared(options: Namespace) -> Iterator[tuple[str, dict[str, float]]]:
    """Fit and export each model, and yield its name and figures for each size of batches."""
    X = sp.csr_matrix(load_data(options.data, options.data_home).interactions.tocsr())
    X.data[:] = 1
    some = np.random.RandomState(0).permutation(X.shape[0])[: options.users]
    histories = X[np.sort(some)]
    for name in options.models:
        model = _MODELS[name]().fit(X)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            export_onnx(model, path, inputs="vectors" if name in _VECTORS else "history")
            size = path.stat().st_size / 2**20
            session = _session(path, options.threads)
        for batch in options.batches:
            yield name, {"batch": batch, "MiB": size, **_figures(model, session, histories, batch)}


def _session(path: Path, threads: int) -> Any:
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path, settings)


def _figures(model: Any, session: Any, X: sp.csr_matrix, batch: int) -> dict[str, float]:
    """Return how lists agree, and the milliseconds a user of both."""
    wants_vectors = len(session.get_inputs()) > 1
    starts = range(0, X.shape[0], batch)
    parts = [X[start : start + batch] for start in starts]
    feeds = [{"history": part.toarray().astype(np.float32)} for part in parts]
    if wants_vectors:
        for feed, part in zip(feeds, parts, strict=True):
            feed["user_vectors"] = model.user_vectors(part)
    session.run(None, feeds[0])
    model.recommend(parts[0])
    made, exported = _timed(lambda place: session.run(None, feeds[place]), len(parts))
    ours, own = _timed(lambda place: model.recommend(parts[place], return_scores=True), len(parts))
    items, scores = (np.concatenate(each) for each in zip(*made, strict=True))
    lists, values = (np.concatenate(each) for each in zip(*ours, strict=True))
    if wants_vectors:
        products = model.user_vectors(X) @ model.item_vectors().T
        values = np.take_along_axis(products, lists, axis=1)
    else:
        products = model.decision_function(X)
    figures = _agreement(items, scores, lists, values, products)
    n_users = X.shape[0]
    return {
        "users": n_users,
        **figures,
        "onnx": 1e3 * exported / n_users,
        "recommend": 1e3 * own / n_users,
    }


def _timed(call: Callable[[int], Any], n_calls: int) -> tuple[list[Any], float]:
    start = time.perf_counter()
    answers = [call(place) for place in range(n_calls)]
    return answers, time.perf_counter() - start


def _agreement(
    items: Array, scores: Array, lists: Array, values: Array, products: Array
) -> dict[str, float]:
    """Return the shares of equal lists, and of those equal up to ties, and how scores differ."""
    scale = np.abs(products).max() or 1.0
    equal = (items == lists).all(axis=1)
    near = np.isclose(scores, values, rtol=0, atol=_CLOSE * scale, equal_nan=True).all(axis=1)
    own = np.take_along_axis(products, np.maximum(items, 0), axis=1)
    own = np.where(items < 0, np.nan, own)
    right = np.isclose(scores, own, rtol=0, atol=_CLOSE * scale, equal_nan=True).all(axis=1)
    return {
        "equal": equal.mean(),
        "ties": (near & right).mean(),
        "off": np.nanmax(np.abs(scores - values)) / scale,
    }


if __name__ == "__main__":
    main()
