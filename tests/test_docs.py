"""The pages: what they are made of is whole, and what checks them finds faults."""

import doctest
import os
import re
import runpy
import sys
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from sklearn.utils import estimator_html_repr

from skrec import EASERecommender
from skrec.base import BaseRecommender
from skrec.testing import all_estimators

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def script(name):
    """Return the names of a file of the docs, which may import its neighbours."""
    sys.path.insert(0, str(DOCS / "_ext"))
    try:
        return runpy.run_path(str(DOCS / name))
    finally:
        sys.path.remove(str(DOCS / "_ext"))


@pytest.fixture
def built(tmp_path):
    """Write two pages whose links are in order; return their folder."""
    page = '<h1 id="top">A</h1><a href="{0}.html#top">b</a><a href="#top">a</a><img src="x.png">'
    (tmp_path / "a.html").write_text(page.format("b"), "utf-8")
    (tmp_path / "b.html").write_text(page.format("a"), "utf-8")
    (tmp_path / "x.png").touch()
    return tmp_path


def test_links_that_lead_somewhere(built):
    assert script("check_links.py")["faults"](built) == []


@pytest.mark.parametrize(
    ("link", "wrong"),
    [
        ('<a href="c.html">c</a>', "no such file"),
        ('<a href="b.html#end">b</a>', "no such anchor"),
        ('<a href="#end">b</a>', "no such anchor"),
        ('<img src="y.png">', "no such file"),
        ('<a href="mailto:ndcg@10">ndcg@10</a>', "e-mail link"),
        ('<script src="https://cdn.example/katex.js"></script>', "loaded from the network"),
        ('<link rel="stylesheet" href="//cdn.example/a.css">', "loaded from the network"),
    ],
)
def test_links_that_lead_nowhere(built, link, wrong):
    (built / "a.html").write_text(link, "utf-8")
    found = script("check_links.py")["faults"](built)
    assert [line for line in found if line.startswith(f"a.html: {wrong}: ")]


def test_links_to_other_sites_are_left_alone(built):
    (built / "a.html").write_text('<h1 id="top"></h1><a href="https://doi.org/1">1</a>', "utf-8")
    assert script("check_links.py")["faults"](built) == []


def test_reference_has_every_estimator_and_function_once():
    reference = script("_ext/reference.py")
    text = reference["models_page"]()
    names = [line.strip() for line in text.splitlines() if line.startswith("   ~skrec.")]
    expected = {f"~skrec.{name}" for name, _ in all_estimators()}
    assert sorted(names) == sorted(expected | {"~skrec.base.Explanation"})
    for title, words, packages in reference["TASKS"].values():
        page = reference["task_page"](title, words, packages)
        for package in packages:
            assert all(page.count(f"   ~{n}\n") == 1 for n in reference["exported"](package))


def test_every_public_name_is_in_the_reference():
    """Look for each name of an ``__all__``, also under the path of a package above its own."""
    reference = script("_ext/reference.py")
    pages = [reference["models_page"](), reference["blocks_page"]()]
    pages += [reference["task_page"](*task) for task in reference["TASKS"].values()]
    words = set(re.findall(r"\b\w+\b", "\n".join(pages)))
    modules = [name for name in reference["public_modules"]("skrec") if name != "skrec.reproduce"]
    names = {(module, name) for module in modules for name in import_module(module).__all__}
    assert len(names) > 400
    assert {(module, name) for module, name in names if name not in words} == {
        ("skrec", "__version__")
    }


def test_no_line_of_the_building_blocks_is_empty():
    text = script("_ext/reference.py")["blocks_page"]()
    assert "     - \n" not in text
    assert "   * - ``Queries``\n     - " in text


