"""Displays can be read: no text is cut off, and none lies on another or under a legend."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Annotation, Text
from sklearn.utils import Bunch

from skrec.inspection import (
    ActivityDisplay,
    CriticalDifferenceDisplay,
    PriorDisplay,
    QualityCostDisplay,
    ReliabilityDisplay,
    TrainingHistoryDisplay,
)

plt = pytest.importorskip("matplotlib.pyplot")

LONG = "MultVAERecommender with a long name"
NAMES = {
    3: [f"{LONG} {i}" for i in range(3)],
    8: list("abcdefgh"),
    20: [f"sys {i}" for i in range(20)],
}


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def boxes(figure):
    """Return the extents of all texts that are drawn, names of them included."""
    figure.draw_without_rendering()
    drawn = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]
    beyond = _beyond(figure)
    inside = [t for t in drawn if t not in beyond]
    # the line from an annotation to its point is not its text
    return [(t.get_text(), Text.get_window_extent(t)) for t in inside]


def _beyond(figure):
    """Return the labels of ticks beyond the limits, which are not drawn."""
    found = []
    for axis in [axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)]:
        low, high = sorted(axis.get_view_interval())
        for tick in (*axis.majorTicks, *axis.minorTicks):
            if not low <= tick.get_loc() <= high:
                found += [tick.label1, tick.label2]
    return found


def overlap(a, b):
    """Return by how many pixels two extents overlap, in the direction where it is less."""
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    return min(width, height)


def check(figure, apart=True):
    """Check that all texts are within the figure and that none lies on another."""
    found, frame = boxes(figure), figure.bbox
    outside = [
        name
        for name, box in found
        if min(box.x0, box.y0, frame.x1 - box.x1, frame.y1 - box.y1) < -1
    ]
    assert outside == []
    if apart:
        pairs = combinations(found, 2)
        assert [(a, b) for (a, x), (b, y) in pairs if overlap(x, y) > 2] == []


@pytest.mark.parametrize("n", NAMES)
def test_every_name_of_the_ranks_is_within_the_figure(n):
    rng = np.random.default_rng(0)
    table = {name: rng.normal(i / 10, 0.3, size=8) for i, name in enumerate(NAMES[n])}
    display = CriticalDifferenceDisplay.from_table(table)
    check(display.figure_)
    # no line that leads to a name runs through a text
    texts = [
        text.get_window_extent() for text in display.ax_.texts if not isinstance(text, Annotation)
    ]
    for line in display.ax_.get_lines():
        x, y = display.ax_.transData.transform(line.get_xydata()).T
        n_steps = 200
        places = np.linspace(0, len(x) - 1, n_steps)
        path = [np.interp(places, np.arange(len(x)), part) for part in (x, y)]
        assert not any(box.contains(*point) for box in texts for point in zip(*path))


def test_a_ruler_longer_than_the_axis_is_within_the_figure():
    display = CriticalDifferenceDisplay(
        average_ranks={"a": 1.2, "b": 1.8}, critical_difference=1.4
    ).plot()
    display.figure_.draw_without_rendering()
    end = display.ax_.transData.transform((2.4, 0))[0]
    assert end < display.figure_.bbox.x1


def by_activity(n, ax=None):
    rng = np.random.default_rng(0)
    values = {name: rng.random(200) + i / 4 for i, name in enumerate(NAMES[n])}
    return ActivityDisplay.from_scores(rng.integers(5, 300, size=200), values, ax=ax)


@pytest.mark.parametrize("n", NAMES)
def test_no_legend_over_stars(n):
    display = by_activity(n)
    check(display.figure_, apart=False)  # stars of thin bars touch
    legend = display.ax_.get_legend().get_window_extent()
    assert display.stars_
    assert max(overlap(star.get_window_extent(), legend) for star in display.stars_) < 0
    assert legend.x0 > display.ax_.get_window_extent().x1
    labels = [t.get_window_extent() for t in display.ax_.get_xticklabels()]
    assert max(overlap(a, b) for a, b in combinations(labels, 2)) < 0


@pytest.mark.parametrize("n", [3, 8])
def test_no_legend_over_stars_on_axes_that_were_given(n):
    display = by_activity(n, plt.subplots()[1])
    display.figure_.draw_without_rendering()
    legend = display.ax_.get_legend().get_window_extent()
    assert max(overlap(star.get_window_extent(), legend) for star in display.stars_) <= 0


@pytest.mark.parametrize("n", NAMES)
def test_no_legend_over_curves(n):
    rng, ax = np.random.default_rng(0), None
    prob = rng.random(300)
    for name in NAMES[n]:
        display = ReliabilityDisplay.from_predictions(
            rng.random(300) < prob, prob, n_bins=3, name=name, ax=ax
        )
        ax = display.ax_
    check(display.figure_)
    legend = ax.get_legend().get_window_extent()
    assert overlap(legend, ax.get_window_extent()) < 0
    assert ax.get_window_extent().width > 300


@pytest.mark.parametrize("n", [1, 2, 5])
def test_names_of_many_metrics_fit(n):
    validation = {f"valid_hit_rate@{10 * k}": np.arange(9) / (9 + k) for k in range(1, n + 1)}
    display = TrainingHistoryDisplay(
        train_loss=np.arange(9, 0, -1), validation=validation, best_epoch=9
    ).plot()
    check(display.figure_)
    legend = display.validation_ax_.get_legend().get_window_extent()
    assert overlap(legend, display.ax_.get_window_extent()) < 0


def test_names_of_components_are_beside_their_dots():
    rng = np.random.default_rng(0)
    prior, share = rng.normal(size=(8, 2)), np.r_[0.6, 0.2, np.full(6, 0.2 / 6)]
    table = pd.DataFrame({"share": share, "items": [[i, i + 1, i + 2] for i in range(8)]})
    result = Bunch(
        prior=prior, posterior=rng.normal(size=(200, 2)), table=table, explained=[0.5, 0.3]
    )
    names = [f"A film with a long title, part {i}" for i in range(10)]
    display = PriorDisplay(result, item_names=names).plot(n_labels=5)
    check(display.figure_)
    assert len(display.texts_) >= 2
    at = display.ax_.transData.transform(prior)
    radii = np.sqrt(display.prior_.get_sizes()) / 2 * display.figure_.dpi / 72
    for text in display.texts_:
        box = Text.get_window_extent(text)
        near = np.clip(at, [box.x0, box.y0], [box.x1, box.y1])
        assert (np.hypot(*(at - near).T) > radii - 2).all()


@pytest.mark.parametrize("n", [1, 8, 45])
def test_names_of_points_lie_on_no_other_and_on_no_point(n):
    rng = np.random.default_rng(n)
    cost = 10 ** rng.uniform(-2, 3, n)
    frame = pd.DataFrame(
        {"s": cost, "q": 0.3 + np.log10(cost) / 50 + rng.normal(0, 0.02, n), "e": 0.003},
        index=[f"{LONG[: 6 + i % 12]} {i}" for i in range(n)],
    )
    display = QualityCostDisplay.from_frame(frame, cost="s", quality="q", std_error="e")
    check(display.figure_)
    front = set(display.table.index[display.table["front"]])
    assert front <= set(display.texts_)
    assert len(display.texts_) >= 0.8 * n
    points = display.ax_.transData.transform(frame[["s", "q"]].to_numpy())
    for text in display.texts_.values():
        box = Text.get_window_extent(text)
        assert not any(box.contains(*point) for point in points)
