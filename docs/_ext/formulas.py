"""Formulas of several lines, which KaTeX takes only within an environment."""

from docutils import nodes
from sphinx.application import Sphinx


def align(app: Sphinx, doctree: nodes.document) -> None:
    """Put each formula that has line breaks and no environment into one that aligns at ``&``."""
    for node in [*doctree.findall(nodes.math_block)]:
        text = node.astext().strip()
        if r"\\" in text and r"\begin" not in text:
            text = rf"\begin{{aligned}} {text} \end{{aligned}}"
        node.children = [nodes.Text(text)]
        node.rawsource = text


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect it to Sphinx."""
    app.connect("doctree-read", align)
    return {"parallel_read_safe": True}
