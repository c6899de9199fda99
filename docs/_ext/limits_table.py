"""Tables of what models cost and what fits where: from formulas fitted to measurements."""

import math
import re
from pathlib import Path

import pandas as pd
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from benchmarks.scale.formulas import Formula, Size
from benchmarks.scale.limits import FAMILIES, check, formulas, largest, plan

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
MEASURED, LARGE = RESULTS / "limits.csv", RESULTS / "large.csv"


LOST = 0.9  # a relative error that says nothing


class LimitsTable(SphinxDirective):
    """Show ``formulas``, what fits (``fits GB``), ``plan USERS ITEMS ENTRIES GB`` or ``check``."""

    required_arguments = 1
    optional_arguments = 4

    def run(self) -> list[nodes.Node]:
        """Return the table; a page is read again when there are new measurements."""
        for path in (MEASURED, LARGE):
            self.env.note_dependency(str(path))
        kind, *numbers = self.arguments
        return self.parse_text_to_nodes(table(kind, *map(float, numbers)))


def table(kind: str, *numbers: float) -> str:
    """Return a table in reStructuredText."""
    measured = pd.read_csv(MEASURED)
    if kind == "formulas":
        return as_list(formula_rows(measured))
    if kind == "fits":
        return as_list(largest(measured, *numbers))
    if kind == "plan":
        users, items, entries, memory = numbers
        return as_list(plan(measured, Size(users, items, entries), memory))
    compared = check(measured, LARGE)
    return as_list(compared) if len(compared) else "(No run has counted seconds of the processor.)"


def formula_rows(measured: pd.DataFrame) -> pd.DataFrame:
    """Return a row a model: the formulas, and how far they are from what was measured."""
    rows = [
        {
            "model": name,
            "of": FAMILIES[name].what,
            "seconds of a core": as_math(seconds),
            "bytes": as_math(held) if held.median_error < LOST else "–",
            "median error": f"{seconds.median_error:.0%}"
            + (f", {held.median_error:.0%}" if held.median_error < LOST else ""),
        }
        for name, (seconds, held) in formulas(measured).items()
    ]
    return pd.DataFrame(rows)


LETTERS = {"users": "u", "items": "i", "entries": "e", "factors": "k", "length": "l"}


def as_math(formula: Formula) -> str:
    """Return a formula for KaTeX, with a letter for each number."""
    parts = []
    for term, weight in formula.weights.items():
        number, _, power = f"{weight:.1e}".partition("e")
        letters = re.sub("[a-z]+", lambda name: LETTERS[name[0]], term) if term != "1" else ""
        short = (
            f"{float(f'{weight:.2g}'):g}"
            if 0.01 <= weight < 1000
            else rf"{number}\cdot 10^{{{int(power)}}}"
        )
        parts.append(rf"{short}\,{letters}".rstrip("\\,"))
    return f":math:`{' + '.join(parts)}`" if parts else "0"


def as_list(frame: pd.DataFrame) -> str:
    """Return a table of docutils."""
    lines = [".. list-table::", "   :header-rows: 1", "   :class: estimators", ""]
    for cells in [list(frame), *frame.to_numpy().tolist()]:
        lines += [f"   {'*' if j == 0 else ' '} - {shown(cell)}" for j, cell in enumerate(cells)]
    return "\n".join([*lines, ""])


def shown(cell: object) -> str:
    """Return a cell: numbers with three digits."""
    if not isinstance(cell, float):
        return str(cell)
    if math.isnan(cell):
        return "–"
    return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.2g}"


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive ``limits-table``."""
    app.add_directive("limits-table", LimitsTable)
    return {"parallel_read_safe": True}
