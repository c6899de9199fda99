"""Time of ConvNCF's tower: plain convolutions, ours, and the matrix products alone.

A batch is that of pairwise training: users, each with two items, and gradients of users, items and
weights. The matrix products are those of the layers, forward and backward, on operands that lie
ready in chunks of few pairs: no exact method does without them. Square products say how long the
same arithmetic takes at the machine's best.
"""

import pandas as pd
import torch

from benchmarks.speed.measure import alternate, seconds, summarize
from skrec.nn import ConvTower

__all__ = [
    "OursTower",
    "PlainTower",
    "Products",
    "SquareProduct",
    "compare_towers",
    "multiply_adds",
]

_CHUNK_PAIRS = 32


class OursTower:
    """Both passes of `ConvTower` over a batch.

    Parameters
    ----------
    n_factors : int
        Width of the vectors.
    n_maps : int
        Feature maps of each layer.
    batch_size : int
        Users, with two items each.
    """

    def __init__(self, n_factors: int, n_maps: int, batch_size: int) -> None:
        torch.manual_seed(0)
        self.tower = ConvTower(n_factors, n_maps)
        self.users = torch.randn(batch_size, 1, n_factors, requires_grad=True)
        self.items = torch.randn(batch_size, 2, n_factors, requires_grad=True)
        self.grad = torch.randn(batch_size, 2)
        self.wanted = [self.users, self.items, *self.tower.parameters()]

    def scores(self) -> torch.Tensor:
        """Return the scores of the batch, of shape (B, 2)."""
        return self.tower(self.users, self.items)

    def gradients(self) -> tuple[torch.Tensor, ...]:
        """Return the gradients of users, items and weights."""
        return torch.autograd.grad(self.scores(), self.wanted, self.grad)

    def __call__(self) -> float:
        """Do both passes and return the seconds."""
        return seconds(self.gradients)


class PlainTower(OursTower):
    """The same tower, weights and batch as ``torch.nn.Conv2d`` on the outer product."""

    def scores(self) -> torch.Tensor:
        """Return the scores of the batch, of shape (B, 2)."""
        x = (self.users[..., :, None] * self.items[..., None, :]).flatten(0, 1)[:, None]
        for layer in self.tower.convolutions:
            x = torch.relu(layer(x))
        return self.tower.output(x.flatten(1)).view(self.grad.shape)


class Products:
    """The matrix products of all layers, and nothing else.

    Parameters
    ----------
    n_factors : int
        Width of the vectors.
    n_maps : int
        Feature maps of each layer.
    batch_size : int
        Users, with two items each.
    """

    def __init__(self, n_factors: int, n_maps: int, batch_size: int) -> None:
        n_pairs = min(_CHUNK_PAIRS, 2 * batch_size)
        self.rounds = 2 * batch_size // n_pairs
        self.layers, n_blocks, width = [], n_factors**2 // 4, 4
        while n_blocks:
            n_rows = n_pairs * n_blocks
            shapes = [(n_rows, width), (width, n_maps), (n_rows, n_maps), (n_rows, width)]
            self.layers.append([torch.randn(shape) for shape in shapes])
            n_blocks, width = n_blocks // 4, 4 * n_maps

    def __call__(self) -> float:
        """Compute the products and return the seconds."""
        return seconds(self._compute)

    def _compute(self) -> None:
        for _ in range(self.rounds):
            for below, kernel, above, gradient in self.layers:
                torch.mm(below, kernel, out=above)
                below.T @ above
                torch.mm(above, kernel.T, out=gradient)


class SquareProduct:
    """As many multiplications in large square products, the fastest there is.

    Parameters
    ----------
    multiply_adds : float
        How many the tower takes.
    size : int, default=1024
        Rows and columns.
    """

    def __init__(self, multiply_adds: float, size: int = 1024) -> None:
        self.scale = multiply_adds / size**3
        self.left, self.right, self.out = (torch.randn(size, size) for _ in range(3))

    def __call__(self) -> float:
        """Compute one product and return the seconds that the tower's arithmetic would take."""
        return self.scale * seconds(lambda: torch.mm(self.left, self.right, out=self.out))


def multiply_adds(n_factors: int, n_maps: int, batch_size: int) -> int:
    """Return the multiplications of both passes over a batch of ``2 * batch_size`` pairs."""
    blocks = [4**level for level in range(n_factors.bit_length() - 2, -1, -1)]
    forward = 4 * n_maps * blocks[0] + 4 * n_maps**2 * sum(blocks[1:])
    return 3 * forward * 2 * batch_size


def compare_towers(
    n_factors: int = 64, n_maps: int = 32, batch_size: int = 512, rounds: int = 9
) -> pd.DataFrame:
    """Time the towers in turns.

    Parameters
    ----------
    n_factors : int, default=64
        Width of the vectors.
    n_maps : int, default=32
        Feature maps of each layer.
    batch_size : int, default=512
        Users, with two items each.
    rounds : int, default=9
        Rounds that count.

    Returns
    -------
    table : DataFrame
        With the median seconds, the ratios to ours, ``ms_per_pair`` and ``gflops``.
    """
    sizes = (n_factors, n_maps, batch_size)
    tasks = {
        "ours": OursTower(*sizes),
        "plain convolutions": PlainTower(*sizes),
        "its matrix products": Products(*sizes),
        "square products": SquareProduct(multiply_adds(*sizes)),
    }
    table = pd.DataFrame(summarize(alternate(tasks, rounds), "ours")).set_index("what")
    table["ms_per_pair"] = 1000 * table["seconds"] / (2 * batch_size)
    table["gflops"] = 2e-9 * multiply_adds(*sizes) / table["seconds"]
    return table.drop(columns="reference")
