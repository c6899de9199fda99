"""The systems by name: estimators, and settings of estimators that papers give a name."""

from functools import cache

from sklearn.utils import get_tags

import skrec

__all__ = ["VARIANTS", "find_system", "has_seed", "is_system", "make_estimator", "system_names"]

_SUFFIXES = ("Recommender", "Ranker", "Classifier", "Regressor", "BMF")

# systems of the papers that are settings of an estimator; "-1" and "-2" have one and two hidden
# layers, as in EVCF's tables
VARIANTS = {
    "MultVAE-gated": ("MultVAERecommender", {"gated": True}),
    "Vamp-gated": ("VampVAERecommender", {"gated": True}),
    "H+Vamp": ("VampVAERecommender", {"hierarchical": True}),
    "H+Vamp-gated": ("VampVAERecommender", {"hierarchical": True, "gated": True}),
}
VARIANTS |= {
    f"{name}-{depth}": (cls, {**parameters, "hidden_sizes": (600,) * depth})
    for depth in (1, 2)
    for name, (cls, parameters) in {
        "MultVAE": ("MultVAERecommender", {}),
        "Vamp": ("VampVAERecommender", {}),
        **VARIANTS,
    }.items()
}
VARIANTS |= {
    # sizes of Rendle et al. (2022)
    "WMF-192": ("WMFRecommender", {"n_factors": 192}),
    "U-AutoRec": ("AutoRecRegressor", {"side": "user"}),
    "I-AutoRec": ("AutoRecRegressor", {"side": "item"}),
    # the ablation: table 4 of the cross-feedback paper
    "CrossFeedback-no-data": ("CrossFeedbackBMF", {"data_input": False}),
    "CrossFeedback-no-feedback": ("CrossFeedbackBMF", {"cross_feedback": False}),
    "CrossFeedback-no-attention": ("CrossFeedbackBMF", {"attention": None}),
}


def system_names(feedback="implicit"):
    """Give the names of estimators and variants for one kind of feedback.

    Those that wrap another are left out, and those that cannot be imported here.

    Parameters
    ----------
    feedback : {"implicit", "explicit"}, default="implicit"
        What the systems learn from.

    Returns
    -------
    names : list of str
        Estimators first.
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
    """Give the class of a system by its name."""
    if name not in _all_names():
        raise ValueError(f"systems must be among {_all_names()}; got {name!r}")
    return getattr(skrec, _class_name(name))


def has_seed(system):
    """Tell whether a system depends on a seed."""
    return "random_state" in find_system(system)().get_params()


def make_estimator(
    system, parameters, seed=None, device=None, sampled_parameters=None, **fit_parameters
):
    """Make an estimator.

    Parameters
    ----------
    system : str
        Name of the class.
    parameters : dict
        Its parameters; an unknown one is an error.
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
        return make_estimator(value["system"], rest)
    return value
