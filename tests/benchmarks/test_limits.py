"""Formulas for costs: what they are fitted to is what they say."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.scale import limits
from benchmarks.scale.formulas import Size, fit_formula, term_value

SIZES = [Size(u, i, e, k) for u in (10, 80) for i in (20, 90) for e in (300, 2_000) for k in (4, 9)]


def test_a_term_is_a_product_of_powers():
    size = Size(10, 20, 300, 4, length=7)
    assert term_value("1", size) == 1
    assert term_value("entries factors^2", size) == 300 * 16
    assert term_value("users items length", size) == 10 * 20 * 7
    with pytest.raises(ValueError, match="a term is a product such as"):
        term_value("people", size)


def test_the_length_of_rows_is_that_of_lognormal_ones_up_to_all_items():
    assert Size(100, 1_000, 2_000).values()["length"] == pytest.approx(np.e * 20)
    assert Size(100, 30, 2_000).values()["length"] == 30


def test_a_formula_finds_the_factors_that_made_the_measurements():
    made = [3e-9 * s.entries * s.factors**2 + 2e-7 * s.users for s in SIZES]
    found = fit_formula(["entries factors^2", "users", "items"], SIZES, made)
    assert found.weights["entries factors^2"] == pytest.approx(3e-9, rel=1e-6)
    assert found.weights["users"] == pytest.approx(2e-7, rel=1e-6)
    assert found.weights.get("items", 0.0) == pytest.approx(0.0, abs=1e-12)
    assert found.worst_error < 1e-6
    far = Size(1e8, 1e7, 1e9, 64)
    assert found(far) == pytest.approx(3e-9 * 1e9 * 64**2 + 20, rel=1e-6)


def test_no_factor_is_below_zero():
    falling = [1.0 / s.users for s in SIZES]
    assert all(w > 0 for w in fit_formula(["users", "1"], SIZES, falling).weights.values())


def measured():
    """Return measurements of EASE whose costs are known."""
    rows = []
    for size in SIZES:
        known = {**size.values(), "seconds": 1e-9 * size.items**3, "bytes": 16.0 * size.items**2}
        rows.append({"model": "EASE", **known})
    return pd.DataFrame(rows)


def test_the_plan_and_what_fits():
    row = limits.plan(measured(), Size(1e6, 1e5, 1e7), memory=512.0).iloc[0]
    assert row["GB"] == pytest.approx(160.0)
    assert row["in 512 GB"] == "yes"
    assert row["core hours"] == pytest.approx(1e6 / 3600, abs=0.01)
    assert limits.plan(measured(), Size(1e6, 1e5, 1e7), memory=100.0).iloc[0]["in 100 GB"] == "no"
    for memory, answer in ((160.05, "no"), (160.1, "yes")):  # the matrix has 0.088 GB
        row = limits.plan(measured(), Size(1e6, 1e5, 1e7), memory=memory).iloc[0]
        assert row[f"in {memory:g} GB"] == answer
    items = limits.largest(measured(), 24.0).iloc[0]["items"]
    assert 16 * items**2 + 1_680 * items == pytest.approx(24e9, rel=0.2)


def test_predictions_stand_beside_runs_that_counted_the_processor(tmp_path):
    rows = measured().assign(model="Popularity", seconds=lambda t: 2e-8 * t["entries"], bytes=1.0)
    runs = {"model": "PopularityRecommender", "users": 1e4, "items": 1e3, "interactions": 1e6}
    path = tmp_path / "large.csv"
    pd.DataFrame([{**runs, "cpu": 0.01}, {**runs, "cpu": None}]).to_csv(path)
    (compared,) = limits.check(rows, path).to_dict("records")
    assert compared["predicted"] == pytest.approx(0.02)
    assert compared["ratio"] == pytest.approx(2.0)


@pytest.mark.slow
def test_a_family_is_measured_on_tiny_data(tmp_path, capsys):
    output = tmp_path / "limits.csv"
    limits.main(["--models", "Popularity", "--smoke", "--output", str(output)])
    table = pd.read_csv(output)
    assert len(table) == 7
    assert (table["seconds"] > 0).all()
    assert "Popularity" in capsys.readouterr().out
    limits.main(["--models", "Popularity", "--smoke", "--output", str(output)])  # is there
    assert len(pd.read_csv(output)) == 7
