"""What is ours in comparisons with peers: the same models, and nothing else is timed."""

from argparse import Namespace

import numpy as np
import pytest

from benchmarks.peers import als, bayesian, environments, linear, slim
from benchmarks.speed.matrices import load_movielens, load_movielens_rating_parts
from skrec import (
    EASERecommender,
    ItemKNNRecommender,
    RP3betaRecommender,
    SLIMRecommender,
    WMFRecommender,
)
from skrec.datasets import make_interactions

_ALONE = [EASERecommender, ItemKNNRecommender, RP3betaRecommender, SLIMRecommender]


def test_the_objective_is_that_of_slim():
    X = make_interactions(60, 40, 600, random_state=0).X
    weights = SLIMRecommender(l1=0.5, l2=5.0, tol=1e-8).fit(X).item_weights_
    dense, W = X.toarray().astype(float), weights.toarray().astype(float)
    expected = ((dense - dense @ W) ** 2).sum() / 2 + 0.5 * W.sum() + 2.5 * (W**2).sum()
    assert slim.objective(X, weights, l1=0.5, l2=5.0) == pytest.approx(expected)
    assert slim.objective(X, 0.99 * weights, l1=0.5, l2=5.0) > expected  # it is the least


@pytest.mark.parametrize("solver", ["cholesky", "ials++"])
def test_sweeps_are_those_of_the_estimator(solver):
    X = make_interactions(60, 40, 600, random_state=0).X
    parameters = {"weighting": "confidence", "l2": 1.0, "n_factors": 4, "random_state": 0}
    estimator = WMFRecommender(**parameters, solver=solver, block_size=2, device="cpu")
    first = estimator.set_params(max_epochs=0).fit(X).item_factors_
    sweeps = als.Sweeps(estimator, X, first, None if solver == "cholesky" else 2)
    sweeps.sweep()
    sweeps.sweep()
    expected = estimator.set_params(max_epochs=2).fit(X).item_factors_
    np.testing.assert_allclose(sweeps.items, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("cls", _ALONE)
def test_scores_alone_are_the_same_and_nothing_is_calibrated(cls):
    X = make_interactions(60, 40, 600, random_state=0).X
    alone, whole = linear.scores_alone(cls()).fit(X), cls().fit(X)
    np.testing.assert_array_equal(alone.decision_function(X), whole.decision_function(X))
    assert bool(vars(whole.link_)) is (cls is not SLIMRecommender)  # which waits to be asked
    assert not vars(alone.link_)  # nothing is calibrated


def test_every_sweep_is_a_draw_and_errors_are_of_their_mean():
    X = make_interactions(60, 40, 600, random_state=0).X
    X.data = X.indices % 5 + 1.0
    sweeps = bayesian.Sweeps(X, n_factors=3, n_sweeps=6, n_jobs=1)
    sweeps()
    assert sweeps.estimator.n_draws_ == sweeps.estimator.noise_trace_.size == 6
    off = sweeps.estimator.predict(users=np.arange(60))[X.nonzero()] - X.data
    assert sweeps.error(X) == pytest.approx(np.sqrt(np.mean(off**2)), rel=1e-5)


def test_a_peer_that_fails_has_no_error_of_ratings(tmp_path, monkeypatch):
    def environment(name):
        raise OSError("no such package")

    monkeypatch.setattr(environments, "environment", environment)
    sizes = {"smoke": True, "data_home": None, "folder": tmp_path, "sweeps": 2}
    rows = bayesian.bayesian_mf(Namespace(threads=1, rounds=1, peers=["myfm"], **sizes))
    assert [row["what"] for row in rows] == ["gibbs_sweep_100k", "gibbs_sweep_1m"]
    assert {row["note"] for row in rows} == {"myfm failed: OSError: no such package"}


def test_ratings_are_parted_as_interactions_are():
    options = Namespace(smoke=True, data_home=None)
    sides = load_movielens("1m", options), load_movielens_rating_parts("1m", options)
    for ones, ratings in zip(*sides):
        assert (ones != (ratings > 0)).nnz == 0
        assert ratings.data.max() > ones.data.max() == 1
