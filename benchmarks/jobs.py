"""What is measured; in a fresh process as ``python -m benchmarks.jobs NAME JSON``, JSON out."""

import json
import sys

import numpy as np

from benchmarks.matrices import load_matrix, load_targets
from benchmarks.measure import (
    alternate,
    current_memory,
    peak_memory,
    seconds,
    summarize,
    watch_memory,
)

__all__ = ["Epochs", "Judge", "ProductAndTopK", "evaluate", "fit", "recommend", "untrained"]

SCORER_METRICS = ("recall", "ndcg")
SCORER_CUTS = (5, 10, 20, 50, 100)


def fit(matrix, system, parameters):
    """Fit an estimator once: time, and the peak of memory."""
    from skrec.reproduce._systems import find_system

    X = load_matrix(matrix)
    parameters = {k: tuple(v) if isinstance(v, list) else v for k, v in parameters.items()}
    estimator = find_system(system)(**parameters)
    with watch_memory() as memory:
        taken = seconds(lambda: estimator.fit(X))
    return {"seconds": taken, "peak": memory["peak"], "extra": memory["extra"]}


def curve(matrix, kind, system, parameters):
    """Time a fit, an epoch of a fit, or the ranking of all users by an untrained model."""
    from skrec.reproduce._systems import find_system

    X = load_matrix(matrix)
    parameters = {k: tuple(v) if isinstance(v, list) else v for k, v in parameters.items()}
    estimator = find_system(system)(**parameters)
    if kind == "rank":
        estimator.set_params(max_epochs=0).fit(X)
    calls = {
        "fit": lambda: seconds(lambda: estimator.fit(X)),
        "epoch": Epochs(estimator, X, 1),
        "rank": lambda: seconds(lambda: estimator.recommend(users=np.arange(X.shape[0]))),
    }
    with watch_memory() as memory:
        taken = repeated(calls[kind])
    return {"seconds": np.median(taken), "n": len(taken), **memory}


def repeated(call, enough=2.0, at_most=5):
    """Give the seconds of calls, as many as `enough` seconds take; short ones need a few."""
    taken = []
    while sum(taken) < enough and len(taken) < at_most:
        taken.append(float(np.mean(call())))
    return taken


def untrained(matrix):
    """Give Mult-VAE with the weights it starts from, which rank as fast as any others."""
    from skrec import MultVAERecommender

    X = load_matrix(matrix)
    return MultVAERecommender(max_epochs=0, device="cpu", random_state=0).fit(X)


def recommend(matrix, rounds, n_items=20):
    """Rank for all users: `recommend` against the decoder's product and torch's top-k."""
    estimator = untrained(matrix)
    users = np.arange(estimator.interactions_.shape[0])
    with watch_memory() as memory:
        estimator.recommend(users=users, n_items=n_items)
    bare = ProductAndTopK(estimator, n_items)
    tasks = {
        "recommend": lambda: seconds(lambda: estimator.recommend(users=users, n_items=n_items)),
        "product_and_topk": lambda: seconds(bare),
    }
    rows = summarize(alternate(tasks, rounds), "product_and_topk")
    rows[0] |= {"extra": memory["extra"], "peak": memory["peak"]}
    return {"rows": rows}


class ProductAndTopK:
    """The least that a ranking needs: the decoder's last product and ``torch.topk``, in blocks.

    Parameters
    ----------
    estimator : MultVAERecommender
        Gives the weights.
    n_items : int
        Length of the lists.
    block : int, default=250
        Users at once; about 40 MB of scores on Gowalla.
    """

    def __init__(self, estimator, n_items, block=250):
        import torch

        last = estimator.net_.module_.last
        self.weight, self.bias = last.weight.detach().T, last.bias.detach()
        generator = torch.Generator().manual_seed(0)
        n_users = estimator.interactions_.shape[0]
        self.hidden = torch.tanh(torch.randn(n_users, len(self.weight), generator=generator))
        self.n_items, self.block = n_items, block

    def __call__(self):
        """Rank all users."""
        import torch

        with torch.inference_mode():
            for rows in self.hidden.split(self.block):
                scores = torch.addmm(self.bias, rows, self.weight)
                torch.topk(scores, self.n_items, dim=1)


