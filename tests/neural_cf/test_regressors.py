"""GMF, the perceptron, NeuMF and ConvNCF on ratings."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.frozen import FrozenEstimator

from skrec import (
    BiasedMFRegressor,
    BPRMFRanker,
    ConvNCFRegressor,
    GMFRegressor,
    Interactions,
    NCFMLPRegressor,
    NeuMFRegressor,
)
from skrec.datasets import load_interactions
from skrec.exceptions import SkrecWarning
from skrec.model_selection import InteractionHoldout

TOWER = {"tower_lr": 0.02, "tower_l2": 0.0, "output_l2": 0.0}
SIZES = {
    GMFRegressor: {},
    NCFMLPRegressor: {"hidden_sizes": (8, 4)},
    NeuMFRegressor: {"hidden_sizes": (8, 4)},
    ConvNCFRegressor: {"n_feature_maps": 4, "pretrain_epochs": 4} | TOWER,
}


@pytest.fixture(params=SIZES, ids=lambda cls: cls.__name__)
def cls(request):
    return request.param


@pytest.fixture
def rated(quick):
    """Return a function that makes a quick estimator of a class."""
    options = {"n_factors": 8, "max_epochs": 5, "batch_size": 64, "l2": 1e-3}
    return lambda cls, **parameters: quick(cls, **options | SIZES.get(cls, {}) | parameters)


@pytest.fixture(scope="session")
def R():
    """Return ratings 1 or 5: users and items of one colour like each other."""
    X = sp.random(60, 30, 0.4, format="csr", random_state=np.random.RandomState(0))
    row = np.repeat(np.arange(60), np.diff(X.indptr))
    X.data[:] = np.where(row % 2 == X.indices % 2, 5, 1)
    return X


def relu(x):
    return np.maximum(x, 0)


def gmf(w, p, q):
    return q @ (w["weight"] * p) + w.get("bias", 0)


def perceptron(w, p, q):
    x = relu(q @ w["item_layer.weight"].T + w["user_layer.weight"] @ p + w["item_layer.bias"])
    x = relu(x @ w["tower.layers.0.weight"].T + w["tower.layers.0.bias"])
    return x @ w["tower.output.weight"][0] + w.get("tower.output.bias", 0)


def neumf(w, p, q):
    parts = [{k[4:]: v for k, v in w.items() if k.startswith(name)} for name in ("gmf.", "mlp.")]
    return gmf(parts[0], p[:8], q[:, :8]) + perceptron(parts[1], p[8:], q[:, 8:])


def convolved(w, p, q):
    """Score by the paper's equations, patch by patch."""
    scores = []
    for v in q:
        maps, layer = np.multiply.outer(p, v)[None], 0
        while maps.shape[1] > 1:
            kernel, half = w[f"convolutions.{layer}.weight"], maps.shape[1] // 2
            patches = maps.reshape(len(maps), half, 2, half, 2)
            maps = np.einsum("ciajb,dcab->dij", patches, kernel)
            maps = relu(maps + w[f"convolutions.{layer}.bias"][:, None, None])
            layer += 1
        scores.append(w["output.weight"][0] @ maps[:, 0, 0])
    return np.array(scores)


ORACLES = {
    GMFRegressor: gmf,
    NCFMLPRegressor: perceptron,
    NeuMFRegressor: neumf,
    ConvNCFRegressor: convolved,
}


def numpy_scores(est, users):
    """Return the formula's ratings of all items."""
    w = {k: v.double().numpy() for k, v in est.net_.module_.interaction.state_dict().items()}
    p, q = est.user_factors_.astype(np.float64), est.item_factors_.astype(np.float64)
    return est.rating_mean_ + np.array([ORACLES[type(est)](w, p[u], q) for u in users])


# what they are


def test_ratings_are_the_mean_and_the_formula(cls, rated, R):
    est = rated(cls).fit(R)
    assert est.rating_mean_ == pytest.approx(R.data.mean())
    expected = numpy_scores(est, [3, 11])
    assert expected.std() > 0.01
    scores = est.decision_function(users=[3, 11])
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(est.predict(users=[3, 11]), np.clip(expected, 1, 5), atol=1e-3)


def test_the_loss_is_the_squared_error_and_the_penalty(cls, rated, R):
    parameters = {"max_epochs": 1, "batch_size": 10**6, "l2": 0.1, "pretrain": None}
    start = rated(cls, **parameters | {"max_epochs": 0}).fit(R)
    est = rated(cls, **parameters).fit(R)
    row, column = R.nonzero()
    error = numpy_scores(start, range(60))[row, column] - R.data
    norms = np.square(start.user_factors_[row]).sum(1) + np.square(start.item_factors_[column]).sum(
        1
    )
    penalty = 0 if cls is ConvNCFRegressor else 0.1 * norms  # not in a tower's first epoch
    loss = est.net_.history[0, "train_loss"]
    assert loss == pytest.approx(np.mean(error**2 + penalty), rel=1e-4)


