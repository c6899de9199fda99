"""Work in threads: order, other backends, and progress bars."""

import joblib
import pytest

from skrec import kernels


@pytest.mark.parametrize("calls", [[], [(2, 3)], [(2, 3), (3, 2), (5, 1)]])
@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("shared", [False, True])
def test_a_bar_changes_no_results(calls, n_jobs, shared, capsys):
    expected = [pow(*call) for call in calls]
    assert kernels.in_threads(pow, calls, n_jobs, shared) == expected
    assert capsys.readouterr() == ("", "")
    assert kernels.in_threads(pow, calls, n_jobs, shared, description="powers") == expected
    out, err = capsys.readouterr()
    assert (out, f"{len(calls)}/{len(calls)}" in err or not calls) == ("", True)
    assert "powers" in err


@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])  # the second returns all at once
def test_other_backends_show_a_bar(backend, capsys):
    with joblib.parallel_config(backend=backend, n_jobs=2):
        assert kernels.in_threads(pow, [(2, 3), (3, 2)], None, description="powers") == [8, 9]
    assert "powers: 100%" in capsys.readouterr().err


def test_an_error_ends_the_bar(capsys):
    with pytest.raises(TypeError, match="unsupported operand"):
        kernels.in_threads(pow, [(2, 3), (2, "3"), (1, 1)], 2, description="powers")
    assert "powers" in capsys.readouterr().err