def evaluate(matrix, test, rounds):
    """Score ten metrics and cut-offs for all users, against one ranking by `recommend`."""
    from skrec.metrics import make_ranking_scorer

    estimator, targets = untrained(matrix), load_targets(test)
    users = np.unique(targets.user)
    ten = make_ranking_scorer(SCORER_METRICS, SCORER_CUTS)
    one = make_ranking_scorer("ndcg", max(SCORER_CUTS))
    with watch_memory() as memory:
        ten(estimator, targets)
    tasks = {
        "scorer_10": lambda: seconds(lambda: ten(estimator, targets)),
        "scorer_1": lambda: seconds(lambda: one(estimator, targets)),
        "recommend_100": lambda: seconds(lambda: estimator.recommend(users=users, n_items=100)),
        "recommend_20": lambda: seconds(lambda: estimator.recommend(users=users, n_items=20)),
    }
    rows = summarize(alternate(tasks, rounds), "recommend_100")
    rows[0] |= {"extra": memory["extra"], "peak": memory["peak"]}
    return {"rows": rows}


class Epochs:
    """Fits of a few epochs: the seconds of each epoch but the first.

    Parameters
    ----------
    estimator : TorchRecommender
        What to fit.
    X : csr_matrix of shape (n_users, n_items)
        What to fit it on.
    n_epochs : int
        Epochs a fit, 1 to count the first one too.

    Attributes
    ----------
    outside : list of float
        Seconds of each fit that its epochs do not account for.
    """

    def __init__(self, estimator, X, n_epochs):
        self.estimator, self.X, self.n_epochs = estimator, X, n_epochs
        self.outside = []

    def __call__(self):
        """Fit once."""
        self.estimator.set_params(max_epochs=self.n_epochs, random_state=0)
        whole = seconds(lambda: self.estimator.fit(self.X))
        taken = self.estimator.net_.history[:, "dur"]
        self.outside.append(whole - sum(taken))
        return taken[1:] or taken

    @property
    def note(self):
        """What a fit takes beside its epochs, in words."""
        return f"{np.median(self.outside):.2f} s of a fit outside its epochs"


class Judge:
    """NDCG of the users of a test matrix, over all items that they do not have in train.

    Parameters
    ----------
    train, test : csr_matrix of shape (n_users, n_items)
        What is left out of the ranking, and the targets.
    k : int
        Cut-off.
    block : int, default=250
        Users at once; about 40 MB of scores on Gowalla.
    """

    def __init__(self, train, test, k, block=250):
        self.k, self.block = k, block
        self.users = np.flatnonzero(np.diff(test.indptr))
        self.train, self.test = train[self.users], test[self.users]

    def ranking(self, ranked):
        """Judge lists of shape (n_test_users, k)."""
        from skrec.metrics import ndcg

        return ndcg(self.test, ranked=ranked, k=self.k)

    def factors(self, user_factors, item_factors):
        """Judge products of factors."""
        import torch
        from sklearn.utils import gen_batches

        item_factors = torch.from_numpy(item_factors).T.contiguous()
        parts = [
            self._rank(rows, torch.from_numpy(user_factors[self.users[rows]]) @ item_factors)
            for rows in gen_batches(len(self.users), self.block)
        ]
        return self.ranking(np.concatenate(parts))

    def _rank(self, rows, scores):
        import torch

        seen = self.train[rows]
        scores[seen.nonzero()] = -torch.inf
        return torch.topk(scores, min(self.k, scores.shape[1]), dim=1).indices.numpy()


if __name__ == "__main__":
    JOBS = {"curve": curve, "fit": fit, "recommend": recommend, "evaluate": evaluate}
    answer = JOBS[sys.argv[1]](**json.loads(sys.argv[2]))
    answer |= {"process_peak": peak_memory(), "resident_at_end": current_memory()}
    print(json.dumps(answer, default=float))
