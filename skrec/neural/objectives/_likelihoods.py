"""Whole rows of interactions under a likelihood: multinomial, Gaussian, logistic."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from skrec.base import Link, Softmax
from skrec.calibration import HeldOut, UserOffset
from skrec.neural._validation_set import ValidationSet, choose_rows, given_validation
from skrec.neural.objectives._base import Objective
from skrec.nn import ELBO, gaussian_nll, logistic_nll, multinomial_nll
from skrec.training import RankingValidation, RowBatches
from skrec.typing import Array, CSRMatrix
from skrec.utils import split_rows

if TYPE_CHECKING:
    from skrec.neural._base import TorchRecommender
    from skrec.neural._rows import LikelihoodRecommender, RowRecommender

__all__ = ["LIKELIHOODS", "Gaussian", "Logistic", "Multinomial", "RowLikelihood"]


class RowLikelihood(Objective):
    """The negative log-likelihood of rows, watched on held-out rows by a ranking metric.

    Of a latent code that a model may have, the evidence lower bound is the criterion.
    """

    name: ClassVar[str]
    nll: ClassVar[Callable[..., Tensor]]
    link_class: ClassVar[type[Link]]
    # whether scores are bounded by those of what is stored and what is not
    bounded: ClassVar[bool] = False
    estimates_variance: ClassVar[bool] = False

    def network(self, estimator: RowRecommender) -> dict[str, Any]:
        return {"criterion": ELBO, "criterion__nll": self.nll}

    def hold_out(
        self, estimator: RowRecommender, X: CSRMatrix, rng: np.random.RandomState
    ) -> tuple[CSRMatrix, ValidationSet]:
        kept = np.ones(X.shape[0], dtype=bool)
        if estimator.validation_data is not None:
            history, targets = given_validation(estimator, estimator.validation_data, X)
        else:
            kept = ~choose_rows(X, estimator.validation_fraction, rng)
            history, targets = split_rows(X[~kept], random_state=rng)
        options = estimator.validation_metric, estimator._row_bytes(), kept
        return X if kept.all() else X[kept], ValidationSet(history, targets, *options)

    def batches(
        self, estimator: RowRecommender, X: CSRMatrix, rng: np.random.RandomState
    ) -> RowBatches:
        return RowBatches(X, estimator.batch_size, rng)

    def watch(
        self, estimator: RowRecommender, watched: ValidationSet, batches: Any, patience: int | None
    ) -> RankingValidation:
        prior = np.log(estimator._popularity())

        def popularity(history: CSRMatrix) -> Array:
            return np.broadcast_to(prior, history.shape)

        def evaluate(module: torch.nn.Module) -> float:
            module.eval()
            with torch.inference_mode():
                return watched.evaluate(estimator._watched_scorer(module))

        floor = watched.evaluate(popularity)
        return RankingValidation(evaluate, f"valid_{watched.metric}", floor, patience)

    def link(self, estimator: TorchRecommender) -> Link:
        return self.link_class()

    def row_term(self, estimator: RowRecommender) -> Callable[..., Tensor]:
        """Return the negative log-likelihood as `NodeFoldIn` takes it.

        Parameters
        ----------
        estimator : RowRecommender
            The estimator, trained.

        Returns
        -------
        term : callable
            The ``term`` of `NodeFoldIn`; it can be pickled.
        """
        raise NotImplementedError


class Multinomial(RowLikelihood):
    """Scores compete for a user's interactions; probabilities are shares of them."""

    name = "multinomial"
    nll = staticmethod(multinomial_nll)
    link_class = Softmax

    def row_term(self, estimator: RowRecommender) -> Callable[..., Tensor]:
        return _multinomial


class Gaussian(RowLikelihood):
    """Weighted squared error of every entry; probabilities come from held-out pairs."""

    name = "gaussian"
    nll = staticmethod(gaussian_nll)
    link_class = HeldOut
    bounded = True
    estimates_variance = True

    def network(self, estimator: LikelihoodRecommender) -> dict[str, Any]:
        c1, c0 = estimator.confidence
        nll = partial(self.nll, c1=c1, c0=c0)
        return {**super().network(estimator), "criterion__nll": nll}

    def row_term(self, estimator: LikelihoodRecommender) -> Callable[..., Tensor]:
        c1, c0 = estimator.confidence
        return partial(_gaussian, c1=c1, c0=c0)


class Logistic(RowLikelihood):
    """Every entry is a Bernoulli variable.

    The encoder reads rows of norm 1, so the logits do not know how active a user is: an offset of
    each user makes up for it, see `UserOffset`.
    """

    name = "logistic"
    nll = staticmethod(logistic_nll)
    link_class = UserOffset

    def row_term(self, estimator: RowRecommender) -> Callable[..., Tensor]:
        return _logistic


LIKELIHOODS = {each.name: each for each in (Multinomial(), Gaussian(), Logistic())}


def _multinomial(scores: Tensor, x: Tensor, own: Tensor, rest: Tensor, variance: float) -> Tensor:
    total = torch.logsumexp(scores + (own + rest).log(), dim=1)
    return (x.sum(1) * total).sum() - (x * scores).sum()


def _gaussian(
    scores: Tensor,
    x: Tensor,
    own: Tensor,
    rest: Tensor,
    variance: float,
    c1: float,
    c0: float,
) -> Tensor:
    weight = c1 / variance * own + c0 / variance * rest
    return 0.5 * (weight * (x - scores).square()).sum()


def _logistic(scores: Tensor, x: Tensor, own: Tensor, rest: Tensor, variance: float) -> Tensor:
    return ((own + rest) * F.softplus(scores)).sum() - (x * scores).sum()


# by the names that files have for them
ROW_TERMS = {"gaussian": _gaussian, "logistic": _logistic, "multinomial": _multinomial}
