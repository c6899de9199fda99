"""Links from scores to probabilities: what a model's likelihood makes of its scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from scipy.special import expit, softmax

from skrec.base.fields import Field
from skrec.typing import Array, CSRMatrix

if TYPE_CHECKING:
    from skrec.base._queries import Queries
    from skrec.base._recommender import BaseRecommender

__all__ = ["Link", "Softmax"]


class Link:
    """The logistic link: scores are log odds.

    A model holds a link, which is made anew and fitted at the end of each ``fit``. What the
    probabilities mean is the tag ``proba``.
    """

    proba: ClassVar[Literal["categorical", "bernoulli"]] = "bernoulli"
    # whether the probability of a pair needs the score of no other pair
    by_pair: ClassVar[bool] = False
    # whether it is a function of the score and the length of the history
    by_score: ClassVar[bool] = False
    # what is written of it to a file
    _fitted: ClassVar[dict[str, Field]] = {}

    def fit(self, model: BaseRecommender, X: CSRMatrix) -> Self:
        """Fit what the link needs beyond the scores.

        Parameters
        ----------
        model : BaseRecommender
            The model, trained.
        X : csr_matrix of shape (n_users, n_items)
            What it was trained on.

        Returns
        -------
        self : Link
            The link.
        """
        return self

    def complete(self, model: BaseRecommender) -> None:
        """Fit what has waited for the first question.

        Parameters
        ----------
        model : BaseRecommender
            The fitted model.
        """

    def probabilities(
        self,
        model: BaseRecommender,
        scores: Array,
        queries: Queries,
        candidates: Array | None = None,
    ) -> Array:
        """Return the probabilities of a block of scores.

        Parameters
        ----------
        model : BaseRecommender
            The fitted model.
        scores : ndarray of shape (n_rows, n_items) or (n_rows, m)
            Scores of all items, or of candidates where ``by_pair`` is True.
        queries : Queries
            The users.
        candidates : ndarray of int64 of shape (m,) or (n_rows, m), default=None
            The items that were scored; None for all.

        Returns
        -------
        proba : ndarray of the shape of ``scores``
            In [0, 1].
        """
        return expit(scores)

    def prior(self, model: BaseRecommender) -> Array:
        """Return the probabilities of a user of whom nothing is known.

        Parameters
        ----------
        model : BaseRecommender
            The fitted model.

        Returns
        -------
        proba : ndarray of shape (n_items,)
            The smoothed share of the users who have each item.
        """
        return (model.item_counts_ + 0.5) / (model.interactions_.shape[0] + 1)


class Softmax(Link):
    """The multinomial link: probabilities are shares of a user's interactions."""

    proba = "categorical"

    def probabilities(
        self,
        model: BaseRecommender,
        scores: Array,
        queries: Queries,
        candidates: Array | None = None,
    ) -> Array:
        return softmax(scores, axis=1)

    def prior(self, model: BaseRecommender) -> Array:
        return np.asarray(model._popularity())
