"""Shared parts of docstrings are put in when a metric is defined."""

import inspect

import pytest

from skrec import metrics
from skrec.metrics._shared_docs import shared_docs

FUNCTIONS = [name for name in metrics.__all__ if inspect.isfunction(getattr(metrics, name))]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_placeholder_is_left(name):
    assert "%(" not in getattr(metrics, name).__doc__


def test_text_has_the_indentation_of_its_line():
    lines = inspect.getsource(metrics.coverage).splitlines()
    at = lines.index("    %(recommended)s")
    shown = inspect.getdoc(metrics.coverage).splitlines()
    first = shown.index("ranked : array-like of int of shape (n_users, m)")
    assert shown[first + 1].startswith("    Recommended items")
    assert shown[first + 2] == lines[at + 1].strip()


def test_signature_and_name_stay():
    assert list(inspect.signature(metrics.coverage).parameters) == ["ranked", "n_items"]
    assert metrics.coverage.__name__ == "coverage"


def test_unknown_text_is_an_error():
    def metric():
        """Return nothing.

        %(no_such_text)s
        """

    with pytest.raises(KeyError, match="no_such_text"):
        shared_docs(metric)


def test_function_without_docstring_stays_as_it_is():
    def metric():
        pass

    assert shared_docs(metric) is metric
    assert metric.__doc__ is None
