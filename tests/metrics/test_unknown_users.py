"""Users of whom a model knows nothing, in the mean of a scorer."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from sklearn.model_selection import GridSearchCV, KFold, cross_validate

from skrec import BiasedMFRegressor, EASERecommender, Interactions, PopularityRecommender
from skrec.datasets import make_interactions
from skrec.exceptions import SkrecWarning
from skrec.metrics import make_calibration_scorer, make_ranking_scorer, make_rating_scorer
from skrec.model_selection import InteractionKFold

N_USERS, N_ITEMS = 40, 15
X = make_interactions(N_USERS, N_ITEMS, 300, random_state=0).X
SORTED = Interactions(X)
MAKERS = [make_ranking_scorer, make_rating_scorer, make_calibration_scorer]


def ratings(users):
    """Return ratings from 1 to 5 of the given users, in the frame of all."""
    row, column = X.nonzero()
    keep = np.isin(row, users)
    values = (row + 2 * column) % 5 + 1
    pairs = row[keep], column[keep], values[keep]
    return Interactions.from_arrays(*pairs, frame=(N_USERS, N_ITEMS))


def fitted(make, users):
    """Return a model that fits the scorer, fitted to the given users."""
    rated = ratings(users)
    if make is make_rating_scorer:
        return BiasedMFRegressor(n_factors=2, max_epochs=2, random_state=0).fit(rated)
    return EASERecommender(l2=5.0).fit(rated)


def of(users):
    return ratings(np.asarray(users))


@pytest.mark.parametrize("cv", [5, None, KFold(4)])
def test_whole_users_put_aside_are_a_warning_in_every_tool(cv):
    with pytest.warns(SkrecWarning, match=r"have no interactions in fit.*InteractionKFold"):
        cross_validate(EASERecommender(), SORTED, scoring=make_ranking_scorer(), cv=cv)
    with pytest.warns(SkrecWarning, match=r"KFold\(shuffle=True\)"):
        GridSearchCV(EASERecommender(), {"l2": [1.0]}, scoring=make_ranking_scorer(), cv=cv).fit(
            SORTED
        )
    with pytest.warns(SkrecWarning, match="no interactions in fit"):  # the model's own score
        cross_validate(EASERecommender(), SORTED, cv=cv)


@pytest.mark.parametrize("make", MAKERS)
def test_what_is_legitimate_is_no_warning(make):
    scorer, known = make(), np.arange(N_USERS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scorer(fitted(make, known), ratings(known))
        scorer(fitted(make, known[:36]), ratings(known))  # 4 of 40: a tenth
        scorer(fitted(make, known[:20]), ratings(known[20:]).tocsr())  # rows of other users
        if make is not make_rating_scorer:
            folds = InteractionKFold(5)
            cross_validate(PopularityRecommender(), SORTED, scoring=scorer, cv=folds)


@pytest.mark.parametrize("make", MAKERS)
def test_the_warning_counts_users_and_begins_above_a_fifth(make):
    known = np.arange(32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make()(fitted(make, known), of(range(40)))  # 8 of 40
    with pytest.warns(SkrecWarning, match="9 of 40 users"):
        make()(fitted(make, known[:31]), of(range(40)))


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.filterwarnings("error")
def test_skipped_users_are_as_if_they_were_not_given(make):
    est = fitted(make, np.arange(20))
    skipping = make(unknown_users="skip")
    assert repr(skipping).endswith("unknown_users='skip')") or "unknown_users='skip'" in repr(
        skipping
    )
    assert_allclose(skipping(est, of(range(40))), make()(est, of(range(20))))
    with pytest.raises(ValueError, match=r"unknown_users='skip'|at least one rating"):
        skipping(est, of(range(20, 40)))


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.filterwarnings("error")
def test_unknown_users_that_are_meant_are_no_warning(make):
    est = fitted(make, np.arange(10))
    with pytest.warns(SkrecWarning, match="30 of 40 users"):
        expected = make()(est, of(range(40)))
    assert make(unknown_users="include")(est, of(range(40))) == expected


@pytest.mark.parametrize("make", MAKERS)
def test_unknown_users_can_be_an_error(make):
    est, strict = fitted(make, np.arange(39)), make(unknown_users="error")
    assert strict(est, of(range(39))) == make()(est, of(range(39)))
    with pytest.raises(ValueError, match=r"1 of 40 users .* no interactions in fit"):
        strict(est, of(range(40)))


@pytest.mark.parametrize("make", MAKERS)
def test_an_empty_history_is_an_unknown_user_too(make):
    est, everything = fitted(make, np.arange(N_USERS)), ratings(np.arange(N_USERS)).tocsr()
    mask = np.random.RandomState(0).random_sample(everything.nnz) < 0.5
    history, targets = everything.copy(), everything.copy()
    history.data, targets.data = history.data * mask, targets.data * ~mask
    history.eliminate_zeros()
    targets.eliminate_zeros()
    history = sp.vstack([sp.csr_matrix((3, N_ITEMS)), history[3:]]).tocsr()
    both = make()(est, history, targets)
    some = make(unknown_users="skip")(est, history, targets)
    assert both != some
    if make is not make_calibration_scorer:  # that one draws pairs for all rows at once
        assert_allclose(some, make()(est, history[3:], targets[3:]))
    with pytest.raises(ValueError, match="no interactions in their histories"):
        make(unknown_users="error")(est, history, targets)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("value", ["drop", None, True, 1])
def test_the_rule_is_one_of_three(make, value):
    with pytest.raises(ValueError, match="unknown_users must be one of"):
        make(unknown_users=value)
