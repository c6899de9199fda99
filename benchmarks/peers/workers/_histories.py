"""What RecBole's models of whole rows ask of a data set."""

import numpy as np
import torch

__all__ = ["Histories"]


class Histories:
    """Rows as RecBole's data set gives them; index 0 is padding, as there."""

    def __init__(self, indptr: np.ndarray, indices: np.ndarray, n_items: int) -> None:
        self.indptr, self.indices, self.n_items = indptr, indices, n_items

    def num(self, field: str) -> int:
        """Return the number of ids of a field, padding included."""
        return (len(self.indptr) if field == "user_id" else self.n_items) + (field == "item_id")

    def history_item_matrix(self) -> tuple[torch.Tensor, ...]:
        """Return padded histories, their values and lengths, as RecBole builds them."""
        lengths = np.diff(self.indptr)
        place = np.arange(len(self.indices)) - np.repeat(self.indptr[:-1], lengths)
        row = np.repeat(np.arange(1, len(self.indptr)), lengths)
        items = np.zeros((len(self.indptr), lengths.max()), dtype=np.int64)
        values = np.zeros(items.shape)
        items[row, place], values[row, place] = self.indices + 1, 1.0
        return (
            torch.LongTensor(items),
            torch.FloatTensor(values),
            torch.LongTensor(np.append(0, lengths)),
        )
