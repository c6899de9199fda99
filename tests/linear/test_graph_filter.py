"""Graph filters against dense eigendecompositions."""

import numpy as np
import pytest
import scipy.sparse as sp

from skrec import GraphFilterRecommender
from skrec.datasets import make_interactions
from skrec.exceptions import SkrecWarning
from skrec.linear import _graph_filter as module
from skrec.linear._graph_signals import projections_without, right_vectors
from skrec.testing._checks_proba import check_calibration
from skrec.utils import hide_entries

N_ITEMS = 13
FORMS = [
    {"filter": "ideal"},
    {"filter": "chebyshev", "order": 4, "flatness": 1.7},
    {"filter": "power"},
    {"filter": "power", "power": 0.7, "coefficients": (2.0, -1.0)},
]


@pytest.fixture
def X():
    rng = np.random.RandomState(4)
    return (rng.uniform(size=(30, N_ITEMS)) < np.linspace(0.1, 0.8, N_ITEMS)).astype(float)


@pytest.fixture(params=["weights", "operators"])
def stored(request, monkeypatch):
    """Whether weights between all items are kept, or histories are multiplied by the graph."""
    if request.param == "operators":
        monkeypatch.setattr(module, "_DENSE_ITEMS", 0)
    return request.param


def graph_of(X, alpha=0.5):
    """Return the normalised matrix and the eigenvalues and vectors of P, largest first."""
    with np.errstate(divide="ignore", invalid="ignore"):
        R = np.nan_to_num(X / X.sum(axis=1, keepdims=True) ** alpha)
        R = np.nan_to_num(R / X.sum(axis=0) ** (1 - alpha), posinf=0)
    values, vectors = np.linalg.eigh(R.T @ R)
    return R, values[::-1], vectors[:, ::-1]


def plateau(values, flatness):
    """Return the target of the Chebyshev filter at eigenvalues of P."""
    x = 2 * values - 1
    return 0.5 + 0.5 * np.sign(x) * abs(x) ** flatness


def interpolated(values, order, flatness):
    """Return the polynomial through the plateau's values at the Chebyshev nodes, by Lagrange."""
    nodes = np.cos((2 * np.arange(order + 1) + 1) / (2 * order + 2) * np.pi)
    x, total = 1 - 2 * values, 0
    for j, node in enumerate(nodes):
        others = np.delete(nodes, j)
        basis = np.prod([(x - other) / (node - other) for other in others], axis=0)
        total = total + plateau((1 - node) / 2, flatness) * basis
    return total


def scores_of(
    X, new, filter, alpha=0.5, order=8, flatness=3.0, n_factors=256, ideal_weight=0.3,
    degree_power=0.2, power=1.0, coefficients=(1.0,),
):  # fmt: skip
    """Return scores by eigendecomposition: f(P) = V f(lambda) V'."""
    R, values, V = graph_of(X, alpha)
    if filter == "power":
        P = (R.T @ R) ** power
        values, V = np.linalg.eigh(P)
        smooth = sum(a * values ** (k + 1) for k, a in enumerate(coefficients))
        return new @ (V * smooth) @ V.T
    pre = np.diag(X.sum(axis=0) ** -degree_power)
    post = np.diag(X.sum(axis=0) ** degree_power)
    low = ideal_weight * V[:, :n_factors] @ V[:, :n_factors].T
    if filter == "ideal":
        return new @ ((V * values) @ V.T + pre @ low @ post)
    largest = 1 if alpha == 0.5 else values[0]
    smooth = interpolated(values / largest, order, flatness)
    return new @ pre @ ((V * smooth) @ V.T + low) @ post


def assert_near(found, expected, tolerance=1e-6):
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * abs(expected).max())


def new_rows():
    new = (np.random.RandomState(0).uniform(size=(6, N_ITEMS)) < 0.3).astype(float)
    new[:, 2] = 1
    return new


@pytest.mark.parametrize(
    "parameters",
    [
        *FORMS,
        {"filter": "ideal", "alpha": 0.3, "n_factors": 3, "ideal_weight": 1.5},
        {"filter": "ideal", "n_factors": 0},
        {"filter": "ideal", "n_factors": 5, "degree_power": 0.2},
        {"filter": "chebyshev", "order": 1, "flatness": 1.0, "n_factors": 0},
        {"filter": "chebyshev", "n_factors": 3, "degree_power": 0.4},
        {"filter": "chebyshev", "n_factors": 3, "ideal_weight": 0.0, "degree_power": 0.0},
        {"filter": "chebyshev", "alpha": 0.7, "n_factors": 2},
        {"filter": "power", "alpha": 0.6, "power": 1.4},
        {"filter": "power", "coefficients": [0.71, 0.1, -0.01]},
    ],
    ids=str,
)
def test_scores_are_those_of_the_eigendecomposition(parameters, stored, X):
    est = GraphFilterRecommender(**parameters).fit(X)
    new = new_rows()
    expected = scores_of(X, new, **parameters)
    assert_near(est.decision_function(new), expected)
    columns = [9, 1, 4]  # fewer than a quarter of the items are scored apart
    found = est._sums(sp.csr_matrix(new, dtype=np.float32), np.array(columns))
    assert_near(found, expected[:, columns])
    assert_near(est.item_weights_ @ np.eye(N_ITEMS), scores_of(X, np.eye(N_ITEMS), **parameters))


