"""Time of GeRec's module: the naive cube, ours, and what scoring all items saves.

A batch is that of training: users, each with one positive and four negatives, and gradients of
draws and weights. The naive way builds the K x K x 2D cube of concatenated draws and convolves it.
Then a block of users is scored against many items, with the sides of users and items worked out
once, and pair by pair.
"""

import pandas as pd
import torch

from benchmarks.speed.measure import alternate, seconds, summarize
from skrec.nn import GeRec

__all__ = ["AllItems", "NaiveCube", "Ours", "PairByPair", "arithmetic_share", "compare_modules"]

_ITEMS = 5


class Ours:
    """Both passes of `GeRec` over given draws.

    Parameters
    ----------
    n_factors, n_draws, n_filters : int
        Sizes D, K and T.
    batch_size : int
        Users, with five items each.
    """

    def __init__(self, n_factors: int, n_draws: int, n_filters: int, batch_size: int) -> None:
        torch.manual_seed(0)
        self.module = GeRec(n_factors, n_draws, n_filters=n_filters)
        shapes = (batch_size, 1, n_draws, n_factors), (batch_size, _ITEMS, n_draws, n_factors)
        self.users, self.items = (torch.randn(shape, requires_grad=True) for shape in shapes)
        self.grad = torch.randn(batch_size, _ITEMS)
        self.wanted = [self.users, self.items, *self.module.parameters()]

    def scores(self) -> torch.Tensor:
        """Return the scores of the batch, of shape (B, 5)."""
        module = self.module
        return module.pair(module.user_side(self.users), module.items_side(self.items))

    def gradients(self) -> tuple[torch.Tensor, ...]:
        """Return the gradients of draws and weights."""
        return torch.autograd.grad(self.scores(), self.wanted, self.grad)

    def __call__(self) -> float:
        """Do both passes and return the seconds."""
        return seconds(self.gradients)


class NaiveCube(Ours):
    """The same weights and draws as convolutions over the cube."""

    def scores(self) -> torch.Tensor:
        """Return the scores of the batch, of shape (B, 5)."""
        users, items = (
            side.expand(-1, _ITEMS, -1, -1).flatten(0, 1) for side in (self.users, self.items)
        )
        n_draws = users.shape[1]
        rows = users[:, :, None].expand(-1, -1, n_draws, -1)
        columns = items[:, None].expand(-1, n_draws, -1, -1)
        maps = torch.cat([rows, columns], dim=-1).permute(0, 3, 1, 2)  # (N, 2D, K, K)
        for layer in self.module.layers:
            maps = torch.relu(layer(maps))
        hidden = torch.relu(self.module.hidden(maps.flatten(1)))
        return self.module.output(hidden).view(self.grad.shape)


class AllItems(Ours):
    """Scores of all pairs of some users and items, by sides.

    Parameters
    ----------
    n_factors, n_draws, n_filters : int
        Sizes D, K and T.
    n_users, n_items : int
        How many.
    """

    def __init__(
        self, n_factors: int, n_draws: int, n_filters: int, n_users: int = 32, n_items: int = 128
    ) -> None:
        torch.manual_seed(0)
        self.module = GeRec(n_factors, n_draws, n_filters=n_filters).eval()
        self.users = torch.randn(n_users, 2 * n_factors)
        self.items = torch.randn(n_items, 2 * n_factors)

    def scores(self) -> torch.Tensor:
        """Return the scores, of shape (n_users, n_items)."""
        return self.module.cross(self.users, self.items)

    def __call__(self) -> float:
        """Score and return the seconds."""
        with torch.inference_mode():
            return seconds(self.scores)


class PairByPair(AllItems):
    """The same scores, with the draws of user and item convolved for each pair."""

    def scores(self) -> torch.Tensor:
        """Return the scores, of shape (n_users, n_items)."""
        shape = len(self.users), len(self.items), -1
        items = self.items.expand(shape).flatten(0, 1)[:, None]
        users = self.users[:, None].expand(shape).flatten(0, 1)[:, None]
        return self.module(users, items).view(shape[:2])


def arithmetic_share(n_factors: int, n_draws: int, n_filters: int, hidden_size: int = 64) -> float:
    """Return the multiplications of ours, as a share of the naive cube's."""
    above = (n_draws - 1) ** 2 * n_filters * (4 * n_filters + hidden_size)
    sides = (1 + 1 / _ITEMS) * n_draws * n_factors * n_filters
    return (above + sides) / (above + n_draws**2 * 2 * n_factors * n_filters)


def compare_modules(
    n_factors: int = 64,
    n_draws: int = 9,
    n_filters: int = 64,
    batch_size: int = 64,
    rounds: int = 9,
) -> tuple[pd.DataFrame, float]:
    """Time the ways in turns.

    Parameters
    ----------
    n_factors, n_draws, n_filters : int
        Sizes D, K and T.
    batch_size : int, default=64
        Users, with five items each.
    rounds : int, default=9
        Rounds that count.

    Returns
    -------
    table : DataFrame
        With the median seconds and the ratios to the naive way.
    difference : float
        The largest difference of scores between ours and the naive way, relative to the largest
        score, or of gradients likewise if that is larger.
    """
    sizes = n_factors, n_draws, n_filters
    ours, naive = Ours(*sizes, batch_size), NaiveCube(*sizes, batch_size)
    pairs = [(ours.scores().detach(), naive.scores().detach())]
    pairs += zip(ours.gradients(), naive.gradients(), strict=True)
    difference = max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)
    rows = summarize(alternate({"ours": ours, "naive cube": naive}, rounds), "naive cube")
    tasks = {"all items, by sides": AllItems(*sizes), "all items, by pairs": PairByPair(*sizes)}
    rows += summarize(alternate(tasks, rounds), "all items, by pairs")
    return pd.DataFrame(rows).set_index("what"), difference
