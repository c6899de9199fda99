"""A ridge regression for each user on all items at once, of which few are stored (WMF).

Hu, Y., Koren, Y., & Volinsky, C. (2008). Collaborative filtering for implicit feedback datasets.
ICDM. https://doi.org/10.1109/ICDM.2008.22
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
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
        gram: Tensor | None = None,
        start: Tensor | None = None,
        n_steps: int | None = None,
    ) -> Tensor:
        """Compute the vectors of the rows.

        Parameters
        ----------
        vectors : Tensor of shape (n_columns, n_factors)
            The v.
        gram : Tensor of shape (n_factors, n_factors), default=None
            :math:`V^\\top V`, where ``vectors`` holds some of the columns only.
        start : Tensor of shape (n_rows, n_factors), default=None
            Where conjugate gradients start.
        n_steps : int, default=None
            Steps of conjugate gradients; None solves exactly.

        Returns
        -------
        solved : Tensor of shape (n_rows, n_factors)
            The x; zero where a row is empty.
        """
        gram = vectors.T @ vectors if gram is None else gram
        spectrum, rotation = torch.linalg.eigh(gram.double())
        spectrum, rotation = spectrum.clamp(min=0).to(vectors), rotation.to(vectors)
        vectors = vectors @ rotation
        solved = vectors.new_zeros(len(self.ridge), vectors.shape[1])
        start = None if start is None else start @ rotation

        def solve(group: RowGroup) -> None:
            diagonal = self.weight * spectrum + self.ridge[group.rows, None]
            if n_steps is None:
                solved[group.rows] = solve_group(group, vectors, diagonal)
            else:
                first = start[group.rows]  # pyright: ignore[reportOptionalSubscript]
                solved[group.rows] = approach_group(group, vectors, diagonal, first, n_steps)

        _for_each(solve, self.groups, vectors.device)
        return solved @ rotation.T


def _for_each(
    function: Callable[[RowGroup], None], groups: list[RowGroup], device: torch.device
) -> None:
    """Call a function on each group; on a CPU in as many threads as torch has, one core each.

    A group is too small for torch's own threads, which would wait for each other at every step.
    """
    n_threads = torch.get_num_threads()
    if device.type != "cpu" or n_threads == 1 or len(groups) == 1:
        for group in groups:
            function(group)
        return
    n_workers = min(n_threads, len(groups))
    started = Barrier(n_workers + 1)
    with ThreadPoolExecutor(n_workers, initializer=_take_one_core, initargs=(started,)) as pool:
        try:
            done = pool.map(function, groups)
            started.wait()
        except BaseException:
            started.abort()  # or workers would wait for one that could not be started
            raise
        finally:
            torch.set_num_threads(n_threads)
        for _ in done:
            pass


def _take_one_core(started: Barrier) -> None:
    """Let this thread use one core.

    torch gives the last number that was set, in whatever thread, to each thread that asks for it
    for the first time. So a worker asks before it sets its own, and the caller sets its number
    again as soon as all workers have theirs.
    """
    torch.get_num_threads()
    torch.set_num_threads(1)
    started.wait()


def solve_group(group: RowGroup, vectors: Tensor, diagonal: Tensor) -> Tensor:
    """Solve the rows of a group by Cholesky, through the smaller of two systems.

    Parameters
    ----------
    group : RowGroup
        The rows.
    vectors : Tensor of shape (n_columns, n_factors)
        The vectors of the columns.
    diagonal : Tensor of shape (n, n_factors)
        The part of the normal equations to which that of the stored entries is added.

    Returns
    -------
    solved : Tensor of shape (n, n_factors)
        The vectors of the rows.
    """
    if group.items.shape[1] >= vectors.shape[1]:
        return _solve_primal(group, vectors, diagonal)
    root = diagonal.rsqrt()
    scaled = _gathered(vectors, group.items, group.scales).mul_(root[:, None])
    system = torch.bmm(scaled, scaled.mT)  # (n, length, length)
    _diagonal(system).add_(1)
    solved = torch.cholesky_solve(group.targets[:, :, None], torch.linalg.cholesky(system))
    return torch.bmm(scaled.mT, solved)[:, :, 0] * root


def _solve_primal(group: RowGroup, vectors: Tensor, diagonal: Tensor) -> Tensor:
    """Solve for as many unknowns as there are factors, summing long rows in pieces."""
    system = torch.diag_embed(diagonal)  # (n, n_factors, n_factors)
    right = torch.zeros_like(diagonal)[:, :, None]
    parts = (part.split(_LONGEST, dim=1) for part in group[1:])
    for items, scales, targets in zip(*parts, strict=True):
        scaled = _gathered(vectors, items, scales)
        system.baddbmm_(scaled.mT, scaled)
        right.baddbmm_(scaled.mT, targets[:, :, None])
    return torch.cholesky_solve(right, torch.linalg.cholesky(system))[:, :, 0]


def approach_group(
    group: RowGroup, vectors: Tensor, diagonal: Tensor, start: Tensor, n_steps: int
) -> Tensor:
    """Take steps of conjugate gradients towards the solution of the rows of a group.

    Parameters
    ----------
    group : RowGroup
        The rows.
    vectors : Tensor of shape (n_columns, n_factors)
        The vectors of the columns.
    diagonal : Tensor of shape (n, n_factors)
        As for `solve_group`; also the preconditioner.
    start : Tensor of shape (n, n_factors)
        Where to start.
    n_steps : int
        How many steps.

    Returns
    -------
    solved : Tensor of shape (n, n_factors)
        The vectors of the rows.
    """
    scaled = _gathered(vectors, group.items, group.scales)  # (n, length, n_factors)

    def times_transposed(y: Tensor) -> Tensor:
        return torch.bmm(scaled.mT, y[:, :, None])[:, :, 0]

    def product(x: Tensor) -> Tensor:
        return diagonal * x + times_transposed(torch.bmm(scaled, x[:, :, None])[:, :, 0])

    x = start
    residual = times_transposed(group.targets) - product(x)
    direction = conditioned = residual / diagonal
    square = _dot(residual, conditioned)
    for _ in range(n_steps):
        changed = product(direction)
        step = square / _dot(direction, changed).clamp(min=_tiny(x))
        x = x + step * direction
        residual = residual - step * changed
        conditioned = residual / diagonal
        last, square = square, _dot(residual, conditioned)
        direction = conditioned + square / last.clamp(min=_tiny(x)) * direction
    return x


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(dim=1, keepdim=True)


def _tiny(x: Tensor) -> float:
    return torch.finfo(x.dtype).tiny  # a row that is solved already has nowhere to go


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
