"""A model that answers while it is fitted again."""

import threading

import numpy as np
import pytest
import scipy.sparse as sp

from skrec import EASERecommender, ItemKNNRecommender, PopularityRecommender
from skrec.datasets import make_interactions

MASKED = np.ma.masked_equal([1], 1)


class Waiting(EASERecommender):
    """Waits in the midst of its second fit until it is told to go on."""

    def _fit(self, X):
        super()._fit(X)
        if hasattr(self, "reached"):
            self.reached.set()
            assert self.go_on.wait(30)


@pytest.fixture
def sizes():
    small = make_interactions(40, 20, 300, random_state=0).X
    large = make_interactions(60, 35, 700, random_state=1).X
    return small, large


def test_the_old_model_answers_whole_until_the_new_one_is(sizes):
    small, large = sizes
    model = Waiting().fit(small)
    model.reached, model.go_on = threading.Event(), threading.Event()
    before = model.recommend(small), model.decision_function(small), model.score(small)
    fitting = threading.Thread(target=model.fit, args=(large,))
    fitting.start()
    assert model.reached.wait(30)
    during = model.recommend(small), model.decision_function(small), model.score(small)
    model.go_on.set()
    fitting.join(30)
    for one, other in zip(before, during, strict=True):
        np.testing.assert_array_equal(one, other)
    assert model.recommend(large).shape == (60, 10)


@pytest.mark.parametrize("cls", [EASERecommender, ItemKNNRecommender, PopularityRecommender])
def test_readers_see_the_old_model_or_the_new_one(cls, sizes):
    answers = [cls().fit(X).recommend(users=[0, 1]).tolist() for X in sizes]
    model, done, seen = cls().fit(sizes[0]), threading.Event(), []

    def read():
        while not done.is_set():
            seen.append(model.recommend(users=[0, 1]).tolist())

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(20):
        model.fit(sizes[(turn + 1) % 2])
    done.set()
    reader.join(30)
    assert seen
    assert all(each in answers for each in seen)


def test_lists_longer_than_the_catalogue_are_padded(sizes):
    model = EASERecommender().fit(sizes[0])
    plain, scores = model.recommend(users=[0, 1], n_items=20, return_scores=True)
    longer, more = model.recommend(users=[0, 1], n_items=500, return_scores=True)
    assert longer.shape == more.shape == (2, 500)
    np.testing.assert_array_equal(longer[:, :20], plain)
    np.testing.assert_array_equal(more[:, :20], scores)
    assert (longer[:, 20:] == -1).all()
    assert np.isnan(more[:, 20:]).all()


@pytest.mark.parametrize("name", ["exclude_seen", "return_scores", "return_std"])
@pytest.mark.parametrize("value", ["no", 1, None])
def test_what_is_no_flag_is_refused(name, value, sizes):
    model = PopularityRecommender().fit(sizes[0])
    with pytest.raises(ValueError, match=f"{name} must be True or False; got"):
        model.recommend(users=[0], **{name: value})


@pytest.mark.parametrize("name", ["users", "candidates", "exclude"])
@pytest.mark.parametrize("value", [[[1], [2, 3]], ["ann"], [1.5], [True], MASKED])
def test_what_are_no_integers_is_refused(name, value, sizes):
    model = PopularityRecommender().fit(sizes[0])
    with pytest.raises(ValueError, match=f"{name} must be .*integer.*; got"):
        model.recommend(**{"users": [0], name: value})


@pytest.mark.parametrize("where", ["fit", "recommend", "exclude", "score"])
def test_a_corrupt_matrix_is_refused_everywhere(where, sizes):
    X = sizes[0].tocsr().astype(np.float32)
    model = PopularityRecommender().fit(X)
    bad = sp.csr_matrix(X, copy=True)
    bad.indices[5] = 10**8
    calls = {
        "fit": lambda: model.fit(bad),
        "recommend": lambda: model.recommend(bad),
        "exclude": lambda: model.recommend(X, exclude=bad),
        "score": lambda: model.score(bad),
    }
    with pytest.raises(ValueError, match="must be a sound sparse matrix; got column indices up to"):
        calls[where]()


def test_repeats_of_narrow_types_are_counted_in_full():
    # the item that was clicked 256 times is known, and is not recommended
    clicks = sp.coo_matrix((np.ones(256, np.uint8), (np.zeros(256, int), np.zeros(256, int))))
    clicks.resize(1, 2)
    model = PopularityRecommender().fit(clicks)
    assert model.interactions_.nnz == 1
    assert model.recommend(users=[0], n_items=2).tolist() == [[1, -1]]
