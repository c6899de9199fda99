"""From tables to what the fetchers and loaders return."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from skrec.interactions import InteractionEncoder, Interactions
from skrec.typing import Array
from skrec.utils import pair_keys

__all__ = ["make_bunch"]

_ABSENT = -1


def make_bunch(tables: Mapping[str, pd.DataFrame], descr: str) -> Bunch:
    """Return the Bunch of a data set from its tables, of which only "ratings" must be there."""
    frame = tables["ratings"]
    columns = {name: name for name in ("rating", "timestamp") if name in frame}
    interactions, encoder = Interactions.from_frame(frame, **columns)
    items = _items_by_column(tables.get("items"), encoder)
    train, test = _split(interactions, encoder, tables.get("test", tables.get("ua_test")))
    loo_train, _ = _split(interactions, encoder, tables.get("loo_test"))
    loo_test = _loo_test(tables.get("loo_test"), encoder)
    return Bunch(
        interactions=interactions,
        encoder=encoder,
        frame=frame,
        item_frame=items,
        item_names=None if items is None else _item_names(items),
        train=train,
        test=test,
        loo_train=loo_train,
        loo_test=loo_test,
        loo_negatives=_loo_negatives(tables.get("loo_negatives"), interactions, encoder),
        DESCR=descr,
    )


def _items_by_column(
    items: pd.DataFrame | None, encoder: InteractionEncoder
) -> pd.DataFrame | None:
    """Return the table of items with one row a column of the frame, in that order."""
    if items is None:
        return None
    columns = pd.DataFrame({"item": encoder.item_ids_})
    return columns.merge(items, on="item", how="left", validate="one_to_one")


def _item_names(items: pd.DataFrame) -> Array:
    """Return the titles, and the id where there is none."""
    return items["title"].fillna(items["item"].astype(str)).to_numpy(dtype=object)


def _split(
    interactions: Interactions, encoder: InteractionEncoder, table: pd.DataFrame | None
) -> tuple[Interactions, Interactions] | tuple[None, None]:
    """Return the interactions that are not in a table of pairs, and those that are."""
    if table is None:
        return None, None
    held_out = np.isin(_keys(interactions), pair_keys(*_encode(table, encoder), _width(encoder)))
    return interactions[~held_out], interactions[held_out]


def _loo_test(table: pd.DataFrame | None, encoder: InteractionEncoder) -> Array | None:
    if table is None:
        return None
    test = np.full(len(encoder.user_ids_), _ABSENT, dtype=np.int64)
    user, item = _encode(table, encoder)
    test[user] = item
    return test


def _loo_negatives(
    table: pd.DataFrame | None, interactions: Interactions, encoder: InteractionEncoder
) -> Array | None:
    """Return the negatives in columns, without those that the user has interacted with.

    The held-out item is an interaction too, so one rule mends all known lists.
    """
    if table is None:
        return None
    lists = table["negatives"].astype(str).str.split(" ")  # one id alone is read as a number
    length = lists.str.len().to_numpy()
    row = np.repeat(encoder.encode_users(table["user"]), length)
    raw = np.concatenate(lists.to_numpy())
    column = encoder.encode_items(raw.astype(encoder.item_ids_.dtype))
    keep = ~np.isin(pair_keys(row, column, _width(encoder)), _keys(interactions))
    return _padded(row[keep], column[keep], (len(encoder.user_ids_), length.max()))


def _padded(row: Array, column: Array, shape: tuple[int, int]) -> Array:
    """Put the columns of each row side by side, in their order, and -1 behind them."""
    order = np.argsort(row, kind="stable")
    row, column = row[order], column[order]
    start = np.searchsorted(row, np.arange(shape[0]))
    out = np.full(shape, _ABSENT, dtype=np.int64)
    out[row, np.arange(len(row)) - start[row]] = column
    return out


def _encode(table: pd.DataFrame, encoder: InteractionEncoder) -> tuple[Array, Array]:
    return encoder.encode_users(table["user"]), encoder.encode_items(table["item"])


def _keys(interactions: Interactions) -> Array:
    return pair_keys(interactions.user, interactions.item, interactions.frame[1])


def _width(encoder: InteractionEncoder) -> int:
    return len(encoder.item_ids_)
