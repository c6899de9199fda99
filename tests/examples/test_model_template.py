"""The template of a model runs, and passes every check."""

import doctest
import runpy
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "model_template.py"


def test_template_runs_and_passes_the_checks(capsys):
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    out = capsys.readouterr().out
    assert "for a user that is new: [" in out
    assert float(out.split("new users: ")[1].split()[0]) > 0.3
    assert out.endswith("every check has passed\n")


def test_example_of_the_docstring():
    names = runpy.run_path(str(EXAMPLE))
    (test,) = doctest.DocTestFinder(recurse=False).find(
        names["AssociationRecommender"], "AssociationRecommender", globs=names
    )
    assert test.examples
    assert not doctest.DocTestRunner().run(test).failed
