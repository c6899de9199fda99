"""What `test_ranks` runs in one process, or in several under torchrun."""

import os
import pickle
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import distributed as dist

from skrec import MultVAERecommender
from skrec.datasets import make_interactions
from skrec.neural import TorchRecommender
from skrec.testing import all_estimators

X = make_interactions(60, 40, 700, random_state=0).X


VARIANTS = {  # what the parameters for tests leave out
    "sampled items": ("MultVAERecommender", {"n_sampled_items": 20, "dropout": 0.5}),
    "rows of users": ("BPRMFRanker", {"batch_size": 2, "n_negatives": 1}),
    "rows under a pointwise loss": ("MFClassifier", {"batch_size": 1, "n_negatives": 1, "l2": 0.1}),
    "shared negatives": ("BPRMFRanker", {"shared_negatives": True, "n_negatives": 20}),
    "a tower with dropout": ("NCFMLPClassifier", {"dropout": 0.3, "l2": 0.1}),
    "a prior of variances": ("GeRecClassifier", {"kl_weight": 1.0, "dropout": 0.2}),
}


def models():
    """Return the losses and weights of all models, or the error of what cannot be shared."""
    found = {}
    classes = {n: c for n, c in all_estimators() if issubclass(c, TorchRecommender)}
    wanted = {name: (name, {}) for name in classes} | VARIANTS
    for name, (of, changed) in wanted.items():
        cls = classes[of]
        model = cls(**cls._test_parameters).set_params(max_epochs=3, random_state=0, **changed)
        if "early_stopping" in model.get_params():
            model.set_params(early_stopping=True, patience=1)
        if "solver" in model.get_params():
            model.set_params(solver="torch")
        try:
            model.fit(X)
        except NotImplementedError as error:
            found[name] = str(error)
            continue
        weights = {key: value.numpy() for key, value in model.net_.module_.state_dict().items()}
        found[name] = {**weights, "losses": np.array(model.net_.history[:, "train_loss"])}
    return found


def ranks():
    """Return the weights that each process ends with, and the errors."""
    folder = [tempfile.mkdtemp()]
    dist.broadcast_object_list(folder, 0)
    parameters = {"max_epochs": 4, "hidden_sizes": (8,), "latent_size": 4, "batch_size": 16}
    model = MultVAERecommender(**parameters, random_state=0)
    found = {"weights": shared(digest(model.fit(X)))}
    found["seedless"] = shared(digest(MultVAERecommender(**parameters).fit(X)))
    model.set_params(checkpoint=folder[0]).fit(X)
    dist.barrier()
    kept = {path: path.stat().st_mtime_ns for path in Path(folder[0]).rglob("*.*")}
    found["resumed"] = shared(digest(model.fit(X)))
    assert kept
    assert kept == {path: path.stat().st_mtime_ns for path in Path(folder[0]).rglob("*.*")}
    try:
        model.set_params(checkpoint=None).fit(X[: 50 + dist.get_rank()])
    except ValueError as error:
        found["other data"] = shared(str(error))
    return found


def digest(model):
    return pickle.dumps([value.numpy() for value in model.net_.module_.state_dict().values()])


def shared(value):
    values = [None] * dist.get_world_size()
    dist.all_gather_object(values, value)
    return values


if __name__ == "__main__":
    path, what = sys.argv[1:]
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    several = "RANK" in os.environ
    if several:
        dist.init_process_group("gloo")
    found = {"models": models, "ranks": ranks}[what]()
    if not several or dist.get_rank() == 0:
        Path(path).write_bytes(pickle.dumps(found))
    if several:
        dist.barrier()
        dist.destroy_process_group()
        os._exit(0)  # threads of gloo may still hold tensors, and abort an interpreter that ends
