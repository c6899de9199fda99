"""Checks of recommendations: the right items, in the right order, and no others."""

import tracemalloc
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn import config_context

from skrec.testing._data import (
    BLOCK,
    AnyRecommender,
    Histories,
    assert_close,
    board,
    fitted,
    is_explicit,
    stored,
    tiny,
)
from skrec.typing import Array

__all__ = ["CHECKS"]


def ranking(scores: Array, allowed: Array, k: int) -> tuple[Array, Array]:
    """Return the best k items and their scores, found by sorting all of them."""
    masked = np.where(allowed, scores.astype(np.float64), -np.inf)
    order = np.argsort(-masked, axis=1, kind="stable")[:, :k]
    order = np.pad(order, ((0, 0), (0, max(0, k - order.shape[1]))), constant_values=-1)
    values = np.take_along_axis(masked, np.maximum(order, 0), axis=1)
    none = (order < 0) | np.isneginf(values)
    return np.where(none, -1, order), np.where(none, np.nan, values)


def assert_ranked(lists: tuple[Array, Array], scores: Array, allowed: Array, message: str) -> None:
    """Check lists against all scores; items of nearly equal scores may be in either order."""
    indices, values = lists
    k = indices.shape[1]
    right, best = ranking(scores, allowed, k)
    assert indices.dtype == np.int64, f"{message}: indices are {indices.dtype}"
    np.testing.assert_array_equal(indices < 0, right < 0, err_msg=message)
    assert_close(values, best, message)
    row = np.arange(len(indices))[:, None]
    found = indices >= 0
    assert allowed[row, indices][found].all(), f"{message}: an item that is not allowed"
    assert_close(scores[row, indices][found], best[found], f"{message}: items of other scores")
    chosen = np.sort(np.where(found, indices, -1 - np.arange(k)), axis=1)
    assert (np.diff(chosen, axis=1) > 0).all(), f"{message}: an item occurs twice in a list"


def check_checkerboard_of_known_users(name: str, estimator: AnyRecommender) -> None:
    """Check that the one item of the own block that a user of fit lacks comes first."""
    _, missing = board(estimator)
    top = fitted(estimator, board).recommend(users=np.arange(len(missing)), n_items=1)
    np.testing.assert_array_equal(top, missing, err_msg=name)


def check_checkerboard_of_unseen_rows(name: str, estimator: AnyRecommender) -> None:
    """Check that the items of the own block that an unseen row lacks come first."""
    X, missing = board(estimator, n_users=16, n_missing=2)
    top = fitted(estimator, board).recommend(X, n_items=2)
    np.testing.assert_array_equal(np.sort(top, axis=1), missing, err_msg=name)


def check_rows_do_not_depend_on_each_other(name: str, estimator: AnyRecommender) -> None:
    """Check that a row is answered the same alone, in another order, and in blocks of one row."""
    # trained as it stands: where a model folds in by many steps, small errors have room to grow
    model, X = fitted(estimator, board), tiny(estimator, n_items=2 * BLOCK, seed=2)
    order = np.random.RandomState(0).permutation(X.shape[0])
    for method in (model.decision_function, model.predict_proba):
        answer = method(X)
        what = f"{name}.{method.__name__}"
        assert_close(method(X[order]), answer[order], f"{what} of shuffled rows")
        assert_close(method(X[[5, 5, 9]]), answer[[5, 5, 9]], f"{what} of a few rows")
        alone = np.concatenate([method(X[i : i + 1]) for i in range(8)])
        assert_close(alone, answer[:8], f"{what} of single rows")
        with config_context(working_memory=1e-5):
            assert_close(method(X[:8]), answer[:8], f"{what} in blocks of one row")
        known = method(users=np.sort(order))
        assert_close(method(users=order), known[order], f"{what} of shuffled users")


def check_blocks_of_recommend(name: str, estimator: AnyRecommender) -> None:
    """Check that lists, candidates and exclusions are the same in blocks of one row."""
    model, X = fitted(estimator), tiny(estimator, 10, seed=2)
    rng = np.random.RandomState(0)
    per_row = rng.randint(X.shape[1], size=(X.shape[0], 7))
    exclude = sp.csr_matrix(rng.rand(*X.shape) < 0.2)
    for options in (
        {},
        {"candidates": per_row, "exclude": exclude},
        {"users": rng.permutation(30)[:10]},
    ):
        options = {**options, "n_items": 5, "return_scores": True}
        _, values = model.recommend(X, **options)
        with config_context(working_memory=1e-5):
            assert_close(model.recommend(X, **options)[1], values, f"{name} {sorted(options)}")


