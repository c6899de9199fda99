"""Sphinx configuration."""

import inspect
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent))

import skrec  # noqa: E402, the checkout goes first
from skrec.testing import all_estimators  # noqa: E402

project = "skrec"
author = "skrec developers"
copyright = author
release = version = skrec.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.extlinks",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
html_theme = "pydata_sphinx_theme"
autosummary_generate = True
autodoc_default_options = {"members": True, "inherited-members": "BaseEstimator"}
extlinks = {"doi": ("https://doi.org/%s", "doi:%s")}
numpydoc_show_class_members = False
autodoc_typehints = "none"  # numpydoc's sections have the types, with shapes
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"plot_",
}

PACKAGES = ["interactions", "preprocessing", "datasets", "model_selection", "metrics"]
PACKAGES += ["persistence", "exceptions", "inspection", "reproduce", "testing"]


def estimator_names():
    """Return the dotted names of all estimators: a new one needs no edit of the docs."""
    return [f"skrec.{name}" for name, _ in all_estimators()]


def exported(package):
    """Return the dotted names of what a package exports, less its constants."""
    module = __import__(f"skrec.{package}", fromlist=["__all__"])
    things = {name: getattr(module, name) for name in module.__all__}
    public = [n for n, x in things.items() if inspect.isclass(x) or inspect.isfunction(x)]
    return [f"skrec.{package}.{name}" for name in public]


def section(title, names):
    """Return a section of the reference: a table of objects, each with its own page."""
    lines = [title, "-" * len(title), "", ".. autosummary::", "   :toctree: .", ""]
    return "\n".join([*lines, *(f"   {name}" for name in names), "", ""])


def write_reference(folder):
    """Write the page of the reference; autosummary makes the pages of the objects from it."""
    folder.mkdir(exist_ok=True)
    text = "Reference by package\n====================\n\n"
    text += section("Estimators", estimator_names())
    for package in PACKAGES:
        text += section(f"skrec.{package}", exported(package))
    text += section("What models return", ["skrec.base.Explanation"])
    (folder / "reference.rst").write_text(text, encoding="utf-8")


write_reference(DOCS / "generated")


def skip_member(app, what, name, obj, skip, options):
    """Leave out methods that scikit-learn makes and documents."""
    routing = name == "get_metadata_routing" or (name[:4] == "set_" and name[-8:] == "_request")
    return skip or routing or name == "set_output"  # an encoder has it by its base, switched off


def setup(app):
    """Connect what these pages add to Sphinx."""
    app.connect("autodoc-skip-member", skip_member)
