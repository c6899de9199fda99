"""Matrix factorisation with a pointwise loss."""

from typing import Annotated, ClassVar

from skrec.neural import SampledPairRecommender
from skrec.neural.objectives import Pointwise
from skrec.nn import Dot

__all__ = ["MFClassifier"]


class MFClassifier(SampledPairRecommender):
    r"""Matrix factorisation with sampled binary cross-entropy (the dot product of Rendle 2020).

    Minimises over pairs of a user u and an item i, each one that u has (:math:`y_{ui} = 1`) with K
    sampled ones that u lacks (:math:`y_{ui} = 0`),

    .. math:: \sum_{(u, i)} -y_{ui} \ln \sigma(f_{ui}) - (1 - y_{ui}) \ln \sigma(-f_{ui})
        + \lambda (\|p_u\|^2 + \|q_i\|^2), \qquad f_{ui} = p_u^\top q_i + b_u + b_i.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    user_factors_ : ndarray of shape (n_users, n_factors)
        Vectors of the users, with ``bias`` one entry longer.
    item_factors_ : ndarray of shape (n_items, n_factors)
        Vectors of the items, with ``bias`` one entry longer.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    BPRMFRanker : The same with a pairwise loss.

    Notes
    -----
    Differences from the paper: mini-batches with Adam in place of single steps of gradient
    descent, and no global bias, which the biases of users and items hold. `predict_proba` undoes
    the sampling of negatives in the odds.

    References
    ----------
    Rendle, S., Krichene, W., Zhang, L., & Anderson, J. (2020). Neural collaborative filtering vs.
    matrix factorization revisited. RecSys. https://doi.org/10.1145/3383313.3412488

    Examples
    --------
    >>> from skrec import MFClassifier
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = MFClassifier(n_factors=8, max_epochs=5, random_state=0).fit(X)
    >>> est.predict_proba(X[:2]).shape
    (2, 50)
    """

    bias: Annotated[
        bool, "Whether users and items have biases, the last entries of their vectors."
    ] = True
    n_negatives: int = 4

    _objective: ClassVar = Pointwise()

    def _interaction(self) -> Dot:
        return Dot(self.n_factors, user_bias=self.bias, item_bias=self.bias)
