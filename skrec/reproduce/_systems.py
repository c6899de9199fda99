"""The systems by name: estimators, and settings of estimators that papers give a name."""

from functools import cache

from sklearn.utils import get_tags

import skrec

__all__ = ["VARIANTS", "find_system", "has_seed", "is_system", "list_systems", "make_system"]

_SUFFIXES = ("Recommender", "Ranker", "Classifier", "Regressor", "BMF")

# systems of the papers that are settings of an estimator; "-1" and "-2" have one and two hidden
# layers, as in EVCF's tables
VARIANTS = {
    "H+Vamp": ("VampVAERecommender", {"hierarchical": True}),
    **{
        f"{name}-{depth}": (cls, {**parameters, "hidden_sizes": (600,) * depth})
        for depth in (1, 2)
        for name, (cls, parameters) in {
            "MultVAE": ("MultVAERecommender", {}),
            "Vamp": ("VampVAERecommender", {}),
            "MultVAE-gated": ("MultVAERecommender", {"gated": True}),
            "Vamp-gated": ("VampVAERecommender", {"gated": True}),
            "H+Vamp": ("VampVAERecommender", {"hierarchical": True}),
            "H+Vamp-gated": ("VampVAERecommender", {"hierarchical": True, "gated": True}),
        }.items()
    },
    # sizes of Rendle et al. (2022)
    "WMF-192": ("WMFRecommender", {"n_factors": 192}),
    "U-AutoRec": ("AutoRecRegressor", {"side": "user"}),
    "I-AutoRec": ("AutoRecRegressor", {"side": "item"}),
    # the ablation: table 4 of the cross-feedback paper
    "CrossFeedback-no-data": ("CrossFeedbackBMF", {"data_input": False}),
    "CrossFeedback-no-feedback": ("CrossFeedbackBMF", {"cross_feedback": False}),
    "CrossFeedback-no-attention": ("CrossFeedbackBMF", {"attention": None}),
}


def list_systems(feedback="implicit"):
    """Give the names of the systems: estimators, and variants that papers name.

    Estimators that wrap another are left out, and those that cannot be imported here.

    Parameters
    ----------
    feedback : {"implicit", "explicit"}, default="implicit"
        What the systems learn from.

    Returns
    -------
    names : list of str
        Estimators first.

    See Also
    --------
    make_system : Makes one of them.

    Examples
    --------
    >>> from skrec.reproduce import list_systems
    >>> "H+Vamp-gated-2" in list_systems(), "I-AutoRec" in list_systems("explicit")
    (True, True)
    """
    return [name for name in _all_names() if _feedback(_class_name(name)) == feedback]


def _all_names():
    names = [name for name in skrec.__all__ if name.endswith(_SUFFIXES)]
    return [name for name in names if name != "CalibratedRecommender"] + list(VARIANTS)


def _class_name(name):
    return VARIANTS[name][0] if name in VARIANTS else name


@cache
def _feedback(name):
    try:
        return get_tags(getattr(skrec, name)()).feedback
    except (AttributeError, ImportError, OSError):  # torch may be missing, or broken
        return None


def is_system(name):
    """Tell whether there is a system of that name."""
    return name in _all_names()


def find_system(name):
    """Give the class of a system by its name.

    Parameters
    ----------
    name : str
        One of `list_systems`.

    Returns
    -------
    cls : type
        The estimator's class.

    Examples
    --------
    >>> from skrec.reproduce import find_system
    >>> find_system("WMF-192").__name__
    'WMFRecommender'
    """
    if name not in _all_names():
        raise ValueError(f"systems must be among {_all_names()}; got {name!r}")
    return getattr(skrec, _class_name(name))


def has_seed(system):
    """Tell whether a system depends on a seed."""
    return "random_state" in find_system(system)().get_params()


def make_system(
    system, parameters, seed=None, device=None, sampled_parameters=None, **fit_parameters
):
    """Make an estimator by the name of a system.

    Parameters
    ----------
    system : str
        One of `list_systems`.
    parameters : dict
        Its parameters; an unknown one is an error. A dict with ``"system"`` among them stands for
        a nested estimator.
    seed : int, default=None
        Its ``random_state``, if it has one.
    device : str, default=None
        Its ``device``, if it has one.
    sampled_parameters : dict, default=None
        What replaces further parameters if the class can watch a sampled ranking.
    **fit_parameters
        Further parameters, given if the class has them.

    Returns
    -------
    estimator : BaseRecommender
        Not fitted.

    Examples
    --------
    >>> from skrec.reproduce import make_system
    >>> make_system("WMF-192", {"l2": 0.01}, seed=0).n_factors
    192
    """
    _, variant = VARIANTS.get(system, (system, {}))
    given = {**variant, **{k: _decoded(v) for k, v in parameters.items()}}
    estimator = find_system(system)(**given)
    known = estimator.get_params()
    if "validation_candidates" in known:
        fit_parameters = {**fit_parameters, **(sampled_parameters or {})}
    optional = {**fit_parameters, "random_state": seed, "device": device}
    return estimator.set_params(
        **{name: v for name, v in optional.items() if name in known and v is not None}
    )


def _decoded(value):
    """Give a nested estimator for a dict that names its system, anything else as it is."""
    if isinstance(value, dict) and "system" in value:
        rest = {k: v for k, v in value.items() if k != "system"}
        return make_system(value["system"], rest)
    return value
