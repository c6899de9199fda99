"""Everything public is documented, in numpydoc's form, with examples that run."""

import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest
from numpydoc.validate import validate

import skrec

ROOT = Path(__file__).parents[1]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

IGNORED = {
    "GL01": "the summary starts right after the quotes, as in scikit-learn",
    "GL02": "a docstring of one line closes on it",
    "ES01": "an extended summary only where there is more to say",
    "SA01": "See Also only where there is something to see",
    "SS06": "a summary may need a second line at this line length",
    "RT02": "returned arrays are named, as in scikit-learn",
    "PR03": "parameters that a base documents once come after a class's own",
    "PR08": "descriptions may start with a formula or a literal",
    "PR09": "descriptions may end with a list or a formula",
    "RT04": "as PR08",
    "RT05": "as PR09",
    "YD01": "iterators are documented under Returns or Yields",
}
IGNORED_FOR_METHODS = {
    "EX01": "the class has the example",
    "RT03": "a method that gives self says so in its type",
}
BUILDING_BLOCKS = {"base", "calibration", "exceptions", "neural", "nn", "training", "utils"}
IGNORED_FOR_BUILDING_BLOCKS = {
    "EX01": "who writes a model finds the example in the estimators",
}
IGNORED_FOR_OBJECT = {
    "skrec.base.RecommenderTags": {"PR01": "scikit-learn documents the fields of its Tags"},
    "skrec.metrics.RankingScorer": {"EX01": "make_ranking_scorer has it"},
    "skrec.metrics.RatingScorer": {"EX01": "make_rating_scorer has it"},
    "skrec.model_selection.Comparison": {"EX01": "compare has it"},
    "skrec.model_selection.SplitReport": {"EX01": "check_split has it"},
    "skrec.training.RecommenderNet": {"PR01": "skorch documents the parameters of its nets"},
}


def public_modules():
    """Return skrec and its public modules, by name."""
    found = pkgutil.walk_packages(skrec.__path__, "skrec.")
    names = ["skrec", *(m.name for m in found if not re.search(r"\._", m.name))]
    return sorted(names)


def public_objects():
    """Return ``{dotted name: object}`` for the classes and functions of the public modules."""
    found = {}
    for module_name in public_modules()[1:]:  # skrec itself only shows what these hold
        module = importlib.import_module(module_name)
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            named = module_name == "skrec.typing"  # other libraries' types under shorter names
            if not named and (inspect.isclass(thing) or inspect.isfunction(thing)):
                found[f"{module_name}.{name}"] = thing
    return first_names(found)


def first_names(found):
    """Keep one name of each object, the longest: where it is at home, not where it is shown."""
    by_object = {thing: name for name, thing in sorted(found.items(), key=lambda x: len(x[0]))}
    return {name: thing for thing, name in sorted(by_object.items(), key=lambda x: x[1])}


def public_methods(objects):
    """Return ``{dotted name: function}`` for public methods written in skrec, each once."""
    found = {}
    for name, cls in objects.items():
        if not inspect.isclass(cls):
            continue
        for method, function in inspect.getmembers(cls, inspect.isroutine):
            ours = (getattr(function, "__module__", None) or "").startswith("skrec")
            if ours and not method.startswith("_") and not inherits_words(cls, method):
                found.setdefault(inspect.unwrap(function), f"{name}.{method}")
    return {name: function for function, name in found.items()}


def inherits_words(cls, method):
    """Whether a method has no docstring of its own, so that its base's is shown."""
    places = [b for b in cls.__mro__ if method in vars(b)]
    own = [getattr(getattr(b, method), "__doc__", None) for b in places]
    return own[0] is None and any(own)


def is_hook(name):
    """Whether a method overrides one of another library, which documents it."""
    cls, method = OBJECTS[name.rpartition(".")[0]], name.rpartition(".")[2]
    return any(hasattr(b, method) for b in cls.__mro__ if not b.__module__.startswith("skrec"))


def ignored_codes(name):
    """Return the codes that do not count for a class or function."""
    codes = {*IGNORED, *IGNORED_FOR_OBJECT.get(name, ())}
    if name.split(".")[1] in BUILDING_BLOCKS:
        codes |= {*IGNORED_FOR_BUILDING_BLOCKS}
    return codes


OBJECTS = public_objects()
METHODS = public_methods(OBJECTS)


def faults(name, ignored):
    """Return numpydoc's complaints about an object, less the ignored ones."""
    errors = validate(name)["errors"]
    return [f"{code}: {message}" for code, message in errors if code not in ignored]


@pytest.mark.parametrize("name", OBJECTS)
def test_docstring(name):
    found = faults(name, ignored_codes(name))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", [name for name in METHODS if not is_hook(name)])
def test_docstring_of_method(name):
    found = faults(name, IGNORED | IGNORED_FOR_METHODS)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", [name for name in METHODS if is_hook(name)])
def test_hook_has_a_summary(name):
    assert METHODS[name].__doc__


@pytest.mark.parametrize("name", public_modules())
def test_module_says_what_it_holds(name):
    module = importlib.import_module(name)
    assert module.__doc__
    assert module.__all__


def examples():
    """Return the doctests of everything public, by name."""
    finder = doctest.DocTestFinder(recurse=False)
    tests = {}
    for name, thing in {**OBJECTS, **METHODS}.items():
        for test in finder.find(thing, name, globs={}):
            if test.examples:
                tests[name] = test
    return tests


EXAMPLES = examples()


def run(test):
    """Run a doctest; return its report, empty where every example gave what it shows."""
    report = []
    doctest.DocTestRunner(optionflags=FLAGS).run(test, out=report.append)
    return "".join(report)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name):
    report = run(EXAMPLES[name])
    assert not report, report


PAGES = [f for place in ("*.rst", "guide/*.rst") for f in sorted((ROOT / "docs").glob(place))]


@pytest.mark.parametrize("file", PAGES, ids=lambda f: f"{f.parent.name}-{f.stem}")
def test_page(file):
    text = file.read_text("utf-8")
    parser = doctest.DocTestParser()
    report = run(parser.get_doctest(text, {"__name__": "page"}, file.name, str(file), 0))
    assert not report, report


def test_example_of_the_readme():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 1
    exec(compile(blocks[0], "README.md", "exec"), {"__name__": "readme"})
