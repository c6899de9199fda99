"""Fits to a matrix on disk copy no entry, and are those to the matrix in memory."""

import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse as sp

import skrec
from skrec import Interactions, load_model, save_model
from skrec.datasets import make_interactions
from skrec.exceptions import SkrecWarning
from skrec.interactions import open_csr, write_csr, write_csr_from_frames

_EPOCHS = {"max_epochs": 2, "random_state": 0}
MODELS = {
    "PopularityRecommender": {},
    "ItemKNNRecommender": {"n_neighbors": 10},
    "EASERecommender": {},
    "WMFRecommender": {**_EPOCHS, "n_factors": 4},
    "BPRMFRanker": {**_EPOCHS, "n_factors": 4},
    "MultVAERecommender": {
        **_EPOCHS, "n_sampled_items": 20, "hidden_sizes": (), "latent_size": 4, "device": "cpu",
    },
}  # fmt: skip
PARTS = ("data", "indices", "indptr")


@pytest.fixture(scope="module")
def X():
    made = sp.csr_matrix(make_interactions(120, 50, 1200, random_state=0).X, dtype=np.float32)
    return made


@pytest.fixture(scope="module")
def stored(X, tmp_path_factory):
    path = tmp_path_factory.mktemp("stored") / "x"
    write_csr(path, [X[:50], X[50:]], binary=True, transposed=True)
    return path


def make(name, **changes):
    return getattr(skrec, name)(**{**MODELS[name], **changes})


def assert_shared(model, mapped):
    for part in PARTS:
        pair = getattr(model.interactions_, part), getattr(mapped, part)
        assert np.shares_memory(*pair), part


@pytest.mark.parametrize("name", MODELS)
def test_fit_copies_nothing_and_gives_the_same_model(name, X, stored, tmp_path):
    mapped = open_csr(stored)
    model, other = make(name).fit(mapped), make(name).fit(X)
    assert_shared(model, mapped)
    assert isinstance(model.interactions_, sp.csr_matrix)
    rows = X[:9]
    for method in ("decision_function", "predict_proba", "recommend"):
        for asked in ({"X": rows}, {"users": [0, 5]}):
            answers = (getattr(each, method)(**asked) for each in (model, other))
            np.testing.assert_array_equal(*answers, err_msg=method)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.recommend(users=[3]), other.recommend(users=[3]))
    for training_data in (True, False):
        save_model(model, tmp_path / "m", training_data=training_data)
        np.testing.assert_array_equal(load_model(tmp_path / "m").recommend(rows),
                                      other.recommend(rows))  # fmt: skip


@pytest.mark.parametrize("name", ["ItemKNNRecommender", "WMFRecommender"])
def test_items_are_read_from_the_transpose_on_disk(name, stored, monkeypatch):
    usual = sp.csc_matrix.tocsr

    def watched(self, copy=False):
        assert self.shape != mapped.shape[::-1], "the transpose was made in memory"
        return usual(self, copy)

    mapped = open_csr(stored)
    monkeypatch.setattr(sp.csc_matrix, "tocsr", watched)
    make(name, **({"n_neighbors": 50} if "KNN" in name else {})).fit(mapped)


def test_a_model_of_strengths_reads_them_without_a_copy(X, tmp_path):
    weighed = X.copy()
    weighed.data[:] = np.random.RandomState(0).randint(1, 5, X.nnz)
    write_csr(tmp_path / "x", [weighed], transposed=True)
    mapped = open_csr(tmp_path / "x")
    model, other = (
        make("WMFRecommender", weighting="confidence").fit(M) for M in (mapped, weighed)
    )
    assert_shared(model, mapped)
    np.testing.assert_array_equal(model.item_factors_, other.item_factors_)
    # others read ones, which are in memory; the indices are not
    model, other = (make("WMFRecommender").fit(M) for M in (mapped, weighed))
    np.testing.assert_array_equal(model.item_factors_, other.item_factors_)
    assert np.shares_memory(model.interactions_.indices, mapped.indices)
    assert set(model.interactions_.data) == {1}


