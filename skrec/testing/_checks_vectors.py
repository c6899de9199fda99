"""Checks of the vectors whose inner products rank as the scores do."""

from functools import partial

import numpy as np

from skrec.testing._checks_errors import assert_clear_errors
from skrec.testing._data import AnyRecommender, assert_close, error_message, fitted, stored, tiny
from skrec.typing import Array

__all__ = ["CHECKS"]

_TOLERANCE = 2e-6  # of the largest score or product: a few roundings of float32


def check_vectors(name: str, estimator: AnyRecommender) -> None:
    """Check that products of vectors rank what a row lacks as the scores do, where there are."""
    model, X = fitted(estimator), tiny(estimator, 10, seed=2)
    both = [hasattr(model, method) for method in ("user_vectors", "item_vectors")]
    assert both[0] == both[1], f"{name}: only one of user_vectors and item_vectors"
    if not both[0]:
        return
    items, (n_users, n_items) = model.item_vectors(), model.interactions_.shape
    assert items.shape[0] == n_items, f"{name}: item_vectors of shape {items.shape}"
    users = np.arange(n_users)
    for options in ({"X": X}, {"users": users}, {"X": X, "users": users[3:13]}):
        vectors, what = model.user_vectors(**options), f"{name}, given {sorted(options)}"
        seen = model.interactions_ if "X" not in options else X
        assert vectors.shape == (seen.shape[0], items.shape[1]), f"{what}: {vectors.shape}"
        assert vectors.dtype == items.dtype == np.float32, f"{what}: {vectors.dtype}"
        scores = model.decision_function(**options)
        _assert_same_order(vectors @ items.T, scores, ~stored(seen), what)
        row = {key: value[4:5] for key, value in options.items()}
        assert_close(model.user_vectors(**row), vectors[4:5], f"{what}, one row")


def _assert_same_order(products: Array, scores: Array, counted: Array, what: str) -> None:
    """Check that no item with a larger product has a lower score, but for rounding."""
    near = _TOLERANCE * max(1.0, np.abs(scores).max())
    for row in range(len(scores)):
        product, score = products[row, counted[row]], scores[row, counted[row]]
        alike = _TOLERANCE * max(1.0, np.abs(product).max(initial=0))
        wrong = (product[:, None] > product + alike) & (score[:, None] < score - near)
        assert not wrong.any(), f"{what}: products rank row {row} otherwise than its scores"


def check_vectors_refuse_what_scores_do(name: str, estimator: AnyRecommender) -> None:
    """Check that vectors of wrong rows are errors that name the parameter, where there are."""
    model = fitted(estimator)
    if not hasattr(model, "user_vectors"):
        return
    n_users, n_items = model.interactions_.shape
    call = model.user_vectors
    assert_clear_errors(
        name,
        {
            "nothing": (partial(call), ("X", "users")),
            "narrow": (partial(call, tiny(model)[:, :3]), ("X", str(n_items))),
            "unknown user": (partial(call, users=[n_users]), ("users", str(n_users))),
        },
    )
    assert "fit" in error_message(type(estimator)(**estimator.get_params(False)).item_vectors)


CHECKS = [check_vectors, check_vectors_refuse_what_scores_do]
