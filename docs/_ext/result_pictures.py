"""Pictures of results: each drawn once a width, in the colours of light pages and of dark ones."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from result_numbers import PRIMARY, RESULTS, growth, runs_of

from skrec.inspection import ActivityDisplay, QualityCostDisplay
from skrec.reproduce import smaller_is_better

__all__ = ["PICTURES", "save"]

# inches of the two drawings: beside a sidebar, and on a telephone
WIDTHS = {"wide": 8.2, "narrow": 3.9}
# a colour on white, and the one on black that takes its place
COLOURS = {
    "#22283a": "#d5dbe3",  # ink
    "#1f6fb2": "#6cb4ee",
    "#c2571a": "#f2a266",
    "#2e7d4f": "#7fd0a0",
    "#8a4fa3": "#cf9fe4",
    "#9c7a10": "#e3c565",
    "#808080": "#9a9a9a",
    "#5c6b7a": "#a9b7c6",
    "#b23a55": "#f28ba2",
    "#1d7f86": "#7fd3d9",
}
INK, *_CYCLE = COLOURS
STYLE: dict[str, Any] = {
    "axes.prop_cycle": mpl.cycler(color=[c for c in _CYCLE if c != "#808080"]),
    **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
    "axes.edgecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 9,
    "legend.frameon": False,
    "svg.hashsalt": "skrec",
}
Picture = Callable[..., str]
PICTURES: dict[str, Picture] = {}


def picture(function: Picture) -> Picture:
    """Register a drawing, which returns in words what it shows."""
    PICTURES[function.__name__.replace("_", "-")] = function
    return function


def save(folder: Path, stem: str, kind: str, options: dict[str, str]) -> tuple[list[str], str]:
    """Draw a picture into SVG files; return their names and what the picture shows, in words."""
    names, words = [], ""
    for place, width in WIDTHS.items():
        with mpl.rc_context(STYLE):
            figure = Figure(figsize=(width, 0.62 * WIDTHS["wide"]), layout="constrained")
            if place == "narrow":
                figure.set_figheight(4.4)
            words = PICTURES[kind](figure.subplots(), narrow=place == "narrow", **options)
            path = folder / f"{stem}-{place}-light.svg"
            figure.savefig(path, transparent=True, metadata={"Date": None, "Creator": None})
        dark = path.with_name(f"{stem}-{place}-dark.svg")
        dark.write_text(_darkened(path.read_text("utf-8")), "utf-8")
        names += [path.name, dark.name]
    return names, words


def _darkened(text: str) -> str:
    """Return a drawing in the colours of dark pages."""
    return re.sub("|".join(COLOURS), lambda found: COLOURS[found[0]], text)


@picture
def bars(ax: Axes, *, narrow: bool, protocol: str, data: str) -> str:
    """Draw what each model reaches, and marks for what was published."""
    table = runs_of(protocol, data)
    table = table[table["model"]]
    places = np.arange(len(table))[::-1]
    height = 1.0 + 0.19 * len(table)
    ax.figure.set_size_inches(ax.figure.get_figwidth(), height)
    errors = {"xerr": table["quality_se"].fillna(0), "ecolor": INK}
    if smaller_is_better(PRIMARY[protocol]):  # errors are far from 0: bars would all look alike
        ax.errorbar(table["quality"], places, fmt="o", label="here", **errors)
    else:
        ax.barh(places, table["quality"], height=0.7, alpha=0.6, label="here", **errors)
    marks = [(x, y) for y, found in zip(places, table["published"]) for x in found]
    if marks:
        style: dict[str, Any] = {"marker": "D", "s": 28, "facecolors": "none", "zorder": 4}
        ax.scatter(*zip(*marks), edgecolors=_CYCLE[1], linewidths=1.6, label="published", **style)
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, borderaxespad=0)
    ax.set_yticks(places, [_short(name) for name in table.index], fontsize=8)
    ax.set(ylim=(-0.7, len(table) - 0.3), xlabel=f"{PRIMARY[protocol]}, {data}")
    said = " Diamonds are what papers print of them." if marks else ""
    return f"{PRIMARY[protocol]} of {len(table)} models on {data}. The best: {_best(table)}.{said}"


@picture
def quality_cost(ax: Axes, *, narrow: bool, protocol: str, data: str) -> str:
    """Draw what each model reaches against the seconds of its fit."""
    table, metric = runs_of(protocol, data), PRIMARY[protocol]
    table = table[table["model"]].rename(index=_short)
    smaller = smaller_is_better(metric)
    names: dict[str, Any] = {"cost": "seconds", "quality": "quality", "std_error": "quality_se"}
    frame = table[[*names.values()]]
    display = QualityCostDisplay.from_frame(frame, **names, greater_is_better=not smaller, ax=ax)
    ax.set(xlabel="seconds of a fit", ylabel=f"{metric}, {data}")
    front = display.table[display.table["front"]].sort_values("cost")
    path = ", ".join(f"{name} ({row.cost:.3g} s)" for name, row in front.iterrows())
    return f"{metric} of {len(table)} models on {data} against seconds. On the front: {path}."


@picture
def growth_curves(ax: Axes, *, narrow: bool, file: str) -> str:
    """Draw seconds by the number of interactions."""
    table = growth(file)
    marks = "os^Dv<>pXP"
    for place, (name, part) in enumerate(table.groupby("model")):
        look = {"marker": marks[place % 10], "linestyle": "-" if place < 10 else "--"}
        ax.plot(part["interactions"], part["seconds"], **look, label=_short(str(name)))
    ax.set(xscale="log", yscale="log", xlabel="interactions", ylabel="seconds")
    if narrow:
        ax.figure.set_figheight(6)
        ax.legend(loc="lower center", bbox_to_anchor=(0.45, 1.01), ncols=2, fontsize=7)
    else:
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0)
    low, high = table["interactions"].min(), table["interactions"].max()
    return (
        f"Seconds of {table['model'].nunique()} models or steps from {low:,.0f} to {high:,.0f} "
        "interactions; both axes are logarithmic."
    )


@picture
def activity(ax: Axes, *, narrow: bool) -> str:
    """Draw a metric by the activity of users."""
    table = pd.read_csv(RESULTS / "activity.csv")
    data = table.pop("data").iloc[0]
    table["system"] = table["system"].map(_short)
    display = ActivityDisplay(table.set_index(["quintile", "system"]), metric="ndcg@100")
    display.plot(ax, ecolor=INK)
    if narrow:
        ax.figure.set_figwidth(WIDTHS["narrow"])
        display.ax_.legend(loc="lower center", bbox_to_anchor=(0.5, 1.01), borderaxespad=0)
    first, second = table[table["quintile"] == 1].to_dict("records")
    better = first["system"] if first["mean"] > second["mean"] else second["system"]
    return (
        f"ndcg@100 by quintiles of activity on {data}. Of the least active, {better} is better by "
        f"{abs(second['difference']):.4f} (p = {second['t_pvalue']:.2g}), so the claim is "
        f"{'' if better == 'MultVAE' and second['t_pvalue'] < 0.05 else 'not '}confirmed."
    )


@picture
def few_ratings(ax: Axes, *, narrow: bool, data: str) -> str:
    """Draw the error by the share of the ratings that is trained on."""
    table = pd.read_csv(RESULTS / "subsample.csv")
    table = table[(table["data"] == data) & (table["metric"] == "rmse")]
    table = table.drop_duplicates(["system", "split", "seed"], keep="last")
    share = table["split"].str.extract(r"^(\d+)r", expand=False).astype(float)
    grouped = table.assign(share=share).groupby(["system", "share"])["mean"].agg(["mean", "sem"])
    marks = "os^Dv<>pXP"
    for place, (name, part) in enumerate(grouped.groupby(level="system")):
        x = part.index.get_level_values("share")
        options = {"marker": marks[place % 10], "capsize": 2, "label": _short(str(name))}
        ax.errorbar(x, part["mean"], yerr=part["sem"].fillna(0), **options)
    ax.set(xscale="log", xlabel="% of the ratings to train on", ylabel=f"rmse, {data}")
    ticks = sorted(share.unique())
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks], minor=False)
    ax.set_xticks([], minor=True)
    if narrow:
        ax.figure.set_figheight(6)
        ax.legend(loc="lower center", bbox_to_anchor=(0.45, 1.01), ncols=2, fontsize=7)
    else:
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0)
    least = grouped["mean"].xs(share.min(), level="share").sort_values()
    place = least.index.get_loc("CrossFeedbackBMF") + 1
    return (
        f"RMSE on {data}. With {share.min():g} % of the ratings {least.index[0]} is the best with "
        f"{least.iloc[0]:.4f}, and CrossFeedbackBMF is number {place} of {len(least)} with "
        f"{least['CrossFeedbackBMF']:.4f}, so the claim is "
        f"{'' if place == 1 else 'not '}confirmed."
    )


def _short(name: str) -> str:
    """Return a name without what all names of models end in."""
    return re.sub("(Recommender|Classifier|Ranker|Regressor)$", _kind, name)


def _kind(found: re.Match[str]) -> str:
    return {"Classifier": "-C", "Ranker": "-R"}.get(found[0], "")


def _best(table: pd.DataFrame) -> str:
    best = table["quality"].head(3)
    return ", ".join(f"{name} {value:.4f}" for name, value in best.items())
