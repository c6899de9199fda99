"""What a model is trained for, held by its estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import scipy.sparse as sp

from skrec.base import Link
from skrec.metrics import evaluate_ranking
from skrec.training import RankingValidation, RecommenderNet
from skrec.typing import CSRMatrix

if TYPE_CHECKING:
    from skrec.neural._base import TorchRecommender

__all__ = ["Objective"]


class Objective:
    """A criterion, and all that follows from it.

    It owns the criterion, the batches that this wants, what is held out and watched, the loss of
    one row by which unseen users are folded in, and the link to probabilities. It has no state of
    its own: what it needs are the parameters of the estimator that holds it.
    """

    # whether the loss knows the level of scores, so that a constant can be learnt; a loss of
    # differences does not
    fixes_level: ClassVar[bool] = True

    def check_metric(self, metric: str) -> None:
        """Check the name of the metric that training is watched by: a ranking metric.

        Parameters
        ----------
        metric : str
            The parameter ``validation_metric``.

        Raises
        ------
        ValueError
            If there is no such metric.
        """
        one = np.ones((1, 1))
        try:
            known = metric in evaluate_ranking(sp.csr_matrix(one), one, metrics=(metric,))
        except ValueError as error:
            raise ValueError(f"validation_metric: {error}") from error
        if not known:
            raise ValueError(f'validation_metric must be written as "ndcg@10" is; got {metric!r}')

    def network(self, estimator: TorchRecommender) -> dict[str, Any]:
        """Return skorch's ``criterion`` and its parameters, and parameters of the module.

        Parameters
        ----------
        estimator : TorchRecommender
            The estimator that is fitted.

        Returns
        -------
        parameters : dict
            Arguments of `skorch.NeuralNet`.
        """
        raise NotImplementedError

    def started(self, estimator: TorchRecommender, net: RecommenderNet) -> None:
        """Update a net, new or from the last fit, before it is trained.

        Parameters
        ----------
        estimator : TorchRecommender
            The estimator that is fitted.
        net : RecommenderNet
            Its net, which is changed.
        """

    def parameter_groups(self, estimator: TorchRecommender) -> list[tuple[str, dict[str, Any]]]:
        """Return groups of weights with options of their own.

        Parameters
        ----------
        estimator : TorchRecommender
            The estimator that is fitted.

        Returns
        -------
        groups : list of tuple
            Patterns of names and the optimiser's options.
        """
        return []

    def hold_out(
        self, estimator: TorchRecommender, X: CSRMatrix, rng: np.random.RandomState
    ) -> tuple[CSRMatrix, Any]:
        """Split what is trained on from what training is watched on.

        Parameters
        ----------
        estimator : TorchRecommender
            The estimator that is fitted.
        X : csr_matrix of shape (n_users, n_items)
            All data.
        rng : RandomState
            Source of the draw.

        Returns
        -------
        train : csr_matrix
            What is trained on.
        watched : object or None
            What `watch` takes; None where there is nothing to hold out.
        """
        raise NotImplementedError

    def batches(self, estimator: TorchRecommender, X: CSRMatrix, rng: np.random.RandomState) -> Any:
        """Return the batches of an epoch.

        Parameters
        ----------
        estimator : TorchRecommender
            The estimator that is fitted.
        X : csr_matrix
            What is trained on.
        rng : RandomState
            Source of order and negatives.

        Returns
        -------
        batches : iterable
            With a length; each pass is an epoch.
        """
        raise NotImplementedError

    def watch(
        self, estimator: TorchRecommender, watched: Any, batches: Any, patience: int | None
    ) -> RankingValidation:
        """Return the callback that evaluates the net after each epoch.

        Parameters
        ----------
        estimator : TorchRecommender
            The estimator that is fitted.
        watched : object
            What `hold_out` held out.
        batches : iterable
            What is trained on.
        patience : int or None
            Epochs without a new best after which training ends; None never ends it.

        Returns
        -------
        callback : RankingValidation
            It keeps the best weights.
        """
        raise NotImplementedError

    def link(self, estimator: TorchRecommender) -> Link:
        """Return the link from scores to probabilities, not fitted.

        Parameters
        ----------
        estimator : TorchRecommender
            The estimator, trained or not.

        Returns
        -------
        link : Link
            A new one.
        """
        raise NotImplementedError