def test_taste_is_learnt_and_folded_in(cls, rated, R):
    # a tower of few maps can lose them all to its ReLUs
    tower = {"max_epochs": 12, "pretrain_epochs": 15, "n_feature_maps": 16}
    est = rated(cls, **tower if cls is ConvNCFRegressor else {"max_epochs": 25}).fit(R)
    likes = np.arange(60)[:, None] % 2 == np.arange(30) % 2
    known, folded = est.predict(users=range(60)), est.predict(R)
    assert known[likes].mean() > 4
    assert known[~likes].mean() < 2
    assert folded[likes].mean() > folded[~likes].mean() + 1


def test_pairs_are_entries_of_the_matrix(cls, rated, R):
    est = rated(cls).fit(R)
    pairs = Interactions(R)[::7]
    whole = est.predict(users=range(60))
    np.testing.assert_allclose(est.predict(pairs), whole[pairs.user, pairs.item], rtol=1e-4)


# where they start


@pytest.mark.parametrize("other", [GMFRegressor, NCFMLPRegressor, ConvNCFRegressor])
def test_they_start_from_vectors_of_a_rating_model(other, rated, R):
    start = rated(BiasedMFRegressor, bias=False, max_epochs=2)
    est = rated(other, pretrain=start, max_epochs=0).fit(R)
    assert np.ptp(est.user_factors_) > 0
    np.testing.assert_array_equal(est.user_factors_, est.pretrained_.user_factors_)
    np.testing.assert_array_equal(est.item_factors_, est.pretrained_.item_factors_)


def test_gmf_starts_as_the_factorisation_that_it_starts_from(rated, R):
    start = FrozenEstimator(rated(BiasedMFRegressor, bias=False).fit(R))
    est = rated(GMFRegressor, pretrain=start, max_epochs=0).fit(R)
    expected = start.decision_function(users=range(60))
    np.testing.assert_allclose(est.decision_function(users=range(60)), expected, atol=1e-5)


def test_biases_do_not_fit(rated, R):
    with pytest.raises(ValueError, match=r"user_factors_ of shape \(60, 8\); got \(60, 9\)"):
        rated(GMFRegressor, pretrain=rated(BiasedMFRegressor)).fit(R)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_neumf_starts_as_a_mean_of_its_parts(alpha, rated, R):
    est = rated(NeuMFRegressor, pretrain="halves", pretrain_alpha=alpha, max_epochs=0)
    est = est.set_params(pretrain_epochs=3).fit(R)
    parts = [part.decision_function(users=range(60)) for part in est.pretrained_]
    assert [type(part) for part in est.pretrained_] == [GMFRegressor, NCFMLPRegressor]
    assert all(part.std() > 0.01 for part in parts)
    expected = alpha * parts[0] + (1 - alpha) * parts[1]
    np.testing.assert_allclose(est.decision_function(users=range(60)), expected, atol=1e-4)


def test_convncf_starts_from_the_twin_that_it_trains(rated, R):
    est = rated(ConvNCFRegressor, max_epochs=0).fit(R)
    twin = est.pretrained_
    assert (type(twin), twin.tower, len(twin.net_.history)) == (ConvNCFRegressor, "dot", 4)
    np.testing.assert_array_equal(est.item_factors_, twin.item_factors_)
    expected = twin.rating_mean_ + twin.user_factors_ @ twin.item_factors_.T
    np.testing.assert_allclose(twin.decision_function(users=range(60)), expected, atol=1e-5)


def test_the_twin_never_sees_the_validation_part(rated, R):
    est = rated(ConvNCFRegressor, early_stopping=True, validation_fraction=0.2).fit(R)
    share = est.pretrained_.interactions_.nnz / R.nnz
    assert 0.7 < share < 0.9


def groups(est):
    """Return what the optimiser has for each weight, by its name."""
    return {
        name: group
        for name, weight in est.net_.module_.named_parameters()
        for group in est.net_.optimizer_.param_groups
        if any(weight is other for other in group["params"])
    }


def test_by_default_the_first_predictions_of_convncf_are_those_of_its_twin(rated, R):
    est = rated(ConvNCFRegressor, max_epochs=0).fit(R)
    scores, own = (m.decision_function(users=range(60)) for m in (est, est.pretrained_))
    np.testing.assert_allclose(scores, own, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "options",
    [{"pretrain": None}, {"map_part": "off_diagonal"}, {"n_feature_maps": 1}, {"tower": "mlp"}],
    ids=str,
)
def test_a_tower_without_a_start_or_a_place_for_the_product_is_random(options, rated, R):
    est = rated(ConvNCFRegressor, n_factors=2, max_epochs=1, **options)
    scores = est.fit(R).decision_function(users=range(60))
    random = est.set_params(init_network=None).fit(R)
    np.testing.assert_array_equal(scores, random.decision_function(users=range(60)))


