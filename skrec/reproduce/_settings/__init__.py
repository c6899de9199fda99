"""Settings of each system on each data set and protocol.

Every number in a row comes from a paper or from ``python -m benchmarks.tune``, which looks at
validation data only; the comment says which. A later system adds rows to the file of the protocol
and nothing else; one that was not chosen on validation data is named in `ORIGINS`. Without a row a
system runs with its defaults, and the results say so.
"""

from skrec.reproduce._settings import _ncf, _ratings, _strong, _weak
from skrec.reproduce._settings._shared import TRAINING

__all__ = ["ORIGINS", "SETTINGS", "TRAINING", "origin_of", "settings_of"]

# (system, data, protocol): parameters of the estimator
SETTINGS = {**_ncf.SETTINGS, **_strong.SETTINGS, **_weak.SETTINGS, **_ratings.SETTINGS}

_TUNED_ON_GOWALLA = {"CDAERecommender", "RecVAERecommender", "WMFRecommender"}
_NOT_TUNED_ON_GOWALLA = {
    system for system, data, _ in _strong.SETTINGS if data == "gowalla"
} - _TUNED_ON_GOWALLA

# rows that were not chosen on validation data, and how else
ORIGINS = {
    ("EASERecommender", "ml-1m", "ncf"): "published",
    **{
        (system, data, protocol): "not tuned"
        for data, protocol, systems in (
            ("ml-1m", "ncf", ("ConvNCFRanker", "GeRecClassifier", "NAISClassifier")),
            ("ml-1m", "ncf", ("MultVAERecommender",)),
            ("ml-1m", "strong", ("UserKNNRecommender",)),
            ("amazon-music", "ncf", ("MultDAERecommender", "MultVAERecommender")),
            ("gowalla", "strong", _NOT_TUNED_ON_GOWALLA),
            ("gowalla", "weak", ("ItemKNNRecommender", "UserKNNRecommender")),
            ("gowalla", "weak", ("MultDAERecommender", "EASERecommender")),
        )
        for system in systems
    },
}


def settings_of(system, data, protocol):
    """Give the parameters of a system, and whether they come from a row of `SETTINGS`.

    Parameters
    ----------
    system : str
        Name of a class.
    data : str
        Name of a data set.
    protocol : str
        Name of a protocol.

    Returns
    -------
    parameters : dict
        Parameters of the estimator; empty where there is no row.
    known : bool
        Whether there is a row.
    """
    key = (system, data, protocol)
    return dict(SETTINGS.get(key, {})), key in SETTINGS


def origin_of(system, data, protocol):
    """Say where the settings of a system come from.

    Parameters
    ----------
    system : str
        Name of a class.
    data : str
        Name of a data set.
    protocol : str
        Name of a protocol.

    Returns
    -------
    origin : str
        ``"tuned"`` on validation data, ``"published"`` for this data set, ``"not tuned"``, such
        as what serves another data set, or ``"defaults"``.
    """
    key = (system, data, protocol)
    return ORIGINS.get(key, "tuned") if SETTINGS.get(key) else "defaults"