def check_empty_rows(name: str, estimator: AnyRecommender) -> None:
    """Check that an empty row, of which nothing is known, gets the popular items first."""
    model, X = fitted(estimator), tiny(estimator)
    n_items = X.shape[1]
    empty = sp.csr_matrix((2, n_items))
    scores = model.decision_function(empty)
    assert np.isfinite(scores).all(), f"{name}: scores of an empty row are {scores}"
    np.testing.assert_array_equal(scores[0], scores[1], err_msg=name)
    if is_explicit(estimator):
        return
    popular = np.argsort(-stored(X).sum(axis=0), kind="stable")
    for lists in (model.recommend(empty, n_items), model.recommend(users=[0], n_items=n_items)):
        np.testing.assert_array_equal(lists[0], popular, err_msg=f"{name}: not by popularity")


def check_full_rows(name: str, estimator: AnyRecommender) -> None:
    """Check that a full row has scores but gets no recommendations."""
    model = fitted(estimator)
    full = tiny(estimator, seed=2)[[1]]
    assert np.isfinite(model.decision_function(full)).all(), name
    lists, scores = model.recommend(full, n_items=3, return_scores=True)
    assert (lists == -1).all(), f"{name}: recommended {lists} to a user who has everything"
    assert np.isnan(scores).all(), f"{name}: scores of no item are {scores}"
    assert (model.recommend(full, n_items=3, exclude_seen=False) >= 0).all(), name


def check_seen_items_are_not_recommended(name: str, estimator: AnyRecommender) -> None:
    """Check that no item of the given history or of what fit saw of a user is recommended."""
    model, X, new = fitted(estimator), tiny(estimator), tiny(estimator, seed=2)
    n_users, n_items = X.shape
    users = np.arange(n_users)
    both = stored(X) | stored(new)
    asked = [({"X": new}, stored(new)), ({"users": users}, stored(X))]
    asked += [({"X": new, "users": users}, both)]
    for query, seen in asked:
        lists = model.recommend(**query, n_items=n_items)
        found = lists >= 0
        hit = seen[users[:, None], lists][found]
        assert not hit.any(), f"{name}: {hit.sum()} items were seen before, asked by {[*query]}"
        np.testing.assert_array_equal(found.sum(axis=1), (~seen).sum(axis=1), err_msg=name)
    everything = model.recommend(new, n_items=n_items, exclude_seen=False)
    np.testing.assert_array_equal(np.sort(everything), np.tile(np.arange(n_items), (n_users, 1)))


def check_candidates(name: str, estimator: AnyRecommender) -> None:
    """Check that candidates, shared or per row, are ranked as all items and then filtered."""
    model, X = fitted(estimator), tiny(estimator, seed=2)
    n_rows, n_items = X.shape
    rng = np.random.RandomState(0)
    per_row = np.where(rng.rand(n_rows, 9) < 0.3, -1, rng.randint(n_items, size=(n_rows, 9)))
    # few and many, unsorted and repeated: a model may take another way for few
    shared = [np.array([17, 3, 11, 3]), rng.permutation(n_items)[:15], np.array([4])]
    for rows in (slice(None), slice(2, None)):
        scores, unseen = model.decision_function(X[rows]), ~stored(X[rows])
        for candidates in [*shared, per_row[rows]]:
            allowed = np.zeros((n_rows, n_items + 1), dtype=bool)[rows]
            allowed[
                np.arange(len(allowed))[:, None],
                np.broadcast_to(candidates, (len(allowed), candidates.shape[-1])),
            ] = True
            lists = model.recommend(X[rows], 4, candidates=candidates, return_scores=True)
            what = f"{name}: candidates of shape {candidates.shape}"
            assert_ranked(lists, scores, allowed[:, :-1] & unseen, what)


def check_exclude(name: str, estimator: AnyRecommender) -> None:
    """Check that excluded pairs, or items excluded for all, are left out of the full ranking."""
    model, X = fitted(estimator), tiny(estimator, seed=2)
    n_items = X.shape[1]
    scores, unseen = model.decision_function(X), ~stored(X)
    pairs = np.random.RandomState(0).rand(*X.shape) < 0.4
    shared = [12, 3, 3, 8]
    for candidates in (None, np.arange(1, n_items, 2)):
        among = np.isin(
            np.arange(n_items), np.arange(n_items) if candidates is None else candidates
        )
        options = {"candidates": candidates, "return_scores": True, "n_items": 6}
        lists = model.recommend(X, exclude=sp.csr_matrix(pairs), **options)
        assert_ranked(lists, scores, unseen & among & ~pairs, f"{name}: excluded pairs")
        lists = model.recommend(X, exclude=shared, **options)
        allowed = unseen & among & ~np.isin(np.arange(n_items), shared)
        assert_ranked(lists, scores, allowed, f"{name}: excluded items")


def check_too_few_items(name: str, estimator: AnyRecommender) -> None:
    """Check that a list with too few items ends in -1 with scores that are NaN."""
    model, X = fitted(estimator), tiny(estimator, seed=2)
    k = X.shape[1] + 5
    lists, scores = model.recommend(X, n_items=k, return_scores=True)
    assert lists.shape == scores.shape == (X.shape[0], k), f"{name}: {lists.shape} {scores.shape}"
    assert_ranked((lists, scores), model.decision_function(X), ~stored(X), name)
    assert (model.recommend(X, 3, candidates=np.empty(0, dtype=int)) == -1).all(), name


