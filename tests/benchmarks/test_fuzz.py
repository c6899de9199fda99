"""The fuzzer judges rightly, and a few hundred of its cases find nothing wrong."""

import os
import signal

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fuzz import kinds
from benchmarks.fuzz.__main__ import main
from benchmarks.fuzz.case import Odd, make_case
from benchmarks.fuzz.checks import check_lists, nothing
from benchmarks.fuzz.judge import draw, judge
from benchmarks.fuzz.matrices import corrupt, matrices
from benchmarks.fuzz.workers import Worker, run_cases
from skrec.utils import check_structure

N_CASES = 200
SEED = 16


def outcome(function, verdict="any", check=nothing, name="X"):
    case = make_case("a", "b", function, {}, {name: Odd("odd", 3, verdict)}, check)
    return judge(case).outcome


def raising(error):
    def function(X):
        raise error

    return function


@pytest.mark.parametrize(
    ("function", "verdict", "right"),
    [
        (lambda X: X, "any", "accepted"),
        (lambda X: X, "refuse", "silent"),
        (lambda X: np.ones(2).reshape(X), "any", "obscure"),  # by NumPy, not by a raise of ours
        (raising(ValueError("X must be 2")), "any", "obscure"),  # raised here, not in skrec
        (lambda X: check_structure(next(m for _, m in corrupt(np.eye(3)))), "any", "clear"),
        (lambda X: check_structure(next(m for _, m in corrupt(np.eye(3)))), "take", "obscure"),
    ],
)
def test_outcomes(function, verdict, right):
    assert outcome(function, verdict) == right


def test_a_wrong_answer_is_silent():
    assert outcome(lambda X: X, check=lambda answer, odd: "wrong") == "silent"


def test_an_error_must_name_a_parameter():
    broken = next(m for _, m in corrupt(np.eye(3)))
    assert outcome(lambda value: check_structure(broken, name="z"), name="value") == "obscure"


@pytest.mark.parametrize(
    ("lists", "fault"),
    [
        ([[0, 1]], None),
        ([[0, -1]], None),
        ([[1, 1]], "twice"),
        ([[2, 0]], "seen"),
        ([[9, 0]], "range"),
    ],
)
def test_faults_of_lists(lists, fault):
    found = check_lists(np.array(lists), 3, np.array([[False, False, True]]))
    assert fault is None if found is None else fault in found


@given(st.integers(0, 10**9))
@settings(max_examples=15, deadline=None)
def test_a_number_is_always_the_same_case(number):
    first, again = draw(0, number), draw(0, number)
    assert (first.kind, first.target) == (again.kind, again.target)
    assert [*first.odd] == [*again.odd]


def test_formats_are_the_same_matrix():
    X = np.diag([1.0, 2.0, 3.0])
    formats = [odd for odd in matrices(X) if odd.verdict == "format"]
    assert len(formats) > 30
    for odd in formats:
        dense = odd.value.toarray() if sp.issparse(odd.value) else np.asarray(odd.value)
        np.testing.assert_array_equal(dense, X, err_msg=odd.label)


def test_a_process_that_dies_is_a_result():
    worker = Worker(SEED, 30.0)
    worker._start()
    os.kill(worker.process.pid, signal.SIGSTOP)  # so that it takes no case before it dies
    os.kill(worker.process.pid, signal.SIGKILL)
    result = worker.run(0)
    worker.stop()
    assert (result.outcome, result.note) == ("crashed", "SIGKILL")


def test_nothing_crashes_is_silent_or_obscure():
    results = list(run_cases(SEED, range(N_CASES), jobs=1, seconds=30))
    assert len(results) == N_CASES
    wrong = [r for r in results if r.outcome not in ("accepted", "clear")]
    assert not wrong, f"python -m benchmarks.fuzz --seed {SEED} --case {wrong[0].number}: {wrong}"


def test_one_case_runs_here(capsys):
    number = next(n for n in range(99) if draw(0, n).kind == "preprocessing")
    try:
        main(["--case", str(number)])
    except Exception:
        pass
    assert draw(0, number).target in capsys.readouterr().out


def test_kinds_are_shown(capsys):
    kinds.main(["--only", "leading zeros", "--markdown"])
    printed = capsys.readouterr().out
    assert "| 1 leading zeros | `ids 007, 7, 07` | accepted: " in printed
