"""GER, MoG and GeRec as estimators: formulas, Gaussians, training, starts and edges."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.special import expit, logit
from scipy.stats import norm
from sklearn.frozen import FrozenEstimator

from skrec import GeRecClassifier, GeRecRanker, GERRanker, MFClassifier, MoGClassifier
from skrec.metrics import evaluate_ranking
from skrec.nn import INTERACTIONS
from skrec.utils import split_rows

USERS = [3, 11, 150]


def draws_of(est, draw, user):
    """Return draws of a user, (K, D), and of all items, (n_items, K, D)."""
    noise = est.net_.module_.interaction.noise(draw, torch.zeros(1, dtype=torch.float64))
    u, i = (side.numpy() for side in noise)
    mean, deviation = est.item_means_[:, None], np.sqrt(est.item_variances_)[:, None]
    return est.user_means_[user] + np.sqrt(est.user_variances_[user]) * u, mean + deviation * i


def ger_scores(est, user):
    deviation = np.sqrt(est.user_variances_[user] + est.item_variances_)
    return norm.logpdf(est.user_means_[user], est.item_means_, deviation).sum(axis=1)


def mog_scores(est, user):
    module = est.net_.module_.interaction
    a, b = np.logaddexp(0, module.raw_slope.item()), module.bias.item()
    proba = []
    for draw in range(est.n_samples):
        z_u, z_i = draws_of(est, draw, user)
        distance = np.linalg.norm(z_u[:, None] - z_i[:, None], axis=-1)  # (n_items, K, K)
        proba.append(expit(b - a * distance).mean(axis=(1, 2)))
    return logit(np.mean(proba, axis=0))


def gerec_scores(est, user):
    """Return the scores of kernels of sides 1 and 2 on concatenated draws."""
    w = {k: v.numpy() for k, v in est.net_.module_.interaction.state_dict().items()}
    scores = []
    for draw in range(est.n_samples):
        z_u, z_i = draws_of(est, draw, user)
        K = len(z_u)
        z_u = np.broadcast_to(z_u[None, :, None], (len(z_i), K, K, z_u.shape[-1]))
        cube = np.concatenate([z_u, np.broadcast_to(z_i[:, None], z_u.shape)], axis=-1)
        maps = np.maximum(cube @ w["layers.0.weight"][..., 0, 0].T + w["layers.0.bias"], 0)
        second = w["layers.1.bias"]
        for k, j in np.ndindex(2, 2):
            corner = maps[:, k : K - 1 + k, j : K - 1 + j]
            second = second + corner @ w["layers.1.weight"][..., k, j].T
        flat = np.maximum(second, 0).transpose(0, 3, 1, 2).reshape(len(z_i), -1)
        hidden = np.maximum(flat @ w["hidden.weight"].T + w["hidden.bias"], 0)
        scores.append(hidden @ w["output.weight"][0] + w.get("output.bias", [0.0])[0])
    pointwise = isinstance(est, GeRecClassifier)
    return logit(expit(scores).mean(axis=0)) if pointwise else np.mean(scores, axis=0)


FORMULAS = {GERRanker: ger_scores, MoGClassifier: mog_scores}
FORMULAS |= {GeRecClassifier: gerec_scores, GeRecRanker: gerec_scores}


def test_scores_are_the_formula(cls, est):
    expected = np.array([FORMULAS[cls](est, user) for user in USERS])
    assert expected.std() > 0.1
    np.testing.assert_allclose(est.decision_function(users=USERS), expected, rtol=1e-3, atol=1e-4)


# the Gaussians


def test_gaussians_have_shapes_and_positive_variances(est):
    users, items = (200, 6), (60, 6)
    assert est.user_means_.shape == est.user_variances_.shape == users
    assert est.item_means_.shape == est.item_variances_.shape == items
    for variances in (est.user_variances_, est.item_variances_):
        assert np.isfinite(variances).all()
        assert (variances > 0).all()
    np.testing.assert_array_equal(est.user_factors_, est.user_means_)
    np.testing.assert_array_equal(est.item_factors_, est.item_means_)


def test_gaussians_start_where_they_are_told_to(cls, quick, X):
    est = quick(cls, max_epochs=0, init_std=0.4, init_variance=0.6, n_factors=30).fit(X)
    for means in (est.user_means_, est.item_means_):
        assert means.std() == pytest.approx(0.4, rel=0.1)
    for variances in (est.user_variances_, est.item_variances_):
        assert 0.3 <= variances.min() < 0.32
        assert 0.88 < variances.max() <= 0.9


def test_training_moves_means_and_variances(cls, quick, X, est):
    start = quick(cls, max_epochs=0).fit(X)
    for name in ("user_means_", "user_variances_", "item_means_", "item_variances_"):
        change = abs(getattr(est, name) - getattr(start, name))
        assert (change > 1e-4).mean() > 0.95, name


def test_huge_steps_leave_variances_positive(cls, quick, X):
    est = quick(cls, max_epochs=2, lr=3.0).fit(X)
    variances = np.concatenate([est.user_variances_, est.item_variances_])
    assert variances.max() > 3
    assert variances.min() > 0.99e-4
    assert np.isfinite(est.decision_function(users=USERS, return_std=True)).all()


# training


def test_the_loss_falls(cls, est):
    losses = est.net_.history[:, "train_loss"]
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("unseen", [False, True])
def test_the_checkerboard_is_completed(unseen, cls, quick, checkerboard):
    X, missing = checkerboard
    est = quick(cls, max_epochs=30, batch_size=64).fit(X)
    top = est.recommend(X, 1) if unseen else est.recommend(users=range(40), n_items=1)
    assert (top[:, 0] == missing).mean() >= 0.9


def ndcg(scores, targets, history):
    values = evaluate_ranking(targets, scores, metrics=("ndcg@10",), exclude=history)
    return np.nanmean(values["ndcg@10"])


@pytest.mark.slow
def test_it_ranks_better_than_popularity(cls, quick, X):
    history, targets = split_rows(X, 0.2, random_state=0)
    est = quick(cls, max_epochs=30).fit(history)
    popularity = np.tile(est.item_counts_, (200, 1)).astype(np.float32)
    floor = ndcg(popularity, targets, history)
    for scores in (est.decision_function(users=range(200)), est.decision_function(history)):
        assert ndcg(scores, targets, history) > 1.3 * floor  # measured: 1.5 to 2.1


# each lacks one item, so that negatives are no matter of chance
ALL_BUT_ONE = sp.csr_matrix(1 - np.eye(6, 5) - np.eye(6, 5, -5), dtype=np.float32)


def by_triplet(est, function):
    lacking = np.arange(6) % 5
    pairs = np.argwhere(ALL_BUT_ONE.toarray())
    return np.mean([function(est, u, i, lacking[u]) for u, i in pairs])


def test_ger_minimises_the_loss_of_its_docstring(quick):
    start, est = (quick(GERRanker, max_epochs=n).fit(ALL_BUT_ONE) for n in (0, 1))
    f = start.decision_function(users=range(6))
    loss = by_triplet(start, lambda _, u, i, j: np.logaddexp(0, f[u, j] - f[u, i]))
    assert est.net_.history[0, "train_loss"] == pytest.approx(loss, rel=1e-5)


def norms(est, u, i, j):
    p, q = (est.user_means_**2).sum(axis=1), (est.item_means_**2).sum(axis=1)
    if isinstance(est, GERRanker | GeRecRanker):
        return p[u] + q[i] + q[j]
    k = est.n_negatives
    return p[u] + (q[i] + k * q[j]) / (1 + k)


def test_the_penalty_is_that_of_the_means(cls, quick):
    start = quick(cls, max_epochs=0).fit(ALL_BUT_ONE)
    losses = [
        quick(cls, max_epochs=1, l2=l2).fit(ALL_BUT_ONE).net_.history[0, "train_loss"]
        for l2 in (0.0, 0.3)
    ]
    assert losses[1] - losses[0] == pytest.approx(0.3 * by_triplet(start, norms), rel=1e-4)


def test_early_stopping_watches_a_ranking(drawn_cls, quick, X):
    est = quick(drawn_cls, early_stopping=True, validation_candidates=10, max_epochs=3).fit(X)
    assert len(est.net_.history) == 3
    assert [name for name in est.net_.history[-1] if "ndcg" in name]


# starts


def test_pretrained_vectors_are_the_means_at_the_start(cls, quick, X):
    mf = MFClassifier(bias=False, n_factors=6, max_epochs=3, device="cpu")
    est = quick(cls, pretrain=mf, max_epochs=0, init_variance=0.2).fit(X)
    np.testing.assert_array_equal(est.user_means_, est.pretrained_.user_factors_)
    np.testing.assert_array_equal(est.item_means_, est.pretrained_.item_factors_)
    assert 0.1 <= est.item_variances_.min() < est.item_variances_.max() <= 0.3
    fitted = mf.set_params(random_state=1).fit(X)
    frozen = quick(cls, pretrain=FrozenEstimator(fitted), max_epochs=0).fit(X)
    np.testing.assert_array_equal(frozen.user_means_, fitted.user_factors_)


@pytest.mark.parametrize("options", [{"bias": True}, {"bias": False, "n_factors": 5}])
def test_vectors_of_another_width_are_no_start(cls, options, quick, X):
    mf = MFClassifier(**{"n_factors": 6, "max_epochs": 0, "device": "cpu"} | options)
    with pytest.raises(ValueError, match=r"pretrain must have user_factors_ of shape \(200, 6\)"):
        quick(cls, pretrain=mf).fit(X)


def test_another_gaussian_model_is_a_start(cls, quick, X):
    est = quick(cls, pretrain=quick(GERRanker, max_epochs=1), max_epochs=0).fit(X)
    np.testing.assert_array_equal(est.item_means_, est.pretrained_.item_means_)


def test_a_warm_start_goes_on(cls, quick, X):
    est = quick(cls, warm_start=True, max_epochs=6).fit(X)
    before, first = est.user_means_.copy(), est.net_.history[0, "train_loss"]
    est.set_params(max_epochs=1).fit(X)
    assert est.net_.history[-1, "train_loss"] < first
    assert 0 < abs(est.user_means_ - before).mean() < abs(before).mean()


def test_a_warm_start_takes_no_other_sizes(gerec_cls, quick, X):
    est = quick(gerec_cls, warm_start=True, max_epochs=1).fit(X)
    for other in ({"n_factors": 5}, {"n_filters": 5}, {"n_draws": 5}):
        with pytest.raises(ValueError, match=r"(of size|n_draws) must be as in the last fit"):
            est.set_params(**other).fit(X)
        est.set_params(n_factors=6, n_filters=8, n_draws=3)


# variants and edges


@pytest.mark.parametrize("interaction", INTERACTIONS)
@pytest.mark.parametrize("aggregate", ["cnn", "mean"])
def test_variants_of_the_cube(interaction, aggregate, gerec_cls, quick, X):
    est = quick(gerec_cls, interaction=interaction, aggregate=aggregate, max_epochs=1).fit(X)
    module = est.net_.module_.interaction
    assert (module.interaction, module.aggregate) == (interaction, aggregate)
    channels = {"concat": 12, "product": 6, "concat+product": 18, "inner": 1}[interaction]
    assert module.layers[0].in_channels == channels
    assert module.layers[1].kernel_size == ((2, 2) if aggregate == "cnn" else (1, 1))
    assert est.decision_function(users=USERS).std() > 0


@pytest.mark.parametrize("kernel_sizes", [(2,), (1, 1), [3, 2], (np.int64(2), 2)], ids=str)
def test_other_kernels(kernel_sizes, gerec_cls, quick, X):
    est = quick(gerec_cls, kernel_sizes=kernel_sizes, max_epochs=1).fit(X)
    sides = [layer.kernel_size[0] for layer in est.net_.module_.interaction.layers]
    assert sides == ([3, 1] if kernel_sizes == [3, 2] else list(kernel_sizes))


def test_other_layers_and_draws(gerec_cls, quick, X):
    options = {"activation": "elu", "dropout": 0.2, "hidden_size": [7, np.int64(5)]}
    est = quick(gerec_cls, **options, shared_draws=False, max_epochs=2).fit(X)
    module = est.net_.module_.interaction
    assert [layer.out_features for layer in module._dense] == [7, 5]
    assert (module.activation, module.dropout, module.shared_draws) == ("elu", 0.2, False)
    again = est.decision_function(users=USERS)
    np.testing.assert_array_equal(est.decision_function(users=USERS), again)
    plain = quick(gerec_cls, max_epochs=2, hidden_size=(7, 5)).fit(X)
    for name in options.keys() - {"hidden_size"} | {"shared_draws"}:
        one = quick(gerec_cls, max_epochs=2, hidden_size=(7, 5), **{name: getattr(est, name)})
        assert not np.array_equal(one.fit(X).user_means_, plain.user_means_), name


def test_one_hidden_layer_is_a_number_or_a_tuple(gerec_cls, quick, X):
    one, other = (quick(gerec_cls, hidden_size=h, max_epochs=1).fit(X) for h in (8, (8,)))
    np.testing.assert_array_equal(one.user_means_, other.user_means_)


@pytest.mark.parametrize("hidden_size", [(), (0,), (8, 1.5), [None]], ids=str)
def test_bad_hidden_layers_are_named(hidden_size, gerec_cls, quick, X):
    with pytest.raises(ValueError, match="hidden_size must be one or more positive integers; got"):
        quick(gerec_cls, hidden_size=hidden_size).fit(X)


@pytest.mark.parametrize("kernel_sizes", [(), (0,), (1, -2), (1.5,), ("2",), (None,)], ids=str)
def test_bad_kernels_are_named(kernel_sizes, gerec_cls, quick, X):
    with pytest.raises(ValueError, match="kernel_sizes must be one or more positive integers; got"):
        quick(gerec_cls, kernel_sizes=kernel_sizes).fit(X)


@pytest.mark.parametrize(
    ("name", "value"),
    [("kernel_sizes", 2), ("kernel_sizes", "12"), ("interaction", "sum"), ("aggregate", "max")]
    + [("n_filters", 0), ("hidden_size", 0), ("n_draws", -1), ("n_samples", 0)]
    + [("activation", "tanh"), ("dropout", 1.0), ("dropout", -0.1), ("shared_draws", 2)]
    + [("init_variance", 0.0), ("init_variance", -1.0), ("n_draws", 2.5), ("pretrain", 3)],
)
def test_bad_parameters_are_named(name, value, gerec_cls, quick, X):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        quick(gerec_cls, **{name: value}).fit(X)


EDGES = {
    "one-user": np.array([[1, 0, 1, 0, 0, 1.0]]),
    "one-item": np.ones((4, 1)),
    "one-item-that-one-lacks": np.array([[1.0], [0], [1]]),
    "one-pair": np.ones((1, 1)),
    "everybody-has-everything": np.ones((4, 5)),
    "one-each": np.eye(5),
}


def check_answers(est, X):
    n_users, n_items = X.shape
    for given in ({"X": X}, {"users": range(n_users)}):
        for function in (est.decision_function, est.predict_proba):
            values, std = function(**given, return_std=True)
            assert values.shape == std.shape == (n_users, n_items)
            assert np.isfinite(values).all()
            assert np.isfinite(std).all()
            assert (std >= 0).all()
        assert ((values > 0) & (values < 1)).all()
        n_left = np.minimum(n_items - np.asarray(X.sum(axis=1)).ravel(), 2)
        for strategy in ("mean", "ucb", "thompson"):
            lists = est.recommend(**given, n_items=2, strategy=strategy)
            np.testing.assert_array_equal((lists >= 0).sum(axis=1), n_left)


@pytest.mark.parametrize("edge", EDGES)
def test_edges_give_finite_answers(edge, cls, quick):
    est = quick(cls, max_epochs=2, n_samples=2, fold_in_steps=3).fit(EDGES[edge])
    check_answers(est, EDGES[edge])


@pytest.mark.parametrize("n_samples", [1, 2])
@pytest.mark.parametrize("n_draws", [1, 2])
@pytest.mark.parametrize("n_factors", [1, 3])
def test_least_sizes(n_factors, n_draws, n_samples, drawn_cls, quick, X):
    options = {"n_factors": n_factors, "n_draws": n_draws, "n_samples": n_samples}
    options["fold_in_steps"] = 3
    est = quick(drawn_cls, max_epochs=1, **options).fit(X[:20])
    assert est.user_variances_.shape == (20, n_factors)
    assert est.net_.module_.interaction.n_draws == n_draws
    check_answers(est, X[:20])
