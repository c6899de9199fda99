"""The encoder of a frame that has lost rows and columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from skrec.interactions import InteractionEncoder
from skrec.typing import Array
from skrec.utils import as_integers

__all__ = ["reduce_encoder"]


def reduce_encoder(
    encoder: InteractionEncoder, rows: ArrayLike, columns: ArrayLike
) -> InteractionEncoder:
    """Return the encoder of a reduced frame.

    Parameters
    ----------
    encoder : InteractionEncoder
        The encoder of the frame before rows and columns were dropped.
    rows, columns : array-like of int
        The kept rows and columns, as `k_core` and `min_interactions` return them, or masks of
        them.

    Returns
    -------
    encoder : InteractionEncoder
        A new encoder, whose ids are ``user_ids_[rows]`` and ``item_ids_[columns]``.

    Raises
    ------
    ValueError
        If no row or no column is left, one is kept twice or lies outside the frame.
    TypeError
        If ``encoder`` is none.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import Interactions
    >>> from skrec.preprocessing import k_core, reduce_encoder
    >>> df = pd.DataFrame({"user": ["a", "b", "b", "c", "c"], "item": list("xyzyz")})
    >>> I, encoder = Interactions.from_frame(df)
    >>> core, rows, columns = k_core(I, 2, return_indices=True)
    >>> reduce_encoder(encoder, rows, columns).item_ids_.tolist()
    ['y', 'z']
    """
    if not isinstance(encoder, InteractionEncoder):
        raise TypeError(f"encoder must be an InteractionEncoder; got {type(encoder).__name__}")
    check_is_fitted(encoder, "user_ids_")
    users = _kept(encoder.user_ids_, rows, "rows")
    items = _kept(encoder.item_ids_, columns, "columns")
    if not len(users) or not len(items):
        raise ValueError(
            f"rows and columns must not be empty; got {len(users)} rows and {len(items)} columns"
        )
    length = max(len(users), len(items))
    # an encoder learns ids in order of first appearance, so repeating them changes nothing
    repeated = (ids[np.arange(length) % len(ids)] for ids in (users, items))
    fresh: Any = clone(encoder)
    return fresh.fit(dict(zip((encoder.user, encoder.item), repeated)))


def _kept(ids: Array, index: ArrayLike, name: str) -> Array:
    """Return the ids of some rows or columns, given by indices or by a mask."""
    if isinstance(index, list | np.ndarray) and np.asarray(index).dtype == bool:
        mask = np.asarray(index)
        if mask.shape != ids.shape:
            raise ValueError(
                f"{name} must have one entry for each of the {len(ids)} {name} where it is a "
                f"mask; got the shape {mask.shape}"
            )
        return ids[mask]
    places = as_integers(index, name, f"integer {name} of the frame")
    if places.ndim != 1:
        raise ValueError(f"{name} must be 1-D; got {places.ndim}-D")
    if len(places) and (places.min() < 0 or places.max() >= len(ids)):
        raise ValueError(
            f"{name} must lie in [0, {len(ids)}), the frame of the encoder; got "
            f"{places.min()} to {places.max()}"
        )
    if len(np.unique(places)) < len(places):
        raise ValueError(f"{name} must not repeat; got {len(places)} with fewer different ones")
    return ids[places]
