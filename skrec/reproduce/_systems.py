"""The systems by name: estimators, and settings of estimators that papers give a name."""

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

from sklearn.utils import get_tags

import skrec
from skrec.base import BaseRecommender
from skrec.interactions import Interactions

__all__ = ["VARIANTS", "find_system", "has_seed", "is_system", "list_systems", "make_system"]

_WRAPPED = {"estimator", "estimators"}

# the papers train to the last epoch, and their penalties are zero or in the settings
_TO_THE_END: dict[str, Any] = {"early_stopping": False}
_UNPENALISED: dict[str, Any] = {**_TO_THE_END, "l2": 0.0}

# systems of the papers that are settings of an estimator; "-1" and "-2" have one and two hidden
# layers, as in EVCF's tables
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
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
    # the full-rank model of Steck (2020)
    "EDLAE": ("EASERecommender", {"dropout": 0.25}),
    # sizes of Rendle et al. (2022)
    "WMF-192": ("WMFRecommender", {"n_factors": 192}),
    # and of Rendle et al. (2020)
    "MF-192": ("MFClassifier", {"n_factors": 192}),
    # losses and vectors of Mao et al. (2021), with negatives that a batch shares
    "BPRMF-shared": ("BPRMFRanker", {"solver": "torch", "shared_negatives": True}),
    "MF-softmax": ("MFRecommender", {"loss": "softmax", "shared_negatives": True}),
    "SimpleX": ("MFRecommender", {"loss": "ccl", "history": "mean", "shared_negatives": True}),
    # the other vectors of ConvNCF's paper, and the cube of GeRec's released code
    "ConvNCF-FISM": ("ConvNCFRanker", {"embedding": "fism"}),
    "ConvNCF-SVD++": ("ConvNCFRanker", {"embedding": "svdpp"}),
    "GeRec-product": ("GeRecClassifier", {"interaction": "product"}),
    "U-AutoRec": ("AutoRecRegressor", {"side": "user"}),
    "I-AutoRec": ("AutoRecRegressor", {"side": "item"}),
    # the recipes of the papers that propose them, whose training is a row of the settings: sizes of
    # He et al. (2017) for 64 factors, of He et al. (2018), Deng et al. (2019), Du et al. (2019)
    "NeuMF-paper": (
        "NeuMFClassifier",
        {**_UNPENALISED, "n_factors": 64, "mlp_factors": 128, "hidden_sizes": (128, 64)},
    ),
    "NAIS-paper": ("NAISClassifier", {**_TO_THE_END, "n_factors": 16, "attention_size": 16}),
    "DeepCF-paper": (
        "DeepCFClassifier",
        {
            **_TO_THE_END,
            "n_factors": 256,
            "matching_sizes": (256, 128, 64),
            "representation_sizes": (512, 64),
            "item_sizes": (1024, 64),
        },
    ),
    "ConvNCF-paper": ("ConvNCFRanker", {**_UNPENALISED, "n_factors": 64, "n_feature_maps": 32}),
    # without implicit feedback, which is BPMF, and with that of users alone
    "BayesianMF-none": ("BayesianMFRegressor", {"implicit": "none"}),
    "BayesianMF-svdpp": ("BayesianMFRegressor", {"implicit": "svdpp"}),
    # what others compare with, by their names: filters of Shen et al. (2021), Park et al. (2024)
    # and Kim et al. (2025), and the walks without a discount
    "GF-CF": ("GraphFilterRecommender", {"filter": "ideal", "degree_power": 0.5}),
    "Turbo-CF": ("GraphFilterRecommender", {"filter": "power"}),
    "ChebyCF": ("GraphFilterRecommender", {"filter": "chebyshev"}),
    "P3alpha": ("RP3betaRecommender", {"beta": 0.0}),
    # the ablation: table 4 of the cross-feedback paper
    "CrossFeedback-no-data": ("CrossFeedbackBMF", {"data_input": False}),
    "CrossFeedback-no-feedback": ("CrossFeedbackBMF", {"cross_feedback": False}),
    "CrossFeedback-no-attention": ("CrossFeedbackBMF", {"attention": None}),
}


