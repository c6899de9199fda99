"""What restrains variances, and starts from models of points."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import spearmanr

from skrec import BPRMFRanker, GeRecClassifier, GeRecRegressor, GERRanker, MoGClassifier
from skrec.datasets import make_interactions

# each lacks one item, so that negatives are no matter of chance
ALL_BUT_ONE = sp.csr_matrix(1 - np.eye(6, 5) - np.eye(6, 5, -5), dtype=np.float32)


def divergence(est, prior_variance):
    """Return the sum over all Gaussians of their divergence from the prior."""
    mean = np.concatenate([est.user_means_, est.item_means_]).astype(np.float64)
    ratio = np.concatenate([est.user_variances_, est.item_variances_]) / prior_variance
    return 0.5 * (ratio + mean**2 / prior_variance - 1 - np.log(ratio)).sum()


def first_loss(est, X=ALL_BUT_ONE):
    return est.fit(X).net_.history[0, "train_loss"]


@pytest.mark.parametrize(("kl_weight", "prior_variance"), [(1.0, 1.0), (0.4, 0.2)])
def test_each_gaussian_counts_once_beside_all_pairs(kl_weight, prior_variance, cls, quick):
    start = quick(cls, max_epochs=0).fit(ALL_BUT_ONE)
    options = {"kl_weight": kl_weight, "prior_variance": prior_variance}
    losses = [first_loss(quick(cls, max_epochs=1, **given)) for given in ({}, options)]
    n_terms = ALL_BUT_ONE.nnz  # of which the loss is the mean
    if cls in (MoGClassifier, GeRecClassifier):
        n_terms *= 1 + start.n_negatives
    right = kl_weight * divergence(start, prior_variance) / n_terms
    assert losses[1] - losses[0] == pytest.approx(right, rel=1e-4)


def test_ratings_have_the_divergence_too():
    X = ALL_BUT_ONE.copy()
    X.data = np.arange(X.nnz) % 5 + 1.0
    sizes = {"n_factors": 4, "n_draws": 2, "n_filters": 3, "hidden_size": 3, "random_state": 0}
    start = GeRecRegressor(**sizes, max_epochs=0).fit(X)
    losses = [first_loss(GeRecRegressor(**sizes, max_epochs=1, kl_weight=w), X) for w in (0.0, 2.0)]
    right = 2 * divergence(start, 1.0) / X.nnz
    assert losses[1] - losses[0] == pytest.approx(right, rel=1e-4)


@pytest.mark.parametrize("prior_variance", [0.05, 0.3])
def test_nothing_but_the_divergence_leads_to_the_prior(prior_variance, cls, quick, X):
    options = {"kl_weight": 1e5, "prior_variance": prior_variance, "max_epochs": 25}
    est = quick(cls, **options, lr=0.08, batch_size=1024).fit(X)
    for variances in (est.user_variances_, est.item_variances_):
        np.testing.assert_allclose(variances, prior_variance, rtol=0.1)
    assert abs(est.user_means_).max() < 0.2


def test_restrained_variances_fall_with_activity(quick):
    X = make_interactions(300, 80, 4000, activity_exponent=1.0, random_state=0).X
    options = {"kl_weight": 1.0, "prior_variance": 0.3, "init_variance": 0.3, "max_epochs": 20}
    est = quick(MoGClassifier, **options).fit(X)
    activity = np.diff(X.indptr)
    for variances, counts in (
        (est.user_variances_, activity),
        (est.item_variances_, est.item_counts_),
    ):
        assert spearmanr(variances.mean(axis=1), counts).statistic < -0.8


def test_a_warm_start_has_the_weight_of_its_own(quick, X):
    est = quick(MoGClassifier, warm_start=True, max_epochs=1).fit(X)
    assert est.net_.restraint_[0] == 0
    est.set_params(kl_weight=1.0, prior_variance=0.5).fit(X)
    assert est.net_.restraint_ == (1 / (X.nnz * 5), 0.5)


def test_tables_are_updated_whole_where_all_gaussians_diverge(quick):
    X = make_interactions(400, 300, 2000, random_state=0).X
    for kl_weight in (0.0, 1.0):
        est = quick(GERRanker, kl_weight=kl_weight, batch_size=8, max_epochs=1).fit(X)
        assert est.net_.module_.items.sparse == (kl_weight == 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("kl_weight", -0.1), ("kl_weight", "1"), ("prior_variance", 0.0), ("prior_variance", None)],
)
def test_bad_restraints_are_named(name, value, cls, quick, X):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        quick(cls, **{name: value}).fit(X)


# the means alone


def points(quick, **parameters):
    return quick(MoGClassifier, n_draws=0, **parameters)


def test_without_draws_scores_are_distances_of_means(quick, X):
    est, start = points(quick, max_epochs=4).fit(X), points(quick, max_epochs=0).fit(X)
    module = est.net_.module_.interaction
    a, b = np.logaddexp(0, module.raw_slope.item()), module.bias.item()
    gap = est.user_means_[:3, None] - est.item_means_
    right = b - a * np.linalg.norm(gap, axis=2)
    scores, std = est.decision_function(users=range(3), return_std=True)
    np.testing.assert_allclose(scores, right, rtol=1e-4, atol=1e-5)
    assert (std == 0).all()
    np.testing.assert_array_equal(est.user_variances_, start.user_variances_)
    assert abs(est.user_means_ - start.user_means_).mean() > 0.01
    assert est.net_.history[-1, "train_loss"] < est.net_.history[0, "train_loss"]


def test_the_threshold_starts_at_a_typical_distance(quick, X):
    for n_draws, variance in ((0, 0.0), (3, 0.5)):
        options = {"n_draws": n_draws, "init_std": 0.2, "init_variance": 0.5, "max_epochs": 0}
        est = quick(MoGClassifier, **options).fit(X)
        right = np.sqrt(2 * est.n_factors * (0.2**2 + variance))
        assert est.net_.module_.interaction.bias.item() == pytest.approx(right, rel=1e-5)


def test_mog_starts_from_its_own_means(quick, X):
    options = {"pretrain": "auto", "init_variance": 0.05}
    est = quick(MoGClassifier, max_epochs=3, **options)
    est.fit(X)
    start = est.pretrained_
    assert (type(start), start.n_draws, start.max_epochs) == (MoGClassifier, 0, 3)
    assert start.pretrain is None
    est.set_params(pretrain_epochs=5, max_epochs=0).fit(X)
    assert len(est.pretrained_.net_.history) == est.pretrained_.max_epochs == 5
    np.testing.assert_array_equal(est.user_means_, est.pretrained_.user_means_)
    est = quick(MoGClassifier, pretrain=start, max_epochs=0, init_variance=0.05).fit(X)
    np.testing.assert_array_equal(est.user_means_, est.pretrained_.user_means_)
    np.testing.assert_array_equal(est.item_means_, est.pretrained_.item_means_)
    assert est.item_variances_.mean() == pytest.approx(0.05, rel=0.1)


def test_the_threshold_grows_as_the_mean_squared_distance(quick, X):
    start = points(quick, max_epochs=5)
    est = quick(MoGClassifier, pretrain=start, max_epochs=0, init_variance=0.05).fit(X)
    mine, its = est.net_.module_.interaction, est.pretrained_.net_.module_.interaction
    assert mine.raw_slope.item() == its.raw_slope.item()
    slope = np.logaddexp(0, its.raw_slope.item())
    squares = [(module.bias.item() / slope) ** 2 for module in (its, mine)]
    assert squares[1] - squares[0] == pytest.approx(2 * est.n_factors * 0.05, rel=1e-4)


def test_right_after_its_start_a_model_ranks_as_its_points_do(quick, X):
    start = points(quick, max_epochs=20, batch_size=128)
    est = quick(MoGClassifier, pretrain=start, max_epochs=0, init_variance=0.01, n_samples=20)
    scores, own = (m.decision_function(users=range(200)) for m in (est.fit(X), est.pretrained_))
    level = [spearmanr(a, b).statistic for a, b in zip(scores, own, strict=True)]
    assert np.mean(level) > 0.9


def test_by_default_a_model_with_draws_starts_from_its_means_and_means_from_nothing(X, quick):
    options = quick(MoGClassifier, max_epochs=1).get_params()
    del options["pretrain"]
    est = MoGClassifier(**options).fit(X)
    assert est.pretrained_.n_draws == 0
    assert est.pretrained_.pretrained_ is None
    assert est.set_params(n_draws=0).fit(X).pretrained_ is None


@pytest.mark.parametrize("pretrain", ["self", "Auto", 3])
def test_other_starts_are_named(pretrain, quick, X):
    with pytest.raises(ValueError, match="'pretrain' parameter"):
        quick(MoGClassifier, pretrain=pretrain).fit(X)


def test_by_default_ger_starts_from_the_vectors_of_bpr(quick, X):
    options = quick(GERRanker, max_epochs=0).get_params()
    del options["pretrain"]
    est = GERRanker(**options).fit(X)
    default = BPRMFRanker(n_factors=6, random_state=est.pretrained_.random_state)
    assert est.pretrained_.get_params() == default.get_params()
    np.testing.assert_array_equal(est.user_means_, est.pretrained_.user_factors_)
    np.testing.assert_array_equal(est.item_means_, est.pretrained_.item_factors_)
