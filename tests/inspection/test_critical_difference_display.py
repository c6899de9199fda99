"""The diagram of average ranks."""

import numpy as np
import pytest

from skrec.inspection import CriticalDifferenceDisplay
from skrec.model_selection import compare, compare_over_datasets

plt = pytest.importorskip("matplotlib.pyplot")

ERRORS = {"a": [0.1, 0.2, 0.1, 0.3], "b": [0.3, 0.3, 0.3, 0.4], "c": [0.5, 0.6, 0.5, 0.5]}


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def test_numbers_are_those_of_the_comparison():
    found = compare_over_datasets(ERRORS, alpha=0.1, greater_is_better=False)
    display = CriticalDifferenceDisplay.from_table(ERRORS, alpha=0.1, greater_is_better=False)
    assert display.average_ranks.to_dict() == {"a": 1, "b": 2, "c": 3}
    assert display.groups == found.groups == [("a", "b"), ("b", "c")]
    x = display.ruler_.get_xdata()
    assert x[1] - x[0] == pytest.approx(found.critical_difference)


def test_bars_cover_their_groups_one_below_the_other():
    display = CriticalDifferenceDisplay.from_table(ERRORS, greater_is_better=False)
    spans = [(bar.get_xdata()[0], bar.get_xdata()[1]) for bar in display.bars_]
    np.testing.assert_allclose(spans, [(1, 2), (2, 3)], atol=0.05)
    heights = [bar.get_ydata()[0] for bar in display.bars_]
    assert heights[0] < heights[1] < display.texts_["a"].xy[1]


def test_every_system_is_named_best_on_the_left():
    table = np.random.default_rng(0).random((6, 5))
    display = CriticalDifferenceDisplay.from_table(table)
    assert len(display.texts_) == 5
    for name, rank in display.average_ranks.items():
        assert display.texts_[name].get_text() == f"{name} {rank:.2f}"
    sides = [text.xy[0] for text in display.texts_.values()]
    assert sides == [1, 1, 1, 5, 5]
    places = {text.xy for text in display.texts_.values()}
    assert len(places) == 5
    display.figure_.canvas.draw()


def test_axes_and_options_are_passed_on():
    _, ax = plt.subplots()
    display = CriticalDifferenceDisplay.from_table(ERRORS, ax=ax, color="C3")
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert {bar.get_color() for bar in display.bars_} == {"C3"}
    assert display.plot().ax_ is not ax


def test_a_comparison_by_user_is_drawn_too():
    users = np.random.default_rng(0).random((4, 20, 3))
    sets = {i: dict(zip("abc", part.T)) for i, part in enumerate(users)}
    found = compare(sets, n_resamples=10)
    display = CriticalDifferenceDisplay.from_comparison(found)
    assert display.average_ranks is found.average_ranks
    assert len(display.bars_) == len(found.groups)
    with pytest.raises(ValueError, match="got one on a single data set"):
        CriticalDifferenceDisplay.from_comparison(compare(sets[0], n_resamples=10))


def test_by_hand():
    display = CriticalDifferenceDisplay(average_ranks={"b": 2, "a": 1}, critical_difference=0.5)
    assert list(display.plot().texts_) == ["a", "b"]
    assert display.bars_ == []


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"CriticalDifferenceDisplay\.plot needs matplotlib"):
        CriticalDifferenceDisplay.from_table(ERRORS)
