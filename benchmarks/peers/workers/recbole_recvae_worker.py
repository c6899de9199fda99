"""RecBole's RecVAE on arrays that are handed over: one epoch at a time.

Usage: python recbole_recvae_worker.py ARRAYS.npz N_THREADS BATCH_SIZE JSON
where JSON has hidden_size and latent_size.
"""

import json
import sys
from typing import Any

from _protocol import claim_stdout, seconds, serve

STREAM = claim_stdout()

import _recbole  # noqa: E402, F401 (before RecBole itself)
import numpy as np  # noqa: E402
import torch  # noqa: E402
from _histories import Histories  # noqa: E402
from recbole.model.general_recommender.recvae import RecVAE  # noqa: E402

CONFIG = {
    "USER_ID_FIELD": "user_id",
    "ITEM_ID_FIELD": "item_id",
    "NEG_PREFIX": "neg_",
    "device": torch.device("cpu"),
    "dropout_prob": 0.5,
    "beta": 0.2,
    "mixture_weights": [0.15, 0.75, 0.1],
    "gamma": 0.005,
}
PASSES = {True: 3, False: 1}  # of the encoder, of the decoder


class Training:
    """The loops of RecBole's RecVAETrainer, an epoch a call."""

    def __init__(self, model: Any, n_users: int, batch_size: int) -> None:
        self.model, self.n_users, self.batch_size = model.train(), n_users, batch_size
        parts = {True: model.encoder, False: model.decoder}
        self.optimizers = {
            part: torch.optim.Adam(module.parameters(), lr=5e-4) for part, module in parts.items()
        }

    def epoch(self) -> None:
        """Train the encoder, renew the prior, train the decoder."""
        self._run(True)
        self.model.update_prior()
        self._run(False)

    def _run(self, encoder: bool) -> None:
        for _ in range(PASSES[encoder]):
            for users in (torch.randperm(self.n_users) + 1).split(self.batch_size):
                self.optimizers[encoder].zero_grad()
                loss = self.model.calculate_loss({"user_id": users}, encoder)
                assert np.isfinite(loss.item())
                loss.backward()
                self.optimizers[encoder].step()


def main(arrays: str, n_threads: str, batch_size: str, sizes: str) -> None:
    """Build the model and serve rounds."""
    torch.set_num_threads(int(n_threads))
    torch.manual_seed(0)
    with np.load(arrays) as data:
        indptr, indices, n_items = data["indptr"], data["indices"], int(data["shape"][1])
    sizes = json.loads(sizes)
    config = {
        **CONFIG,
        "hidden_dimension": sizes["hidden_size"],
        "latent_dimension": sizes["latent_size"],
    }
    model = RecVAE(config, Histories(indptr, indices, n_items))
    training = Training(model, len(indptr) - 1, int(batch_size))
    training.epoch()  # the optimisers make their state in the first updates
    serve({"epoch": lambda: seconds(training.epoch)}, STREAM)


if __name__ == "__main__":
    main(*sys.argv[1:])
