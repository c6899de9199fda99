"""Parameters as annotated fields, and the traps of that."""

import inspect
import pickle
from decimal import Decimal
from fractions import Fraction
from numbers import Integral, Real
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils._param_validation import Interval

from skrec.base import BaseRecommender, Doc
from skrec.linear import EASERecommender


class PlainMixin:
    """No dataclass: its annotations are no fields."""

    strength: float = 3.0


class Shared(BaseRecommender):
    alpha: Annotated[float, Interval(Real, 0, None, closed="left"), "Shared words on alpha."] = 1.0
    beta: Annotated[tuple[int, ...] | list[int], tuple, list, "Shared words on beta."] = (1, 2)

    kind: ClassVar[str] = "none"
    unannotated = 7

    def _fit(self, X):
        pass


class Model(PlainMixin, Shared):
    """Summary of the model.

    Attributes
    ----------
    item_counts_ : ndarray
        Counts.
    """

    gamma: Annotated[float, "Own words on gamma."] = 0.5


class Deeper(Model):
    """Summary of a deeper model."""

    alpha: Annotated[float, "Own words on alpha."] = 9.0
    beta = (5, 6)  # no annotation: ignored
    gamma: Annotated[float, float] = 0.5


class Undocumented(Model):
    delta: int = 1


class Explicit(Model):
    """A user's class with an ``__init__`` of its own."""

    def __init__(self, gamma=0.25, extra=1):
        super().__init__(gamma=gamma)
        self.extra = extra


def test_annotated_fields_are_parameters_of_sklearn():
    assert Model().get_params() == {"alpha": 1.0, "beta": (1, 2), "gamma": 0.5}
    est = Model(gamma=2.0).set_params(alpha=4.0)
    assert (est.alpha, est.beta, est.gamma) == (4.0, (1, 2), 2.0)
    assert repr(est) == "Model(alpha=4.0, gamma=2.0)"


