"""The example with Optuna, on made-up data."""

import runpy
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "examples" / "optuna_pruning.py"


def test_without_optuna_it_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(PATH))
    assert not stop.value.code
    assert 'pip install "sklearn-recommenders[optuna]"' in capsys.readouterr().out


@pytest.mark.slow
def test_bad_trials_are_pruned_and_the_best_is_that_of_a_refit(monkeypatch, capsys):
    optuna = pytest.importorskip("optuna", reason="the example searches with Optuna")
    monkeypatch.setenv("SKREC_DATA", "")
    names = runpy.run_path(str(PATH))
    plain, pruned = (names["studies"][name] for name in ("all epochs", "with pruning"))
    states = [trial.state for trial in pruned.trials]
    assert states.count(optuna.trial.TrialState.PRUNED) > 2
    assert states.count(optuna.trial.TrialState.FAIL) == 0
    epochs = [sum(len(t.intermediate_values) for t in study.trials) for study in (plain, pruned)]
    assert epochs[0] == len(plain.trials) * names["EPOCHS"]
    assert epochs[1] < 0.9 * epochs[0]
    for trial in pruned.trials:  # a pruned trial was pruned in its last epoch, and never before 4
        assert 4 <= len(trial.intermediate_values) <= names["EPOCHS"]
    again = names["again"]
    assert again.score(names["history"], names["targets"]) == pruned.best_value
    assert max(again.net_.history[:, "valid_ndcg@10"]) == pytest.approx(pruned.best_value)
    assert pruned.best_value > 0.9 * plain.best_value
    assert "of 24 trials pruned" in capsys.readouterr().out
