"""The answer to why an item is recommended."""

from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skrec.interactions import InteractionEncoder, Titles
from skrec.typing import Array, CSRMatrix
from skrec.utils import check_count, row_of_entry

__all__ = ["Explanation"]


@dataclass(frozen=True, eq=False)
class Explanation:
    """What the items of histories add to scores, for pairs of a row and an item.

    Parameters
    ----------
    row, item : ndarray of int64 of shape (n_pairs,)
        The pairs: places among the rows that were asked for, and columns.
    score : ndarray of float64 of shape (n_pairs,)
        Their scores, as of ``decision_function``.
    baseline : ndarray of float64 of shape (n_pairs,)
        What no item of the history adds.
    parts : csr_matrix of float64 of shape (n_pairs, n_items)
        What each item of the history adds: the stored entries of a row are its history, zeros
        included. ``baseline + parts.sum(axis=1)`` is the score.
    method : {"exact", "leave-one-out"}
        Whether parts are terms of the score, or scores less those of histories that lack the item.
    encoder : InteractionEncoder or None, default=None
        The coding of raw ids, which `to_frame` shows.
    """

    row: Array
    item: Array
    score: Array
    baseline: Array
    parts: CSRMatrix
    method: Literal["exact", "leave-one-out"]
    encoder: InteractionEncoder | None = None

    @classmethod
    def of_lists(
        cls,
        history: CSRMatrix,
        lists: Array,
        score: Array,
        baseline: Array,
        parts: Array,
        method: Any,
        encoder: InteractionEncoder | None,
    ) -> Self:
        """Return the explanation of lists of items.

        Parameters
        ----------
        history : csr_matrix of shape (n_rows, n_items)
            The histories.
        lists : ndarray of int of shape (m,) or (n_rows, m)
            The items; those of -1 are left out.
        score, baseline : ndarray of shape (n_rows, m)
            Of each pair.
        parts : ndarray of shape (nnz, m)
            What each entry of the histories adds.
        method : {"exact", "leave-one-out"}
            As of the class.
        encoder : InteractionEncoder or None
            As of the class.

        Returns
        -------
        explanation : Explanation
            The pairs row by row, in the order of the lists.
        """
        lists = np.broadcast_to(lists, score.shape)
        row, place = np.nonzero(lists >= 0)
        starts, lengths = history.indptr[row], np.diff(history.indptr)[row]
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        entry = np.arange(indptr[-1]) + np.repeat(starts - indptr[:-1], lengths)
        values = parts[entry, np.repeat(place, lengths)]
        shape = len(row), history.shape[1]
        matrix = sp.csr_matrix((values, history.indices[entry], indptr), shape=shape)
        at = row, place
        return cls(row, lists[at], score[at], baseline[at], matrix, method, encoder)

    def __len__(self) -> int:
        return len(self.row)

    def to_frame(self, titles: Any = None, n_reasons: int | None = None) -> pd.DataFrame:
        """Return the parts as a table, those of each pair from the largest on.

        Parameters
        ----------
        titles : dict, Series, DataFrame or table, default=None
            Titles by item as it is shown; a table has the column of items and a column ``title``.
        n_reasons : int, default=None
            The most items of the history for a pair; None shows all.

        Returns
        -------
        table : DataFrame
            Columns ``row``, ``item``, ``title`` (with ``titles``), ``score``, ``baseline``,
            ``reason``, ``reason_title`` (with ``titles``), ``part`` and ``method``. Items are raw
            ids where the model was fitted to `Interactions` that have them, else columns. A pair
            without a history has no line.

        Raises
        ------
        ValueError
            If ``n_reasons`` is no positive integer, or ``titles`` do not fit the items.
        """
        pair, place = row_of_entry(self.parts), self._order()
        if n_reasons is not None:
            rank = np.arange(len(pair)) - self.parts.indptr[pair]
            kept = rank < check_count(n_reasons, "n_reasons", 1)
            pair, place = pair[kept], place[kept]
        item, reason = self._shown(self.item[pair]), self._shown(self.parts.indices[place])
        name = "item" if self.encoder is None else self.encoder.item
        texts = Titles.of(titles, name)
        columns: dict[str, Any] = {"row": self.row[pair], "item": item}
        columns |= {} if texts is None else {"title": texts.of_items(item)}
        columns |= {"score": self.score[pair], "baseline": self.baseline[pair], "reason": reason}
        columns |= {} if texts is None else {"reason_title": texts.of_items(reason)}
        return pd.DataFrame({**columns, "part": self.parts.data[place], "method": self.method})

    def _order(self) -> Array:
        """Return the places of the parts, those of each pair from the largest to the smallest."""
        return np.lexsort((self.parts.indices, -self.parts.data, row_of_entry(self.parts)))

    def _shown(self, items: Array) -> Array:
        items = items.astype(np.int64)
        return items if self.encoder is None else self.encoder.decode_items(items)
