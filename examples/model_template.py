"""
A model of your own
===================

The least that a model needs: parameters, `_fit` and `_score_block`. Copy this file, change the
formula, and run it. Everything else comes from the base: validation, `recommend`,
`predict_proba`, users that the model has not seen, and scikit-learn's tools.

::

    python examples/model_template.py
"""

from numbers import Real
from typing import Annotated, Any, ClassVar

import numpy as np
import scipy.sparse as sp
from sklearn.utils._param_validation import Interval

from skrec.base import BaseRecommender, Link, Queries
from skrec.calibration import HeldOut
from skrec.datasets import make_interactions
from skrec.testing import check_recommender
from skrec.typing import Array, CSRMatrix


class AssociationRecommender(BaseRecommender):
    r"""Recommend what the owners of a user's items have too.

    With :math:`n_{ij}` users who have both i and j, and :math:`n_i` who have i, an item j has for
    a user with the items R the score

    .. math:: s_j = \sum_{i \in R, i \neq j} \frac{n_{ij}}{n_i + h}.

    Attributes
    ----------
    shares_ : csr_matrix of shape (n_items, n_items)
        Row i holds what having item i adds to each score.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> X = sp.csr_matrix([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
    >>> AssociationRecommender().fit(X).recommend(sp.csr_matrix([[0, 0, 1, 0]]), n_items=1)
    array([[3]])
    """

    # an annotated field is a parameter: its type, what is allowed, what it means, its default
    damping: Annotated[
        float,
        Interval(Real, 0, None, closed="left"),
        "Added to the denominator h; items that few users have then count for less.",
    ] = 10.0

    # a ClassVar is none: here the link that turns scores into probabilities, and what the common
    # checks run with, on a checkerboard of few users
    _link: ClassVar[type[Link]] = HeldOut
    _test_parameters: ClassVar[dict[str, Any]] = {"damping": 0.0}

    def _fit(self, X: CSRMatrix) -> None:
        """Learn from a canonical CSR matrix of float32, which is the estimator's own copy."""
        together = sp.csr_matrix(X.T @ X)
        together.setdiag(0)
        together.eliminate_zeros()
        n_users = np.maximum(self.item_counts_ + self.damping, 1)
        self.shares_ = sp.csr_matrix(sp.diags_array(1 / n_users) @ together, dtype=np.float32)

    def _score_block(self, queries: Queries) -> Array:
        """Return the scores of a block of users, of shape (n_rows, n_items)."""
        return sp.csr_matrix(queries.history @ self.shares_).toarray()


def main() -> None:
    """Fit the model, recommend with it, and run the checks that every estimator passes."""
    X = make_interactions(n_users=500, n_items=100, n_interactions=8000, random_state=0).X
    model = AssociationRecommender(damping=5.0).fit(X[:450])
    print("for a user that is new:", model.recommend(X[450:451], n_items=5)[0])
    print("NDCG@10 of new users:", round(model.score(X[450:]), 3))
    check_recommender(AssociationRecommender(damping=0.0))
    print("every check has passed")


if __name__ == "__main__":
    main()
