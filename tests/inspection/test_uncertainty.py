"""How unsure a model is of groups of users."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from skrec import EASERecommender, Interactions, MultVAERecommender
from skrec.datasets import fetch_movielens, make_interactions
from skrec.inspection import partial_spearman, uncertainty_excess, user_uncertainty
from skrec.preprocessing import permute_items

TINY = {"hidden_sizes": (), "latent_size": 8, "max_epochs": 4, "lr": 0.01, "n_samples": 5}


class Gaussian(BaseEstimator):
    """A model that has variances and nothing else."""

    def fit(self, X, y=None):
        self.interactions_ = sp.csr_matrix(X, dtype=np.float32)
        self.n_features_in_ = X.shape[1]
        counts = np.diff(self.interactions_.indptr)
        noise = np.random.default_rng(0).random((X.shape[0], 3))
        self.user_variances_ = 1 / (1 + counts[:, None]) + 0.02 * noise
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        return SimpleNamespace(
            **{name: getattr(tags, name) for name in tags.__dataclass_fields__},
            feedback="implicit",
            probabilistic=False,
        )


@pytest.fixture(scope="module")
def made():
    return make_interactions(300, 60, 4000, n_clusters=4, activity_exponent=0.8, random_state=0)


@pytest.fixture(scope="module")
def X(made):
    return made.X


@pytest.fixture(scope="module")
def gaussian(X):
    return Gaussian().fit(X)


@pytest.fixture(scope="module")
def vae(X):
    return MultVAERecommender(**TINY, device="cpu", random_state=0).fit(X)


def diversity_of(row, genres):
    """Average over pairs, as the paper says it."""
    sets = [set(np.flatnonzero(genres[i])) for i in row.indices]
    sets = [s for s in sets if s]
    distances = [1 - len(a & b) / len(a | b) for k, a in enumerate(sets) for b in sets[k + 1 :]]
    return np.mean(distances) if distances else np.nan


# groups by activity


def test_groups_hold_users_of_like_activity(X, gaussian):
    result = user_uncertainty(gaussian, n_bins=4)
    o1 = np.log10(np.diff(X.indptr))
    edges = np.histogram_bin_edges(o1, 4)
    group = np.clip(np.searchsorted(edges, o1, side="right") - 1, 0, 3)
    uncertainty = gaussian.user_variances_.mean(axis=1)
    for number, row in enumerate(result.table.itertuples()):
        mine = uncertainty[group == number]
        assert row.n_users == len(mine)
        assert row.mean == pytest.approx(mine.mean())
        assert (row.least, row.most) == (o1[group == number].min(), o1[group == number].max())
        low, high = stats.t.interval(0.95, len(mine) - 1, mine.mean(), stats.sem(mine))
        assert (row.low, row.high) == pytest.approx((low, high))
        assert row.Index.left == pytest.approx(edges[number], abs=1e-3)


def test_correlation_is_that_of_scipy(X, gaussian):
    result = user_uncertainty(gaussian)
    want = stats.spearmanr(gaussian.user_variances_.mean(axis=1), np.diff(X.indptr))
    assert result.correlation == pytest.approx(want.statistic)
    assert result.pvalue == pytest.approx(want.pvalue, rel=1e-6)
    assert result.correlation < -0.8
    assert np.isnan(result.partial_correlation)


def test_edges_of_the_paper_leave_users_out_of_the_table_alone(X, gaussian):
    o1 = np.log10(np.diff(X.indptr))
    result = user_uncertainty(gaussian, edges=[1.0, 1.2, 1.4])
    assert result.table["n_users"].tolist() == [
        ((o1 >= a) & (o1 < b)).sum() for a, b in ((1.0, 1.2), (1.2, 1.4))
    ]
    assert [(group.left, group.right) for group in result.table.index] == [(1.0, 1.2), (1.2, 1.4)]
    assert result.correlation == user_uncertainty(gaussian).correlation
    assert result.per_user["group"].isna().sum() == 300 - result.table["n_users"].sum()


def test_quantiles_make_groups_of_like_size(gaussian):
    sizes = user_uncertainty(gaussian, n_bins=5, strategy="quantile").table["n_users"]
    assert sizes.sum() == 300
    assert sizes.min() > 30


def test_a_wider_confidence_gives_wider_intervals(gaussian):
    narrow, wide = (user_uncertainty(gaussian, confidence=c).table for c in (0.5, 0.99))
    several = narrow["n_users"] > 1
    assert (wide["high"] > narrow["high"])[several].all()
    assert (wide["low"] < narrow["low"])[several].all()


def test_users_without_interactions_have_no_activity():
    X = sp.csr_matrix(np.tril(np.ones((6, 6)), -1))
    result = user_uncertainty(Gaussian().fit(X), n_bins=2)
    assert result.table["n_users"].sum() == 5
    assert np.isnan(result.per_user["value"][0])
    assert result.correlation == pytest.approx(-1)
    assert result.pvalue < 1e-9


def test_a_group_of_one_user_has_no_interval():
    X = sp.csr_matrix(np.tril(np.ones((3, 3))))
    table = user_uncertainty(Gaussian().fit(X), n_bins=1, edges=[0, 0.1, 1]).table
    assert table["n_users"].tolist() == [1, 2]
    assert np.isnan(table["low"].iloc[0])
    assert np.isfinite(table["low"].iloc[1])


def test_one_activity_is_one_group():
    X = sp.csr_matrix(np.ones((5, 4)))
    for strategy in ("uniform", "quantile"):
        result = user_uncertainty(Gaussian().fit(X), n_bins=3, strategy=strategy)
        assert result.table["n_users"].tolist() == [5]
        assert np.isnan(result.correlation)
        assert np.isnan(result.pvalue)


# by diversity


@settings(max_examples=40)
@given(
    rows=hnp.arrays(bool, (6, 9)),
    genres=hnp.arrays(np.int8, (9, 4), elements=st.integers(0, 1)),
)
def test_diversity_is_the_mean_over_pairs(rows, genres):
    X = sp.csr_matrix(rows.astype(np.float64))
    X = sp.vstack([X, sp.csr_matrix(np.ones((1, 9)))]).tocsr()
    genres[:2] = [[1, 0, 0, 0], [1, 1, 0, 0]]  # so that a user has two items of known genres
    want = [diversity_of(X[[u]], genres) for u in range(7)]
    est = Gaussian().fit(X)
    for given_as in (genres, sp.csr_matrix(genres), pd.DataFrame(genres), 3.5 * genres):
        result = user_uncertainty(est, groups="diversity", item_groups=given_as)
        np.testing.assert_allclose(result.per_user["value"], want)


def test_activity_can_be_held_fixed(made, gaussian):
    genres = np.eye(4)[made.item_clusters]
    result = user_uncertainty(gaussian, groups="diversity", item_groups=genres)
    columns = result.per_user.dropna()
    arguments = [columns[name] for name in ("uncertainty", "value", "n_interactions")]
    want = partial_spearman(*arguments)
    assert (result.partial_correlation, result.partial_pvalue) == want
    assert abs(result.partial_correlation) < abs(result.correlation)
    # all that these variances know is how active a user is
    assert result.partial_pvalue > 1e-3


def test_genres_as_movielens_has_them(data_home):
    data = fetch_movielens("100k", data_home=data_home, download_if_missing=False)
    genres = data.item_frame["genres"].str.get_dummies()
    est = Gaussian().fit(data.interactions.tocsr())
    value = user_uncertainty(est, groups="diversity", item_groups=genres).per_user["value"]
    for user in (0, 500):
        row = est.interactions_[[user]]
        assert value[user] == pytest.approx(diversity_of(row, genres.to_numpy()))
    assert value.between(0.4, 1).all()


# by labels


def test_labels_group_users(X, gaussian):
    labels = np.where(np.diff(X.indptr) > 13, "busy", "quiet")
    result = user_uncertainty(gaussian, groups=labels)
    assert result.table.index.tolist() == ["busy", "quiet"]
    assert result.table.loc["busy", "mean"] < result.table.loc["quiet", "mean"]
    assert np.isnan(result.correlation)
    assert result.table["n_users"].tolist() == [(labels == "busy").sum(), (labels == "quiet").sum()]


def test_numeric_labels_are_correlated_with(X, gaussian):
    labels = pd.Series(np.diff(X.indptr) // 10, index=np.arange(300)[::-1])
    labels = labels.astype("float").mask(labels > 5)
    result = user_uncertainty(gaussian, groups=labels)
    assert result.table["n_users"].sum() == labels.notna().sum()
    there = labels.notna().to_numpy()
    want = stats.spearmanr(gaussian.user_variances_.mean(axis=1)[there], labels[there.tolist()])
    assert result.correlation == pytest.approx(want.statistic)
    assert np.isfinite(result.partial_correlation)


# of whom, and how measured


def test_users_are_rows_of_fit(X, gaussian):
    users = np.array([5, 3, 200])
    result = user_uncertainty(gaussian, users=users, n_bins=1)
    assert result.per_user.index.tolist() == users.tolist()
    np.testing.assert_allclose(
        result.per_user["uncertainty"], gaussian.user_variances_[users].mean(axis=1)
    )
    np.testing.assert_array_equal(result.per_user["n_interactions"], np.diff(X.indptr)[users])


def test_users_can_be_grouped_by_another_matrix(X, gaussian):
    other = permute_items(X)
    genres = np.eye(4)[np.arange(60) % 4]
    options = {"groups": "diversity", "item_groups": genres}
    value = user_uncertainty(gaussian, other, **options).per_user["value"]
    want = user_uncertainty(Gaussian().fit(other), **options).per_user["value"]
    pd.testing.assert_series_equal(value, want)
    as_interactions = user_uncertainty(gaussian, Interactions(other), **options)
    pd.testing.assert_series_equal(as_interactions.per_user["value"], want)


def test_spread_is_the_mean_deviation_of_the_list(X, vae):
    result = user_uncertainty(vae, measure="spread", n_items=4)
    std = vae.recommend(users=np.arange(300), n_items=4, return_std=True)[1]
    np.testing.assert_allclose(result.per_user["uncertainty"], std.mean(axis=1), rtol=1e-5)
    some = user_uncertainty(vae, users=[7, 9], measure="spread", n_items=4)
    np.testing.assert_allclose(some.per_user["uncertainty"], std[[7, 9]].mean(axis=1), rtol=1e-5)


def test_spread_asks_about_histories_of_any_users(X, vae):
    rows = permute_items(X)[:40]
    result = user_uncertainty(vae, rows, measure="spread")
    _, std = vae.recommend(rows, return_std=True)
    np.testing.assert_allclose(result.per_user["uncertainty"], std.mean(axis=1), rtol=1e-5)
    stored = user_uncertainty(vae, rows, users=np.arange(40), measure="spread")
    assert (stored.per_user["uncertainty"] != result.per_user["uncertainty"]).any()


def test_users_who_have_everything_have_no_spread(vae, X):
    rows = sp.vstack([X[:9], sp.csr_matrix(np.ones((1, 60)))]).tocsr()
    result = user_uncertainty(vae, rows, measure="spread", n_bins=2)
    assert np.isnan(result.per_user["uncertainty"].iloc[-1])
    assert result.table["n_users"].sum() == 9


def test_numbers_of_ones_own_will_do(gaussian):
    own = np.arange(300)[::-1]
    result = user_uncertainty(gaussian, groups=np.arange(300) // 100, measure=own)
    assert result.table["mean"].tolist() == [249.5, 149.5, 49.5]
    assert result.correlation < -0.9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"measure": "entropy"}, r"measure must be one of \('variance', 'spread'\) or an array"),
        ({"measure": np.ones(3)}, r"measure must have one number a user, of shape \(300,\)"),
        ({"measure": "spread"}, "posterior, whose tag probabilistic is True; got Gaussian"),
        ({"groups": "age"}, r"groups must be one of \('activity', 'diversity'\) or an array"),
        ({"groups": np.ones(3)}, r"groups must have one label a user, .* got shape \(3,\)"),
        ({"groups": "diversity"}, "item_groups must be given"),
        (
            {"groups": "diversity", "item_groups": np.ones((3, 2))},
            r"item_groups must be a numeric matrix with a row for each of 60 items .*\(3, 2\)",
        ),
        (
            {"groups": "diversity", "item_groups": np.full((60, 1), "x")},
            "item_groups must hold numbers",
        ),
        (
            {"groups": "diversity", "item_groups": np.zeros((60, 2))},
            "X must hold a user with two items of known genres",
        ),
        ({"n_bins": 0}, r"n_bins must be an integer in \[1, 10000\]; got 0"),
        ({"strategy": "kmeans"}, "strategy must be one of"),
        ({"edges": [2, 1]}, "edges must be two or more rising numbers"),
        ({"confidence": 1}, r"confidence must be a number in \(0, 1\); got 1"),
        ({"users": [300]}, r"users must be rows of the fitted matrix, in \[0, 300\)"),
        (
            {"users": [0, 1], "X": np.ones((3, 60))},
            "users must have one entry a row of X, 3; got 2",
        ),
        ({"X": np.ones((3, 60))}, "X must have a row for each of the 300 users of fit"),
    ],
)
def test_bad_input_is_named(gaussian, options, message):
    with pytest.raises(ValueError, match=message):
        user_uncertainty(gaussian, **options)


def test_models_without_variances_are_refused(X, vae):
    with pytest.raises(ValueError, match=r"needs a model that has user_variances_.*got MultVAE"):
        user_uncertainty(vae)
    ease = EASERecommender().fit(X)
    for measure in ("variance", "spread"):
        with pytest.raises(ValueError, match="got EASERecommender"):
            user_uncertainty(ease, measure=measure)
    with pytest.raises(NotFittedError):
        user_uncertainty(EASERecommender())


# rank correlations


@settings(max_examples=40)
@given(hnp.arrays(np.int64, (12, 3), elements=st.integers(0, 6)))
def test_partial_correlation_is_that_of_the_residuals_of_ranks(table):
    x, y, z = table.T
    if any(len(np.unique(column)) < 2 for column in table.T):
        assert np.isnan(partial_spearman(x, y, z).statistic)
        return
    assert partial_spearman(x, y).statistic == pytest.approx(stats.spearmanr(x, y).statistic)
    ranks = stats.rankdata(table, axis=0)
    known = np.column_stack([np.ones(12), ranks[:, 2]])
    left = ranks[:, :2] - known @ np.linalg.lstsq(known, ranks[:, :2])[0]
    if np.ptp(left, axis=0).min() < 1e-9:
        assert np.isnan(partial_spearman(x, y, z).statistic)
        return
    want = np.corrcoef(left.T)[0, 1]
    got = partial_spearman(x, y, z)
    assert got.statistic == pytest.approx(want, abs=1e-9)
    if abs(want) < 1 - 1e-9:
        t = want * np.sqrt(9 / (1 - want**2))
        assert got.pvalue == pytest.approx(2 * stats.t.sf(abs(t), 9))


def test_too_few_for_a_pvalue():
    statistic, pvalue = partial_spearman([1, 2], [3, 4])
    assert statistic == pytest.approx(1)
    assert np.isnan(pvalue)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 2], [1, 2, 3]), r"y must have the shape of x, \(n,\); got \(3,\), \(2,\)"),
        (([1, 2], [1, np.nan]), "y must hold finite numbers"),
        (([1, 2], [1, 2], [1]), "given must have the shape of x"),
    ],
)
def test_quantities_must_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        partial_spearman(*arguments)


# beside a placebo


def measured(uncertainty, value, n=None):
    per_user = {
        "uncertainty": uncertainty,
        "value": value,
        "n_interactions": value if n is None else n,
    }
    return SimpleNamespace(per_user=pd.DataFrame(per_user).rename_axis("user"))


def test_excess_is_the_difference_of_correlations():
    rng = np.random.default_rng(0)
    value = rng.standard_normal(500)
    real = measured(value + 0.5 * rng.standard_normal(500), value)
    placebo = measured(value + 2 * rng.standard_normal(500), value)
    result = uncertainty_excess(real, placebo, random_state=0)
    a, b = (stats.spearmanr(r.per_user["uncertainty"], value).statistic for r in (real, placebo))
    assert (result.real, result.placebo) == pytest.approx((a, b))
    assert result.excess == pytest.approx(a - b)
    assert result.low < result.excess < result.high
    assert result.low > 0
    assert result.n_users == 500
    again = uncertainty_excess(real, placebo, random_state=0)
    assert (again.low, again.high) == (result.low, result.high)


def test_two_placebos_do_not_differ():
    rng = np.random.default_rng(1)
    value = rng.standard_normal(400)
    real, placebo = (measured(value + rng.standard_normal(400), value) for _ in range(2))
    result = uncertainty_excess(real, placebo, confidence=0.99)
    assert result.low < 0 < result.high
    narrow = uncertainty_excess(real, placebo, confidence=0.5)
    assert narrow.high - narrow.low < result.high - result.low


def test_excess_with_activity_held_fixed():
    rng = np.random.default_rng(0)
    n, own = rng.standard_normal((2, 600))
    value = n + own
    real = measured(value + 0.3 * rng.standard_normal(600), value, n)
    placebo = measured(n + 0.3 * rng.standard_normal(600), value, n)
    result = uncertainty_excess(real, placebo, partial=True)
    want = partial_spearman(real.per_user["uncertainty"], value, n).statistic
    assert result.real == pytest.approx(want)
    assert abs(result.placebo) < 0.15
    assert result.low > 0.5


def test_only_users_with_numbers_in_both_count():
    value = np.arange(20.0)
    real, placebo = measured(value.copy(), value), measured(value[:10].copy(), value[:10])
    placebo.per_user.loc[3, "uncertainty"] = np.nan
    assert uncertainty_excess(real, placebo, n_resamples=50).n_users == 9
    with pytest.raises(ValueError, match=r"three or more users in common .* got 2"):
        uncertainty_excess(real, measured(value[:2], value[:2]))


def test_what_counts_alone_explain_leaves_no_excess(X, gaussian):
    # the fake's variances are a function of the counts, which the placebo has too
    placebo = user_uncertainty(Gaussian().fit(permute_items(X)), X)
    result = uncertainty_excess(user_uncertainty(gaussian, X), placebo, n_resamples=100)
    assert result.real < -0.8
    assert result.excess == pytest.approx(0, abs=1e-12)
