"""Pictures and tables of results, made from ``benchmarks/results`` when the pages are built."""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import result_numbers
import result_pictures
from docutils import nodes
from docutils.parsers.rst import directives
from result_numbers import PRIMARY, RESULTS, SECOND, runs_of
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

FOLDER = "generated/results"
_OPTIONS = dict.fromkeys(("protocol", "data", "file"), directives.unchanged)


class ResultFigure(SphinxDirective):
    """Show a picture, what to look at in it, and the command that makes its numbers."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {
        **_OPTIONS,
        "command": directives.unchanged,
        "quiet": directives.flag,  # what came out is only said to those who do not see it
    }

    def run(self) -> list[nodes.Node]:
        """Return the nodes; a page is read again when there are new results."""
        kind, options = self.arguments[0], dict(self.options)
        quiet = options.pop("quiet", "") is None
        command = options.pop("command", None) or run_command(**options)
        note_files(self)
        folder = Path(self.env.srcdir) / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        stem = "-".join([kind, *options.values()]).replace(".", "-")
        names, words = drawn(folder, stem, kind, tuple(options.items()))
        lines = [line for name in names for line in image(name, words)]
        lines += [*self.content, "", "" if quiet else words, *code(command)]
        return self.parse_text_to_nodes("\n".join(lines))


class ResultTable(SphinxDirective):
    """Show what all systems reach on a data set, as a table that can be sorted."""

    option_spec: ClassVar[dict[str, Any]] = _OPTIONS

    def run(self) -> list[nodes.Node]:
        """Return the nodes."""
        note_files(self)
        return self.parse_text_to_nodes(systems_table(**self.options))


class ResultFile(SphinxDirective):
    """Show columns of a file of results as a table that can be sorted, and its command.

    Columns that a file lacks are parameters. With where, such as ``part: groups``, it is some rows.
    """

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {
        "columns": directives.unchanged,
        "where": directives.unchanged,
        "command": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        """Return the nodes."""
        self.env.note_dependency(str(RESULTS / self.arguments[0]))
        table = pd.read_csv(RESULTS / self.arguments[0])
        for condition in filter(None, self.options.get("where", "").split(";")):
            name, values = condition.split(":")
            table = table[table[name.strip()].isin([value.strip() for value in values.split("|")])]
        columns = [name.strip() for name in self.options.get("columns", "").split(";")]
        for name in filter(None, set(columns) - set(table)):
            table[name] = [json.loads(text).get(name) for text in table["parameters"]]
        table = table[columns] if columns != [""] else table
        table = table.dropna(subset=[table.columns[1]])  # rows that sum others up
        lines = list_table(table.columns, table.to_numpy(dtype=object))
        return self.parse_text_to_nodes("\n".join([*lines, *code(self.options["command"])]))


@cache
def drawn(folder: Path, stem: str, kind: str, options: tuple[Any, ...]) -> tuple[list[str], str]:
    """Draw a picture once, though two pages show it."""
    return result_pictures.save(folder, stem, kind, dict(options))


def note_files(directive: SphinxDirective) -> None:
    """Note what a page is made of, so that it is made again when that changes."""
    files = ["quality.csv", directive.options.get("file"), "activity.csv", "subsample.csv"]
    paths = [RESULTS / name for name in files if name]
    paths += [Path(module.__file__) for module in (result_numbers, result_pictures)]
    for path in paths:
        directive.env.note_dependency(str(path))


def run_command(protocol: str, data: str) -> str:
    """Return the command that runs all systems that have settings on a data set."""
    return f"python -m benchmarks.quality.run --protocol {protocol} --data {data}"


def image(name: str, words: str) -> list[str]:
    """Return the lines of a picture, which is shown for its colours and width alone."""
    place, colour = Path(name).stem.split("-")[-2:]
    lines = [f".. image:: /{FOLDER}/{name}", f"   :class: only-{colour} result-{place}"]
    return [*lines, f"   :alt: {words}", ""]


def code(command: str) -> list[str]:
    """Return the lines of a command."""
    return ["", ".. code-block:: sh", "", f"   {command}", ""]


def systems_table(protocol: str, data: str) -> str:
    """Return the table of a data set in reStructuredText, the best first."""
    metric, second = PRIMARY[protocol], SECOND[protocol]
    header = ["system", metric, "±", second, "published", "settings", "seeds", "fit, s"]
    rows = []
    for name, row in runs_of(protocol, data).iterrows():
        shown = f":class:`~skrec.{name}`" if row["model"] else name
        published = ", ".join(f"{figure:.4f}" for figure in row["published"])
        columns = ("quality", "quality_se", "second")
        figures = [f"{row[name]:.4f}".replace("nan", "–") for name in columns]
        rows.append([shown, *figures, published or "–", row["settings"], row["seeds"]])
        seconds = row["seconds"]
        rows[-1].append(f"{seconds:.0f}" if seconds >= 100 else f"{seconds:.3g}")
    return "\n".join(list_table(header, rows))


def list_table(header: Iterable[Any], rows: Iterable[Iterable[Any]]) -> list[str]:
    """Return the lines of a table that can be sorted."""
    lines = [".. list-table::", "   :header-rows: 1", "   :class: sortable", ""]
    header = [str(name).replace("_", "_\u200b") for name in header]  # long names may break there
    for cells in [header, *rows]:
        marks = [f"   {'*' if place == 0 else ' '} - " for place, _ in enumerate(cells)]
        lines += [f"{mark}{text(cell)}" for mark, cell in zip(marks, cells)]
    return [*lines, ""]


def text(cell: Any) -> str:
    """Return a cell as text, a number with four digits."""
    if isinstance(cell, float | np.floating):
        return "–" if np.isnan(cell) else f"{cell:.0f}" if cell == round(cell) else f"{cell:.4g}"
    return str(cell)


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directives, and the script and the style of their tables and pictures."""
    app.add_directive("result-figure", ResultFigure)
    app.add_directive("result-table", ResultTable)
    app.add_directive("result-file", ResultFile)
    app.add_js_file("tables.js", loading_method="defer")
    app.add_css_file("results.css")
    return {"parallel_read_safe": True}
