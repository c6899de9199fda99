"""The bases of models of pairs that are trained on positives and sampled negatives."""

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.special import expit
from sklearn.utils._param_validation import Interval

from skrec.calibration import sampling_log_odds, user_offsets
from skrec.neural._pair_base import PairRecommender
from skrec.neural._pair_validation import PairValidation, given_pairs, hold_out_pairs
from skrec.nn import PairwiseLoss, PointwiseLoss
from skrec.training import PairBatches, RankingValidation

__all__ = ["PairClassifier", "PairRanker"]


class SampledPairs(PairRecommender):
    """Positives and sampled negatives to train on, held-out interactions to watch."""

    n_negatives: int = 1
    negative_power: float = 0.0
    validation_metric: str = "ndcg@10"
    validation_candidates: int | None = None

    _fold_in_items: ClassVar[int] = 512
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_negatives": [Interval(Integral, 1, None, closed="left")],
        "negative_power": [Interval(Real, 0, None, closed="left")],
        "validation_candidates": [Interval(Integral, 1, None, closed="left"), None],
    }
    _parameter_docs: ClassVar[dict[str, str]] = {
        "n_negatives": """
            n_negatives : int, default=1
                Items that a user lacks, drawn anew each epoch for each positive.""",
        "negative_power": """
            negative_power : float, default=0.0
                Negatives are drawn in proportion to their counts to this power; 0 is uniform.""",
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
    }

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

    def _finish(self, batches, rng):
        self.negative_probabilities_ = batches.sampler.probabilities
        super()._finish(batches, rng)

    def _fold_in_options(self, batches, rng):
        sample = batches.sampler.sample(min(self._fold_in_items, batches.X.shape[1]), rng)
        return {
            "sample": torch.from_numpy(sample),
            "pairwise": self._loss.pairwise,
            "n_negatives": self.n_negatives,
        }

    def _validation_callback(self, validation, patience):
        prior = np.log(self._popularity())

        def popularity(queries, candidates):
            if candidates is None:
                return np.broadcast_to(prior, queries.history.shape)
            return prior[candidates]

        def evaluate(module):
            module.eval()
            return validation.evaluate(
                lambda queries, candidates: self._validation_scores(module, queries, candidates),
                self._row_bytes(),
            )

        floor = validation.evaluate(popularity, self._row_bytes())
        return RankingValidation(evaluate, validation.name, floor, patience)

    def _validation_scores(self, module, queries, candidates):
        """Give the scores by which training is watched."""
        return self._model_scores(module, queries, candidates, False)

    @property
    def _histories(self):
        """Whether batches bring histories."""
        return False


class PairRanker(SampledPairs):
    """Pairs are ranked: BPR.

    The probabilities of a user add up to the number of interactions.
    """

    _loss = PairwiseLoss

    def _proba_block(self, scores, queries):
        totals = np.clip(np.diff(queries.history.indptr), 0.5, scores.shape[1] - 0.5)
        return expit(scores + user_offsets(scores, totals)[:, None])


class PairClassifier(SampledPairs):
    """Pairs count by themselves: cross-entropy.

    The probabilities are those of interactions: the sampling of negatives is undone.
    """

    n_negatives: int = 4

    _loss = PointwiseLoss
    _links_pairs = True
    _parameter_docs: ClassVar[dict[str, str]] = {
        "n_negatives": """
            n_negatives : int, default=4
                Items that a user lacks, drawn anew each epoch for each positive."""
    }

    def _proba_block(self, scores, queries):
        return expit(scores + self._log_odds(queries))

    def _proba_candidates(self, scores, queries, candidates):
        odds = np.broadcast_to(self._log_odds(queries), (len(scores), self.n_features_in_))
        if candidates.ndim == 1:
            return expit(scores + odds[:, candidates])
        return expit(scores + np.take_along_axis(odds, candidates, axis=1))

    def _log_odds(self, queries):
        """Give what sampling leaves out, of shape (n_rows, 1) or (n_rows, n_items)."""
        options = self.n_negatives, self.negative_probabilities_
        return sampling_log_odds(queries.history, *options)
