"""Interactions grouped by (user, item) pair."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skrec.interactions import Interactions
from skrec.typing import Array
from skrec.utils import pair_keys

__all__ = ["Pairs", "first_places", "group_pairs", "last_of_users"]


class Pairs(NamedTuple):
    """The distinct pairs of interactions, in order of (user, item)."""

    code: Array  # pair of each interaction, (n,)
    user: Array  # user of each pair, (n_pairs,)


def group_pairs(interactions: Interactions) -> Pairs:
    """Return the distinct (user, item) pairs of interactions."""
    n_items = interactions.frame[1]
    keys = pair_keys(interactions.user, interactions.item, n_items)
    unique, code = np.unique(keys, return_inverse=True)
    return Pairs(code, unique // max(1, n_items))


def first_places(code: Array, timestamp: Array) -> tuple[Array, Array]:
    """Return the places of the pairs by the first time they occur, ties by input order.

    Parameters
    ----------
    code : ndarray of shape (n,)
        Pair of each interaction. Each of ``0, ..., n_pairs - 1`` occurs.
    timestamp : ndarray of shape (n,)
        Time of each interaction.

    Returns
    -------
    place : ndarray of shape (n_pairs,)
        Place of the pair's first interaction among all n, by time and input order.
    first : ndarray of shape (n_pairs,)
        Index of that interaction.
    """
    order = np.argsort(timestamp, kind="stable")
    place = np.unique(code[order], return_index=True)[1]
    return place, order[place]


def last_of_users(user: Array, priority: Array) -> Array:
    """Return a mask of the pair with the largest priority of each user with two pairs or more.

    Parameters
    ----------
    user : ndarray of shape (n_pairs,)
        User of each pair.
    priority : ndarray of shape (n_pairs,)
        Distinct numbers, one for each pair.

    Returns
    -------
    mask : ndarray of bool of shape (n_pairs,)
        True for one pair of each user that has two or more.
    """
    order = np.lexsort((priority, user))
    last = np.append(user[order][1:] != user[order][:-1], True)
    mask = np.zeros(len(user), dtype=bool)
    mask[order[last]] = True
    return mask & (np.bincount(user)[user] >= 2)
