"""The quick check of one row, against the check of any matrix; and a row alone, beside others."""

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from skrec import EASERecommender, ItemKNNRecommender, SLIMRecommender
from skrec.base import _validation
from skrec.base._one_row import canonical_row
from skrec.utils import take_rows

N_ITEMS = 8
QUICK = settings(deadline=None, max_examples=150)
DATA = [0.0, -0.0, 1.0, 2.5, -1.0, 1e-45, 1e-300, 3e38, 1e39, np.inf, np.nan]


class Model:
    """What the checks read of an estimator."""

    n_features_in_ = N_ITEMS

    def __init__(self, feedback, weighs):
        self._weighs_strengths = weighs
        self._tags = SimpleNamespace(feedback=feedback, requires_fit=True)

    def __sklearn_tags__(self):
        return self._tags


@st.composite
def rows(draw):
    n = draw(st.integers(0, 5))
    columns = draw(st.lists(st.integers(-1, N_ITEMS), min_size=n, max_size=n))
    if draw(st.booleans()):
        columns = sorted({column for column in columns if 0 <= column < N_ITEMS})
    values = st.just(1.0) if draw(st.booleans()) else st.sampled_from(DATA)
    data = draw(st.lists(values, min_size=len(columns), max_size=len(columns)))
    row = draw(st.sampled_from([sp.csr_matrix, sp.csr_array]))((1, N_ITEMS))
    with np.errstate(over="ignore", under="ignore"):
        row.data = np.array(data).astype(draw(st.sampled_from([np.float32, np.float64])))
    row.indices = np.array(columns, dtype=draw(st.sampled_from([np.int32, np.int64])))
    stop = len(columns) + draw(st.sampled_from([0, 0, 0, -1, 1]))
    row.indptr = np.array([0, stop], dtype=row.indices.dtype)
    return row


@QUICK
@given(rows(), st.sampled_from(["implicit", "explicit"]), st.booleans())
def test_a_row_that_is_taken_is_what_all_checks_return(X, feedback, weighs):
    model = Model(feedback, weighs)
    row = canonical_row(model, X, feedback == "explicit")
    if row is None:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_validation, "canonical_row", lambda *args: None)
        patch.setattr(_validation, "validate_data", lambda estimator, X, **kwargs: X)
        expected = _validation.check_matrix(model, X, reset=False)
    assert (row != expected).nnz == 0
    for name in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(row, name), getattr(expected, name))
        assert getattr(row, name).dtype == getattr(expected, name).dtype
        assert not np.shares_memory(getattr(row, name), getattr(X, name))
    assert row.shape == expected.shape
    assert type(row) is type(expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csr_array])
def test_sound_rows_are_taken(kind, dtype):
    X = kind(np.array([[0, 1, 2.5, 0, 0, 3, 0, 0]], dtype=dtype))
    assert canonical_row(Model("implicit", False), X, False).data.tolist() == [1, 1, 1]
    for model, explicit in ((Model("implicit", True), False), (Model("explicit", False), True)):
        assert canonical_row(model, X, explicit).data.tolist() == [1, 2.5, 3]


@pytest.mark.parametrize(
    "X",
    [
        sp.csr_matrix((1, N_ITEMS)),
        sp.csr_matrix(np.eye(2, N_ITEMS)),
        sp.csr_matrix(np.ones((1, N_ITEMS - 1))),
        sp.csr_matrix(np.ones((1, N_ITEMS), dtype=int)),
        sp.csc_matrix(np.ones((1, N_ITEMS))),
        np.ones((1, N_ITEMS)),
    ],
)
def test_others_are_left_to_all_checks(X):
    assert canonical_row(Model("implicit", False), X, False) is None


def test_names_of_columns_are_left_to_all_checks():
    model = Model("implicit", False)
    model.feature_names_in_ = np.array(list("abcdefgh"))
    assert canonical_row(model, sp.csr_matrix(np.ones((1, N_ITEMS))), False) is None


def test_rows_that_are_taken_are_copies():
    X = sp.csr_matrix(np.tri(4, dtype=np.float32))
    for rows in ([2], [3, 0]):
        taken = take_rows(X, np.array(rows))
        np.testing.assert_array_equal(taken.toarray(), X[rows].toarray())
        taken.data[:] = 9
    assert X.data.max() == 1


@pytest.mark.parametrize(
    "model", [EASERecommender(l2=1.0), ItemKNNRecommender(), SLIMRecommender(l1=0.1, l2=0.1)]
)
def test_item_weights_answer_a_row_alone_to_the_last_bit(model):
    X = sp.random(40, 30, 0.3, "csr", np.float32, np.random.RandomState(0))
    X.data[:] = 1
    model.fit(X)
    together = model.decision_function(X)
    lists = model.recommend(X, n_items=5)
    for i in range(X.shape[0]):
        np.testing.assert_array_equal(model.decision_function(X[i])[0], together[i])
        np.testing.assert_array_equal(model.decision_function(users=[i])[0], together[i])
        np.testing.assert_array_equal(model.recommend(X[i], n_items=5)[0], lists[i])