def test_a_linear_chebyshev_filter_is_the_graph_itself(X):
    parameters = {"flatness": 1.0, "n_factors": 0, "degree_power": 0.0}
    est = GraphFilterRecommender(**parameters).fit(X)
    linear = GraphFilterRecommender(filter="ideal", n_factors=0).fit(X)
    assert_near(est.item_weights_, linear.item_weights_)


@pytest.mark.parametrize("flatness", [1.0, 1.5, 3.0, 10.0])
def test_more_terms_come_nearer_to_the_plateau(flatness, X):
    _, values, V = graph_of(X)
    wanted = (V * plateau(values, flatness)) @ V.T
    errors = [
        abs(
            GraphFilterRecommender(
                order=order, flatness=flatness, n_factors=0, degree_power=0.0
            ).fit(X).item_weights_
            - wanted
        ).max()
        for order in (2, 8, 32)
    ]  # fmt: skip
    assert errors[2] <= errors[1] + 1e-6 <= errors[0] + 2e-6
    assert errors[2] < 0.02


@pytest.mark.parametrize("k", [1, 3, 100])
@pytest.mark.parametrize("coefficients", [(1.0,), (2.0, -1.0)])
def test_the_power_filter_keeps_the_largest_entries(k, coefficients, X):
    est = GraphFilterRecommender(
        filter="power", n_neighbors=k, power=0.7, alpha=0.6, coefficients=coefficients
    ).fit(X)
    R, *_ = graph_of(X, 0.6)
    P = (R.T @ R) ** 0.7
    for row in P:
        row[np.argsort(-row, kind="stable")[k:]] = 0
    expected = sum(a * np.linalg.matrix_power(P, n + 1) for n, a in enumerate(coefficients))
    assert_near(est.decision_function(np.eye(N_ITEMS)), expected)


@pytest.mark.parametrize("parameters", FORMS, ids=str)
def test_items_and_users_without_interactions_change_nothing(parameters, stored, X):
    whole = np.zeros((50, 40))
    rows, columns = np.arange(10, 40), np.arange(2, 28, 2)
    whole[np.ix_(rows, columns)] = X
    small, large = (GraphFilterRecommender(n_factors=4, **parameters).fit(D) for D in (X, whole))
    scores = large.decision_function(whole[rows])
    assert_near(scores[:, columns], small.decision_function(X))
    assert not np.delete(scores, columns, axis=1).any()
    assert large.item_weights_.shape == (40, 40)
    assert np.isfinite(large.predict_proba(whole)).all()
    row, column = (each.ravel() for each in np.indices(X.shape))
    histories = [sp.csr_matrix(D, dtype=np.float32) for D in (X, whole[rows])]
    pairs = small._held_out_pairs(histories[0], row[::13], row, column)
    assert_near(large._held_out_pairs(histories[1], rows, row, columns[column]), pairs, 1e-5)


# singular vectors


@pytest.mark.parametrize("k", [1, 5, 100])
def test_singular_vectors_are_those_of_the_whole_decomposition(k):
    X = make_interactions(280, 270, 6000, n_clusters=5, random_state=0).X
    R = sp.csr_matrix(X, dtype=np.float64) * 0.1
    vectors, values = right_vectors(R, k)
    _, exact, rows = np.linalg.svd(R.toarray())
    np.testing.assert_allclose(values, exact[:k], rtol=1e-4)
    first = rows[:1].T @ rows[:1]
    np.testing.assert_allclose(vectors[:, :1] @ vectors[:, :1].T, first, atol=1e-4)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(k), atol=1e-4)
    largest = abs(vectors).argmax(axis=0)
    assert (vectors[largest, np.arange(k)] > 0).all()
    again, _ = right_vectors(R, k)
    np.testing.assert_array_equal(vectors, again)


def test_there_are_no_more_vectors_than_the_rank():
    R = sp.csr_matrix(np.outer(np.arange(1, 6), [1.0, 2.0, 0.0]))
    vectors, values = right_vectors(R, 3)
    assert vectors.shape == (3, 1)
    np.testing.assert_allclose(vectors[:, 0], np.array([1, 2, 0]) / 5**0.5, atol=1e-7)
    assert len(values) == 1


