"""Checks of the vectors whose inner products rank as the scores do."""

import numpy as np

from skrec.testing._data import AnyRecommender, assert_close, fitted, stored, tiny
from skrec.typing import Array

__all__ = ["CHECKS"]

_TOLERANCE = 2e-6  # of the largest score or product: a few roundings of float32


def check_vectors(name: str, estimator: AnyRecommender) -> None:
    """Check that products of vectors rank what a row lacks as the scores do, where there are."""
    model, X = fitted(estimator), tiny(estimator, 5, seed=2)
    both = [hasattr(model, method) for method in ("user_vectors", "item_vectors")]
    assert both[0] == both[1], f"{name}: only one of user_vectors and item_vectors"
    if not both[0]:
        return
    items, n_items = model.item_vectors(), model.n_features_in_
    assert items.shape[0] == n_items, f"{name}: item_vectors of shape {items.shape}"
    for options in ({"X": X}, {"users": np.arange(5)}):
        vectors, what = model.user_vectors(**options), f"{name}, given {[*options]}"
        seen = X if "X" in options else model.interactions_[:5]
        assert vectors.shape == (5, items.shape[1]), f"{what}: {vectors.shape}"
        assert vectors.dtype == items.dtype == np.float32, f"{what}: {vectors.dtype}"
        scores = model.decision_function(**options)
        _assert_same_order(vectors @ items.T, scores, ~stored(seen), what)
    assert_close(model.user_vectors(X[4:]), model.user_vectors(X)[4:], f"{name}: one row")


def _assert_same_order(products: Array, scores: Array, counted: Array, what: str) -> None:
    """Check that no item with a larger product has a lower score, but for rounding."""
    near = _TOLERANCE * max(1.0, np.abs(scores).max())
    for row in range(len(scores)):
        product, score = products[row, counted[row]], scores[row, counted[row]]
        alike = _TOLERANCE * max(1.0, np.abs(product).max(initial=0))
        wrong = (product[:, None] > product + alike) & (score[:, None] < score - near)
        assert not wrong.any(), f"{what}: products rank row {row} otherwise than its scores"


CHECKS = [check_vectors]
