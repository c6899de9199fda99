"""cornac's models and its evaluation on arrays that are handed over.

Usage: python cornac_worker.py ARRAYS.npz N_THREADS JSON
where JSON may have n_factors, learning_rate and regularization of BPR.
"""

import json
import sys
import types
import warnings
from collections import OrderedDict
from typing import Any

from _protocol import claim_stdout, seconds, serve

STREAM = claim_stdout()

sys.modules["powerlaw"] = types.ModuleType("powerlaw")  # of an evaluation that no worker runs

import numpy as np  # noqa: E402
import scipy.sparse as sp  # noqa: E402
import torch  # noqa: E402
from _matrices import load_matrices, pairs, write_factors  # noqa: E402
from cornac.data import Dataset  # noqa: E402
from cornac.eval_methods.base_method import ranking_eval  # noqa: E402
from cornac.metrics import NDCG, Recall  # noqa: E402
from cornac.models import BPR, EASE, VAECF, ItemKNN  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402


def dataset(X: sp.csr_matrix) -> Dataset:
    """Return a matrix as cornac's data set, rows and columns as ids."""
    user, item = pairs(X).T
    n_users, n_items = X.shape
    return Dataset(
        num_users=n_users,
        num_items=n_items,
        uid_map=OrderedDict(zip(range(n_users), range(n_users))),
        iid_map=OrderedDict(zip(range(n_items), range(n_items))),
        uir_tuple=(user, item, np.ones(len(user))),
    )


class Rounds:
    """The tasks, each one round a call."""

    def __init__(
        self,
        matrices: tuple[sp.csr_matrix, ...],
        n_threads: int,
        n_factors: int = 64,
        learning_rate: float = 0.01,
        regularization: float = 0.001,
    ) -> None:
        self.train, *tests = map(dataset, matrices)
        self.test = tests[0] if tests else None
        self.n_threads = n_threads
        self.bpr_options = {
            "k": n_factors,
            "learning_rate": learning_rate,
            "lambda_reg": regularization,
            "use_bias": False,  # as ours
            "num_threads": n_threads,
        }
        self.models = {}

    def ease_fit(self, l2: float) -> float:
        """Fit EASE, all weights kept."""
        return self._fit(EASE(lamb=l2, posB=False, verbose=False))

    def knn_fit(self, n_neighbors: int) -> float:
        """Fit cosine neighbours; the similarities are dense, and all of them are kept."""
        return self._fit(ItemKNN(k=n_neighbors, num_threads=self.n_threads, verbose=False))

    def multvae_epoch(self, hidden_size: int, latent_size: int, batch_size: int) -> float:
        """Train VAECF for one more epoch; neither dropout nor normalised rows nor a new order."""
        model = self._keep(
            "vaecf", VAECF, k=latent_size, autoencoder_structure=[hidden_size],
            batch_size=batch_size, beta=0.2, n_epochs=1,
        )  # fmt: skip
        return self._fit(model)

    def bpr_epochs(self, n_epochs: int, path: str | None = None, seed: int | str = 0) -> float:
        """Train BPR for some more epochs, of the start for a new seed, and write its factors."""
        model = self._keep(f"bpr {seed}", BPR, **self.bpr_options)
        model.max_iter = n_epochs
        taken = self._fit(model)
        if path:
            write_factors(path, model.u_factors, model.i_factors, model.i_biases)
        return taken / n_epochs

    def recommend(self, n_users: int, n_items: int) -> float:
        """Rank all items for some users, one after the other, as it does."""
        model = self._started_bpr()
        options = {"k": n_items, "remove_seen": True, "train_set": self.train}
        return seconds(lambda: [model.recommend(user, **options) for user in range(n_users)])

    def evaluate(self, cuts: list[int]) -> float:
        """Judge BPR by recall and NDCG at some cut-offs."""
        model = self._started_bpr()
        metrics = [metric(k=k) for metric in (Recall, NDCG) for k in cuts]
        return seconds(lambda: ranking_eval(model, metrics, self.train, self.test))

    def _started_bpr(self) -> BPR:
        if "started" not in self.models:
            self._keep("started", BPR, **self.bpr_options, max_iter=0).fit(self.train)
        return self.models["started"]

    def _keep(self, name: str, cls: type, **options: Any) -> Any:
        return self.models.setdefault(name, cls(**options))

    def _fit(self, model: Any) -> float:
        return seconds(lambda: model.fit(self.train))


def main(arrays: str, n_threads: str, options: str) -> None:
    """Load the arrays and serve rounds."""
    warnings.simplefilter("ignore")  # that a fit goes on with the model that is there
    torch.set_num_threads(int(n_threads))
    with threadpool_limits(int(n_threads)):
        rounds = Rounds(load_matrices(arrays), int(n_threads), **json.loads(options))
        names = (
            "ease_fit", "knn_fit", "multvae_epoch", "bpr_epochs", "recommend", "evaluate",
        )  # fmt: skip
        serve({name: getattr(rounds, name) for name in names}, STREAM)


if __name__ == "__main__":
    main(*sys.argv[1:])