def test_the_signature_is_keyword_only_with_defaults():
    parameters = inspect.signature(Model).parameters
    assert {p.kind for p in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert {n: p.default for n, p in parameters.items()} == Model().get_params()
    with pytest.raises(TypeError, match="positional"):
        Model(1.0)
    with pytest.raises(TypeError, match="unexpected keyword argument 'gama'"):
        Model(gama=1.0)


def test_init_is_the_classes_own_and_not_shared():
    assert "__init__" in vars(Model)
    assert "gamma" not in inspect.signature(Shared).parameters


def test_a_field_on_a_plain_mixin_is_no_parameter():
    assert "strength" not in Model().get_params()
    assert Model().strength == 3.0
    with pytest.raises(TypeError, match="strength"):
        Model(strength=1.0)


def test_an_annotated_override_changes_the_default():
    assert Deeper().alpha == 9.0
    assert inspect.signature(Deeper).parameters["alpha"].default == 9.0
    assert Shared().alpha == 1.0


def test_an_override_without_annotation_is_ignored():
    assert Deeper().beta == (1, 2)
    assert inspect.signature(Deeper).parameters["beta"].default == (1, 2)
    assert Deeper.beta == (5, 6)  # what the class says is not what its instances have


def test_class_variables_and_plain_attributes_are_no_parameters():
    assert not {"kind", "unannotated", "_fold_in"} & set(inspect.signature(Model).parameters)
    with pytest.raises(TypeError):
        Model(kind="other")


@pytest.mark.parametrize("default", [[], {}, set()])
def test_mutable_defaults_raise(default):
    with pytest.raises(ValueError, match="mutable default"):

        class Bad(Shared):
            values: object = default


def test_an_estimator_as_default_raises():
    with pytest.raises((TypeError, ValueError)):

        class Bad(Shared):
            inner: object = EASERecommender()


def test_an_explicit_init_survives():
    est = Explicit(extra=5)
    assert est.get_params() == {"gamma": 0.25, "extra": 5}
    assert est.alpha == 1.0
    assert list(inspect.signature(Explicit).parameters) == ["gamma", "extra"]
    assert clone(Explicit(gamma=3.0, extra=2)).get_params() == {"gamma": 3.0, "extra": 2}


@pytest.mark.parametrize("cls", [Model, Deeper, Undocumented, Explicit])
def test_clone_and_pickle(cls):
    est = cls(gamma=1.75)
    for copy in (clone(est), pickle.loads(pickle.dumps(est))):
        assert type(copy) is cls
        assert copy is not est
        assert copy.get_params() == est.get_params()


def test_estimators_are_compared_and_hashed_by_identity():
    assert Model() != Model()
    assert len({Model(), Model()}) == 2


def test_fitted_attributes_are_not_parameters():
    est = Model().fit([[1, 0], [1, 1]])
    assert set(clone(est).__dict__) == {"alpha", "beta", "gamma"}


# docs and constraints that are handed down


def count(cls, name):
    return sum(line.startswith(f"{name} :") for line in cls.__doc__.splitlines())


@pytest.mark.parametrize("cls", [Model, Deeper])
def test_shared_docs_are_inserted_once(cls):
    assert [count(cls, name) for name in ("alpha", "beta", "gamma")] == [1, 1, 1]


def test_shared_docs_come_behind_the_own_ones_and_before_the_next_section():
    lines = [line for line in Model.__doc__.splitlines() if " : " in line or "---" in line]
    names = [line.split(" :")[0] for line in lines]
    assert names == ["----------", "gamma", "alpha", "beta", "----------", "item_counts_"]
    assert Model.__doc__.startswith("Summary of the model.")


def test_own_words_win_over_shared_ones():
    assert "Own words on alpha" in Deeper.__doc__
    assert "Shared words on alpha" not in Deeper.__doc__
    assert "Shared words on beta" in Deeper.__doc__


def test_constraints_are_those_of_all_bases():
    for cls in (Model, Deeper):
        with pytest.raises(ValueError, match=f"'alpha' parameter of {cls.__name__}"):
            cls(alpha=-1.0).fit([[1]])
    with pytest.raises(ValueError, match="'gamma' parameter of Deeper"):
        Deeper(gamma="x").fit([[1]])
    Model(gamma="x").fit([[1]])  # the constraint of a subclass does not reach its base


# what an annotation says by itself


class Kinds(BaseRecommender):
    """A parameter of each kind."""

    flag: Annotated[bool, "A switch."] = False
    choice: Annotated[Literal["b", "a"] | None, "One of two."] = None
    sizes: Annotated[tuple[int, ...] | list[int], tuple, list, "Widths."] = (3,)
    limit: Annotated[float | None, Interval(Real, 0, None, closed="neither"), "A limit."] = None
    words: Annotated[Any, object, Doc("Anything.", "words of its own")] = "x"

    def _fit(self, X):
        pass


KINDS = {
    "flag": ("bool", "False", [0.5, "yes"]),
    "choice": ('{"b", "a"} or None', "None", ["c", 1]),
    "sizes": ("tuple of int", "(3,)", [3, "3"]),
    "limit": ("float or None", "None", [0, -1.0, "1"]),
    "words": ("words of its own", '"x"', []),
}


@pytest.mark.parametrize("name", KINDS)
def test_the_type_gives_docs_and_constraints(name):
    kind, default, wrong = KINDS[name]
    assert f"{name} : {kind}, default={default}" in Kinds.__doc__.splitlines()
    for value in wrong:
        with pytest.raises(ValueError, match=f"'{name}' parameter of Kinds"):
            Kinds(**{name: value}).fit([[1]])


# numbers


class Numbers(BaseRecommender):
    """A model that keeps what its parameters are while it is fitted."""

    count: Annotated[int, Interval(Integral, 1, None, closed="left"), "A count."] = 1
    rate: Annotated[float | None, Interval(Real, 0, None, closed="left"), "A rate."] = 0.5
    flag: Annotated[bool, "A switch."] = False
    sizes: Annotated[tuple[int, ...] | list[int], tuple, list, "Widths."] = (3,)
    random_state: Annotated[int | None, "random_state", "A seed."] = None

    def _fit(self, X):
        self.seen_ = self.get_params()
        if self.count == 99:
            raise RuntimeError("meant")


@pytest.mark.parametrize("name", ["count", "rate", "random_state"])
@pytest.mark.parametrize("value", [True, False, np.True_])
def test_a_number_is_no_boolean(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter of Numbers must be .*Got {value}"):
        Numbers(**{name: value}).fit([[1]])


@pytest.mark.parametrize("value", [Fraction(1, 2), Decimal("0.5"), np.array(2)])
def test_a_number_is_pythons_or_numpys(value):
    for name in ("count", "rate"):
        with pytest.raises(ValueError, match=f"'{name}' parameter of Numbers must be"):
            Numbers(**{name: value}).fit([[1]])


@pytest.mark.parametrize("value", [True, np.True_])
def test_a_switch_is_one(value):
    assert Numbers(flag=value).fit([[1]]).seen_["flag"] is True


def test_an_integer_that_no_float_can_hold_is_no_rate():
    with pytest.raises(ValueError, match="'rate' parameter of Numbers"):
        Numbers(rate=10**400).fit([[1]])
    assert Numbers(count=10**400).fit([[1]]).count == 10**400


GIVEN = {
    "count": (np.int8(3), 3),
    "rate": (np.float16(0.1), float(np.float16(0.1))),
    "sizes": ([np.uint8(5), 2], [5, 2]),
    "random_state": (np.int16(7), 7),
    "flag": (np.False_, False),
}


@pytest.mark.parametrize("name", GIVEN)
def test_numbers_of_numpy_are_pythons_inside_fit_and_as_given_outside(name):
    given, plain = GIVEN[name]
    est = Numbers(**{name: given})
    seen = est.fit([[1]]).seen_[name]
    assert (type(seen), seen) == (type(plain), plain)
    assert est.get_params()[name] is given
    assert clone(est).get_params()[name] == given


def test_numbers_are_as_given_after_a_fit_that_fails():
    est = Numbers(count=np.int8(99))
    with pytest.raises(RuntimeError, match="meant"):
        est.fit([[1]])
    assert type(est.count) is np.int8


def test_a_float_of_pythons_kind_and_none_stay_what_they_are():
    rate = np.float64(0.25)
    assert Numbers(rate=rate).fit([[1]]).seen_["rate"] is rate
    assert Numbers(rate=None).fit([[1]]).seen_["rate"] is None


# bases that meet


class Left(Shared):
    left: Annotated[int, "Of the left."] = 1
    alpha: float = 2.0


class Right(Shared):
    right: Annotated[int, "Of the right."] = 2
    beta: tuple = (7,)


class LeftRight(Left, Right):
    """Both."""


class RightLeft(Right, Left):
    """Both."""


@pytest.mark.parametrize("cls", [LeftRight, RightLeft])
def test_each_base_keeps_the_defaults_that_it_changes(cls):
    assert cls().get_params() == {"alpha": 2.0, "beta": (7,), "left": 1, "right": 2}
    assert [count(cls, name) for name in ("alpha", "beta", "left", "right")] == [1, 1, 1, 1]


def test_a_models_own_parameters_come_first():
    assert list(inspect.signature(Model).parameters) == ["gamma", "alpha", "beta"]
    assert list(inspect.signature(Deeper).parameters) == ["gamma", "alpha", "beta"]
    assert list(inspect.signature(RightLeft).parameters) == ["right", "left", "alpha", "beta"]
    lines = RightLeft.__doc__.splitlines()
    assert [line.split()[0] for line in lines if " : " in line] == [
        "right",
        "left",
        "alpha",
        "beta",
    ]
