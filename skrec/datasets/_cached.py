"""Data sets of the cache, by the name of their folder: public ones and one's own."""

from __future__ import annotations

from os import PathLike

from sklearn.utils import Bunch

from skrec.datasets._bunch import make_bunch
from skrec.datasets._layout import find_home, has_tables, ratings_file, read_tables
from skrec.datasets._sources import DATASETS

__all__ = ["list_cached", "load_cached"]


def list_cached(data_home: str | PathLike[str] | None = None) -> list[str]:
    """Return the names of the data sets that are in the cache.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of all data sets; None takes the environment variable ``SKREC_DATA`` and, where
        that is not set, ``~/skrec_data``.

    Returns
    -------
    names : list of str
        Names of the folders with a file ``ratings.csv.gz``, sorted.

    See Also
    --------
    load_cached : Loads one of them.

    Examples
    --------
    >>> from skrec.datasets import list_cached
    >>> list_cached("no/such/folder")
    []
    """
    home = find_home(data_home)
    if not home.is_dir():
        return []
    return sorted(folder.name for folder in home.iterdir() if has_tables(folder))


def load_cached(name: str, *, data_home: str | PathLike[str] | None = None) -> Bunch:
    """Load a data set of the cache; nothing is downloaded.

    Beside the public sets this reads any folder of the same layout: ``ratings.csv.gz`` with the
    header ``user,item[,rating][,timestamp]``, and where there are any ``items.csv.gz``,
    ``test.csv.gz`` (``user,item``), ``loo_test.csv.gz`` (``user,item``) and
    ``loo_negatives.csv.gz`` (``user,item,negatives``, ids joined by spaces).

    Parameters
    ----------
    name : str
        Name of the folder, such as ``"ml-1m"``.
    data_home : str or path-like, default=None
        As in `list_cached`.

    Returns
    -------
    data : Bunch
        As in `fetch_movielens`; what a data set does not have is None.

    Raises
    ------
    FileNotFoundError
        If the data set is not there.

    See Also
    --------
    fetch_movielens : Describes the attributes of the Bunch.

    Examples
    --------
    >>> from skrec.datasets import load_cached
    >>> load_cached("ml-1m").interactions.frame  # doctest: +SKIP
    (6040, 3706)
    """
    folder = find_home(data_home) / name
    if not has_tables(folder):
        raise FileNotFoundError(f"{ratings_file(folder)} is not there")
    descr = DATASETS[name].descr if name in DATASETS else f"Interactions of {folder}"
    return make_bunch(read_tables(folder), descr)
