"""What the gate on speed measures: jobs of the package, each beside a plain reference."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp
from torch import nn

import skrec
from benchmarks.former import FORMER
from benchmarks.speed import plain
from benchmarks.speed.measure import seconds
from benchmarks.speed.timers import EstimatorEpochs
from skrec.metrics import ndcg
from skrec.training import NegativeSampler
from skrec.typing import Array, CSRMatrix

__all__ = ["JOBS", "Data", "Pair"]

_EPOCHS = 2  # of a fit; the first does not count
_K = 20
_BATCH = 2048


@dataclass(frozen=True)
class Pair:
    """One round of ours and one of the reference: each returns its seconds, one or several."""

    ours: Callable[[], Any]
    reference: Callable[[], Any]


@dataclass(frozen=True)
class Data:
    """The matrix that all jobs share, and what is made of it when it is first asked for.

    Parameters
    ----------
    n_users, n_items, n_draws : int
        Sizes.
    n_calls : int
        Calls a round of what takes less than a millisecond.
    n_factors : int
        Length of vectors.
    """

    n_users: int = 3000
    n_items: int = 2000
    n_draws: int = 200_000
    n_calls: int = 200
    n_factors: int = 32
    X: CSRMatrix = field(init=False)

    def __post_init__(self) -> None:
        made = plain.made_matrix(self.n_users, self.n_items, self.n_draws)
        object.__setattr__(self, "X", made)

    @cached_property
    def factors(self) -> tuple[Array, Array]:
        """Random vectors of users and items."""
        rng = np.random.default_rng(0)
        users, items = (rng.normal(size=(n, self.n_factors)) for n in self.X.shape)
        return users.astype(np.float32), items.astype(np.float32)

    @cached_property
    def rows(self) -> list[CSRMatrix]:
        """The rows of some users."""
        return [self.X[user] for user in range(min(self.n_calls, self.n_users))]

    @cached_property
    def items_of(self) -> list[Array]:
        """The items that those users have."""
        return [row.indices for row in self.rows]


Job = Callable[[Data], Pair]


def _estimator(name: str, parameters: dict[str, Any]) -> Any:
    cls = getattr(skrec, name)
    fixed = {"device": "cpu", "random_state": 0}
    known = {key: value for key, value in fixed.items() if key in cls().get_params()}
    return cls(**known, **parameters)


def _fit(name: str, reference: Callable[[CSRMatrix], Any], **parameters: Any) -> Job:
    """Return the job of a whole fit, calibration included."""

    def job(data: Data) -> Pair:
        estimator = _estimator(name, parameters)
        ours = lambda: seconds(lambda: estimator.fit(data.X))  # noqa: E731
        return Pair(ours, lambda: seconds(lambda: reference(data.X)))

    return job


def _pair_epochs(name: str, hidden_sizes: tuple[int, ...] = (), **parameters: Any) -> Job:
    """Return the job of epochs over pairs, beside torch's or NumPy's."""

    def job(data: Data) -> Pair:
        estimator = _estimator(name, {"n_factors": data.n_factors, **parameters})
        if parameters.get("solver") == "sgd":
            sizes = data.n_factors, estimator.n_negatives
            reference = lambda: plain.pair_steps(data.X, *sizes)  # noqa: E731
        else:
            net = plain.Net(*data.X.shape, data.n_factors, hidden_sizes)
            sizes = estimator.n_negatives, estimator.batch_size
            reference = lambda: plain.pair_epoch(net, data.X, *sizes)  # noqa: E731
        return Pair(EstimatorEpochs(estimator, data.X, _EPOCHS), lambda: seconds(reference))

    return job


def _autoencoder(data: Data) -> Pair:
    sizes = {"hidden_sizes": (200,), "latent_size": 64, "batch_size": 250}
    widths = (data.X.shape[1], 200, 64, 200, data.X.shape[1])
    net = nn.Sequential(*(m for ab in pairwise(widths) for m in (nn.Linear(*ab), nn.Tanh())))
    reference = partial(plain.autoencoder_epoch, net, data.X, sizes["batch_size"])
    ours = EstimatorEpochs(_estimator("MultVAERecommender", sizes), data.X, _EPOCHS)
    return Pair(ours, lambda: seconds(reference))


def _negatives(data: Data) -> Pair:
    sampler, rng = NegativeSampler(data.X), np.random.RandomState(0)
    users = np.repeat(np.arange(data.X.shape[0]), np.diff(data.X.indptr))
    ours = lambda: seconds(lambda: sampler.draw(users, 4, rng))  # noqa: E731
    return Pair(ours, lambda: seconds(lambda: plain.draws(data.X)))


def _bulk(data: Data) -> Pair:
    model = _estimator("BPRMFRanker", {"n_factors": data.n_factors, "max_epochs": 0}).fit(data.X)
    users, factors = np.arange(data.X.shape[0]), data.factors
    ours = lambda: seconds(lambda: model.recommend(users=users, n_items=_K))  # noqa: E731
    return Pair(ours, lambda: seconds(lambda: plain.rank_in_blocks(*factors, data.X, _K)))


def _calls(function: Callable[[int], Any], n: int) -> Callable[[], list[float]]:
    """Return a function that times single calls, one for each user."""
    return lambda: [seconds(partial(function, user)) for user in range(n)]


def _known_user(name: str, **parameters: Any) -> Job:
    """Return the job of a list for one user of the fit, beside products and a partition."""

    def job(data: Data) -> Pair:
        model = _estimator(name, parameters).fit(data.X)
        P, Q = data.factors
        reference = lambda user: plain.one_list(P[user] @ Q.T, data.items_of[user], _K)  # noqa: E731
        ours = lambda user: model.recommend(users=[user], n_items=_K)  # noqa: E731
        return Pair(_calls(ours, len(data.rows)), _calls(reference, len(data.rows)))

    return job


def _row(name: str, **parameters: Any) -> Job:
    """Return the job of a list for one row, beside dense weights and a partition."""

    def job(data: Data) -> Pair:
        model, n = _estimator(name, parameters).fit(data.X), data.X.shape[1]
        W = np.random.default_rng(0).normal(size=(n, n)).astype(np.float32)
        reference = lambda user: plain.one_list(  # noqa: E731
            W[data.items_of[user]].sum(axis=0), data.items_of[user], _K
        )
        ours = lambda user: model.recommend(data.rows[user], n_items=_K)  # noqa: E731
        return Pair(_calls(ours, len(data.rows)), _calls(reference, len(data.rows)))

    return job


def _fold_in(name: str, **parameters: Any) -> Job:
    """Return the job of a list for one new user, beside a ridge regression and a partition."""

    def job(data: Data) -> Pair:
        model, Q = _estimator(name, parameters).fit(data.X), data.factors[1]
        gram = Q.T @ Q + np.eye(data.n_factors, dtype=np.float32)
        reference = lambda user: plain.one_list(  # noqa: E731
            Q @ plain.solve_one(Q, gram, data.items_of[user]), data.items_of[user], _K
        )
        ours = lambda user: model.recommend(data.rows[user], n_items=_K)  # noqa: E731
        return Pair(_calls(ours, len(data.rows)), _calls(reference, len(data.rows)))

    return job


def _metrics(data: Data) -> Pair:
    P, Q = data.factors
    scores = P @ Q.T
    ours = lambda: seconds(lambda: ndcg(data.X, scores, k=_K))  # noqa: E731
    return Pair(ours, lambda: seconds(lambda: plain.ndcg(data.X, scores, _K)))


def _items(X: CSRMatrix) -> Array:
    return plain.similarities(sp.csr_matrix(X.T))


_WMF = {"n_factors": 32, "max_epochs": 2}
_MF, _BPR = ({"lr": 0.02, "lr_decay": None, "l2": 0.0, "n_negatives": n} for n in (4, 1))

JOBS: dict[str, Job] = {
    "ease-fit": _fit("EASERecommender", plain.inverse),
    "slim-fit": _fit("SLIMRecommender", _items, l1=20.0, l2=200.0),
    "itemknn-fit": _fit("ItemKNNRecommender", _items, alpha=0.5),
    "userknn-fit": _fit("UserKNNRecommender", plain.similarities, **FORMER["UserKNNRecommender"]),
    "wmf-fit": _fit("WMFRecommender", partial(plain.least_squares, n_factors=32), **_WMF),
    "mf-epoch": _pair_epochs("MFClassifier", solver="torch", batch_size=_BATCH, **_MF),
    "mf-sgd-epoch": _pair_epochs("MFClassifier", solver="sgd", **_MF),
    "bpr-epoch": _pair_epochs("BPRMFRanker", solver="torch", batch_size=_BATCH, **_BPR),
    "bpr-sgd-epoch": _pair_epochs("BPRMFRanker", solver="sgd", **_BPR),
    "neumf-epoch": _pair_epochs(
        "NeuMFClassifier",
        (64, 32, 16),
        batch_size=_BATCH,
        n_negatives=1,
        **FORMER["NeuMFClassifier"],
    ),
    "multvae-epoch": _autoencoder,
    "negatives": _negatives,
    "recommend-all": _bulk,
    "known-user-wmf": _known_user("WMFRecommender", **_WMF),
    "known-user-itemknn": _known_user("ItemKNNRecommender", alpha=0.5),
    "row-ease": _row("EASERecommender"),
    "fold-in-wmf": _fold_in("WMFRecommender", **_WMF),
    "fold-in-bpr": _fold_in("BPRMFRanker", n_factors=32, max_epochs=1, solver="sgd", **_BPR),
    "ndcg": _metrics,
}
