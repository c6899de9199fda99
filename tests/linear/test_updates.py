"""More users for models whose statistic is a sum over users, in blocks and by merging."""

import inspect
import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from skrec import (
    EASERecommender,
    GraphFilterRecommender,
    InteractionEncoder,
    Interactions,
    ItemKNNRecommender,
    PopularityRecommender,
    RP3betaRecommender,
    SLIMRecommender,
    UserKNNRecommender,
)
from skrec.datasets import make_interactions
from skrec.exceptions import SkrecWarning

MODELS = {
    "popularity": PopularityRecommender(),
    "knn": ItemKNNRecommender(n_neighbors=3),
    "knn-normalized": ItemKNNRecommender(n_neighbors=4, normalize=True, power=2.0, alpha=0.5),
    "rp3beta": RP3betaRecommender(n_neighbors=60),
    "rp3beta-sharp": RP3betaRecommender(n_neighbors=60, alpha=1.7, beta=0.0, normalize=False),
    "ease": EASERecommender(),
    "ease-fixed": EASERecommender(l2=20.0),
    "ease-dropout": EASERecommender(l2=5.0, dropout=0.4),
    "slim": SLIMRecommender(l1=0.5, l2=5.0),
    "slim-candidates": SLIMRecommender(l1=0.5, l2=5.0, n_candidates=10),
    "graph": GraphFilterRecommender(filter="power"),
    "graph-walks": GraphFilterRecommender(
        filter="power", n_neighbors=60, coefficients=(1.0, -0.2), alpha=0.3, power=0.7
    ),
}
# statistics are counts: the same bits in any order; else sums are rounded in another order
COUNTS = ("popularity", "knn", "slim")

every = pytest.mark.parametrize("name", MODELS)


@pytest.fixture(scope="module")
def X():
    """Return 120 x 40 interactions, more users than items."""
    return make_interactions(120, 40, 1500, random_state=0).X


def in_blocks(name, X, blocks):
    est = clone(MODELS[name])
    for rows in blocks:
        est.partial_fit(X[rows])
    return est


def assert_same(name, actual, desired, rows):
    """Check scores, to the last bit where the statistic is counts."""
    one, other = (est.decision_function(rows) for est in (actual, desired))
    if name.startswith(COUNTS):
        np.testing.assert_array_equal(one, other)
    else:
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6 * np.abs(other).max())


@every
@pytest.mark.parametrize("n_blocks", [1, 7, 100])
def test_blocks_in_their_order_make_the_model_of_one_fit(name, n_blocks, X):
    whole = clone(MODELS[name]).fit(X)
    est = in_blocks(name, X, np.array_split(np.arange(120), n_blocks))
    assert_same(name, est, whole, X)
    assert (est.interactions_ != whole.interactions_).nnz == 0
    np.testing.assert_array_equal(est.recommend(users=[0, 119]), whole.recommend(users=[0, 119]))
    # in their order, held-out pairs are the same
    np.testing.assert_allclose(est.predict_proba(X), whole.predict_proba(X), rtol=1e-4, atol=1e-7)


@every
def test_blocks_in_another_order_make_the_model_of_one_fit(name, X):
    order = np.random.RandomState(1).permutation(120)
    est = in_blocks(name, X, np.array_split(order, 40))
    assert_same(name, est, clone(MODELS[name]).fit(X), X)
    assert_same(name, est, est.fit(X), X)  # begins anew
    assert est.interactions_.shape == (120, 40)


@pytest.mark.parametrize("name", ["knn", "rp3beta", "ease", "graph"])
def test_probabilities_of_any_order_add_up_alike(name):
    X = make_interactions(500, 60, 8000, random_state=0).X
    whole, order = clone(MODELS[name]).fit(X), np.random.RandomState(1).permutation(500)
    est = in_blocks(name, X, np.array_split(order, 5))
    sums = [each.predict_proba(X).sum(axis=1) for each in (est, whole)]
    # the held-out sample follows the order of the rows
    assert 0.85 < sums[0].sum() / sums[1].sum() < 1.15
    assert np.corrcoef(*sums)[0, 1] > 0.9


