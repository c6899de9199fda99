"""RecBole's models and its evaluation, with its own loaders and trainers, on arrays handed over.

Usage: python recbole_models_worker.py ARRAYS.npz N_THREADS JSON
where JSON may have n_factors, learning_rate and batch_size of BPR.
"""

import json
import logging
import sys
import tempfile
from typing import Any

from _protocol import claim_stdout, seconds, serve

STREAM = claim_stdout()

from _recbole import NAME, write_pairs  # noqa: E402, I001 (before RecBole itself)
import numpy as np  # noqa: E402
import scipy.sparse as sp  # noqa: E402
import torch  # noqa: E402
from _matrices import load_matrices, write_factors  # noqa: E402
from recbole.config import Config  # noqa: E402
from recbole.data import create_dataset  # noqa: E402
from recbole.data.dataloader import FullSortEvalDataLoader  # noqa: E402
from recbole.data.utils import get_dataloader  # noqa: E402
from recbole.sampler import Sampler  # noqa: E402
from recbole.utils import get_model, get_trainer, init_seed  # noqa: E402

EVAL_SCORES = 10_000_000  # of a batch of users; what ours takes as well, 40 MB


class Rounds:
    """The tasks, each one round a call."""

    def __init__(
        self,
        folder: str,
        matrices: tuple[sp.csr_matrix, ...],
        n_factors: int = 64,
        learning_rate: float = 0.005,
        batch_size: int = 16384,
    ) -> None:
        self.folder, self.shape = str(folder), matrices[0].shape
        self.parts = ["train", "test"][: len(matrices)]
        for part, X in zip(self.parts, matrices):
            write_pairs(folder, f"{NAME}.{part}", X)
        self.bpr = {
            "embedding_size": n_factors,
            "learner": "adam",
            "learning_rate": learning_rate,
            "train_batch_size": batch_size,
        }
        self.datasets = create_dataset(self._config("BPR")).build()
        self.train = self.datasets[0]
        self.sampler = Sampler(self.parts, self.datasets, "uniform", 1.0)
        self.trainings = {}

    def ease_fit(self, l2: float) -> float:
        """Fit EASE."""
        return self._fit("EASE", reg_weight=l2)

    def knn_fit(self, n_neighbors: int) -> float:
        """Fit cosine neighbours; it goes on and scores all items for all users."""
        return self._fit("ItemKNN", k=n_neighbors, shrink=0.0)

    def slim_fit(self, alpha: float, l1_ratio: float) -> float:
        """Fit SLIM."""
        penalties = {"alpha": alpha, "l1_ratio": l1_ratio}
        return self._fit("SLIMElastic", **penalties, hide_item=True, positive_only=True)

    def multvae_epoch(self, hidden_size: int, latent_size: int, batch_size: int) -> float:
        """Train MultiVAE for one more epoch."""
        training = self._training(
            "MultiVAE", 0, mlp_hidden_size=[hidden_size], latent_dimension=2 * latent_size,
            dropout_prob=0.5, anneal_cap=0.2, train_batch_size=batch_size,
        )  # fmt: skip
        return seconds(lambda: self._epoch(*training))

    def lightgcn_epoch(
        self, n_layers: int, n_factors: int, batch_size: int, learning_rate: float, l2: float
    ) -> float:
        """Train LightGCN for one more epoch; its penalty is of half the squares."""
        training = self._training(
            "LightGCN", 0, n_layers=n_layers, embedding_size=n_factors, learner="adam",
            train_batch_size=batch_size, learning_rate=learning_rate, reg_weight=2 * l2,
            require_pow=True,
        )  # fmt: skip
        return seconds(lambda: self._epoch(*training))

    def bpr_epochs(self, n_epochs: int, path: str | None = None, seed: int | str = 0) -> float:
        """Train BPR for some more epochs, of the start for a new seed, and write its factors."""
        trainer, loader = self._training("BPR", seed, **self.bpr)
        taken = [seconds(lambda: self._epoch(trainer, loader)) for _ in range(n_epochs)]
        if path:
            model = trainer.model
            user = self._in_frame("user_id", model.user_embedding.weight, 0)
            write_factors(path, user, self._in_frame("item_id", model.item_embedding.weight, 1))
        return float(np.mean(taken))

    def evaluate(self, cuts: list[int]) -> float:
        """Judge BPR by recall and NDCG at some cut-offs, with every item ranked."""
        settings = {**self.bpr, "metrics": ["Recall", "NDCG"], "topk": list(cuts)}
        trainer, _ = self._training("BPR", "started", **settings)
        trainer.eval_collector.data_collect(self.train)
        if not hasattr(self, "judged"):
            sampler = self.sampler.set_phase("test")
            self.judged = FullSortEvalDataLoader(trainer.config, self.datasets[1], sampler)
        return seconds(lambda: trainer.evaluate(self.judged, load_best_model=False))

    def _config(self, model: Any, **settings: Any) -> Config:
        common = {
            "data_path": self.folder,
            "checkpoint_dir": self.folder,
            "benchmark_filename": self.parts,
            "load_col": {"inter": ["user_id", "item_id"]},
            "use_gpu": False,
            "show_progress": False,
            "eval_batch_size": EVAL_SCORES,
        }
        return Config(model=model, dataset=NAME, config_dict={**common, **settings})

    def _fit(self, name: str, **settings: Any) -> float:
        config = self._config(name, **settings)
        return seconds(lambda: get_model(name)(config, self.train))

    def _training(self, name: str, seed: int | str, **settings: Any) -> tuple[Any, Any]:
        """Return trainer and loader of a model, which stay."""
        if (name, seed) not in self.trainings:
            config = self._config(name, **settings)
            init_seed(0 if seed == "started" else seed, True)
            sampler = self.sampler.set_phase("train")
            loader = get_dataloader(config, "train")(config, self.train, sampler, shuffle=True)
            model = get_model(name)(config, self.train)
            trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
            self.trainings[name, seed] = trainer, loader
        return self.trainings[name, seed]

    @staticmethod
    def _epoch(trainer: Any, loader: Any) -> None:
        trainer.model.train()
        assert np.isfinite(trainer._train_epoch(loader, 0))

    def _in_frame(self, field: str, rows: Any, axis: int) -> np.ndarray:
        """Return the rows of RecBole's ids, the padding left out, as rows of the whole frame."""
        framed = np.zeros((self.shape[axis], rows.shape[1]), dtype=np.float32)
        tokens = self.train.field2id_token[field][1:].astype(int)
        framed[tokens] = rows.detach().numpy()[1:]
        return framed


def main(arrays: str, n_threads: str, options: str) -> None:
    """Build the data set and serve rounds."""
    torch.set_num_threads(int(n_threads))
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        rounds = Rounds(folder, load_matrices(arrays), **json.loads(options))
        names = (
            "ease_fit", "knn_fit", "slim_fit", "multvae_epoch", "lightgcn_epoch", "bpr_epochs",
            "evaluate",
        )  # fmt: skip
        serve({name: getattr(rounds, name) for name in names}, STREAM)


if __name__ == "__main__":
    main(*sys.argv[1:])
