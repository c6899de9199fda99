"""A model as it was when each budget of training time ran out.

Used by workers too, so it imports nothing from this project.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any


class Snapshots:
    """Keep copies of a model at the end of the last epoch that a budget allows.

    Call it at the end of each epoch; what the copying takes is not counted.

    Parameters
    ----------
    budgets : list of float
        Seconds from now, ascending.

    Attributes
    ----------
    kept : list
        For each budget that has run out: seconds, number of epochs and the copy; the copy is None
        where no epoch fitted into the budget.
    """

    def __init__(self, budgets: Sequence[float]) -> None:
        self.budgets = budgets
        self.kept = []
        self._last = (0.0, 0, None)
        self._start = time.perf_counter()

    def __call__(self, copy: Callable[[], Any]) -> bool:
        """Note the end of an epoch, and return whether all budgets have run out."""
        now = time.perf_counter()
        taken = now - self._start
        self._keep(sum(budget < taken for budget in self.budgets))
        if not self.done:
            self._last = (taken, self._last[1] + 1, copy())
            self._start += time.perf_counter() - now
        return self.done

    @property
    def done(self) -> bool:
        """Whether all budgets have run out."""
        return len(self.kept) == len(self.budgets)

    def finish(self) -> list[Any]:
        """Take the last epoch for the budgets that are left, and return all that is kept."""
        self._keep(len(self.budgets))
        return self.kept

    def _keep(self, n_budgets: int) -> None:
        self.kept += [self._last] * (n_budgets - len(self.kept))
