"""Rankings of all users, and what they cannot do without."""

import numpy as np

from benchmarks.speed.matrices import load_matrix, load_targets
from benchmarks.speed.measure import alternate, seconds, summarize, watch_memory
from skrec import MultVAERecommender
from skrec.metrics import make_ranking_scorer

__all__ = [
    "SCORER_CUTS",
    "SCORER_METRICS",
    "ProductAndTopK",
    "rank_users",
    "score_targets",
    "start_multvae",
]

SCORER_METRICS = ("recall", "ndcg")
SCORER_CUTS = (5, 10, 20, 50, 100)


def start_multvae(matrix: str) -> MultVAERecommender:
    """Return Mult-VAE with the weights it starts from, which rank as fast as any others."""
    return MultVAERecommender(max_epochs=0, device="cpu", random_state=0).fit(load_matrix(matrix))


def rank_users(matrix: str, rounds: int, n_items: int = 20) -> dict[str, object]:
    """Rank for all users: `recommend` against the decoder's product and torch's top-k."""
    estimator = start_multvae(matrix)
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


def score_targets(matrix: str, test: str, rounds: int) -> dict[str, object]:
    """Score ten metrics and cut-offs for all users, against one ranking by `recommend`."""
    estimator, targets = start_multvae(matrix), load_targets(test)
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


class ProductAndTopK:
    """The least that a ranking needs: the decoder's last product and ``torch.topk``, in blocks.

    Parameters
    ----------
    estimator : MultVAERecommender
        Has the weights.
    n_items : int
        Length of the lists.
    block : int, default=250
        Users at once; about 40 MB of scores on Gowalla.
    """

    def __init__(self, estimator: MultVAERecommender, n_items: int, block: int = 250) -> None:
        import torch  # its import counts in fresh processes, so no other job shall pay for it

        last = estimator.net_.module_.last
        self.weight, self.bias = last.weight.detach().T, last.bias.detach()
        generator = torch.Generator().manual_seed(0)
        n_users = estimator.interactions_.shape[0]
        self.hidden = torch.tanh(torch.randn(n_users, len(self.weight), generator=generator))
        self.n_items, self.block = n_items, block

    def __call__(self) -> None:
        """Rank all users."""
        import torch

        with torch.inference_mode():
            for rows in self.hidden.split(self.block):
                scores = torch.addmm(self.bias, rows, self.weight)
                torch.topk(scores, self.n_items, dim=1)
