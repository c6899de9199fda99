"""Ratings are split once, errors are over all of them, rankings are those of the scorers."""

import numpy as np
import pandas as pd
import pytest

from skrec.metrics import make_ranking_scorer, make_rating_scorer
from skrec.reproduce import RatingMetrics, load_data, make_protocol, make_system
from skrec.reproduce._rating_metrics import pooled

RANKED = [f"{name}@{k}" for name in ("recall", "ndcg") for k in (20, 50)]
METRICS = ["rmse", "mae", *RANKED, *(f"own_{name}" for name in RANKED)]


@pytest.fixture
def fitted():
    task = make_protocol("ratings").test(load_data("synthetic"))
    est = make_system("BiasedMFRegressor", {"max_epochs": 2}, 0, "cpu", **task.fit_parameters)
    return task, est.fit(task.train)


def test_ratings_are_split_once_into_three_parts():
    dataset = load_data("synthetic")
    protocol = make_protocol("ratings")
    tuning, test = protocol.tuning(dataset), protocol.test(dataset)
    parts = test.train, tuning.evaluate, test.evaluate
    assert [len(part) for part in parts] == [4200, 900, 900]
    assert len({(u, i) for part in parts for u, i in zip(part.user, part.item)}) == 6000
    assert test.fit_parameters["validation_data"].item.tolist() == tuning.evaluate.item.tolist()
    other = make_protocol("ratings", split_seed=1).test(dataset)
    assert other.evaluate.item.tolist() != test.evaluate.item.tolist()
    few = make_protocol("ratings", train_share=0.01).test(dataset)
    assert (len(few.train), len(few.evaluate)) == (60, 2970)


def test_errors_are_over_all_ratings(fitted):
    task, est = fitted
    summary = task.summary(task.score(est))
    assert list(summary.index) == METRICS
    for metric in ("rmse", "mae"):
        value = make_rating_scorer(f"neg_{metric}")(est, task.evaluate)
        assert summary.loc[metric, "mean"] == pytest.approx(-value)
    assert summary.loc["rmse", "n_users"] == len(np.unique(task.evaluate.user))


def test_rankings_are_those_of_the_scorers(fitted):
    task, est = fitted
    values = task.score(est)
    rule = {"relevance_threshold": 3.5, "min_held_out": 2}
    for candidates, prefix in (("all", ""), ("own", "own_")):
        scorer = make_ranking_scorer("ndcg", k=20, candidates=candidates, **rule)
        assert values[f"{prefix}ndcg@20"].mean() == pytest.approx(scorer(est, task.evaluate))
    some = RatingMetrics(max_users=20).per_user(est, task.evaluate)
    assert 5 < some["ndcg@20"].count() <= 20
    kept = some["ndcg@20"].dropna()
    assert kept.to_dict() == values["ndcg@20"][kept.index].to_dict()
    pd.testing.assert_series_equal(some["own_ndcg@20"], values["own_ndcg@20"])


def test_standard_errors_are_those_of_the_bootstrap_over_users():
    rng = np.random.default_rng(0)
    n = rng.integers(1, 40, 400)
    bias = rng.normal(0, 0.7, 400)  # the errors of a user are alike
    errors = [rng.normal(b, 1, size) for b, size in zip(bias, n)]
    values = pd.DataFrame({
        "squared_error": [np.sum(e**2) for e in errors],
        "absolute_error": [np.sum(np.abs(e)) for e in errors],
        "n_ratings": n,
    })  # fmt: skip
    rmse, error, n_users = pooled(values, "rmse")
    assert rmse == pytest.approx(np.sqrt(np.mean(np.concatenate(errors) ** 2)))
    assert n_users == 400
    draws = values.to_numpy()[rng.integers(400, size=(2000, 400))].sum(axis=1)
    assert error == pytest.approx(np.std(np.sqrt(draws[:, 0] / draws[:, 2])), rel=0.1)
    mae, error, _ = pooled(values, "mae")
    assert mae == pytest.approx(np.mean(np.abs(np.concatenate(errors))))
    assert error == pytest.approx(np.std(draws[:, 1] / draws[:, 2]), rel=0.1)
