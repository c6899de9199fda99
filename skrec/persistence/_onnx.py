"""A model to a file that onnxruntime runs alone."""

from __future__ import annotations

import os
from typing import Any, Literal

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skrec import __version__
from skrec.base import BaseRecommender, ScoreGraph
from skrec.calibration import CalibratedRecommender, recommender_in
from skrec.persistence._onnx_file import import_onnx, write_graph
from skrec.utils import check_count, check_flag

__all__ = ["export_onnx"]

_IN_PYTHON = "save_model keeps it for serving in Python"


def export_onnx(
    model: Any,
    path: str | os.PathLike[str],
    n_items: int = 10,
    *,
    exclude_seen: bool = True,
    inputs: Literal["history", "vectors"] = "history",
) -> None:
    """Write what lists of recommendations need to one file in the format of ONNX.

    A server runs it with onnxruntime alone, without skrec, torch and scipy. It takes ``history``,
    float32 of shape (n_rows, n_items of the catalogue), with any number of rows: what ``toarray()``
    makes of histories as ``recommend`` takes them. Whatever is not 0 is an entry. It returns
    ``items``, int64 of shape (n_rows, n_items), best first, and their ``scores``, float32. These
    are the lists and scores of ``recommend(X, n_items, return_scores=True)``, up to rounding: equal
    scores are listed by index, users without a history get what is popular, and where too few
    items are left, items are -1 and scores NaN. What ``recommend`` refuses, such as negative
    values, is not refused here.

    Parameters
    ----------
    model : object
        A fitted recommender, alone, in a `CalibratedRecommender`, in a
        `sklearn.frozen.FrozenEstimator`, or the best one of a search.
    path : str or os.PathLike
        The file.
    n_items : int, default=10
        Length of the lists.
    exclude_seen : bool, default=True
        Leave out what the user has.
    inputs : {"history", "vectors"}, default="history"
        With ``"vectors"`` the graph also takes ``user_vectors``, float32 of shape (n_rows,
        n_dimensions), as the method ``user_vectors`` returns them, and the history serves to leave
        out what the user has. The scores are the products with ``item_vectors()``, which rank as
        the model does. It is for models whose vectors of unseen users no graph can compute.

    Raises
    ------
    TypeError
        If ``model`` is no recommender of skrec.
    ValueError
        If its scores cannot be computed in a graph, or its weights take more than 2 GiB.
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    ImportError
        If the package onnx is not there.
    OSError
        If the file cannot be written; an older one is then as it was.

    See Also
    --------
    save_model : Keeps all of an estimator, for Python.

    Notes
    -----
    With ``inputs="history"`` these can be exported: `PopularityRecommender`, `ItemKNNRecommender`,
    `EASERecommender`, `SLIMRecommender`, `RP3betaRecommender`, `GraphFilterRecommender`,
    `InfiniteAERecommender`; `MultVAERecommender`, `MultDAERecommender`, `VampVAERecommender`,
    `RecVAERecommender`, `ELSARecommender`, `CDAERecommender`; `WMFRecommender`, `BPRMFRanker`,
    `SVDppRanker`, `LightGCNRanker`, `FISMClassifier`, `FISMRanker`; and with ``fold_in_steps=0``
    `MFClassifier` and `MFRecommender`. Vectors of unseen users are solved and fitted in the graph
    as they are here. With ``inputs="vectors"`` all that have ``user_vectors`` can.

    Sums are taken in another order than by ``recommend``, so that scores agree to about 1e-6 of
    the largest, and items whose scores are closer may change places. Scores of the VAEs are those
    of the mean of the posterior.

    Examples
    --------
    >>> import os, tempfile
    >>> from skrec import EASERecommender, export_onnx
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = EASERecommender(l2=50.0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "ease.onnx")
    ...     export_onnx(est, path, n_items=3)
    ...     # on the server:
    ...     import onnxruntime
    ...     session = onnxruntime.InferenceSession(path)
    ...     items, scores = session.run(None, {"history": X[:2].toarray().astype("float32")})
    >>> bool((items == est.recommend(X[:2], n_items=3)).all())
    True
    """
    n_items = check_count(n_items, "n_items", 1)
    exclude_seen = bool(check_flag(exclude_seen, "exclude_seen"))
    if not isinstance(inputs, str) or inputs not in ("history", "vectors"):
        raise ValueError(f"inputs must be 'history' or 'vectors'; got {inputs!r}")
    recommender = _recommender(model)
    import_onnx()  # before any work
    width = recommender.n_features_in_
    weighs = recommender.__sklearn_tags__().feedback == "explicit" or recommender._weighs_strengths
    graph = ScoreGraph(width, reads_values=weighs, seen_matter=not exclude_seen)
    given: dict[str, Any] = {"history": (np.float32, ["n_rows", width])}
    if inputs == "vectors":
        scores, size = _products(recommender, graph)
        given["user_vectors"] = (np.float32, ["n_rows", size])
    else:
        scores = _scores(recommender, graph)
    _add_lists(graph, scores, n_items, exclude_seen)
    shape = ["n_rows", n_items]
    returned = {"items": (np.int64, shape), "scores": (np.float32, shape)}
    texts = {
        "skrec": __version__,
        "model": type(recommender).__name__,
        "n_items": str(width),
        "list_length": str(n_items),
        "exclude_seen": str(exclude_seen).lower(),
    }
    write_graph(graph, os.fspath(path), given, returned, texts)


def _recommender(model: Any) -> BaseRecommender:
    """Return the fitted recommender that ranks."""
    inner = None if isinstance(model, type) else recommender_in(model)
    if inner is None:
        raise TypeError(f"model must be an estimator of skrec; got {model!r:.80}")
    check_is_fitted(inner)
    return inner._inner() if isinstance(inner, CalibratedRecommender) else inner


def _scores(model: Any, graph: ScoreGraph) -> str:
    """Add what leads from histories to scores, the prior where there is no history."""
    if not hasattr(model, "_graph_scores"):
        raise ValueError(
            f"model must be one whose scores a graph can compute; got {type(model).__name__}: "
            + ('take inputs="vectors", or ' if hasattr(model, "item_vectors") else "")
            + _IN_PYTHON
        )
    scores = model._graph_scores(graph)
    prior = model._prior_scores().astype(np.float32)[None]
    return graph.add("Where", graph.add("Greater", graph.lengths, 0.0), scores, prior)


def _products(model: Any, graph: ScoreGraph) -> tuple[str, int]:
    """Add products of given vectors and those of items; return also the width of vectors."""
    if not hasattr(model, "item_vectors"):
        raise ValueError(
            "inputs must be 'history' for a model without vectors; got 'vectors' for "
            f"{type(model).__name__}"
        )
    vectors = model.item_vectors()
    return graph.linear("user_vectors", vectors), vectors.shape[1]


def _add_lists(graph: ScoreGraph, scores: str, n_items: int, exclude_seen: bool) -> None:
    """Add what makes lists of scores as recommend does; they are called items and scores."""
    nothing = np.float32(-np.inf)
    if exclude_seen:
        scores = graph.add("Where", graph.seen, nothing, scores)
    if n_items > graph.n_items:
        pads = np.array([0, 0, 0, n_items - graph.n_items])
        scores = graph.add("Pad", scores, pads, nothing)
    best, places = graph.add_several("TopK", 2, scores, np.array([n_items]), axis=1)
    listed = graph.add("Greater", best, nothing)
    graph.add_output("items", "Where", listed, places, -1)
    graph.add_output("scores", "Where", listed, best, np.float32(np.nan))
