"""What the docstrings say of parameters is what the signatures have."""

import pytest
from sklearn.base import BaseEstimator

from skrec.testing import all_estimators, make_estimator
from skrec.testing._checks_docs import check_documented_parameters

DOC = """A small estimator.

    Parameters
    ----------
    sizes : tuple of int, default=(8, 4)
        Widths of the layers.

        Parameters : none of its own.
    lr : float, default=3e-4
        Learning rate.
    kind : {"a", "b"}, default="a"
        Which of two.

    Attributes
    ----------
    other_ : int, default=7
        No parameter.
    """


def estimator_with(doc):
    """Return an estimator of three parameters with a docstring."""

    class Small(BaseEstimator):
        def __init__(self, sizes=(8, 4), lr=0.0003, kind="a"):
            self.sizes, self.lr, self.kind = sizes, lr, kind

    Small.__doc__ = doc
    return Small()


def test_right_documentation_passes():
    check_documented_parameters("Small", estimator_with(DOC))


def test_names_that_share_a_line_pass():
    class Pair(BaseEstimator):
        def __init__(self, a=1, b=1, lr=0.0003, kind="a"):
            self.a, self.b, self.lr, self.kind = a, b, lr, kind

    Pair.__doc__ = DOC.replace("sizes : tuple of int, default=(8, 4)", "a, b : int, default=1")
    check_documented_parameters("Pair", Pair())


def test_a_required_parameter_has_no_default():
    class Needs(BaseEstimator):
        """Needs a thing.

        Parameters
        ----------
        thing : object
            What it needs.
        """

        def __init__(self, thing):
            self.thing = thing

    check_documented_parameters("Needs", Needs(1))
    Needs.__doc__ = Needs.__doc__.replace("object", "object, default=1")
    with pytest.raises(AssertionError, match="default of thing is documented as 1, and is missing"):
        check_documented_parameters("Needs", Needs(1))


def test_a_class_without_a_section_is_documented_by_its_base():
    class Derived(type(estimator_with(DOC))):
        """Another one."""

    check_documented_parameters("Derived", Derived())


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("3e-4", "3e-3", "default of lr is documented as 3e-3, and is 0.0003"),
        ("(8, 4)", "(8.0, 4)", r"default of sizes is documented as \(8.0, 4\), and is \(8, 4\)"),
        ("(8, 4)", "[8, 4]", "default of sizes is documented as"),
        ('default="a"', 'default="b"', "default of kind is documented as"),
        ('default="a"', "default=a", "default of kind is documented as a, and is 'a'"),
        (', default="a"', "", "default of kind is not documented, and is 'a'"),
        ("kind :", "lr :", "lr is documented 2 times"),
        ("kind :", "sort :", "kind is not documented\nsort is documented but no parameter"),
        ("Parameters\n    -----", "Arguments\n    -----", "sizes is not documented"),
    ],
)
def test_wrong_documentation_is_caught(old, new, fault):
    assert DOC.count(old) == 1
    with pytest.raises(AssertionError, match=fault):
        check_documented_parameters("Small", estimator_with(DOC.replace(old, new)))


def test_another_order_is_caught():
    entries = [DOC.index(f"    {name} : ") for name in ("lr", "kind")]
    end = DOC.index("\n    Attributes")
    lr, kind = DOC[entries[0] : entries[1]], DOC[entries[1] : end]
    swapped = DOC.replace(lr + kind, kind + lr)
    with pytest.raises(AssertionError, match="kind is documented where the signature has lr"):
        check_documented_parameters("Small", estimator_with(swapped))


def test_every_estimator_is_documented_as_it_is():
    faults = []
    for name, cls in all_estimators():
        try:
            check_documented_parameters(name, make_estimator(cls))
        except AssertionError as error:
            faults.append(str(error))
    assert not faults, "\n".join(faults)
