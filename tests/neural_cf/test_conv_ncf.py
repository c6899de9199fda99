"""ConvNCF: its three embeddings, its towers, pre-training, and penalties."""

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV

from skrec import BPRMFRanker, ConvNCFRanker, FISMRanker, SVDppRanker
from skrec.model_selection import StrongGeneralization

TWINS = {"mf": BPRMFRanker, "fism": FISMRanker, "svdpp": SVDppRanker}
SMALL = {"n_factors": 8, "n_feature_maps": 3, "pretrain_epochs": 3, "max_epochs": 2}


@pytest.fixture
def conv(quick):
    """Return a function that makes a quick ConvNCF."""
    return lambda **parameters: quick(ConvNCFRanker, **SMALL | parameters)


def relu(x):
    return np.maximum(x, 0)


def convolved(state, u, v):
    """Score one pair by equations 5 to 7, entry by entry."""
    maps = np.multiply.outer(u, v)[None]
    layer = 0
    while maps.shape[1] > 1:
        w, b = (state[f"convolutions.{layer}.{kind}"].numpy() for kind in ("weight", "bias"))
        half = maps.shape[1] // 2
        new = np.empty((len(b), half, half))
        for i in range(half):
            for j in range(half):
                patch = maps[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
                new[:, i, j] = relu((w * patch).sum(axis=(1, 2, 3)) + b)
        maps, layer = new, layer + 1
    return state["output.weight"].numpy()[0] @ maps[:, 0, 0]


def test_scores_are_those_of_the_paper(conv, X):
    est = conv(pretrain=None).fit(X)
    state = est.net_.module_.interaction.state_dict()
    expected = [convolved(state, est.user_factors_[2], v) for v in est.item_factors_]
    assert np.std(expected) > 1e-4
    np.testing.assert_allclose(est.decision_function(users=[2])[0], expected, 1e-4, 1e-5)


def test_parts_of_the_map_and_permutations_change_what_the_tower_sees(conv, X):
    options = {"pretrain": None, "max_epochs": 1}
    models = [conv(**options, map_part=part) for part in ("full", "diagonal", "off_diagonal")]
    models.append(conv(**options, permute_dims=True))
    scores = [est.fit(X).decision_function(users=[0]) for est in models]
    for a in range(4):
        for b in range(a):
            assert not np.allclose(scores[a], scores[b])


@pytest.mark.parametrize("embedding", TWINS)
def test_the_dot_tower_is_the_shallow_twin(embedding, conv, quick, X):
    twin = quick(TWINS[embedding], n_factors=8).fit(X)
    est = conv(embedding=embedding, tower="dot", pretrain=FrozenEstimator(twin), max_epochs=0)
    users = np.arange(5)
    np.testing.assert_allclose(
        est.fit(X).decision_function(users=users), twin.decision_function(users=users), 1e-5, 1e-6
    )


@pytest.mark.parametrize("embedding", TWINS)
def test_it_starts_from_the_twin_that_it_trains(embedding, conv, X):
    est = conv(embedding=embedding, pretrain="twin", max_epochs=0).fit(X)
    assert est.pretrained_.tower == "dot"
    assert est.pretrained_.embedding == embedding
    assert len(est.pretrained_.net_.history) == 3
    for name in ("user_factors_", "item_factors_", "history_factors_"):
        mine, its = getattr(est, name), getattr(est.pretrained_, name)
        assert (mine is None) == (its is None) == (name not in KNOWN[embedding])
        if mine is not None:
            np.testing.assert_array_equal(mine, its)


KNOWN = {
    "mf": {"user_factors_", "item_factors_"},
    "fism": {"item_factors_", "history_factors_"},
    "svdpp": {"user_factors_", "item_factors_", "history_factors_"},
}


def test_auto_is_matrix_factorisation_where_vectors_are_free(conv, X):
    start = conv(pretrain="auto", max_epochs=0).fit(X).pretrained_
    own = {"n_factors": 8, "random_state": start.random_state}
    assert start.get_params() == {**BPRMFRanker().get_params(), **own}
    assert isinstance(conv(pretrain="auto", embedding="fism").fit(X).pretrained_, ConvNCFRanker)


@pytest.mark.parametrize(
    ("pretrain", "init_network", "rates"),
    [
        ("auto", "auto", (1e-4, 1e-4)),
        (None, "product", (1e-4, 1e-4)),
        ("auto", None, (5e-3, 0.01)),
        (None, "auto", (5e-3, 0.01)),
    ],
)
def test_rates_are_small_where_the_tower_starts_with_the_product(pretrain, init_network, rates, X):
    options = {"pretrain": pretrain, "init_network": init_network, "device": "cpu"}
    small = {"n_factors": 8, "n_feature_maps": 3, "max_epochs": 1, "warm_start": True}
    groups = ConvNCFRanker(**options, **small).fit(X).net_.optimizer_.param_groups
    assert {group["lr"] for group in groups} == {*rates}


def test_the_twin_never_sees_the_validation_part(conv, X):
    est = conv(early_stopping=True, validation_candidates=10).fit(X)
    held_out = X.nnz - est.pretrained_.interactions_.nnz
    assert held_out == round(0.5 * (np.diff(X.indptr) >= 2).sum())


def test_parameters_of_the_start_are_searched(conv, X):
    search = GridSearchCV(
        conv(pretrain=BPRMFRanker(n_factors=8, max_epochs=1)),
        {"pretrain__lr": [0.001, 0.05]},
        cv=StrongGeneralization(test_users=20, random_state=0),
    ).fit(X)
    assert search.best_estimator_.pretrained_.lr == search.best_params_["pretrain__lr"]


def test_vectors_and_tower_have_learning_rates_and_penalties_of_their_own(conv, X):
    options = {"lr": 1e-3, "tower_lr": 0.02, "tower_l2": 0.3, "output_l2": 0.7}
    est = conv(**options, pretrain=None, warm_start=True).fit(X)
    for _ in range(2):
        found = {
            name: (group["lr"], group["weight_decay"])
            for name, weight in est.net_.module_.named_parameters()
            for group in est.net_.optimizer_.param_groups
            if any(weight is other for other in group["params"])
        }
        assert found["users.free.weight"] == found["items.weight"] == (est.lr, 0.0)
        assert found["interaction.convolutions.0.weight"] == (0.02, 0.6)
        assert found["interaction.output.weight"] == (0.02, 1.4)
        est.set_params(lr=5e-3).fit(X)


def test_the_first_epoch_is_not_penalised(conv, X):
    def weights(**penalties):
        est = conv(pretrain=None, **penalties).fit(X)
        return np.concatenate([w.detach().numpy().ravel() for w in est.net_.module_.parameters()])

    hard = {"l2": 10.0, "tower_l2": 10.0, "output_l2": 10.0}
    np.testing.assert_array_equal(weights(max_epochs=1), weights(max_epochs=1, **hard))
    assert np.linalg.norm(weights(**hard)) < 0.9 * np.linalg.norm(weights())


def test_a_width_that_cannot_be_halved_is_named(conv, X):
    with pytest.raises(ValueError, match=r"power of two.*48"):
        conv(n_factors=48, pretrain=None).fit(X)
    assert conv(n_factors=6, tower="mlp").fit(X).recommend(X[:2], 3).shape == (2, 3)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [({"tower": "rnn"}, "tower"), ({"map_part": "half"}, "map_part"), ({"pretrain": 3}, "pretrain")]
    + [({"embedding": "ids"}, "embedding"), ({"tower_lr": 0.0}, "tower_lr")],
)
def test_bad_parameters_are_named(parameters, name, conv, X):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        conv(**parameters).fit(X)


