"""Trainings that are ended and go on, in the models of all kinds, by every way to end them."""

import os
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skrec import (
    BayesianMFRegressor,
    BiasedMFRegressor,
    BPRMFRanker,
    MFClassifier,
    MultDAERecommender,
    MultVAERecommender,
    NeuMFClassifier,
    SLIMRecommender,
    WMFRecommender,
)
from skrec.datasets import make_interactions
from skrec.exceptions import SkrecWarning
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import StrongGeneralization
from skrec.utils import Checkpoint, Checkpoints, fingerprint

X = make_interactions(60, 400, 900, random_state=0).X
RATED = make_interactions(60, 40, 900, ratings=True, random_state=0).X

SMALL = {"n_factors": 4, "max_epochs": 5, "random_state": 0}
MODELS = {
    "sweeps": (WMFRecommender(**SMALL), X),
    "columns": (SLIMRecommender(), make_interactions(60, 700, 3000, random_state=0).X),
    "chains": (
        BayesianMFRegressor(n_factors=3, burn_in=3, n_samples=4, n_chains=2, random_state=0),
        RATED,
    ),
    "descent": (MFClassifier(**SMALL), X),
    "descent, watched": (BPRMFRanker(**SMALL, early_stopping=True), X),
    "ratings": (BiasedMFRegressor(**SMALL, device="cpu"), RATED),
    "phases": (
        NeuMFClassifier(
            n_factors=4, max_epochs=3, pretrain="auto", pretrain_epochs=2, random_state=0
        ),
        X,
    ),
    "search for beta": (
        MultVAERecommender(beta="auto", hidden_sizes=(8,), latent_size=4, max_epochs=4,
                           random_state=0),
        X,
    ),
}  # fmt: skip


class Ended(BaseException):
    pass


@pytest.fixture
def ending(monkeypatch):
    """Return a function that ends the process, as it were, after some files were written."""
    replace = os.replace

    def end_after(n):
        written = []

        def counting(source, target):
            replace(source, target)
            written.append(target)
            if len(written) == n:
                raise Ended

        monkeypatch.setattr(os, "replace", counting)
        return written

    return end_after


@pytest.mark.parametrize("kind", MODELS)
def test_every_kind_of_training_goes_on(kind, ending, tmp_path):
    model, data = MODELS[kind]
    wanted = clone(model).fit(data).decision_function(data)
    ending(1)
    with pytest.raises(Ended):
        clone(model).set_params(checkpoint=tmp_path).fit(data)
    before = sorted(tmp_path.iterdir())
    assert len(before) == 1
    written = ending(None)
    again = clone(model).set_params(checkpoint=str(tmp_path)).fit(data)
    np.testing.assert_array_equal(again.decision_function(data), wanted)
    assert written, "it was over after one epoch"
    written.clear()
    once_more = clone(model).set_params(checkpoint=tmp_path).fit(data)
    np.testing.assert_array_equal(once_more.decision_function(data), wanted)
    assert not written, "a finished training was repeated"
    assert pickle.loads(pickle.dumps(again)).checkpoint == str(tmp_path)


