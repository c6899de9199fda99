"""What objectives of pairs share: penalised criteria, negatives, and held-out interactions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch

from skrec.base import Queries
from skrec.neural._pair_validation import PairValidation, given_pairs, hold_out_pairs
from skrec.neural.objectives._base import Objective
from skrec.nn import SampledLoss
from skrec.training import PairBatches, RankingValidation
from skrec.typing import Array, CSRMatrix
from skrec.utils import check_memory

if TYPE_CHECKING:
    from skrec.neural._pairs import PairRecommender, SampledPairRecommender

__all__ = ["PairObjective", "SampledObjective"]


class PairObjective(Objective):
    """A criterion of pairs with penalties on the vectors that take part."""

    loss: ClassVar[type[SampledLoss]]
    # what several posterior draws of a score are averaged as
    average: ClassVar[Literal["probability", "score"]] = "score"

    def network(self, estimator: PairRecommender) -> dict[str, Any]:
        return {
            "criterion": self.loss,
            "criterion__l2_users": estimator.l2,
            "criterion__l2_items": estimator.l2,
        }

    def scores(self, estimator: PairRecommender, scores: Array) -> Array:
        """Return the estimator's scores of what its module returns.

        Parameters
        ----------
        estimator : PairRecommender
            The fitted estimator.
        scores : ndarray
            Scores of the module.

        Returns
        -------
        scores : ndarray of the same shape
            The same, or shifted.
        """
        return scores

    def fold_in_rows(self, estimator: PairRecommender, X: CSRMatrix) -> CSRMatrix:
        """Return histories as the row loss takes them.

        Parameters
        ----------
        estimator : PairRecommender
            The fitted estimator.
        X : csr_matrix of shape (n_rows, n_items)
            Histories.

        Returns
        -------
        X : csr_matrix of shape (n_rows, n_items)
            The same, or with other values.
        """
        return X

    def fold_in(
        self, estimator: PairRecommender, batches: Any, rng: np.random.RandomState
    ) -> dict[str, Any]:
        """Return the options of `FoldIn` by which unseen users are fitted under this objective.

        Parameters
        ----------
        estimator : PairRecommender
            The estimator, trained.
        batches : PairBatches or RatedBatches
            What it was trained on.
        rng : RandomState
            Source of the sample of items.

        Returns
        -------
        options : dict
            ``sample``, ``row_loss`` and what else differs from the defaults.
        """
        raise NotImplementedError


class SampledObjective(PairObjective):
    """A criterion of positives and sampled negatives, watched on held-out interactions.

    A subclass names its ``loss``, and writes ``row_loss`` and ``link``.
    """

    # whether the criterion is linear in its negatives, so that any number of them has its mean
    averages_negatives: ClassVar[bool] = True

    def hold_out(
        self, estimator: SampledPairRecommender, X: CSRMatrix, rng: np.random.RandomState
    ) -> tuple[CSRMatrix, PairValidation | None]:
        if estimator.validation_data is None:
            X, targets = hold_out_pairs(X, estimator.validation_fraction, rng)
        else:
            X, targets = given_pairs(estimator, estimator.validation_data, X)
        if targets.nnz == 0:
            return X, None
        options = estimator.validation_metric, estimator.validation_candidates, rng
        return X, PairValidation(X, targets, *options)

    def batches(
        self, estimator: SampledPairRecommender, X: CSRMatrix, rng: np.random.RandomState
    ) -> PairBatches:
        what = f"n_negatives={estimator.n_negatives}, in batches of {estimator.batch_size},"
        n_bytes = 16.0 * min(X.nnz, estimator.batch_size) * estimator.n_negatives
        check_memory(n_bytes, what, "choose fewer n_negatives")
        shared = getattr(estimator, "shared_negatives", False)
        options = estimator.negative_power, estimator._histories, shared
        return PairBatches(X, estimator.batch_size, estimator.n_negatives, rng, *options)

    def watch(
        self,
        estimator: SampledPairRecommender,
        watched: PairValidation,
        batches: Any,
        patience: int | None,
    ) -> RankingValidation:
        prior, row_bytes = np.log(estimator._popularity()), estimator._row_bytes()

        def popularity(queries: Queries, candidates: Array | None) -> Array:
            if candidates is None:
                return np.broadcast_to(prior, queries.history.shape)
            return prior[candidates]

        def evaluate(module: Any) -> float:
            module.eval()
            return watched.evaluate(
                lambda queries, candidates: estimator._watched_scores(module, queries, candidates),
                row_bytes,
            )

        floor = watched.evaluate(popularity, row_bytes)
        return RankingValidation(evaluate, watched.name, floor, patience)

    def fold_in(
        self, estimator: SampledPairRecommender, batches: PairBatches, rng: np.random.RandomState
    ) -> dict[str, Any]:
        size = min(estimator._fold_in_items, batches.X.shape[1])
        sample = torch.from_numpy(batches.sampler.sample(size, rng))
        return {"sample": sample, "row_loss": self.row_loss(estimator)}

    def row_loss(self, estimator: SampledPairRecommender) -> Any:
        """Return the criterion of one row, as `FoldIn` takes it.

        It is the sum over the items of a user of the criterion, up to a constant factor, where
        the negatives that training samples are averaged.

        Parameters
        ----------
        estimator : SampledPairRecommender
            The estimator, trained.

        Returns
        -------
        row_loss : callable
            The ``row_loss`` of `FoldIn`; it can be pickled.
        """
        raise NotImplementedError
