"""Settings of each system on each data set and protocol.

Every number in a row comes from a paper or from ``python -m benchmarks.tune``, which looks at
validation data only; the comment says which. A later system adds rows to the file of the protocol
and nothing else. Without a row a system runs with its defaults, and the results say so.
"""

from skrec.reproduce._settings import _ncf, _ratings, _strong, _weak
from skrec.reproduce._settings._shared import TRAINING

__all__ = ["SETTINGS", "TRAINING", "settings_of"]

# (system, data, protocol): parameters of the estimator
SETTINGS = {**_ncf.SETTINGS, **_strong.SETTINGS, **_weak.SETTINGS, **_ratings.SETTINGS}


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
