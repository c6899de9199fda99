"""The contract of rating models, on the smallest model there is."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import norm

from skrec import Interactions
from skrec.base import RatingRecommender, probability_at_least
from skrec.exceptions import SkrecWarning


class ItemMean(RatingRecommender):
    """Item mean plus the user's mean deviation from it."""

    def _fit(self, X):
        self.means_ = self._prior_scores().astype(np.float32)

    def _score_block(self, queries):
        X = queries.history
        deviation = X.copy()
        deviation.data -= self.means_[X.indices]
        bias = np.asarray(deviation.sum(axis=1)).ravel() / np.maximum(np.diff(X.indptr), 1)
        return self.means_ + bias[:, None]


def rated(rng, n_users=400, n_items=50, noise=0.8):
    """Ratings on whole numbers around known means, and the means."""
    mean = 3.2 + 0.6 * rng.normal(size=(n_users, 1)) + 0.6 * rng.normal(size=n_items)
    ratings = np.clip(np.rint(mean + noise * rng.normal(size=mean.shape)), 1, 5)
    seen = rng.random(mean.shape) < 0.4
    return ratings, seen


@pytest.fixture(scope="module")
def fitted():
    ratings, seen = rated(np.random.default_rng(0))
    return ItemMean().fit(sp.csr_matrix(ratings * seen)), ratings, seen


def test_predictions_stay_in_the_scale_and_scores_are_minus_rmse(fitted):
    est, ratings, seen = fitted
    predicted = est.predict(users=np.arange(400))
    assert predicted.dtype == np.float32
    assert predicted.min() >= 1
    assert predicted.max() <= 5
    assert -1.1 < est.score(sp.csr_matrix(ratings * seen)) < -0.5


def test_probabilities_match_the_rate_of_good_ratings(fitted):
    est, ratings, seen = fitted
    proba = est.predict_proba(users=np.arange(400))[~seen]
    good = (ratings >= 4)[~seen]
    for low, high in [(0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1)]:
        inside = (proba >= low) & (proba < high)
        assert abs(proba[inside].mean() - good[inside].mean()) < 0.05
    higher = ItemMean(relevance_threshold=5.0).fit(sp.csr_matrix(ratings * seen))
    assert (higher.predict_proba(users=[0]) < est.predict_proba(users=[0])).all()


def test_half_a_step_lower():
    assert probability_at_least(4.0, 1.0, 4.0, step=1.0) == pytest.approx(norm.cdf(0.5))
    assert probability_at_least(4.0, 1.0, 4.0) == pytest.approx(0.5)


def test_repeated_pairs_need_timestamps():
    user, item, value = [0, 0, 1], [1, 1, 0], [2.0, 5.0, 3.0]
    with pytest.raises(ValueError, match="one rating a pair"):
        ItemMean().fit(Interactions.from_arrays(user, item, value))
    with pytest.raises(ValueError, match="one rating a pair"):
        ItemMean().fit(sp.coo_matrix((value, (user, item)), shape=(2, 2)))
    latest = Interactions.from_arrays(user, item, value, [7, 3, 1])
    assert ItemMean().fit(latest).interactions_[0, 1] == 2.0


def test_a_stored_zero_is_a_rating_and_a_dense_one_is_missing():
    X = sp.csr_matrix((np.array([0.0, 4.0, -2.0]), ([0, 0, 1], [0, 1, 1])), shape=(2, 2))
    assert ItemMean().fit(X).interactions_.nnz == 3
    assert ItemMean().fit(X.toarray()).interactions_.nnz == 2


def test_equal_ratings_warn():
    X = sp.csr_matrix([[3.0, 3.0], [0.0, 3.0]])
    with pytest.warns(SkrecWarning, match="All ratings in X are equal to 3"):
        ItemMean().fit(X)


def test_an_empty_row_gets_item_means(fitted):
    est, _, _ = fitted
    np.testing.assert_allclose(est.predict(sp.csr_matrix((1, 50)))[0], est.means_, rtol=1e-5)