@pytest.mark.parametrize(("embedding", "fold_in"), [("mf", "approximate"), ("fism", "exact")])
def test_fold_in_depends_on_the_embedding(embedding, fold_in, conv, X):
    est = conv(embedding=embedding).fit(X)
    assert est.__sklearn_tags__().fold_in == fold_in
    known, folded = est.decision_function(users=np.arange(20)), est.decision_function(X[:20])
    assert np.allclose(known, folded, atol=1e-5) == (fold_in == "exact")


def test_a_tower_learns(conv, checkerboard):
    X, missing = checkerboard
    options = {"pretrain": "twin", "pretrain_epochs": 15, "init_network": None}
    est = conv(**options, max_epochs=8, tower_lr=0.05).fit(X)
    hits = est.recommend(users=range(len(missing)), n_items=1)[:, 0] == missing
    assert hits.mean() > 0.9


def test_the_twin_is_penalised_from_the_start(conv, X):
    options = {"tower": "dot", "pretrain": None, "max_epochs": 1}
    free, held = (conv(**options, l2=l2).fit(X).item_factors_ for l2 in (0.0, 10.0))
    assert np.linalg.norm(held) < 0.9 * np.linalg.norm(free)


# a tower that starts with the inner product


@pytest.mark.parametrize("tower", ["cnn", "mlp"])
@pytest.mark.parametrize("embedding", TWINS)
def test_a_model_starts_at_the_scores_of_its_twin(tower, embedding, conv, X):
    options = {"tower": tower, "embedding": embedding, "init_network": "product", "max_epochs": 0}
    est = conv(**options).fit(X)
    scores, own = (m.decision_function(users=range(50)) for m in (est, est.pretrained_))
    np.testing.assert_allclose(scores, own, rtol=1e-4, atol=1e-5)
    est = conv(**{**options, "max_epochs": 5}).fit(X)
    assert est.net_.history[-1, "train_loss"] < est.net_.history[0, "train_loss"]
    assert np.abs(est.decision_function(users=range(50)) - own).max() > 0.01


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"map_part": "off_diagonal"}, 'the diagonal; got map_part="off_diagonal"'),
        ({"n_feature_maps": 1}, "n_feature_maps of 2 or more; got 1"),
        ({"tower": "mlp", "n_factors": 2}, 'n_factors of 4 or more with tower="mlp"; got 2'),
    ],
)
def test_where_no_product_can_be_started_from_an_error_says_so(options, message, conv, X):
    with pytest.raises(ValueError, match=f'init_network="product" must have {message}'):
        conv(init_network="product", pretrain=None, **options).fit(X)
    conv(pretrain=None, **options).fit(X)
    with pytest.raises(ValueError, match="'init_network' parameter"):
        conv(init_network="Product").fit(X)
