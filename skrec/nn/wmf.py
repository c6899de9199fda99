"""A ridge regression for each user on all items at once, of which few are stored (WMF).

Hu, Y., Koren, Y., & Volinsky, C. (2008). Collaborative filtering for implicit feedback datasets.
ICDM. https://doi.org/10.1109/ICDM.2008.22
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["RowGroup", "WeightedRows"]

# numbers in a group's vectors: on a CPU they stay in the cache, a GPU needs more at a time
_NUMBERS = {"cpu": 2**17, "cuda": 2**24}
_LONGEST = 1024  # entries of a row that are gathered at once, so that long rows stay there too


class RowGroup(NamedTuple):
    """Rows of like lengths, padded to the longest of them.

    Parameters
    ----------
    rows : Tensor of shape (n,)
        Which rows.
    items : Tensor of shape (n, length)
        Columns of their entries.
    scales, targets : Tensor of shape (n, length)
        The factor of the vector of each stored item, 0 in the padding, and the target of its
        product with the row's vector.
    """

    rows: Tensor
    items: Tensor
    scales: Tensor
    targets: Tensor


class WeightedRows:
    r"""Rows of a sparse matrix, each a weighted least squares problem over all columns.

    With the vectors :math:`v_i` of the columns, scales a and targets b of the stored entries, the
    weight w of every column and the row's ridge :math:`\lambda_u`, a row's vector minimises

    .. math:: \sum_{i \in R_u} (a_{ui} v_i^\top x - b_{ui})^2 + w \sum_i (v_i^\top x)^2
        + \lambda_u \|x\|^2.

    Parameters
    ----------
    indptr, indices : Tensor of int64
        The pattern as in CSR.
    scales, targets : Tensor of shape (nnz,)
        The a and b.
    ridge : Tensor of shape (n_rows,)
        The :math:`\lambda_u`, positive.
    weight : float
        The w.
    n_factors : int
        Length of the vectors.

    Notes
    -----
    In the eigenbasis of :math:`V^\top V` the sum over all columns is diagonal, whatever the ridge
    of a row. By Woodbury a row with fewer entries than factors then needs a system of its own
    length only.
    """

    def __init__(
        self,
        indptr: Tensor,
        indices: Tensor,
        scales: Tensor,
        targets: Tensor,
        ridge: Tensor,
        weight: float,
        n_factors: int,
    ) -> None:
        self.ridge, self.weight = ridge, weight
        most = _NUMBERS["cpu" if indices.device.type == "cpu" else "cuda"]
        entries = indices, scales, targets
        self.groups = [
            _padded(indptr, *entries, rows) for rows in _groups(indptr.diff(), n_factors, most)
        ]

    def solve(
        self,
        vectors: Tensor,
        basis: tuple[Tensor, Tensor] | None = None,
        *,
        start: Tensor | None = None,
        block_size: int | None = None,
    ) -> Tensor:
        """Compute the vectors of the rows.

        Parameters
        ----------
        vectors : Tensor of shape (n_columns, n_factors)
            The v.
        basis : tuple of Tensor, default=None
            Eigenvalues and eigenvectors of :math:`V^\\top V`, where ``vectors`` holds some of the
            columns only.
        start : Tensor of shape (n_rows, n_factors), default=None
            Where blocks start; None starts at 0.
        block_size : int, default=None
            Solve for so many unknowns at a time, one block after the other, where rows have more
            entries than that; None, or as many as there are factors, solves exactly.

        Returns
        -------
        solved : Tensor of shape (n_rows, n_factors)
            The x; zero where a row is empty.
        """
        spectrum, rotation = basis or torch.linalg.eigh((vectors.T @ vectors).double())
        spectrum, rotation = spectrum.clamp(min=0).to(vectors), rotation.to(vectors)
        vectors, n_factors = vectors @ rotation, vectors.shape[1]
        solved = vectors.new_zeros(len(self.ridge), n_factors)
        block = n_factors if block_size is None else min(block_size, n_factors)
        first = None if start is None or block == n_factors else start @ rotation
        for group in self.groups:
            diagonal = self.weight * spectrum + self.ridge[group.rows, None]
            own = solved[group.rows] if first is None else first[group.rows]
            solved[group.rows] = solve_group(group, vectors, diagonal, own, block)
        return solved @ rotation.T


def solve_group(
    group: RowGroup, vectors: Tensor, diagonal: Tensor, start: Tensor, block: int
) -> Tensor:
    """Solve the rows of a group by Cholesky.

    Parameters
    ----------
    group : RowGroup
        The rows.
    vectors : Tensor of shape (n_columns, n_factors)
        The vectors of the columns.
    diagonal : Tensor of shape (n, n_factors)
        The part of the normal equations to which that of the stored entries is added.
    start : Tensor of shape (n, n_factors)
        Where blocks start.
    block : int
        Unknowns at a time, where rows are longer; others have a system of their own length.

    Returns
    -------
    solved : Tensor of shape (n, n_factors)
        The vectors of the rows.
    """
    if group.items.shape[1] > block:
        return _descend(group, vectors, diagonal, start.clone(), block)
    root = diagonal.rsqrt()
    scaled = _gathered(vectors, group.items, group.scales).mul_(root[:, None])
    system = torch.bmm(scaled, scaled.mT)  # (n, length, length)
    _diagonal(system).add_(1)
    solved = torch.cholesky_solve(group.targets[:, :, None], torch.linalg.cholesky(system))
    return torch.bmm(scaled.mT, solved)[:, :, 0] * root


def _descend(group: RowGroup, vectors: Tensor, diagonal: Tensor, x: Tensor, block: int) -> Tensor:
    """Solve for one block of unknowns after the other, with the residual kept; x is changed."""
    residual = group.targets[:, :, None].clone()  # (n, length, 1)
    pieces = [slice(i, i + _LONGEST) for i in range(0, group.items.shape[1], _LONGEST)]
    if x.any():
        for piece in pieces:
            residual[:, piece] -= _part(group, piece, vectors) @ x[:, :, None]
    for columns in (slice(k, k + block) for k in range(0, vectors.shape[1], block)):
        own, some = vectors[:, columns], diagonal[:, columns]
        system, right = torch.diag_embed(some), -(some * x[:, columns])[:, :, None]
        for piece in pieces:
            scaled = _part(group, piece, own)
            system.baddbmm_(scaled.mT, scaled)
            right.baddbmm_(scaled.mT, residual[:, piece])
        change = torch.cholesky_solve(right, torch.linalg.cholesky(system))
        x[:, columns] += change[:, :, 0]
        if columns.stop < vectors.shape[1]:  # or nothing comes after
            for piece in pieces:
                residual[:, piece] -= _part(group, piece, own) @ change
    return x


def _part(group: RowGroup, piece: slice, vectors: Tensor) -> Tensor:
    """Return the scaled vectors of a piece of the entries of a group."""
    return _gathered(vectors, group.items[:, piece], group.scales[:, piece])


def _diagonal(matrices: Tensor) -> Tensor:
    return matrices.diagonal(dim1=-2, dim2=-1)


def _gathered(vectors: Tensor, items: Tensor, scales: Tensor) -> Tensor:
    """Return the scaled vectors of the entries of a group, (n, length, n_factors)."""
    flat = vectors.index_select(0, items.reshape(-1))  # several times as fast as vectors[items]
    return flat.view(*items.shape, -1).mul_(scales[:, :, None])


def _groups(counts: Tensor, n_factors: int, most: int) -> Iterator[Tensor]:
    """Yield rows with entries, of like lengths, as many as are worked on at once."""
    ordered, order = counts.sort(stable=True)
    lengths = ordered.tolist()
    start = sum(length == 0 for length in lengths)

    def room(count: int) -> int:
        return max(1, most // (max(count, n_factors) * n_factors))

    while start < len(lengths):
        stop = min(start + room(lengths[start]), len(lengths))
        stop = min(stop, start + room(lengths[stop - 1]))  # the last one is the longest
        yield order[start:stop]
        start = stop


def _padded(
    indptr: Tensor, indices: Tensor, scales: Tensor, targets: Tensor, rows: Tensor
) -> RowGroup:
    """Return the group of some rows."""
    first, counts = indptr[rows], indptr[rows + 1] - indptr[rows]
    column = torch.arange(int(counts.max()), device=rows.device)
    inside = column < counts[:, None]
    place = (first[:, None] + column) * inside
    return RowGroup(rows, indices[place], scales[place] * inside, targets[place] * inside)
