"""The data sets of the tables: public ones by name, those of the cache, a small synthetic one."""

from os import PathLike
from typing import Any, cast

import numpy as np
from sklearn.utils import Bunch

from skrec.datasets import (
    fetch_amazon_music,
    fetch_gowalla,
    fetch_movielens,
    list_cached,
    load_cached,
    make_interactions,
)
from skrec.interactions import Interactions
from skrec.model_selection import InteractionHoldout, LeaveOneOut
from skrec.typing import Array, CSRMatrix, RandomState
from skrec.utils import row_blocks

__all__ = ["DATASETS", "is_here", "load_data", "with_leave_one_out"]

_MOVIELENS = ("100k", "1m", "10m", "20m", "25m", "32m")
DATASETS = (*(f"ml-{version}" for version in _MOVIELENS), "amazon-music", "gowalla", "synthetic")


def load_data(name: str, data_home: str | PathLike[str] | None = None) -> Bunch:
    """Load a data set by its name, downloaded if it must be.

    Parameters
    ----------
    name : str
        One of `DATASETS`, or a folder of the cache.
    data_home : str or path-like, default=None
        Folder of the data; None takes the environment variable ``SKREC_DATA``.

    Returns
    -------
    data : Bunch
        As the fetchers of `skrec.datasets` return it: ``interactions`` and, where the data set has
        them, official splits. The synthetic one has every split that a protocol may ask for.

    Examples
    --------
    >>> from skrec.reproduce import load_data
    >>> load_data("synthetic").interactions.frame
    (300, 150)
    """
    if name == "synthetic":
        return synthetic()
    if is_here(name, data_home):
        return load_cached(name, data_home=data_home)
    if name.startswith("ml-"):
        return fetch_movielens(name.removeprefix("ml-"), data_home=data_home)
    fetch = {"amazon-music": fetch_amazon_music, "gowalla": fetch_gowalla}[name]
    return fetch(data_home=data_home)


def is_here(name: str, data_home: str | PathLike[str] | None = None) -> bool:
    """Return whether a data set can be loaded without a download."""
    return name == "synthetic" or name in list_cached(data_home)


def synthetic(
    n_users: int = 300, n_items: int = 150, n_interactions: int = 6000, n_negatives: int = 99
) -> Bunch:
    """Return a small data set with every split that a protocol may ask for."""
    made = make_interactions(
        n_users, n_items, n_interactions, ratings=True, timestamps=True, random_state=0
    )
    interactions = made.interactions
    train, test = next(InteractionHoldout(0.2, random_state=0).split(interactions))
    return Bunch(
        interactions=interactions,
        train=interactions[train],
        test=interactions[test],
        **_leave_one_out(interactions, n_negatives),
    )


def with_leave_one_out(data: Bunch, n_negatives: int = 99) -> Bunch:
    """Return a data set with a leave-one-out test, drawn if the data set has none.

    Parameters
    ----------
    data : Bunch
        From `load_data`.
    n_negatives : int, default=99
        Negatives to draw of each user.

    Returns
    -------
    data : Bunch
        With ``loo_train``, ``loo_test`` of shape (n_users,), the item or -1, and
        ``loo_negatives`` of shape (n_users, n_negatives).

    Examples
    --------
    >>> from skrec.datasets import make_interactions
    >>> from skrec.reproduce import with_leave_one_out
    >>> data = with_leave_one_out(make_interactions(40, 30, 400, random_state=0), 9)
    >>> data.loo_test.shape, data.loo_negatives.shape
    ((40,), (40, 9))
    """
    if data.get("loo_test") is not None:
        return data
    return Bunch(**{**data, **_leave_one_out(data.interactions, n_negatives)})


def _leave_one_out(interactions: Interactions, n_negatives: int = 99) -> dict[str, Any]:
    by = "random" if interactions.timestamp is None else "latest"
    train, held_out = next(LeaveOneOut(by, random_state=0).split(interactions))
    loo_test = np.full(interactions.frame[0], -1)
    loo_test[interactions.user[held_out]] = interactions.item[held_out]
    return {
        "loo_train": interactions[train],
        "loo_test": loo_test,
        "loo_negatives": draw_negatives(interactions.tocsr(), n_negatives),
    }


def draw_negatives(X: CSRMatrix, n_negatives: int, random_state: RandomState = 0) -> Array:
    """Draw items that a user does not have, padded with -1."""
    rng = np.random.default_rng(random_state)
    n_users, n_items = cast("tuple[int, int]", X.shape)
    blocks = row_blocks(n_users, 24 * n_items)  # order, its indices, a mask
    return np.vstack([_draw(X[rows], n_negatives, rng) for rows in blocks])


def _draw(X: CSRMatrix, n_negatives: int, rng: np.random.Generator) -> Array:
    order = rng.random(cast("tuple[int, int]", X.shape))
    order[X.nonzero()] = np.inf
    drawn = np.argsort(order, axis=1)[:, :n_negatives]
    return np.where(np.isinf(np.take_along_axis(order, drawn, axis=1)), -1, drawn)
