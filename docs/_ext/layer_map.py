"""The map of the layers: drawn from the contract of ``setup.cfg`` when the pages are built."""

import re
from configparser import ConfigParser
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

SETUP = Path(__file__).parents[2] / "setup.cfg"
SECTION = "importlinter:contract:layers"
WIDTH, LEFT, GAP, BOX, LINE = 360, 34, 6, 20, 6.2
TITLE = "The layers of skrec: a file imports only from rows below its own"


class LayerMap(SphinxDirective):
    """Draw the layers, the highest on top."""

    def run(self) -> list[nodes.Node]:
        """Return the drawing."""
        self.env.note_dependency(str(SETUP))
        return [nodes.raw("", drawing(layers()), format="html")]


def layers(path: Path = SETUP) -> list[list[str]]:
    """Return the packages of each row of the contract, the highest first."""
    config = ConfigParser(interpolation=None)
    config.read(path, encoding="utf-8")
    rows = config[SECTION]["layers"].strip().splitlines()
    return [re.findall(r"\w+", row) for row in rows]


def drawing(rows: list[list[str]]) -> str:
    """Return an SVG with a band for each row, and a box in it for each package."""
    parts, top = [], 4
    for i, row in enumerate(rows):
        lines = wrapped(row)
        height = len(lines) * (BOX + GAP) + GAP
        parts.append(f'<rect x="{LEFT - 4}" y="{top}" width="{WIDTH - LEFT}" height="{height}" ')
        parts.append('rx="6" class="band"/>')
        parts.append(f'<text x="14" y="{top + height / 2 + 4:g}">{len(rows) - i}</text>')
        for j, line in enumerate(lines):
            parts += boxes(line, top + GAP + j * (BOX + GAP))
        top += height + GAP
    spoken = "; ".join(f"row {len(rows) - i}: {', '.join(row)}" for i, row in enumerate(rows))
    head = f'<svg class="drawing layers" viewBox="0 0 {WIDTH} {top}" role="img" '
    head += 'aria-labelledby="layers-title layers-desc" xmlns="http://www.w3.org/2000/svg">'
    head += f'<title id="layers-title">{TITLE}</title><desc id="layers-desc">{spoken}</desc>'
    return head + "".join(parts) + "</svg>"


def wrapped(row: list[str]) -> list[list[str]]:
    """Return a row in lines that are no wider than the drawing."""
    lines: list[list[str]] = [[]]
    for name in row:
        if lines[-1] and span([*lines[-1], name]) > WIDTH - LEFT - 2 * GAP:
            lines.append([])
        lines[-1].append(name)
    return lines


def span(names: list[str]) -> float:
    """Return the width of a line of boxes."""
    return sum(map(width, names)) + GAP * (len(names) - 1)


def width(name: str) -> float:
    """Return that of a box."""
    return LINE * len(name) + 14


def boxes(names: list[str], y: float) -> list[str]:
    """Return a line of boxes in the middle of a band."""
    x = LEFT - 4 + (WIDTH - LEFT - span(names)) / 2
    parts = []
    for name in names:
        parts.append(f'<rect x="{x:g}" y="{y:g}" width="{width(name):g}" height="{BOX}" ')
        parts.append('rx="4" class="cell"/>')
        parts.append(f'<text x="{x + width(name) / 2:g}" y="{y + 14:g}" class="code">{name}</text>')
        x += width(name) + GAP
    return parts


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive ``layer-map``."""
    app.add_directive("layer-map", LayerMap)
    return {"parallel_read_safe": True}
