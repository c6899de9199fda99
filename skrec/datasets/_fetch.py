"""Fetchers of public data sets."""

from __future__ import annotations

from os import PathLike

from sklearn.utils import Bunch

from skrec.datasets._cached import load_cached
from skrec.datasets._download import install
from skrec.datasets._layout import find_home, has_tables, ratings_file
from skrec.datasets._sources import DATASETS

__all__ = ["fetch_amazon_music", "fetch_gowalla", "fetch_movielens"]

_VERSIONS = tuple(name.removeprefix("ml-") for name in DATASETS if name.startswith("ml-"))


def fetch_movielens(
    version: str = "100k",
    *,
    data_home: str | PathLike[str] | None = None,
    download_if_missing: bool = True,
) -> Bunch:
    """Load a MovieLens data set, which is downloaded where it is not in the cache.

    Ratings of movies with timestamps, titles and genres; see https://grouplens.org.

    Parameters
    ----------
    version : {"100k", "1m", "10m", "20m", "25m", "32m"}, default="100k"
        Which of the stable releases.
    data_home : str or path-like, default=None
        Folder of all data sets; None takes the environment variable ``SKREC_DATA`` and, where
        that is not set, ``~/skrec_data``. It is only written to when something is downloaded.
    download_if_missing : bool, default=True
        If False a data set that is not in the cache is an error.

    Returns
    -------
    data : Bunch
        With these attributes; what a data set does not have is None.

        interactions : Interactions
            All interactions; the values are ratings. Test users and items have rows and columns.
        encoder : InteractionEncoder
            Maps raw ids to rows and columns, and back.
        frame : DataFrame
            Raw ids: ``user``, ``item`` and, where the data have them, ``rating`` and
            ``timestamp`` (seconds).
        item_frame : DataFrame
            One row a column of the frame: ``item``, ``title``, ``genres`` joined by ``|``, and
            ``year`` in some.
        item_names : ndarray of shape (n_items,)
            Titles by column.
        train, test : Interactions
            The official split (100k: "ua").
        loo_train : Interactions
            All but the pairs of `loo_test` (1m).
        loo_test : ndarray of shape (n_users,)
            Column of the held-out item of each user in the leave-one-out test, int64; -1 for a
            user without one (1m, the test of the NCF paper).
        loo_negatives : ndarray of shape (n_users, 99)
            Columns of the negatives that the held-out item is ranked against, int64; padded with
            -1 where released negatives are items that the user has, the held-out one included.
        DESCR : str
            The description, its traps and whom to cite.

    Raises
    ------
    OSError
        If the data set is not in the cache and `download_if_missing` is False, or if the
        download fails. A failed download leaves nothing behind.
    ValueError
        If `version` is unknown.

    Warns
    -----
    SkrecWarning
        If the leave-one-out test of 1m, which comes from another place than the ratings, cannot
        be downloaded. To try again remove the folder ``ml-1m`` from the cache.

    Notes
    -----
    Traps: timestamps come in sessions, and of the 6,040 users of 1m 2,328 have several items at
    their latest second, so leave-one-out by time and `loo_test` differ by those ties. In the
    released negatives of 1m 156 lists hold the held-out item.

    References
    ----------
    F. M. Harper and J. A. Konstan (2015). The MovieLens Datasets: History and Context.
    ACM TiiS 5(4). https://doi.org/10.1145/2827872

    Examples
    --------
    >>> from skrec.datasets import fetch_movielens
    >>> data = fetch_movielens("1m")  # doctest: +SKIP
    >>> data.interactions.frame  # doctest: +SKIP
    (6040, 3706)
    """
    if version not in _VERSIONS:
        raise ValueError(f"version must be one of {_VERSIONS}; got {version!r}")
    return _fetch(f"ml-{version}", data_home, download_if_missing)


def fetch_gowalla(
    *, data_home: str | PathLike[str] | None = None, download_if_missing: bool = True
) -> Bunch:
    """Load the Gowalla check-ins, which are downloaded where they are not in the cache.

    Implicit: 29,858 users, 40,981 places, 1,027,370 check-ins, with the test of the LightGCN
    paper and without times.

    Parameters
    ----------
    data_home : str or path-like, default=None
        As in `fetch_movielens`.
    download_if_missing : bool, default=True
        If False a data set that is not in the cache is an error.

    Returns
    -------
    data : Bunch
        As in `fetch_movielens`, with `train` and `test`; the values are ones, and `item_frame` and
        the leave-one-out test are None.

    Raises
    ------
    OSError
        As in `fetch_movielens`.

    See Also
    --------
    fetch_movielens : Describes the attributes of the Bunch.

    References
    ----------
    X. He et al. (2020). LightGCN: Simplifying and Powering Graph Convolution Network for
    Recommendation. https://doi.org/10.1145/3397271.3401063

    Examples
    --------
    >>> from skrec.datasets import fetch_gowalla
    >>> X = fetch_gowalla().train.tocsr()  # doctest: +SKIP
    """
    return _fetch("gowalla", data_home, download_if_missing)


def fetch_amazon_music(
    *, data_home: str | PathLike[str] | None = None, download_if_missing: bool = True
) -> Bunch:
    """Load the Amazon music ratings, which are downloaded where they are not in the cache.

    Very sparse: 1,776 users, 12,929 items, 46,087 ratings 1 to 5, with the leave-one-out test of
    the DeepCF paper and without times.

    Parameters
    ----------
    data_home : str or path-like, default=None
        As in `fetch_movielens`.
    download_if_missing : bool, default=True
        If False a data set that is not in the cache is an error.

    Returns
    -------
    data : Bunch
        As in `fetch_movielens`, with `loo_train`, `loo_test` and `loo_negatives`; `item_frame`
        and the official split are None.

    Raises
    ------
    OSError
        As in `fetch_movielens`.

    See Also
    --------
    fetch_movielens : Describes the attributes of the Bunch.

    Notes
    -----
    Traps: 464 of the held-out items and 43 users never occur in `loo_train`; 18 released lists of
    negatives hold the held-out item and 348 negatives are items of the user's train, all removed
    here; ties decide much, so they have to count in expectation.

    References
    ----------
    Z.-H. Deng et al. (2019). DeepCF: A Unified Framework of Representation Learning and Matching
    Function Learning in Recommender System. https://doi.org/10.1609/aaai.v33i01.330161

    Examples
    --------
    >>> from skrec.datasets import fetch_amazon_music
    >>> data = fetch_amazon_music()  # doctest: +SKIP
    """
    return _fetch("amazon-music", data_home, download_if_missing)


def _fetch(name: str, data_home: str | PathLike[str] | None, download_if_missing: bool) -> Bunch:
    dataset, folder = DATASETS[name], find_home(data_home) / name
    if not has_tables(folder):
        if not download_if_missing:
            raise FileNotFoundError(
                f"{ratings_file(folder)} is not there and download_if_missing is False"
            )
        install(dataset, folder)
    return load_cached(name, data_home=data_home)