@pytest.mark.parametrize(
    ("init_network", "rates"), [("auto", (1e-5, 1e-5)), (None, (3e-4, 1e-3))], ids=str
)
def test_rates_suit_the_start_of_the_tower(init_network, rates, rated, R):
    options = {"init_network": init_network, "lr": "auto", "tower_lr": "auto"}
    est = rated(ConvNCFRegressor, max_epochs=1, warm_start=True, **options).fit(R)
    found = groups(est)
    assert found["users.free.weight"]["lr"] == found["items.weight"]["lr"] == rates[0]
    assert {found[n]["lr"] for n in found if n.startswith("interaction.")} == {rates[1]}


def test_a_model_of_interactions_is_no_start(rated, quick):
    negative = sp.csr_matrix([[-1.0, 2], [3, -4]])
    with pytest.raises(ValueError, match="Negative values"):
        rated(GMFRegressor, pretrain=quick(BPRMFRanker, n_factors=8)).fit(negative)


# penalties, validation, scales and edges


def test_a_tower_has_rates_and_penalties_of_its_own(rated, R):
    options = {"lr": 1e-3, "tower_lr": 0.02, "tower_l2": 0.3, "output_l2": 0.7}
    est = rated(ConvNCFRegressor, **options, pretrain=None, warm_start=True).fit(R)
    found = {name: (group["lr"], group["weight_decay"]) for name, group in groups(est).items()}
    assert found["users.free.weight"] == found["items.weight"] == (1e-3, 0.0)
    assert found["interaction.convolutions.0.weight"] == (0.02, 0.6)
    assert found["interaction.output.weight"] == (0.02, 1.4)


@pytest.mark.parametrize("tower", ["mlp", "dot"])
def test_other_towers(tower, rated, R):
    est = rated(ConvNCFRegressor, tower=tower, n_factors=6).fit(R)
    assert est.predict(R[:3]).shape == (3, 30)


def test_early_stopping_keeps_the_best(cls, rated, R):
    shown, hidden = Interactions(R)[::2], Interactions(R)[1::2]
    options = {"early_stopping": True, "validation_data": hidden, "max_epochs": 8}
    est = rated(cls, **options).fit(shown)
    error = est.decision_function(hidden) - hidden.value
    best = max(est.net_.history[:, "valid_neg_rmse"])
    assert -np.sqrt(np.mean(error**2)) == pytest.approx(best, rel=1e-4)


@pytest.mark.parametrize(("shift", "factor"), [(0, 2), (-3, 5), (0, 0.5)])
def test_scales(shift, factor, cls, rated, R):
    other = R.copy()
    other.data = (other.data + shift) * factor
    est = rated(cls, max_epochs=15).fit(other)
    predicted = est.predict(users=range(60))
    low, high = other.data.min(), other.data.max()
    assert low <= predicted.min() < predicted.max() <= high
    likes = np.arange(60)[:, None] % 2 == np.arange(30) % 2
    assert predicted[likes].mean() > predicted[~likes].mean() + (high - low) / 4


def test_equal_ratings_warn_and_are_predicted(cls, rated):
    with pytest.warns(SkrecWarning, match="All ratings"):
        est = rated(cls).fit(sp.csr_matrix([[4.0, 4, 0], [0, 4, 4]]))
    np.testing.assert_allclose(est.predict(users=[0, 1]), 4)


def test_one_rating(cls, rated):
    est = rated(cls).fit(sp.csr_matrix(([3.0], ([0], [1])), shape=(2, 3)))
    assert np.isfinite(est.predict_proba(users=[0, 1])).all()
    np.testing.assert_allclose(est.predict(users=[0]), 3)


def test_nan_is_an_error(cls, rated):
    with pytest.raises(ValueError, match="NaN"):
        rated(cls).fit([[1.0, np.nan], [2.0, 3.0]])


def test_a_user_who_rated_everything(cls, rated, R):
    X = sp.csr_matrix(sp.vstack([np.arange(30) % 5 + 1.0, R]))
    est = rated(cls).fit(X)
    assert (est.recommend(users=[0], n_items=3) == -1).all()
    assert np.isfinite(est.predict(X[:1])).all()


def test_a_width_that_cannot_be_halved_is_named(rated, R):
    with pytest.raises(ValueError, match=r"power of two.*12"):
        rated(ConvNCFRegressor, n_factors=12, pretrain=None).fit(R)


# real data


def test_the_perceptron_on_real_ratings(data_home):
    ratings = load_interactions(data_home / "ml-100k" / "ratings.csv.gz", timestamp=False)
    splitter = InteractionHoldout(test_size=0.15, random_state=0)
    train, test = next(splitter.split(ratings.interactions))
    shown, hidden = ratings.interactions[train], ratings.interactions[test]
    options = {"n_factors": 16, "hidden_sizes": (16,), "random_state": 0, "device": "cpu"}
    est = NCFMLPRegressor(**options, batch_size=512, max_epochs=5).fit(shown)
    error = est.predict(hidden) - hidden.value
    means = shown.tocsr()
    user_means = means.sum(axis=1).ravel() / np.maximum(np.diff(means.indptr), 1)
    plain = np.asarray(user_means).ravel()[hidden.user] - hidden.value
    assert np.sqrt(np.mean(error**2)) < 0.96 < np.sqrt(np.mean(plain**2))
