"""The command about intervals of ratings, on tiny data only."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from benchmarks.claims import intervals
from benchmarks.quality.page import make_page
from skrec import BayesianMFRegressor, Interactions
from skrec.datasets import make_interactions


def test_a_row_for_each_system(tmp_path, capsys):
    path = tmp_path / "intervals.csv"
    systems = ["BayesianMFRegressor", "BayesianMF-none"]
    options = ["--data", "synthetic", "--smoke", "--output", str(path), "--systems", *systems]
    intervals.main(options)
    table = pd.read_csv(path)
    assert list(table["system"]) == systems
    shares = table[[f"in {level:g}" for level in intervals.LEVELS]].to_numpy()
    assert (np.diff(shares, axis=1) >= 0).all()
    assert ((shares > 0.3) & (shares <= 1)).all()
    alike = table[[f"like {system}" for system in systems]].to_numpy()
    np.testing.assert_allclose(np.diag(alike), 1)
    assert alike[0, 1] == pytest.approx(alike[1, 0])
    assert table["R-hat"].between(0.9, 3).all()
    assert table["R-hat < 1.05"].between(0, 1).all()
    text = make_page(tmp_path / "none.csv", data_home=tmp_path)
    assert all(f"| {system} |" in text for system in systems)
    printed = capsys.readouterr().out
    intervals.main(options)  # what is there is not run again
    assert len(pd.read_csv(path)) == 2
    assert capsys.readouterr().out in printed


def test_numbers_are_those_of_the_models_own_intervals():
    data = make_interactions(40, 30, 500, ratings=True, random_state=0).interactions
    shape = {"n_factors": 2, "burn_in": 5, "n_samples": 5, "n_chains": 2}
    model = BayesianMFRegressor(**shape, random_state=0).fit(data[:400])
    pairs: Interactions = data[400:]
    row, deviations = intervals.about(model, pairs)
    lower, upper = model.predict_interval(pairs, 0.8)
    assert row["in 0.8"] == np.mean((lower <= pairs.value) & (pairs.value <= upper))
    predicted = model.predict(pairs)
    assert row["rmse"] == pytest.approx(np.sqrt(np.mean((predicted - pairs.value) ** 2)))
    users = np.unique(pairs.user)
    std = model.decision_function(pairs, return_std=True)[1]
    expected = [std[pairs.user == user].mean() for user in users]
    np.testing.assert_allclose(deviations, expected, rtol=1e-5)
    counts = np.bincount(data[:400].user, minlength=40)[users]
    r_hat = model.r_hat(pairs)
    assert row["R-hat"] == np.quantile(r_hat, 0.99)
    assert row["R-hat < 1.05"] == np.sum(r_hat < 1.05) / len(r_hat)
    assert row["and count"] == pytest.approx(spearmanr(expected, counts).statistic)
