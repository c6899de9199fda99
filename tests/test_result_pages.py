"""The pages of results: pictures and tables say what the files of results say."""

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skrec.testing import all_estimators

pytest.importorskip("sphinx")
pytest.importorskip("matplotlib")

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "docs" / "index.rst", *sorted((ROOT / "docs" / "results").glob("*.rst"))]


@pytest.fixture(scope="module")
def modules():
    """Return the modules of the extension: directives, pictures, numbers."""
    sys.path.insert(0, str(ROOT / "docs" / "_ext"))
    try:
        import result_numbers
        import result_pages
        import result_pictures

        yield result_pages, result_pictures, result_numbers
    finally:
        sys.path.remove(str(ROOT / "docs" / "_ext"))


@pytest.fixture(scope="module")
def table(modules):
    return modules[2].runs_of("weak", "gowalla")


def test_figures_are_those_of_the_file(table, modules):
    rows = pd.read_csv(ROOT / "benchmarks" / "results" / "quality.csv")
    rows = rows[(rows["data"] == "gowalla") & (rows["protocol"] == "weak")]
    rows = rows[rows["metric"] == modules[2].PRIMARY["weak"]]
    assert set(table.index) == set(rows["system"])
    assert table["quality"].is_monotonic_decreasing
    single = rows.groupby("system").filter(lambda part: len(part) == 1).set_index("system")
    assert len(single) > 2
    pd.testing.assert_series_equal(
        table.loc[single.index, "quality"], single["mean"], check_names=False
    )
    assert (table["seconds"] > 0).all()


def test_published_figures_are_those_of_the_tables(table):
    from skrec.reproduce import find_table

    rows = {row.system: row.published for row in find_table("baselines", "gowalla").rows}
    with_figures = [name for name, found in table["published"].items() if found]
    for name in with_figures:
        assert rows[name]["gowalla"]["ndcg@20"] in table.loc[name, "published"]


def test_table_has_a_row_for_each_system_the_best_first(table, modules):
    text = modules[0].systems_table("weak", "gowalla")
    cells = re.findall(r"^   [* ] - (.*)$", text, re.MULTILINE)
    rows = [cells[i : i + 8] for i in range(0, len(cells), 8)]
    assert ":class: sortable" in text
    assert len(rows) == len(table) + 1
    assert [row[1] for row in rows[1:]] == [f"{value:.4f}" for value in table["quality"]]
    classes = {name for name, _ in all_estimators()}
    shown = [f":class:`~skrec.{name}`" if name in classes else name for name in table.index]
    assert [row[0] for row in rows[1:]] == shown


def test_pictures_come_in_two_widths_and_for_dark_pages(modules, tmp_path):
    pictures = modules[1]
    names, words = pictures.save(
        tmp_path, "x", "quality-cost", {"protocol": "weak", "data": "gowalla"}
    )
    assert names == [f"x-{w}-{c}.svg" for w in ("wide", "narrow") for c in ("light", "dark")]
    light, dark = ((tmp_path / name).read_text("utf-8") for name in names[:2])
    assert light != dark
    assert not any(colour in dark for colour in pictures.COLOURS)
    assert any(colour in light for colour in pictures.COLOURS)
    assert "#ffffff" not in light  # the page shows through
    assert words.startswith("ndcg@20 of ")


@pytest.mark.parametrize(
    ("kind", "options"), [("activity", {}), ("growth-curves", {"file": "large.csv"})]
)
def test_no_colour_is_left_to_matplotlib(kind, options, modules, tmp_path):
    names, _ = modules[1].save(tmp_path, kind, kind, options)
    for name in names:
        text = (tmp_path / name).read_text("utf-8")
        drawn = set(re.findall(r"(?:stroke|fill): (#\w{6})", text))
        known = modules[1].COLOURS
        assert drawn <= set(known.values() if name.endswith("dark.svg") else known)


def test_colours_stand_out_from_their_pages(modules):
    def luminance(colour):
        rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        return np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92) @ [
            0.2126,
            0.7152,
            0.0722,
        ]

    for light, dark in modules[1].COLOURS.items():
        assert 1.05 / (luminance(light) + 0.05) > 3
        assert (luminance(dark) + 0.05) / (luminance("#14181e") + 0.05) > 3


def test_pages_ask_for_what_there_is(modules):
    numbers, kinds = modules[2], set(modules[1].PICTURES)
    results = ROOT / "benchmarks" / "results"
    for page in PAGES:
        text = page.read_text("utf-8")
        assert set(re.findall(r"result-figure:: (\S+)", text)) <= kinds
        files = re.findall(r"(?:result-file::|:file:) (\S+)", text)
        assert all((results / name).exists() for name in files)
        for protocol, data in re.findall(r":protocol: (\S+)\n +:data: (\S+)", text):
            assert data in numbers.kept().data_of(protocol)
    shown = "\n".join(page.read_text("utf-8") for page in PAGES)
    for protocol in numbers.PRIMARY:
        for data in numbers.kept().data_of(protocol):
            assert f".. result-table::\n   :protocol: {protocol}\n   :data: {data}\n" in shown


def test_growth_takes_the_last_run(modules):
    table = modules[2].growth("speed.csv")
    assert not table.duplicated(["model", "interactions"]).any()
    ease = table[(table["model"] == "EASE fit") & (table["interactions"] == 1e7)]
    rows = pd.read_csv(ROOT / "benchmarks" / "results" / "speed.csv")
    last = rows.loc[rows["what"] == "EASE fit, 10000000 interactions", "seconds"].iloc[-1]
    assert ease["seconds"].tolist() == [last]


def test_commands_are_there():
    for page in PAGES:
        for name in re.findall(r"python -m (benchmarks[\w.]+)", page.read_text("utf-8")):
            assert (ROOT / (name.replace(".", "/") + ".py")).exists()


def test_script_and_style_need_no_network():
    for name in ("tables.js", "results.css"):
        text = (ROOT / "docs" / "_static" / name).read_text("utf-8")
        assert "http" not in text
        assert "import" not in text.replace("!important", "")
