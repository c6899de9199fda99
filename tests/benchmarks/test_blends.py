"""The command about blends of recommenders, on tiny data only."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import wilcoxon

from benchmarks.claims import blends
from benchmarks.quality.page import make_page
from skrec import EASERecommender

SINGLE = ["EASERecommender", "RP3betaRecommender"]


def test_a_row_for_each_system_and_each_blend(tmp_path, capsys):
    path = tmp_path / "blends.csv"
    options = ["--data", "synthetic", "--smoke", "--test-users", "40", "--output", str(path)]
    blends.main([*options, "--systems", *SINGLE])
    table = pd.read_csv(path).set_index("system")
    assert list(table.index) == [*SINGLE, "equal blend", "fused ranks", "blend"]
    assert (table["beside"] == table.loc[SINGLE, "validation"].idxmax()).all()
    # single systems and equal weights are among the points that validation chose from
    assert table.loc["blend", "validation"] >= table["validation"].drop("fused ranks").max() - 1e-12
    weights = [float(share) for share in table.loc["blend", "weights"].split()]
    assert sum(weights) == pytest.approx(1, abs=0.002)
    text = make_page(tmp_path / "none.csv", data_home=tmp_path)
    assert text.count("| equal blend |") == 1
    printed = capsys.readouterr().out
    blends.main([*options, "--systems", *SINGLE])  # what is there is not run again
    assert len(pd.read_csv(path)) == 5
    assert capsys.readouterr().out in printed


def test_weights_are_chosen_without_what_the_test_trains_on(tmp_path, monkeypatch):
    """Under "ncf" the test trains on the validation items too: each part has fits of its own."""
    fits = []
    monkeypatch.setattr(blends, "make_system", lambda *_, **__: Counted(fits))
    path = tmp_path / "blends.csv"
    options = ["--data", "synthetic", "--smoke", "--protocol", "ncf", "--output", str(path)]
    blends.main([*options, "--systems", *SINGLE])
    assert len(fits) == 4
    assert fits[0] == fits[1] < fits[2] == fits[3]
    table = pd.read_csv(path)
    assert set(table["protocol"]) == {"ncf"}
    assert table["test"].between(0, 1).all()
    assert table["sampled_hit_rate@10"].between(table["test"], 1).all()  # a gain is 1 at most


class Counted(EASERecommender):
    """EASE that notes how many interactions it is fitted on."""

    def __init__(self, fits):
        super().__init__()
        self.fits = fits

    def fit(self, X, y=None):
        self.fits.append(X.nnz if hasattr(X, "nnz") else len(X))
        return super().fit(X)


def test_differences_are_paired():
    rng = np.random.default_rng(0)
    values = pd.DataFrame({"a": rng.random(50), "b": rng.random(50)})
    first, second = blends.judge(values, "a")
    off = values["b"] - values["a"]
    assert first == {"system": "a", "test": pytest.approx(values["a"].mean()), "beside": "a"}
    assert second["difference"] == pytest.approx(off.mean())
    assert second["std_error"] == pytest.approx(off.std() / 50**0.5)
    assert second["p_value"] == pytest.approx(wilcoxon(off).pvalue)
