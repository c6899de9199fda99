"""Targets and histories of many lengths, cut into chunks of padded blocks."""

from collections.abc import Iterator
from typing import TypeAlias

import torch
from torch import Tensor

from skrec.nn.rows import SparseRows

__all__ = ["Chunks", "chunk_bytes", "padded_chunks"]

Chunks: TypeAlias = list[tuple[Tensor, Tensor, Tensor]]
"""Columns of histories, places of targets, and which pairs do not count; see `padded_chunks`."""

_BLOCK = 32  # targets that share a history while they are worked on
# what a chunk is passed over for several times, which on a CPU is best done in its cache
_CHUNK_BYTES = {"cpu": 2**21, "cuda": 2**27}


def target_blocks(row: Tensor, n_rows: int) -> tuple[Tensor, Tensor]:
    """Cut the targets of each row into blocks of even size.

    Parameters
    ----------
    row : Tensor of shape (N,)
        Row of each target, in any order.
    n_rows : int
        Number of rows.

    Returns
    -------
    block_row : Tensor of shape (n_blocks,)
        Row of each block.
    targets : Tensor of shape (n_blocks, width)
        Places in ``row``; N where a block is shorter.
    """
    order = torch.argsort(row, stable=True)
    # bincount would ask an accelerator for the largest row
    counts = row.new_zeros(n_rows).scatter_add_(0, row, torch.ones_like(row))
    n_blocks = (counts + _BLOCK - 1) // _BLOCK
    sizes = (counts + n_blocks - 1) // n_blocks.clamp(min=1)
    row, first = row[order], counts.cumsum(0) - counts
    place = torch.arange(len(row), device=row.device) - first[row]
    block = (n_blocks.cumsum(0) - n_blocks)[row] + place // sizes[row]
    total = int(n_blocks.sum())
    targets = row.new_full((total, _BLOCK), len(row))
    targets[block, place % sizes[row]] = order
    return torch.repeat_interleave(n_blocks, output_size=total), targets


def padded_chunks(rows: SparseRows, items: Tensor, row: Tensor, pair_bytes: int) -> Chunks:
    """Cut targets and the histories of their rows into chunks of padded blocks.

    Parameters
    ----------
    rows : SparseRows
        The histories.
    items : Tensor of shape (N,)
        The targets.
    row : Tensor of shape (N,)
        Row of each.
    pair_bytes : int
        Memory that a pair of a target and an item of a history takes.

    Returns
    -------
    chunks : list of tuple
        Columns of histories (G, n), places of targets (G, T), N for none, and which pairs do not
        count (G, T, n): padding, and a target in its own history.
    """
    block_row, targets = target_blocks(row, len(rows))
    lengths = rows.offsets.diff()[block_row]
    order = torch.argsort(lengths, descending=True)
    block_row, targets, lengths = block_row[order], targets[order], lengths[order]
    # asked for once: each question to an accelerator waits until it has done what it was told
    longest, widths = torch.stack([lengths, (targets < len(row)).sum(1)]).tolist()
    columns, items = (torch.cat([x, x.new_full((1,), -1)]) for x in (rows.indices, items))
    chunks, most = [], chunk_bytes(items.device) // (pair_bytes * _BLOCK)
    for part in _parts(longest, most):
        inside = torch.arange(max(1, longest[part.start]), device=row.device)
        entry = rows.offsets[block_row[part]][:, None] + inside
        entry = torch.where(inside < lengths[part, None], entry, len(columns) - 1)
        history, places = columns[entry], targets[part, : max(widths[part])]
        left_out = (history < 0)[:, None] | (history[:, None] == items[places][..., None])
        chunks.append((history.clamp(min=0), places, left_out))
    return chunks


def chunk_bytes(device: torch.device) -> int:
    """Return the memory that the hidden units of a chunk may take, in bytes."""
    return _CHUNK_BYTES.get(device.type, _CHUNK_BYTES["cpu"])


def _parts(lengths: list[int], most: int) -> Iterator[slice]:
    """Split falling lengths into slices whose longest, times their number, is at most ``most``."""
    start = 0
    while start < len(lengths):
        stop = start + max(1, most // max(1, lengths[start]))
        yield slice(start, min(stop, len(lengths)))
        start = stop