@settings(max_examples=25)
@given(
    name=st.sampled_from(list(MODELS)),
    seed=st.integers(0, 1000),
    ends=st.lists(st.integers(0, 25), max_size=6),
    n_before=st.integers(1, 12),
)
def test_any_blocks_and_widths_make_the_model_of_one_fit(name, seed, ends, n_before):
    rng = np.random.RandomState(seed)
    X = (rng.rand(25, 12) < rng.choice([0.1, 0.3, 0.6])).astype(np.float32)
    X[:2] = np.eye(12)[:2]
    X[0, 1] = 1
    blocks = [b for b in np.split(np.arange(25), sorted(ends)) if len(b)]
    X[np.ix_(blocks[0], np.arange(n_before, 12))] = 0  # so many items at first
    X[0, 0] = 1
    whole = clone(MODELS[name]).fit(X)
    est = clone(MODELS[name]).partial_fit(X[blocks[0], :n_before])
    for rows in blocks[1:]:
        est.partial_fit(sp.csc_array(X[rows]))
    if len(blocks) > 1:
        assert_same(name, est, whole, X)
        assert est.decision_function(users=[24]).shape == (1, 12)


@every
def test_merged_models_are_that_of_one_fit(name, X):
    parts = [clone(MODELS[name]).fit(X[rows]) for rows in np.array_split(np.arange(120), 3)]
    first = parts[0].merge(parts[1]).merge(parts[2])
    whole = clone(MODELS[name]).fit(X)
    assert_same(name, first, whole, X)
    np.testing.assert_array_equal(
        first.recommend(users=np.arange(120)), whole.recommend(users=np.arange(120))
    )


@every
def test_parameters_of_now_count(name, X):
    est = in_blocks(name, X, [slice(0, 50), slice(50, 80), slice(80, 90)])
    changed = {
        "knn": {"shrinkage": 3.0, "n_neighbors": 5},
        "rp3beta": {"alpha": 0.5, "beta": 0.1},
        "ease": {"l2": 7.0},
        "slim": {"l2": 3.0, "n_candidates": None},
        "graph": {"alpha": 0.2},
    }.get(name.partition("-")[0], {})
    est.set_params(**changed).partial_fit(X[90:110])
    assert_same(name, est, clone(est).fit(X[:110]), X)
    est.set_params(**MODELS[name].get_params()).partial_fit(X[110:])
    assert_same(name, est, clone(MODELS[name]).fit(X), X)


@pytest.mark.parametrize("name", ["knn", "knn-normalized", "rp3beta", "graph", "graph-walks"])
def test_sums_of_many_items_are_sparse(name, X, monkeypatch):
    monkeypatch.setattr("skrec.linear._item_weights._DENSE_ITEMS", 0)
    monkeypatch.setattr("skrec.linear._graph_filter._DENSE_ITEMS", 0)
    est = in_blocks(name, X[:, :30], [slice(0, 50), slice(50, 80), slice(80, 90)])
    assert sp.issparse(est._sums_)
    wide = sp.vstack([sp.hstack([X[:90, :30], sp.csr_matrix((90, 10))]), X[90:]])
    assert_same(name, est.partial_fit(X[90:]), clone(est).fit(wide), X)


def test_few_users_are_added_to_the_inverse_without_another(X, monkeypatch):
    est = EASERecommender(l2=10.0).fit(X[:100]).partial_fit(X[100:105])
    with monkeypatch.context() as patch:
        patch.setattr("skrec.linear._ease.regularized_inverse", None)  # a call would fail
        for rows in (X[105:110], X[110:111], X[111:]):
            est.partial_fit(rows)
    assert_same("ease-fixed", est, EASERecommender(l2=10.0).fit(X), X)


def test_the_automatic_penalty_follows_all_users(X):
    est = EASERecommender().fit(X[:60]).partial_fit(X[60:])
    assert est.l2_ == EASERecommender().fit(X).l2_ == pytest.approx(50 * (1500 / 40) ** 0.5)