def list_systems(feedback: str = "implicit") -> list[str]:
    """Return the names of the systems: estimators, and variants that papers name.

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
    return [name for name in _candidates() if _feedback(_class_name(name)) == feedback]


def _candidates() -> list[str]:
    return [*vars(skrec)["__all__"], *VARIANTS]


def _class_name(name: str) -> str:
    return VARIANTS[name][0] if name in VARIANTS else name


@cache
def _feedback(name: str) -> str | None:
    """Return what a public object of skrec learns from; None if it is no system, or not here."""
    try:
        found = getattr(skrec, name)
    except (AttributeError, ImportError, OSError):  # torch may be missing, or broken
        return None
    if not (inspect.isclass(found) and issubclass(found, BaseRecommender)) or _wraps(found):
        return None
    return getattr(get_tags(found()), "feedback", None)


def _wraps(cls: type) -> bool:
    """Return whether an estimator wraps others, by scikit-learn's names of such parameters."""
    return not _WRAPPED.isdisjoint(inspect.signature(cls).parameters)


def is_system(name: str) -> bool:
    """Return whether there is a system of that name, and it can be imported here."""
    return name in _candidates() and _feedback(_class_name(name)) is not None


def find_system(name: str) -> type[BaseRecommender]:
    """Return the class of a system by its name.

    Parameters
    ----------
    name : str
        One of `list_systems`.

    Returns
    -------
    cls : type
        The estimator's class.

    Raises
    ------
    ValueError
        If there is none, with those that there are.

    Examples
    --------
    >>> from skrec.reproduce import find_system
    >>> find_system("WMF-192").__name__
    'WMFRecommender'
    """
    if name in _candidates():
        found = getattr(skrec, _class_name(name))  # says so where torch is missing, or broken
        if is_system(name):
            return found
    names = [name for name in _candidates() if is_system(name)]
    raise ValueError(f"systems must be among {names}; got {name!r}")


def has_seed(system: str) -> bool:
    """Return whether a system depends on a seed.

    Parameters
    ----------
    system : str
        One of `list_systems`.

    Returns
    -------
    seed : bool
        Whether it has a ``random_state``.

    Examples
    --------
    >>> from skrec.reproduce import has_seed
    >>> has_seed("EASERecommender"), has_seed("BPRMFRanker")
    (False, True)
    """
    return "random_state" in find_system(system)().get_params()


def make_system(
    system: str,
    parameters: Mapping[str, Any],
    seed: int | None = None,
    device: str | None = None,
    sampled_parameters: Mapping[str, Any] | None = None,
    **fit_parameters: Any,
) -> Any:
    """Make an estimator by the name of a system.

    Parameters
    ----------
    system : str
        One of `list_systems`.
    parameters : dict
        Its parameters; an unknown one is an error. A dict with ``"system"`` among them, or in a
        tuple, stands for a nested estimator.
    seed : int, default=None
        Its ``random_state``, if it has one.
    device : str, default=None
        Its ``device``, if it has one.
    sampled_parameters : dict, default=None
        What replaces further parameters if the class can watch a sampled ranking.
    **fit_parameters
        Further parameters, given if the class has them; those of validation only with early
        stopping, since nothing else is decided by them, and histories of other users only if the
        class can watch them.

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
        if not isinstance(fit_parameters.get("validation_data"), Interactions):
            # it learns vectors of its own users, and cannot watch others: it holds out pairs
            fit_parameters.pop("validation_data", None)
    optional = {**fit_parameters, "random_state": seed, "device": device}
    if not (optional.get("early_stopping") or known.get("early_stopping")):
        optional = {name: v for name, v in optional.items() if not name.startswith("validation_")}
    return estimator.set_params(
        **{name: v for name, v in optional.items() if name in known and v is not None}
    )


def _decoded(value: Any) -> Any:
    """Return nested estimators for dicts that name their systems, anything else as it is."""
    if isinstance(value, tuple | list):
        return type(value)(map(_decoded, value))
    if isinstance(value, dict) and "system" in value:
        rest = {k: v for k, v in value.items() if k != "system"}
        return make_system(value["system"], rest)
    return value
