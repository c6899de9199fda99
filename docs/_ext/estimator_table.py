"""The table of all estimators: from tags, signatures and finished runs; nothing is typed."""

from functools import cache
from math import isnan
from typing import Any

import pandas as pd
from docutils import nodes
from result_numbers import PRIMARY, RESULTS, runs_of
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from skrec.reproduce import smaller_is_better
from skrec.testing import all_estimators, make_estimator

STORE = RESULTS / "quality.csv"
COSTS = RESULTS / "models.csv"  # of ``python -m benchmarks.serving.models``
DATA = "ml-1m"
PROTOCOLS = {"implicit": "ncf", "explicit": "ratings"}
# long words may be parted, so that all columns are seen at 1280 pixels
COLUMNS = ["estimator", "family", "unseen users", "prob\u00adability", "uncer\u00adtainty"]
COLUMNS += ["partial\u200b_fit"]
COLUMNS += ["vectors", "exact reasons", "ONNX", "GPU", "file, MB", "list, ms", "rank", "fit, s"]


class EstimatorTable(SphinxDirective):
    """Show the table of the estimators for ``implicit`` feedback or for ``explicit`` one."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the nodes; a page is read again when there are new results."""
        self.env.note_dependency(str(STORE))
        self.env.note_dependency(str(COSTS))
        return self.parse_text_to_nodes(table(self.arguments[0]))


def table(feedback: str) -> str:
    """Return the table in reStructuredText, the best first, with a line on where it is from."""
    rows = [row for name, cls in all_estimators() if (row := facts(name, cls, feedback))]
    rows = ranked(rows, smaller_is_better(PRIMARY[PROTOCOLS[feedback]]))
    lines = [".. list-table::", "   :header-rows: 1", "   :class: estimators", ""]
    for cells in [COLUMNS, *rows]:
        lines += [f"   {'*' if j == 0 else ' '} - {cell}" for j, cell in enumerate(cells)]
    n = sum(row[-2] != "–" for row in rows)
    return "\n".join([*lines, "", note(feedback, n), ""])


def note(feedback: str, n: int) -> str:
    """Return what rank and seconds are of."""
    protocol = PROTOCOLS[feedback]
    return (
        f"*rank* is that of {PRIMARY[protocol]} on {DATA} under the protocol ``{protocol}``, among "
        f"the {n} that were run; *fit, s* are seconds of that fit. Both are read from "
        "``benchmarks/results/quality.csv`` when these pages are built, with the settings of "
        ":func:`~skrec.reproduce.find_settings` where there are any and else of the last run. "
        "Settings differ in epochs, so the seconds are those of a good fit, not of an epoch. "
        "*file, MB* is a saved model without the interactions of ``fit``. *list, ms* is the time "
        "on one thread for ten items for one user, of ``fit`` / given as a history: medians. Both "
        f"are for those settings, or for the defaults, on {DATA}. "
        "``python -m benchmarks.serving.models`` measures them. A single time is that of both. A "
        "dash means that there is no figure: the model joins others, which cost what they cost, or "
        "it was not run, or did not end within the time limit of that command."
    )


def facts(name: str, cls: Any, feedback: str) -> list[Any] | None:
    """Return the cells of an estimator but the rank; in its place is the figure, None without."""
    model = make_estimator(cls)
    tags = model.__sklearn_tags__()
    if tags.feedback != feedback:
        return None
    offers = [tags.probabilistic, hasattr(model, "partial_fit"), hasattr(model, "item_vectors")]
    offers += [hasattr(model, "_history_parts"), hasattr(model, "_graph_scores")]
    offers += ["device" in model.get_params(deep=False)]
    family = cls.__module__.split(".")[1].replace("_", " ")
    kind = {"categorical": "share", "bernoulli": "pair"}[tags.proba]
    if feedback == "explicit":
        kind = "rating"
    marks = ["✓" if offer else "–" for offer in offers]
    value, seconds = outcome(name, PROTOCOLS[feedback])
    costs = [*marks, *cost(name)]
    return [f":class:`~skrec.{name}`", family, tags.fold_in, kind, *costs, value, seconds]


def ranked(rows: list[list[Any]], smaller: bool) -> list[list[Any]]:
    """Put the rows in the order of their figures, and ranks in place of these."""
    sign = 1 if smaller else -1
    run = sorted((row for row in rows if row[-2] is not None), key=lambda row: sign * row[-2])
    rest = [row for row in rows if row[-2] is None]
    places = [[*row[:-2], str(place), row[-1]] for place, row in enumerate(run, 1)]
    return [*places, *([*row[:-2], "–", "–"] for row in rest)]


def outcome(name: str, protocol: str) -> tuple[float | None, str]:
    """Return the figure and the seconds of the fit of an estimator, None and a dash without."""
    runs = runs_of(protocol, DATA)
    if name not in runs.index:
        return None, "–"
    return float(runs.loc[name, "quality"]), short(runs.loc[name, "seconds"])


def cost(name: str) -> list[str]:
    """Return the megabytes of the file and the milliseconds of a list, dashes without."""
    row = costs().get(name, {})
    size, known, new = (row.get(key, float("nan")) for key in ("bytes", "known_us", "row_us"))
    times = [*dict.fromkeys(map(short, (known / 1e3, new / 1e3)))]
    return [short(size / 1e6), "\u00a0/\u00a0".join(times)]


def short(x: float) -> str:
    """Return a number in two digits or more, a dash for NaN."""
    return "–" if isnan(x) else f"{x:.0f}" if x >= 10 else f"{x:.2g}"


@cache
def costs() -> dict[str, dict[str, float]]:
    """Return what was measured of each estimator."""
    table = pd.read_csv(COSTS)
    return table[table["data"] == DATA].set_index("system").to_dict("index")


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive ``estimator-table``."""
    app.add_directive("estimator-table", EstimatorTable)
    return {"parallel_read_safe": True}