def check_ties_go_to_the_lower_index(name: str, estimator: AnyRecommender) -> None:
    """Check that equal scores, here of an empty row, are ranked by index in lists of any length."""
    model = fitted(estimator, board)
    n_items = model.n_features_in_
    empty = sp.csr_matrix((1, n_items))
    scores = model.decision_function(empty)
    assert len(np.unique(scores)) < n_items, f"{name}: no ties to check"
    some = np.random.RandomState(0).permutation(n_items)[:12]
    for candidates, lengths in ((None, range(1, n_items)), (some, (1, 4, 7, 11, 14))):
        allowed = np.isin(
            np.arange(n_items), np.arange(n_items) if candidates is None else candidates
        )
        for k in lengths:
            lists = model.recommend(empty, k, candidates=candidates)
            right, _ = ranking(scores, allowed[None], k)
            np.testing.assert_array_equal(lists, right, err_msg=f"{name}: {k} items")


def check_fold_in(name: str, estimator: AnyRecommender) -> None:
    """Check that a training user gets the same answer by history as by row of fit."""
    if estimator.__sklearn_tags__().fold_in == "exact":
        model, X = fitted(estimator), tiny(estimator)
        users = np.arange(X.shape[0])
        assert_close(model.decision_function(X), model.decision_function(users=users), name)
        return
    model, (X, _) = fitted(estimator, board), board(estimator)
    users, k = np.arange(X.shape[0]), X.shape[1] // 2
    asked = ({"X": X}, {"users": users})
    lists = [model.recommend(**query, n_items=k, exclude_seen=False) for query in asked]
    shared = np.mean([np.isin(a, b).mean() for a, b in zip(*lists, strict=True)])
    assert shared >= 0.75, f"{name}: fold-in shares {shared:.2f} of the lists"


def check_users_with_histories(name: str, estimator: AnyRecommender) -> None:
    """Check that a user's own row of fit, given as the newer history, changes nothing."""
    model, X = fitted(estimator), tiny(estimator)
    users = np.array([7, 3, 0, 7])
    known = model.decision_function(users=users)
    assert_close(model.decision_function(X[users], users=users), known, name)
    newer = model.decision_function(tiny(estimator, seed=2)[users], users=users)
    assert newer.shape == known.shape, f"{name}: {newer.shape}"
    assert np.isfinite(newer).all(), name


def check_recommend_needs_no_dense_matrix(name: str, estimator: AnyRecommender) -> None:
    """Check that the peak of memory stays below one byte for each user and item."""
    n_rows, n_items = 1500, 400
    model = fitted(estimator, _wide)
    X = sp.csr_matrix(sp.vstack([_wide(estimator)] * (n_rows // 50)))
    with config_context(working_memory=0.15):
        model.recommend(X[:2], n_items=5, return_scores=True)  # what is imported late is there
        tracemalloc.start()
        model.recommend(X, n_items=5, return_scores=True)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    # memory of torch is not traced, but one byte a score is: the comparison with a threshold
    limit = n_rows * n_items
    assert peak < limit, f"{name}: {peak} bytes for {n_rows} users and {n_items} items"


def _wide(estimator: AnyRecommender) -> Histories:
    X: Any = sp.random(50, 400, 0.01, format="csr", dtype=np.float32, random_state=0)
    X.data[:] = np.arange(X.nnz) % 5 + 1 if is_explicit(estimator) else 1
    return X


def check_similar_items(name: str, estimator: AnyRecommender) -> None:
    """Check that an item is not among its own similar items, where a model has them."""
    model = fitted(estimator, board)
    if not hasattr(model, "similar_items"):
        return
    n_items = model.n_features_in_
    items = np.array([3, 0, 3])
    lists, values = model.similar_items(items, n_items=n_items)
    assert lists.shape == values.shape == (3, n_items), f"{name}: {lists.shape} {values.shape}"
    np.testing.assert_array_equal(lists[0], lists[2], err_msg=name)
    others = np.sort(lists[:2], axis=1)
    np.testing.assert_array_equal(others[:, 0], [-1, -1], err_msg=name)
    assert not (lists == items[:, None]).any(), f"{name}: an item is similar to itself"
    assert (np.diff(values[:, :-1], axis=1) <= 0).all(), f"{name}: not in falling order"


CHECKS = [
    check_checkerboard_of_known_users,
    check_checkerboard_of_unseen_rows,
    check_rows_do_not_depend_on_each_other,
    check_blocks_of_recommend,
    check_empty_rows,
    check_full_rows,
    check_seen_items_are_not_recommended,
    check_candidates,
    check_exclude,
    check_too_few_items,
    check_ties_go_to_the_lower_index,
    check_fold_in,
    check_users_with_histories,
    check_recommend_needs_no_dense_matrix,
    check_similar_items,
]
