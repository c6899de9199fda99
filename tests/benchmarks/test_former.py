"""What the former defaults are for: older measurements are made with the same values."""

import pytest

import skrec
from benchmarks.former import FORMER, with_former
from skrec.reproduce import make_system


@pytest.mark.parametrize("name", FORMER)
def test_former_defaults_are_parameters_whose_defaults_have_changed(name):
    now = getattr(skrec, name)().get_params(deep=False)
    assert all(value != now[parameter] for parameter, value in FORMER[name].items())
    make_system(name, with_former(name, {}))._validate_params()


def test_what_is_given_comes_before_what_was_the_default():
    assert with_former("EASERecommender", {"l2": 3.0}) == {"l2": 3.0}
    assert with_former("MF-192", {"lr": 0.1})["n_negatives"] == 4
    assert with_former("PopularityRecommender", {}) == {}