def test_ratings_are_read_without_a_copy(X, tmp_path):
    rated = X.copy()
    rated.data[:] = np.random.RandomState(0).randint(0, 5, X.nnz)
    write_csr(tmp_path / "x", [rated])
    mapped = open_csr(tmp_path / "x")
    model, other = (
        skrec.BiasedMFRegressor(n_factors=2, max_epochs=2, random_state=0).fit(M)
        for M in (mapped, rated)
    )
    assert_shared(model, mapped)
    np.testing.assert_array_equal(model.predict(rated), other.predict(rated))


def test_what_is_not_canonical_is_copied(X, tmp_path):
    cases = {}
    for name in ("zeros", "unsorted", "negative"):
        made = X.copy()
        if name == "zeros":
            made.data[3] = 0
        elif name == "unsorted":
            made.indices[:2] = made.indices[1::-1]
            made.has_sorted_indices = made.has_canonical_format = False
        else:
            made.data[3] = -1
        cases[name] = made
    for name, made in cases.items():
        locked = sp.csr_matrix(made.shape, dtype=made.dtype)
        for part in PARTS:
            np.save(tmp_path / f"{name}-{part}.npy", getattr(made, part))
            setattr(locked, part, np.load(tmp_path / f"{name}-{part}.npy", mmap_mode="r"))
        model = make("PopularityRecommender")
        if name == "negative":
            with pytest.raises(ValueError, match="Negative values in data"):
                model.fit(locked)
            continue
        model.fit(locked)
        assert not np.shares_memory(model.interactions_.indices, locked.indices)
        assert model.interactions_.has_canonical_format
        assert model.interactions_.nnz == X.nnz - (name == "zeros")


def test_corrupt_files_are_an_error(X, tmp_path):
    write_csr(tmp_path / "x", [X])
    (file,) = (tmp_path / "x").glob("*-indices.npy")
    array = np.load(file)
    array[-1] = 10**6
    np.save(file, array)
    with pytest.raises(ValueError, match="X must be a sound sparse matrix; got column indices"):
        make("PopularityRecommender").fit(open_csr(tmp_path / "x"))


def test_weights_still_warn(X, tmp_path):
    write_csr(tmp_path / "x", [X * np.float32(0.3)])
    with pytest.warns(SkrecWarning, match="X holds weights"):
        make("PopularityRecommender").fit(open_csr(tmp_path / "x"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make("PopularityRecommender").fit(X)


def test_raw_ids_come_along(tmp_path):
    df = {"user": ["b", "a", "b"], "item": [3, 3, 9]}
    write_csr_from_frames(tmp_path / "x", [df])
    model = make("PopularityRecommender").fit(open_csr(tmp_path / "x"))
    assert model.encoder_.encode_users(["b", "a"]).tolist() == [0, 1]
    swapped = Interactions.from_frame({"user": ["b", "a"], "item": [9, 3]})[0]
    with pytest.raises(ValueError, match="the item ids that fit saw"):
        model.decision_function(swapped)


def test_ease_refuses_before_anything_is_copied(stored, monkeypatch):
    monkeypatch.setattr("skrec.utils._memory.memory_limit", lambda: 2**10)
    monkeypatch.setattr("skrec.utils._memory._ALWAYS_FINE", 0)
    with pytest.raises(MemoryError, match=r"needs at least 30 kB .* use SLIMRecommender"):
        make("EASERecommender").fit(open_csr(stored))


@pytest.mark.parametrize("name", MODELS)
def test_wide_indices_give_the_same_model(name, X, tmp_path, monkeypatch):
    monkeypatch.setattr("skrec.interactions._store._MOST_INT32", 1000)
    write_csr(tmp_path / "x", [X], binary=True, transposed=True)
    mapped = open_csr(tmp_path / "x")
    assert mapped.indices.dtype == mapped.T.indices.dtype == np.int64
    model, other = make(name).fit(mapped), make(name).fit(X)
    assert_shared(model, mapped)
    np.testing.assert_array_equal(*(m.decision_function(X[:9]) for m in (model, other)))
    np.testing.assert_array_equal(*(m.recommend(users=[1, 7]) for m in (model, other)))