@pytest.mark.parametrize(("feedback", "least"), [("implicit", 20), ("explicit", 5)])
def test_table_of_estimators(feedback, least):
    pytest.importorskip("sphinx")
    names = script("_ext/estimator_table.py")
    text = names["table"](feedback)
    cells = [line.partition("- ")[2] for line in text.splitlines() if line.startswith("   ")]
    width = len(names["COLUMNS"])
    cells = cells[2:]  # options of the table
    rows = [cells[i : i + width] for i in range(0, len(cells), width)]
    assert rows[0] == names["COLUMNS"]
    shown = {row[0].partition("skrec.")[2].rstrip("`") for row in rows[1:]}
    tags = {name: cls().__sklearn_tags__() for name, cls in all_estimators()}
    assert shown == {name for name, tag in tags.items() if tag.feedback == feedback}
    ranks = [row[-2] for row in rows[1:] if row[-2] != "–"]
    assert ranks == [str(place) for place in range(1, len(ranks) + 1)]
    assert len(ranks) >= least


def test_formulas_are_those_of_the_docstrings():
    pytest.importorskip("sphinx")
    text = script("_ext/model_docs.py")["opening"]("EASERecommender")
    assert text.startswith(":obj:`~skrec.EASERecommender`: Embarrassingly shallow autoencoder")
    assert ".. math:: B_{ij} = -P_{ij} / P_{jj}" in text
    assert "Parameters" not in text


def test_every_family_has_its_formulas_in_the_guide():
    pages = [path.read_text("utf-8") for path in (DOCS / "guide").glob("*.rst")]
    text = "\n".join(pages)
    shown = {name for name, _ in all_estimators() if f".. from-docstring:: {name}\n" in text}
    same_module = {"GMFRanker", "NCFMLPRanker", "NeuMFRanker", "GeRecRanker"}
    assert {name for name, _ in all_estimators()} - shown == same_module


def test_addresses_and_formulas_of_pages():
    core = pytest.importorskip("docutils.core")
    pytest.importorskip("sphinx")
    nodes = pytest.importorskip("docutils.nodes")
    words = "Of ndcg@10, a\n\n.. math::\n\n   a &= b \\\\\n   c &= d\n"
    tree = core.publish_doctree(words)
    assert "mailto:" in str(tree)
    script("_ext/links.py")["drop_mail"](None, tree)
    script("_ext/formulas.py")["align"](None, tree)
    assert "mailto:" not in str(tree)
    assert "Of ndcg@10, a" in tree.astext()
    (formula,) = tree.findall(nodes.math_block)
    assert formula.astext().startswith(r"\begin{aligned} a &= b")


def test_box_of_an_estimator_links_to_its_page(monkeypatch):
    text = (DOCS / "conf.py").read_text("utf-8")
    template = text.partition('BaseRecommender._doc_link_template = "')[2].partition('"')[0]
    monkeypatch.setattr(BaseRecommender, "_doc_link_module", "skrec")
    monkeypatch.setattr(BaseRecommender, "_doc_link_template", template)
    box = estimator_html_repr(EASERecommender())
    assert 'href="../generated/skrec.EASERecommender.html"' in box


def test_map_of_the_layers_is_the_contract():
    pytest.importorskip("sphinx")
    names = script("_ext/layer_map.py")
    rows = names["layers"]()
    contract = (ROOT / "setup.cfg").read_text("utf-8").partition("layers =\n")[2]
    lines = contract.partition("\n\n")[0].splitlines()
    assert rows == [re.findall(r"\w+", line) for line in lines]
    drawn = re.findall(r'class="code">(\w+)<', names["drawing"](rows))
    assert drawn == [name for row in rows for name in row]
    page = (DOCS / "develop" / "architecture.rst").read_text("utf-8")
    cells = re.findall(r"\* - (\d+)\n     - (.*)\n", page)
    assert [(int(n), re.findall(r"``(\w+)``", text)) for n, text in cells] == [
        (len(rows) - i, row) for i, row in enumerate(rows)
    ]


