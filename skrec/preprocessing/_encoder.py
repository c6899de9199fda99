"""The encoder of a frame that has lost rows and columns."""

from __future__ import annotations

from copy import copy

from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skrec.interactions import InteractionEncoder

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
        A new encoder, whose ids are ``user_ids_[rows]`` and ``item_ids_[columns]``; it takes
        times of the same kind.

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
    return copy(encoder).restrict(rows, columns)
