"""implicit's BPR on arrays that are handed over.

Usage: python implicit_bpr_worker.py ARRAYS.npz N_THREADS N_FACTORS
"""

import sys
from collections.abc import Sequence
from typing import Any

from _protocol import claim_stdout, serve

STREAM = claim_stdout()

import numpy as np  # noqa: E402
import scipy.sparse as sp  # noqa: E402
from _snapshots import Snapshots  # noqa: E402
from implicit.cpu.bpr import BayesianPersonalizedRanking  # noqa: E402

FOREVER = 100_000  # epochs; the budget ends the training


class OutOfTimeError(Exception):
    """Ends a fit whose budgets have run out."""


class Training:
    """The tasks, each one fit a call.

    An epoch is one draw of a positive and a negative for each entry; draws whose negative is a
    positive of the user are skipped. Negatives come in proportion to their popularity.
    """

    def __init__(self, data: dict[str, np.ndarray], n_threads: int, n_factors: int) -> None:
        pattern = np.ones(len(data["indices"]), dtype=np.float32)
        self.X = sp.csr_matrix((pattern, data["indices"], data["indptr"]), tuple(data["shape"]))
        self.options = {"factors": n_factors, "num_threads": n_threads}

    def epochs(self, n_epochs: int) -> list[float]:
        """Train, and return the seconds of each epoch but the first, as implicit takes them."""
        taken = []
        model = BayesianPersonalizedRanking(**self.options, iterations=n_epochs, random_state=0)
        model.fit(self.X, show_progress=False, callback=lambda epoch, time, *_: taken.append(time))
        return taken[1:]

    def curve(
        self,
        budgets: Sequence[float],
        path: str,
        seed: int | str,
        learning_rate: float,
        regularization: float,
    ) -> list[tuple[float, int]]:
        """Train until the last budget runs out; write the factors of each, return times, epochs."""
        model = BayesianPersonalizedRanking(
            **self.options,
            iterations=FOREVER,
            random_state=seed,
            learning_rate=learning_rate,
            regularization=regularization,
        )
        snapshots = Snapshots(budgets)

        def watch(*_: Any) -> None:
            if snapshots(lambda: (model.user_factors.copy(), model.item_factors.copy())):
                raise OutOfTimeError

        try:
            model.fit(self.X, show_progress=False, callback=watch)
        except OutOfTimeError:
            pass
        return write(snapshots.finish(), path)


def write(kept: list[Any], path: str) -> list[tuple[float, int]]:
    """Write the factors that there are, and return seconds and epochs of each snapshot."""
    arrays = {}
    for place, (_, _, factors) in enumerate(kept):
        if factors is not None:
            arrays |= {f"user_{place}": factors[0], f"item_{place}": factors[1]}
    np.savez(path, **arrays)
    return [(seconds, n_epochs) for seconds, n_epochs, _ in kept]


def main(arrays: str, n_threads: str, n_factors: str) -> None:
    """Load the arrays and serve rounds."""
    with np.load(arrays) as data:
        training = Training(dict(data), int(n_threads), int(n_factors))
    serve({name: getattr(training, name) for name in ("epochs", "curve")}, STREAM)


if __name__ == "__main__":
    main(*sys.argv[1:])
