"""The base of models of pairs: trained on positives and sampled negatives."""

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.special import expit
from sklearn.utils._param_validation import Interval

from skrec.calibration import sampling_log_odds, user_offsets
from skrec.neural._base import TorchRecommender
from skrec.neural._pair_scores import PairScores
from skrec.neural._pair_validation import PairValidation, given_pairs, hold_out_pairs
from skrec.neural._similar_items import SimilarItems
from skrec.nn import PairwiseLoss, PointwiseLoss
from skrec.training import FoldIn, PairBatches, RankingValidation, cpu_copy, sparse_rows

__all__ = ["PairClassifier", "PairRanker", "PairRecommender"]

_PRIOR_USERS = 5000


class PairRecommender(PairScores, SimilarItems, TorchRecommender):
    """Train vectors of users and items on positives and sampled negatives.

    A family writes ``_model(n_users, n_items)``, which gives a `PairModel`. Users whose vectors
    are free are folded in; where the history alone makes the vector, fold-in is exact.
    """

    n_factors: int = 64
    n_negatives: int = 1
    negative_power: float = 0.0
    l2: float = 0.0
    init_std: float = 0.01
    batch_size: int = 2048
    lr: float = 2e-3
    validation_metric: str = "ndcg@10"
    validation_candidates: int | None = None
    fold_in_steps: int = 20

    _loss: ClassVar[type]
    _fold_in_items: ClassVar[int] = 512
    _scores_few_cheaply: ClassVar[bool] = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_factors": [Interval(Integral, 1, None, closed="left")],
        "n_negatives": [Interval(Integral, 1, None, closed="left")],
        "negative_power": [Interval(Real, 0, None, closed="left")],
        "l2": [Interval(Real, 0, None, closed="left")],
        "init_std": [Interval(Real, 0, None, closed="neither")],
        "validation_candidates": [Interval(Integral, 1, None, closed="left"), None],
        "fold_in_steps": [Interval(Integral, 0, None, closed="left")],
    }
    _parameter_docs: ClassVar[dict[str, str]] = {
        "n_factors": """
            n_factors : int, default=64
                Width of the vectors of users and items.""",
        "n_negatives": """
            n_negatives : int, default=1
                Items that a user lacks, drawn anew each epoch for each positive.""",
        "negative_power": """
            negative_power : float, default=0.0
                Negatives are drawn in proportion to their counts to this power; 0 is uniform.""",
        "l2": """
            l2 : float, default=0.0
                Weight of the squared norms of the vectors that take part in a loss term.""",
        "init_std": """
            init_std : float, default=0.01
                Deviation of the vectors' entries at the start.""",
        "batch_size": """
            batch_size : int, default=2048
                Positives a batch.""",
        "lr": """
            lr : float, default=0.002
                Learning rate.""",
        "weight_decay": """
            weight_decay : float, default=0.0
                The optimiser's penalty on squared weights other than the vectors'.""",
        "validation_fraction": """
            validation_fraction : float, default=0.1
                Share of the users of whom one interaction is held out, at most 500 of them.""",
        "validation_data": """
            validation_data : Interactions, default=None
                Pairs to validate on in place of held-out ones, in the frame of ``X``.""",
        "validation_metric": """
            validation_metric : str, default="ndcg@10"
                Ranking metric to validate by.""",
        "validation_candidates": """
            validation_candidates : int or None, default=None
                Rank each validation item among so many drawn ones, a sampled metric; None ranks
                all items.""",
        "fold_in_steps": """
            fold_in_steps : int, default=20
                Steps in which the vector of an unseen user is fitted; 0 leaves it at its start.""",
    }
    _test_parameters: ClassVar[dict[str, Any]] = {
        "n_factors": 8,
        "batch_size": 64,
        "max_epochs": 12,
        "lr": 0.02,
        "init_std": 0.1,
        "fold_in_steps": 5,
        "device": "cpu",
        "random_state": 0,
    }

    def _model(self, n_users, n_items):
        """Give the new module."""
        raise NotImplementedError

    # training

    def _network(self):
        return {
            "module": self._model(*self.interactions_.shape),
            "criterion": self._loss,
            "criterion__l2_users": self.l2,
            "criterion__l2_items": self.l2,
        }

    def _optimizer_options(self):
        free = [(pattern, {"weight_decay": 0.0}) for pattern in ("users.*", "items.*")]
        return {**super()._optimizer_options(), "optimizer__param_groups": free}

    def _data(self, X, rng):
        validation = None
        if self.early_stopping:
            if self.validation_data is None:
                X, targets = hold_out_pairs(X, self.validation_fraction, rng)
            else:
                X, targets = given_pairs(self, self.validation_data, X)
            options = self.validation_metric, self.validation_candidates, rng
            validation = PairValidation(X, targets, *options)
        options = self.batch_size, self.n_negatives, rng, self.negative_power, self._histories
        return PairBatches(X, *options), validation

    def _train(self, X, seed, device):
        rng = np.random.RandomState(seed)
        batches, validation = self._data(X, rng)
        self._prepare(batches.X, seed)
        self.net_ = self._run(batches, self._watch(validation), seed, device)
        self.negative_probabilities_ = batches.sampler.probabilities
        self._finish(batches, rng)

    def _prepare(self, X, seed):
        """Do what comes before the net is made, such as training what it starts from."""

    def _finish(self, batches, rng):
        """Prepare what unseen users need."""
        self.folder_ = None
        if self.__sklearn_tags__().fold_in == "exact":
            return
        n_items = batches.X.shape[1]
        sample = batches.sampler.sample(min(self._fold_in_items, n_items), rng)
        known = np.flatnonzero(np.diff(batches.X.indptr))
        known = np.sort(rng.permutation(known)[:_PRIOR_USERS])
        self.folder_ = FoldIn(
            cpu_copy(self._module),
            sparse_rows(batches.X[known]),
            torch.from_numpy(known),
            sample=torch.from_numpy(sample),
            pairwise=self._loss.pairwise,
            n_negatives=self.n_negatives,
            n_steps=self.fold_in_steps,
        )

    def _validation_callback(self, validation, patience):
        prior = np.log(self._popularity())

        def popularity(queries, candidates):
            if candidates is None:
                return np.broadcast_to(prior, queries.history.shape)
            return prior[candidates]

        def evaluate(module):
            module.eval()
            return validation.evaluate(
                lambda queries, candidates: self._model_scores(module, queries, candidates, False),
                self._row_bytes(),
            )

        floor = validation.evaluate(popularity, self._row_bytes())
        return RankingValidation(evaluate, validation.name, floor, patience)

    def _check_warm_start(self, net):
        model = self._model(*self.interactions_.shape)
        sizes = [{k: v.shape for k, v in m.state_dict().items()} for m in (model, net.module_)]
        if sizes[0] != sizes[1]:
            raise ValueError(
                "X and the parameters of size must be as in the last fit when warm_start=True; "
                f"got a model of {sizes[0]} after one of {sizes[1]}"
            )

    @property
    def _histories(self):
        """Whether batches bring histories."""
        return False

    @property
    def user_factors_(self):
        """Free vectors of the users, ndarray of shape (n_users, width); None without any."""
        table = self._module.users.free
        return None if table is None else table.weight.detach().cpu().numpy()

    @property
    def item_factors_(self):
        """Vectors of the items, ndarray of shape (n_items, width)."""
        return self._module.items.weight.detach().cpu().numpy()

    @property
    def history_factors_(self):
        """Vectors of items in a history, ndarray of shape (n_items, width); None without any."""
        table = getattr(self._module.users, "history", None)
        return None if table is None else table.weight.detach().cpu().numpy()


class PairRanker(PairRecommender):
    """Pairs are ranked: BPR.

    The probabilities of a user add up to the number of interactions.
    """

    _loss = PairwiseLoss

    def _proba_block(self, scores, queries):
        totals = np.clip(np.diff(queries.history.indptr), 0.5, scores.shape[1] - 0.5)
        return expit(scores + user_offsets(scores, totals)[:, None])


class PairClassifier(PairRecommender):
    """Pairs count by themselves: cross-entropy.

    The probabilities are those of interactions: the sampling of negatives is undone.
    """

    n_negatives: int = 4

    _loss = PointwiseLoss
    _parameter_docs: ClassVar[dict[str, str]] = {
        "n_negatives": """
            n_negatives : int, default=4
                Items that a user lacks, drawn anew each epoch for each positive."""
    }

    def _proba_block(self, scores, queries):
        odds = sampling_log_odds(queries.history, self.n_negatives, self.negative_probabilities_)
        return expit(scores + odds)
