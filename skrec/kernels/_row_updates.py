"""Updates of some rows of wide layers, in one pass and in place."""

import math
from typing import Any

import numpy as np

from skrec.kernels._compile import compiled
from skrec.kernels._threads import in_threads
from skrec.typing import Array

__all__ = ["update_rows"]

_FEWEST = 2**20  # weights for which a further thread pays


@compiled
def _update(whole: tuple, last: Array, rows: Array, grad: Array, step: int, rates: Array) -> None:
    """Update the rows of weight, first and second moment; rates are numbers of their type."""
    weight, first, second = whole
    kind = grad.dtype.type
    rate, beta1, beta2, scale, eps, decay = rates
    for place in range(len(rows)):
        row = rows[place]
        gap = step - last[row]
        last[row] = step
        keep1, keep2 = kind(beta1**gap), kind(beta2**gap)
        new1, new2 = kind(1) - keep1, kind(1) - beta2
        for k in range(grad.shape[1]):
            slope = grad[place, k] + decay * weight[row, k]
            mean = keep1 * first[row, k] + new1 * slope
            square = keep2 * second[row, k] + new2 * slope * slope
            first[row, k] = mean
            second[row, k] = square
            weight[row, k] -= rate * mean / (np.sqrt(square) * scale + eps)


def _update_block(*arguments: Any) -> None:
    _update(*arguments)


def update_rows(
    whole: tuple[Array, Array, Array],
    last: Array,
    rows: Array,
    grad: Array,
    step: int,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float = 0.0,
    n_jobs: int = 1,
) -> None:
    """Do a step of Adam on some rows, in place, and make up for the steps that they have missed.

    The second moment is what it would be if the gradients of the missed steps had been 0. The first
    one is the average of the row's own gradients by the time that each was the last one, so that a
    gradient moves its row as far in sum as it would if each step moved all rows. A row of all
    steps moves as under Adam.

    Parameters
    ----------
    whole : tuple of ndarray of shape (n, size)
        Weight, first and second moment, of one type.
    last : ndarray of shape (n,)
        Step of the last update of each row, 0 before the first; it is changed.
    rows : ndarray of int64 of shape (m,)
        The rows, each once.
    grad : ndarray of shape (m, size)
        Their gradients.
    step : int
        Number of the step, from 1.
    lr : float
        Learning rate.
    betas : tuple of float
        Shares of the moments that are kept.
    eps : float
        Added to the root of the second moment.
    weight_decay : float, default=0.0
        Penalty on squares, which is added to the gradient.
    n_jobs : int, default=1
        Threads, as far as there is work for them.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec import kernels
    >>> whole = np.ones((3, 1)), np.zeros((3, 1)), np.zeros((3, 1))
    >>> last = np.zeros(3)
    >>> kernels.update_rows(whole, last, np.array([1]), np.ones((1, 1)), 1, 0.5, (0.9, 0.99), 0.0)
    >>> whole[0].round(3).tolist()
    [[1.0], [0.5], [1.0]]
    """
    beta1, beta2 = betas
    scale = 1 / math.sqrt(1 - beta2**step)
    rates = np.array(
        [lr / (1 - beta1**step), beta1, beta2, scale, eps, weight_decay], dtype=grad.dtype
    )
    n_blocks = max(1, min(n_jobs, grad.size // _FEWEST))
    blocks = zip(np.array_split(rows, n_blocks), np.array_split(grad, n_blocks))
    calls = [(whole, last, *block, step, rates) for block in blocks]
    in_threads(_update_block, calls, n_jobs, shared=True)
