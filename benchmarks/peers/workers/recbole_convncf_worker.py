"""RecBole's ConvNCF, with its own loader, sampler and trainer, on arrays that are handed over.

Usage: python recbole_convncf_worker.py ARRAYS.npz N_THREADS JSON
where JSON has embedding_size, n_feature_maps, batch_size, learner and learning_rate.
"""

import json
import logging
import sys
import tempfile

from _protocol import claim_stdout, seconds, serve

STREAM = claim_stdout()

from _recbole import NAME, write_pairs  # noqa: E402, I001 (before RecBole itself)
import numpy as np  # noqa: E402
import torch  # noqa: E402
from _matrices import load_matrices  # noqa: E402
from recbole.config import Config  # noqa: E402
from recbole.data import create_dataset  # noqa: E402
from recbole.data.dataloader import TrainDataLoader  # noqa: E402
from recbole.model.general_recommender.convncf import ConvNCF  # noqa: E402
from recbole.sampler import Sampler  # noqa: E402
from recbole.utils import get_trainer, init_seed  # noqa: E402


def configure(
    folder: str,
    embedding_size: int,
    n_feature_maps: int,
    batch_size: int,
    learner: str,
    learning_rate: float,
) -> Config:
    """Return RecBole's configuration of a tower that halves the map until one cell is left."""
    all_to_train = {"split": {"RS": [1.0, 0.0, 0.0]}, "group_by": None, "order": "RO"}
    n_layers = int(embedding_size).bit_length() - 1
    settings = {
        "data_path": str(folder),
        "checkpoint_dir": str(folder),
        "load_col": {"inter": ["user_id", "item_id"]},
        "eval_args": {**all_to_train, "mode": "full"},
        "use_gpu": False,
        "show_progress": False,
        "embedding_size": embedding_size,
        "cnn_channels": [1] + [n_feature_maps] * n_layers,
        "cnn_kernels": [2] * n_layers,
        "cnn_strides": [2] * n_layers,
        "dropout_prob": 0.0,
        "reg_weights": [0.0, 0.0],
        "train_method": "no_pretrain",
        "train_batch_size": batch_size,
        "learner": learner,
        "learning_rate": learning_rate,
    }
    return Config(model="ConvNCF", dataset=NAME, config_dict=settings)


class Training:
    """RecBole's epochs, one a call."""

    def __init__(self, config: Config) -> None:
        train, _, _ = create_dataset(config).build()
        sampler = Sampler(["train"], [train], "uniform", 1.0).set_phase("train")
        init_seed(0, True)
        self.loader = TrainDataLoader(config, train, sampler, shuffle=True)
        model = ConvNCF(config, train).to(config["device"])
        self.trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)

    def epoch(self) -> None:
        """Run an epoch."""
        loss = self.trainer._train_epoch(self.loader, 0)
        assert np.isfinite(loss)


def main(arrays: str, n_threads: str, options: str) -> None:
    """Build the model and serve rounds."""
    torch.set_num_threads(int(n_threads))
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        write_pairs(folder, NAME, load_matrices(arrays)[0])
        training = Training(configure(folder, **json.loads(options)))
        serve({"epoch": lambda: seconds(training.epoch)}, STREAM)


if __name__ == "__main__":
    main(*sys.argv[1:])
