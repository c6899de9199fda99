"""Finished runs as tables, for the pages of results: a row for each system."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.quality.page._summary import PRIMARY
from skrec.reproduce import (
    Cell,
    Store,
    find_settings,
    list_systems,
    list_tables,
    make_protocol,
    smaller_is_better,
)
from skrec.testing import all_estimators

__all__ = ["PRIMARY", "RESULTS", "SECOND", "growth", "runs_of"]

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
SECOND = {
    "ncf": "sampled_hit_rate@10",
    "strong": "recall@20",
    "weak": "recall@20",
    "ratings": "mae",
}
_SHORTEST = 0.01  # seconds are written with two digits, so less is written as 0


@cache
def kept() -> Store:
    """Return the finished runs."""
    return Store(RESULTS / "quality.csv")


@cache
def runs_of(protocol: str, data: str) -> pd.DataFrame:
    """Return what each system reaches on a data set, the best first.

    The index has the names of systems. The columns are ``quality``, of the metric that the protocol
    is judged by, and ``second``, of another one; their standard errors over users; the seconds of a
    fit; the published figures of the same data set, metric and system; seeds; settings in words;
    and ``model``, whether the system is an estimator's plain name, no variant of one.
    """
    feedback = "explicit" if protocol == "ratings" else "implicit"
    plain = {name for name, _ in all_estimators()}
    rows = {name: _row(name, protocol, data) for name in list_systems(feedback)}
    found = {name: {**row, "model": name in plain} for name, row in rows.items() if row}
    table = pd.DataFrame.from_dict(found, orient="index").rename_axis("system")
    ascending = smaller_is_better(PRIMARY[protocol])
    return table.sort_values("quality", ascending=ascending, kind="stable")


def _row(system: str, protocol: str, data: str) -> dict[str, object]:
    """Return the figures of a system: of its chosen settings, else of those that ran last."""
    chosen = find_settings(system, data, protocol)
    split = make_protocol(protocol, data=data).split
    cell = Cell(system, data, protocol, 0, split, chosen.parameters)
    runs = kept().all_runs(cell) if chosen.known else kept().last_runs(cell)
    if not len(runs):
        return {}
    row: dict[str, object] = {}
    for name, metric in {"quality": PRIMARY[protocol], "second": SECOND[protocol]}.items():
        mine = runs[runs["metric"] == metric]
        row |= {name: mine["mean"].mean(), f"{name}_se": mine["std_error"].mean()}
        row["seeds"] = len(mine) if name == "quality" else row["seeds"]
    seconds = max(float(runs["fit_seconds"].mean()), _SHORTEST)
    published = _published().get((protocol, data, system), ())
    settings = chosen.text if chosen.known else "run last"
    row |= {"seconds": seconds, "published": published, "settings": settings}
    return row if np.isfinite(float(str(row["quality"]))) else {}


@cache
def _published() -> dict[tuple[str, str, str], tuple[float, ...]]:
    """Return what papers print of a system as it is, by protocol and data set."""
    found: dict[tuple[str, str, str], set[float]] = {}
    for table in list_tables():
        metric = PRIMARY[table.protocol]
        for row in table.rows:
            for data, figures in row.published.items():
                if row.system and not row.changed and metric in figures:
                    key = table.protocol, data, row.system
                    found.setdefault(key, set()).add(figures[metric])
    return {key: tuple(sorted(figures)) for key, figures in found.items()}


def growth(file: str) -> pd.DataFrame:
    """Return seconds by number of interactions, with the columns model, interactions, seconds."""
    table = pd.read_csv(RESULTS / file)
    if file == "speed.csv":
        table = table[table["task"] == "curves"]
        parts = table["what"].str.extract(r"(?P<model>.*), (?P<interactions>\d+) interactions")
        table = parts.assign(seconds=table["seconds"]).astype({"interactions": float})
        table = table.drop_duplicates(["model", "interactions"], keep="last")
    table = table.dropna(subset=["interactions", "seconds"])
    return table[["model", "interactions", "seconds"]].sort_values(["model", "interactions"])