def test_without_a_seed_the_drawn_one_is_kept(ending, tmp_path):
    model = MultDAERecommender(hidden_sizes=(8,), max_epochs=3, checkpoint=tmp_path)
    ending(2)
    with pytest.raises(Ended):
        clone(model).fit(X)
    ending(None)
    first, second = (clone(model).fit(X).decision_function(X[:5]) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    other = clone(model).set_params(checkpoint=None).fit(X).decision_function(X[:5])
    assert (first != other).any()


def test_fits_of_a_search_share_a_folder(tmp_path):
    def search(folder):
        model = WMFRecommender(n_factors=4, max_epochs=3, random_state=0, checkpoint=folder)
        cv = StrongGeneralization(test_users=20, random_state=0)
        return GridSearchCV(model, {"l2": [0.01, 0.1]}, cv=cv, scoring=make_ranking_scorer("ndcg"))

    plain, kept = search(None).fit(X), search(tmp_path).fit(X)
    assert len(list(tmp_path.iterdir())) == 3  # two points and the refit
    again = search(tmp_path).fit(X)
    for found in (kept, again):
        assert found.cv_results_["mean_test_score"].tolist() == (
            plain.cv_results_["mean_test_score"].tolist()
        )


@pytest.mark.parametrize(
    "change",
    [{"l2": 0.5}, {"max_epochs": 6}, {"random_state": 1}, {"data": True}],
    ids=lambda change: next(iter(change)),
)
def test_another_fit_has_another_file(change, tmp_path):
    model = WMFRecommender(**SMALL, checkpoint=tmp_path).fit(X)
    data = X
    if change.pop("data", False):
        data = X.copy()
        data.data[0] += 1
        model.set_params(weighting="confidence").fit(X)
    n = len(list(tmp_path.iterdir()))
    model.set_params(**change).fit(data)
    assert len(list(tmp_path.iterdir())) == n + 1


def test_what_does_not_matter_shares_the_file(tmp_path):
    model = SLIMRecommender(checkpoint=tmp_path).fit(X)
    model.set_params(verbose=1, n_jobs=2).fit(X)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_leaves_the_last_state(monkeypatch, tmp_path):
    checkpoint = Checkpoint(tmp_path / "state.npz")
    checkpoint.save({"epoch": 1}, must=True)

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.warns(SkrecWarning, match=r"could not be written, the one before it stays: .*left"):
        checkpoint.save({"epoch": 2}, must=True)
    assert checkpoint.load() == {"epoch": 1}
    assert [each.name for each in tmp_path.iterdir()] == ["state.npz"]
    with pytest.warns(SkrecWarning, match="could not be written"):
        WMFRecommender(**SMALL, checkpoint=tmp_path).fit(X)  # and the training goes on


@pytest.mark.parametrize(
    "content", [b"", b"nothing", pickle.dumps({"epoch": 1})], ids=["empty", "text", "pickle"]
)
def test_a_file_of_another_kind_is_an_error(content, tmp_path):
    model = WMFRecommender(**SMALL, checkpoint=tmp_path).fit(X)
    (file,) = tmp_path.iterdir()
    file.write_bytes(content)
    with pytest.raises(ValueError, match=rf"checkpoint must be a folder .*{file.name} is another"):
        model.fit(X)


def test_a_file_cut_short_is_an_error(tmp_path):
    path = tmp_path / "state.npz"
    Checkpoint(path).save({"weights": np.arange(9.0)}, must=True)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="delete it to begin anew"):
            Checkpoint(path).load()


def test_the_parameter_must_be_a_path():
    with pytest.raises(ValueError, match="'checkpoint' parameter of WMFRecommender must be"):
        WMFRecommender(checkpoint=3).fit(X)


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    for path in (file, file / "below"):
        with pytest.raises(ValueError, match="checkpoint must be a folder that is there or can be"):
            WMFRecommender(checkpoint=path).fit(X)


plain = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
    | npst.arrays(st.sampled_from([np.float32, np.int64, np.bool_]), npst.array_shapes(max_side=3))
)  # fmt: skip
states = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(states)
def test_states_come_back(tmp_path_factory, state):
    checkpoint = Checkpoint(tmp_path_factory.mktemp("states") / "state.npz")
    checkpoint.save(state, must=True)
    _assert_same(checkpoint.load(), state)


def test_matrices_come_back(tmp_path):
    checkpoint = Checkpoint(tmp_path / "state.npz")
    checkpoint.save([X, np.float32(0.1)], must=True)
    matrix, number = checkpoint.load()
    assert isinstance(matrix, sp.csr_matrix)
    assert (matrix != X).nnz == 0
    assert number == np.float32(0.1)
    assert type(number) is np.float32


def _assert_same(found, wanted):
    assert type(found) is type(wanted)
    if isinstance(wanted, dict):
        assert list(found) == list(wanted)
        found, wanted = list(found.values()), list(wanted.values())
    if isinstance(wanted, list | tuple):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted):
            _assert_same(one, other)
    elif isinstance(wanted, np.ndarray):
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)
    else:
        assert found == wanted


def test_fingerprints_are_those_of_what_counts():
    model = WMFRecommender(l2=0.1)
    same = fingerprint(model, X), fingerprint(clone(model), X.copy())
    assert same[0] == same[1]
    assert fingerprint(model.set_params(l2=0.2), X) != same[0]
    assert fingerprint(model.set_params(l2=0.1).fit(X), X) == same[0]  # what was learnt is not
    folder = Checkpoints(None, "")
    assert folder.next().path is None