@pytest.mark.parametrize("k", [2, 5])
def test_projections_without_a_user_are_those_on_the_columns_of_the_formula(k, X):
    R, *_ = graph_of(X)
    _, values, rows = np.linalg.svd(R, full_matrices=False)
    V, S = rows[:k].T, values[:k]
    history = new_rows()
    found = projections_without(sp.csr_matrix(history), sp.csr_matrix(R[:6]), V, S)
    closer = []
    for place in range(6):
        r = R[place]
        left = r @ V / S
        left *= min(1, (0.9 / (left @ left)) ** 0.5)
        basis, _ = np.linalg.qr(V * S - np.outer(r, left))
        np.testing.assert_allclose(found[place], history[place] @ basis @ basis.T, atol=1e-8)
        rest = np.linalg.svd(np.delete(R, place, axis=0))[2][:k].T
        exact = rest @ rest.T
        errors = [abs(exact - each @ each.T).max() for each in (basis, V)]
        closer.append(errors[0] < errors[1])
    assert np.mean(closer) > 0.5


# what probabilities are fitted on


@pytest.mark.parametrize(
    "parameters",
    [
        {"filter": "ideal", "n_factors": 0},
        {"filter": "chebyshev", "order": 3, "n_factors": 0, "degree_power": 0.4},
        {"filter": "power", "power": 0.7, "alpha": 0.6},
    ],
    ids=str,
)
def test_held_out_pairs_are_those_of_a_graph_without_the_user(parameters, stored, X):
    est = GraphFilterRecommender(**parameters).fit(X)
    rows = np.array([3, 3, 8, 20])
    history, _ = hide_entries(
        sp.csr_matrix(X[rows], dtype=np.float32), 0.3, np.random.RandomState(0)
    )
    row, column = (each.ravel() for each in np.indices((len(rows), N_ITEMS)))
    found = est._held_out_pairs(sp.csr_matrix(history), rows, row, column).reshape(-1, N_ITEMS)
    for place, user in enumerate(rows):
        others = np.delete(X, user, axis=0)
        expected = scores_of(others, history.toarray()[[place]], **parameters)[0]
        assert_near(found[place], expected, 2e-6)


@pytest.mark.parametrize("parameters", FORMS, ids=str)
def test_probabilities_are_calibrated(parameters, stored):
    est = GraphFilterRecommender(n_factors=4, **parameters)
    check_calibration("GraphFilterRecommender", est)


@pytest.mark.parametrize("parameters", FORMS, ids=str)
def test_lists_find_the_own_cluster(parameters, stored):
    data = make_interactions(400, 60, 6000, n_clusters=3, affinity=0.9, random_state=0)
    est = GraphFilterRecommender(n_factors=3, **parameters).fit(data.X)
    lists = est.recommend(data.X, n_items=3)
    same = data.item_clusters[lists] == data.user_clusters[:, None]
    assert same.mean() > 0.8


# errors


@pytest.mark.parametrize(
    "parameters",
    [
        {"filter": "low"}, {"alpha": 1.5}, {"order": 0}, {"flatness": 0.0}, {"n_factors": -1},
        {"ideal_weight": -1.0}, {"ideal_weight": 1e300}, {"degree_power": -0.5},
        {"power": 0.0}, {"coefficients": 1.0}, {"n_neighbors": 0},
    ],
    ids=str,
)  # fmt: skip
def test_bad_parameters_are_named(parameters, X):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"'{name}' parameter of GraphFilterRecommender"):
        GraphFilterRecommender(**parameters).fit(X)


@pytest.mark.parametrize("coefficients", [(), (1.0, np.nan), ("1",), (1.0, None)])
def test_coefficients_are_numbers(coefficients, X):
    with pytest.raises(ValueError, match="coefficients must be finite numbers, one or more; got"):
        GraphFilterRecommender(filter="power", coefficients=coefficients).fit(X)


def test_factors_that_float32_cannot_hold_are_named(X):
    with pytest.raises(ValueError, match="degree_power must be small enough"):
        GraphFilterRecommender(degree_power=1000.0).fit(X)
    with pytest.raises(ValueError, match="weights of filter='power' must be finite"):
        GraphFilterRecommender(filter="power", coefficients=(1e300,)).fit(X)


@pytest.mark.parametrize("n_neighbors", [None, 5])
def test_a_power_that_leaves_nothing_is_warned_of(n_neighbors, X):
    with pytest.warns(SkrecWarning, match="all weights are 0.*power=10000 is too large"):
        GraphFilterRecommender(filter="power", power=1e4, n_neighbors=n_neighbors).fit(X)


def test_too_many_pairs_of_items_are_refused_with_their_bytes(monkeypatch):
    X = sp.csr_matrix(np.ones((1, 20_000), dtype=np.float32))
    monkeypatch.setattr("skrec.utils._memory.memory_limit", lambda: 2**30)
    with pytest.raises(MemoryError, match=r"4\.8 GB of memory.*set n_neighbors, or use filter="):
        GraphFilterRecommender(filter="power").fit(X)


def test_too_many_vectors_are_refused_with_their_bytes(monkeypatch):
    monkeypatch.setattr("skrec.utils._memory.memory_limit", lambda: 2**20)
    monkeypatch.setattr("skrec.utils._memory._ALWAYS_FINE", 2**10)
    X = make_interactions(2000, 500, 9000, random_state=0).X
    with pytest.raises(MemoryError, match=r"n_factors=400 on .*choose a smaller n_factors"):
        GraphFilterRecommender(n_factors=400).fit(X)