@pytest.mark.parametrize(
    ("est", "words"),
    [
        (ItemKNNRecommender(weighting="bm25"), "only with weighting=None: .*got weighting='bm25'"),
        (ItemKNNRecommender(weighting="tf-idf"), "only with weighting=None"),
        (GraphFilterRecommender(), "only with filter='power': .*got filter='chebyshev'"),
        (GraphFilterRecommender(filter="ideal"), "only with filter='power'"),
    ],
)
def test_what_is_no_sum_over_users_has_no_partial_fit(est, words, X):
    for name in ("partial_fit", "merge"):
        assert not hasattr(est.fit(X), name)
        with pytest.raises(AttributeError, match=f"has {name} {words}"):
            getattr(est, name)
    assert not hasattr(UserKNNRecommender(), "partial_fit")


def test_the_methods_are_ordinary_to_those_who_look():
    assert list(inspect.signature(EASERecommender.partial_fit).parameters) == ["self", "X", "y"]
    assert EASERecommender().partial_fit.__doc__.startswith("Learn from more users")
    assert pickle.loads(pickle.dumps(EASERecommender().partial_fit)).__name__ == "partial_fit"


@every
def test_models_with_sums_are_pickled(name, X):
    est = in_blocks(name, X, [slice(0, 50), slice(50, 80)])
    again = pickle.loads(pickle.dumps(est)).partial_fit(X[80:])
    assert_same(name, again, est.partial_fit(X[80:]), X)


@pytest.mark.parametrize("name", ["popularity", "knn", "ease"])
def test_what_cannot_be_merged_is_named(name, X):
    est = clone(MODELS[name]).fit(X[:60])
    with pytest.raises(TypeError, match=r"other must be another .*; got RP3betaRecommender"):
        est.merge(RP3betaRecommender().fit(X[60:]))
    with pytest.raises(ValueError, match="other must have the 40 items of this model; got 39"):
        est.merge(clone(est).fit(X[60:, :39]))
    assert est.interactions_.shape == (60, 40)


def test_other_parameters_cannot_be_merged(X):
    est = EASERecommender(l2=2.0).fit(X[:60])
    with pytest.raises(ValueError, match=r"parameters of this model, l2=2.0; got l2=3.0"):
        est.merge(EASERecommender(l2=3.0).fit(X[60:]))
    assert est.merge(EASERecommender(l2=2.0, verbose=0).fit(X[60:])).interactions_.shape == (
        120,
        40,
    )


def test_a_penalty_that_leaves_no_weights_is_warned_of(X):
    with pytest.warns(SkrecWarning, match="all weights are 0"):
        est = EASERecommender(l2=1e300).fit(X[:60])
    with pytest.warns(SkrecWarning, match="all weights are 0"):
        est.partial_fit(X[60:])


def test_a_penalty_that_leaves_no_inverse_is_an_error_and_the_model_stays(X):
    est = EASERecommender(l2=1.0).fit(X[:60])
    column = X[60:, 0]
    twins = sp.csr_matrix(sp.hstack([X[60:], column, column]))  # no inverse without a penalty
    weights = est.item_weights_
    with pytest.raises(ValueError, match="l2 must be large enough"):
        est.set_params(l2=1e-15).partial_fit(twins)
    assert est.item_weights_ is weights
    assert est.n_features_in_ == 40


def test_names_of_columns_go_on(X):
    wide = pd.DataFrame(X.toarray(), columns=[f"i{j}" for j in range(40)])
    est = EASERecommender().partial_fit(wide.iloc[:50, :30]).partial_fit(wide.iloc[50:])
    assert est.feature_names_in_.tolist() == wide.columns.tolist()
    with pytest.raises(ValueError, match="names"):
        est.partial_fit(wide.rename(columns={"i1": "other"}))
    with pytest.raises(ValueError, match=r"names of the 40 columns .*got \['x'"):
        est.partial_fit(wide.rename(columns={"i0": "x"}).assign(more=1.0))
    with pytest.raises(ValueError, match=r"names of the 40 columns .*got none"):
        est.partial_fit(np.ones((2, 41)))
    with pytest.raises(ValueError, match="must have the items of this model, in their order"):
        est.merge(EASERecommender().fit(wide.iloc[:, ::-1]))