def test_no_box_of_the_map_leaves_its_band():
    pytest.importorskip("sphinx")
    names = script("_ext/layer_map.py")
    inside = names["WIDTH"] - names["LEFT"]
    lines = [line for row in names["layers"]() for line in names["wrapped"](row)]
    assert max(map(names["span"], lines)) < inside


def test_functions_in_the_drawing_of_a_fit_exist():
    drawing = (DOCS / "_static" / "figures" / "fit.svg").read_text("utf-8")
    named = re.findall(r"\w+", " ".join(re.findall(r'class="left code"[^>]*>([^<]*)<', drawing)))
    files = ["base/_recommender.py", "neural/_base.py"]
    code = "\n".join((ROOT / "skrec" / file).read_text("utf-8") for file in files)
    assert len(named) > 15
    assert [name for name in named if not re.search(rf"\b{name}\b", code)] == []


@pytest.mark.parametrize(
    "path", sorted((DOCS / "_static" / "figures").glob("*.svg")), ids=lambda path: path.stem
)
def test_drawings_are_for_every_reader(path):
    """They are shown, have words for screen readers, and no colours but those of the theme."""
    text, tree = path.read_text("utf-8"), ElementTree.parse(path).getroot()
    kind = "{http://www.w3.org/2000/svg}"
    named = {tree.find(kind + part).get("id") for part in ("title", "desc")}
    assert set(tree.get("aria-labelledby").split()) == named
    assert tree.get("role") == "img"
    assert all(tree.find(kind + part).text for part in ("title", "desc"))
    assert not re.search(r"""(fill|stroke|style|color)=["']""", text)
    pages = [*DOCS.glob("guide/*.rst"), *DOCS.glob("develop/*.rst")]
    assert sum(f"_static/figures/{path.name}\n" in page.read_text("utf-8") for page in pages) == 1


def test_diagram_links_to_estimators():
    text = (DOCS / "_static" / "choose.svg").read_text("utf-8")
    parts = text.split('href="generated/skrec.')[1:]
    linked = {part.partition(".html")[0] for part in parts}
    assert len(linked) > 5
    assert linked <= {name for name, _ in all_estimators()}


@pytest.mark.slow
@pytest.mark.skipif("SKREC_DATA" not in os.environ, reason="needs real data")
def test_get_started_on_movielens():
    """Run the page on ml-100k: only its first block, which makes data up, is another one."""
    from skrec.datasets import fetch_movielens

    try:
        data = fetch_movielens("100k", download_if_missing=False)
    except OSError as error:
        pytest.skip(str(error))
    titles = dict(zip(data.item_frame["item"], data.item_frame["title"]))
    text = (DOCS / "get_started.rst").read_text("utf-8")
    first, _, rest = text.partition("Read it\n-------\n")
    namespace: dict[str, Any] = {}
    exec("\n".join(e.source for e in doctest.DocTestParser().get_examples(first)), namespace)
    data.frame.to_csv(namespace["path"], index=False)
    namespace["titles"] = titles
    for example in doctest.DocTestParser().get_examples(rest):
        exec(example.source, namespace)
    assert namespace["data"].interactions.frame == (943, 1682)
    assert namespace["ease"].mean() > namespace["popular"].mean()
    assert set(namespace["lists"]["title"]) <= set(titles.values())
    assert len(namespace["lists"]) == 5


def test_tables_of_limits():
    limits = script("_ext/limits_table.py")
    formula = limits["Formula"]({"entries factors^2": 3.4e-9, "items": 180.0, "1": 0.05}, 0.1, 0.2)
    assert limits["as_math"](formula) == (r":math:`3.4\cdot 10^{-9}\,e k^2 + 180\,i + 0.05`")
    for kind in (["formulas"], ["fits", 24.0], ["plan", 1e8, 1e7, 1e9, 512.0], ["check"]):
        rows = limits["table"](*kind).count("   * - ")
        assert rows > 5, kind
