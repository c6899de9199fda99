"""What a docstring says before its sections, as a directive: a formula has one place."""

import inspect
import re
from importlib import import_module

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

_SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}$", re.MULTILINE)


class FromDocstring(SphinxDirective):
    """Show an object of skrec: its name as a link, its summary, and the text up to its sections."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the nodes."""
        return self.parse_text_to_nodes(opening(self.arguments[0]))


def opening(name: str) -> str:
    """Return a line with the name and the summary of an object, and what follows the summary."""
    module, _, last = f"skrec.{name}".rpartition(".")
    doc = inspect.getdoc(getattr(import_module(module), last))
    assert doc, name
    words = _SECTION.split(doc, maxsplit=1)[0].strip()
    summary, _, rest = words.partition("\n\n")
    return f":obj:`~{module}.{last}`: {summary}\n\n{rest}\n"


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive ``from-docstring``."""
    app.add_directive("from-docstring", FromDocstring)
    return {"parallel_read_safe": True}