def test_weights_are_warned_of_in_each_block(X):
    est = EASERecommender().fit(X)
    with pytest.warns(SkrecWarning, match="takes every entry as a 1"):
        est.partial_fit(0.3 * X[:5])


# raw ids


def table(users, seed=0):
    rng = np.random.RandomState(seed)
    user = np.repeat(users, 5)
    return pd.DataFrame({"user": user, "item": rng.randint(0, 30, len(user))}).drop_duplicates()


OLD = table([f"u{n}" for n in range(40)])
NEW = table([f"v{n}" for n in range(20)], seed=1)


def test_users_of_an_encoder_that_has_grown_get_the_next_rows():
    encoder = InteractionEncoder().fit(OLD)
    est = EASERecommender().fit(encoder.transform(OLD))
    encoder.partial_fit(NEW)
    est.partial_fit(encoder.transform(NEW))
    both = pd.concat([OLD, NEW])
    whole = EASERecommender().fit(encoder.transform(both))
    assert est.interactions_.shape == whole.interactions_.shape
    assert_same("ease", est, whole, whole.interactions_)
    assert est.encoder_.encode_users("v3") == 43
    np.testing.assert_array_equal(est.recommend(users=[43]), whole.recommend(users=[43]))


def test_users_whom_the_model_has_are_refused():
    encoder = InteractionEncoder().fit(OLD)
    est = EASERecommender().fit(encoder.transform(OLD))
    again = encoder.transform(OLD.iloc[:7])
    with pytest.raises(ValueError, match=r"does not have; got 2 that it has, such as \['u0', 'u1"):
        est.partial_fit(again)
    with pytest.raises(ValueError, match="X must have raw ids, as the users of the model have"):
        est.partial_fit(again.tocsr())
    mixed = pd.concat([NEW, OLD.iloc[-3:]])
    other = (
        InteractionEncoder()
        .fit(pd.concat([OLD, mixed]))
        .restrict(np.arange(38, 60), np.arange(len(encoder.item_ids_)))
    )
    with pytest.raises(ValueError, match="users must be others than those of the model; got 2"):
        est.partial_fit(other.transform(mixed[mixed.user.isin(other.user_ids_)]))


def test_a_part_of_one_frame_fills_rows_that_were_empty():
    pairs = InteractionEncoder().fit_transform(OLD)
    first = np.isin(pairs.user, np.arange(0, 40, 2))
    est = ItemKNNRecommender().fit(pairs[first]).partial_fit(pairs[~first])
    whole = ItemKNNRecommender().fit(pairs)
    assert est.interactions_.shape == (40, whole.n_features_in_)
    assert_same("knn", est, whole, whole.interactions_)
    merged = ItemKNNRecommender().fit(pairs[first]).merge(ItemKNNRecommender().fit(pairs[~first]))
    assert_same("knn", merged, whole, whole.interactions_)


def test_models_of_other_users_ids_are_merged():
    items = OLD.item.unique()
    parts = [part[part.item.isin(items)] for part in (OLD, NEW)]
    second = pd.concat([pd.DataFrame({"user": "v0", "item": items}), parts[1]])
    first = EASERecommender().fit(InteractionEncoder().fit_transform(parts[0]))
    other = EASERecommender().fit(InteractionEncoder().fit_transform(second))
    n_users, before = len(first.encoder_.user_ids_), first.encoder_
    first.merge(other)
    assert first.encoder_.decode_users(n_users) == "v0"
    assert len(before.user_ids_) == n_users  # a copy has grown
    with pytest.raises(ValueError, match="users must be others"):
        first.merge(other)
    swapped = EASERecommender().fit(InteractionEncoder().fit_transform(second.iloc[::-1]))
    with pytest.raises(ValueError, match="other must have the item ids of the model"):
        first.merge(swapped)


def test_interactions_without_ids_are_rows_after_the_others(X):
    est = EASERecommender().fit(Interactions(X[:60])).partial_fit(Interactions(X[60:]))
    assert_same("ease", est, EASERecommender().fit(X), X)
    assert est.encoder_ is None
