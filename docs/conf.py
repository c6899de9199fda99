"""Sphinx configuration."""

import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS.parent), str(DOCS / "_ext")]  # the checkout goes first

from reference import write_reference  # noqa: E402
from sklearn.experimental import enable_halving_search_cv  # noqa: E402, F401, examples name it

import skrec  # noqa: E402
from skrec.base import BaseRecommender  # noqa: E402

project = "skrec"
author = "skrec developers"
copyright = author
release = version = skrec.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.extlinks",
    "sphinxcontrib.katex",
    "sphinx_design",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "estimator_table",
    "formulas",
    "layer_map",
    "limits_table",
    "links",
    "model_docs",
    "result_pages",
]
exclude_patterns = ["_build", "_ext", "_templates", "**sg_execution_times.rst"]
templates_path = ["_templates"]
default_role = "py:obj"
add_module_names = False

html_theme = "pydata_sphinx_theme"
html_title = "skrec"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {
    "secondary_sidebar_items": ["page-toc"],
    "navigation_with_keys": False,
    "show_prev_next": True,
    "navbar_align": "left",
    "header_links_before_dropdown": 8,
    "show_nav_level": 2,
}
# pages without pages below them would have an empty sidebar
html_sidebars = {name: [] for name in ("index", "install", "get_started", "choose")}

# the script comes with the extension, style and fonts lie in _static: no network
katex_css_path = "katex/katex.min.css"
katex_options = "throwOnError: false"

autosummary_generate = True
toc_object_entries_show_parents = "hide"
autodoc_default_options = {"members": True, "inherited-members": "BaseEstimator"}
autodoc_typehints = "none"  # numpydoc's sections have the types, with shapes
extlinks = {"doi": ("https://doi.org/%s", "doi:%s")}
numpydoc_show_class_members = False
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"plot_",
    "within_subsection_order": "gallery_order.by_theme",
    "default_thumb_file": str(DOCS / "_static" / "script.svg"),
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("skrec",),
    "write_computation_times": False,  # those pages load scripts from the network
}

write_reference(DOCS / "generated")

# the box of an estimator in the gallery links to its page here
BaseRecommender._doc_link_module = "skrec"
BaseRecommender._doc_link_template = "../generated/skrec.{estimator_name}.html"


def skip_member(app, what, name, obj, skip, options):
    """Leave out methods that scikit-learn makes and documents."""
    routing = name == "get_metadata_routing" or (name[:4] == "set_" and name[-8:] == "_request")
    return skip or routing or name == "set_output"  # an encoder has it by its base, switched off


def setup(app):
    """Connect what these pages add to Sphinx."""
    app.connect("autodoc-skip-member", skip_member)
