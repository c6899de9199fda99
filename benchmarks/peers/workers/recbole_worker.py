"""RecBole's MultiVAE on arrays that are handed over: one training batch at a time.

Usage: python recbole_worker.py ARRAYS.npz N_THREADS BATCH_SIZE
"""

import sys
from typing import Any

from _protocol import claim_stdout, seconds, serve

STREAM = claim_stdout()

import _recbole  # noqa: E402, F401 (before RecBole itself)
import numpy as np  # noqa: E402
import torch  # noqa: E402
from _histories import Histories  # noqa: E402
from recbole.model.general_recommender.multivae import MultiVAE  # noqa: E402

CONFIG = {
    "USER_ID_FIELD": "user_id",
    "ITEM_ID_FIELD": "item_id",
    "NEG_PREFIX": "neg_",
    "device": torch.device("cpu"),
    "mlp_hidden_size": [600],
    "latent_dimension": 400,  # mean and log-variance together, so a code of 200
    "dropout_prob": 0.5,
    "anneal_cap": 0.2,
    "total_anneal_steps": 200_000,
}


class Training:
    """The inner loop of RecBole's Trainer, one batch a call."""

    def __init__(self, model: Any, n_users: int, batch_size: int) -> None:
        self.model, self.batch_size = model.train(), batch_size
        self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=0.0)
        self.order = torch.randperm(n_users) + 1
        self.start = 0

    def step(self) -> None:
        """Do one update."""
        users = self.order[self.start : self.start + self.batch_size]
        self.start = (self.start + self.batch_size) % (len(self.order) - self.batch_size + 1)
        self.optimizer.zero_grad()
        loss = self.model.calculate_loss({"user_id": users})
        assert np.isfinite(loss.item())
        loss.backward()
        self.optimizer.step()


def main(arrays: str, n_threads: str, batch_size: str) -> None:
    """Build the model and serve rounds."""
    torch.set_num_threads(int(n_threads))
    torch.manual_seed(0)
    with np.load(arrays) as data:
        indptr, indices, n_items = data["indptr"], data["indices"], int(data["shape"][1])
    model = MultiVAE(CONFIG, Histories(indptr, indices, n_items))
    training = Training(model, len(indptr) - 1, min(int(batch_size), len(indptr) - 1))
    training.step()  # the optimiser makes its state in the first update
    serve({"batch": lambda: seconds(training.step)}, STREAM)


if __name__ == "__main__":
    main(*sys.argv[1:])
