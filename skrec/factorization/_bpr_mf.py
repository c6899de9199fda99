"""Matrix factorisation with the loss of Bayesian personalised ranking."""

from numbers import Real
from typing import Annotated, Any, ClassVar, Literal

from sklearn.utils._param_validation import Interval

from skrec import kernels
from skrec.factorization._sgd import DescentRecommender, table_arrays
from skrec.neural import SharedNegatives
from skrec.neural.objectives import Pairwise
from skrec.nn import Dot, PairModel
from skrec.typing import Array

__all__ = ["BPRMFRanker"]


class BPRMFRanker(DescentRecommender):
    r"""Matrix factorisation trained to rank (MF-BPR).

    Minimises over triplets of a user u, an item i that u has and a sampled item j that u lacks

    .. math:: \sum_{(u, i, j)} -\ln \sigma(f_{ui} - f_{uj})
        + \lambda (\|p_u\|^2 + \|q_i\|^2 \; [+ b_i^2] + \|q_j\|^2 \; [+ b_j^2]), \qquad
        f_{ui} = p_u^\top q_i \; [+ b_i].

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history, with ``solver="torch"``.
    module_ : torch.nn.Module
        The trained module, with ``solver="sgd"``.
    history_ : list of dict
        A row for each epoch, with ``solver="sgd"``; ``train_loss`` is the mean of a triplet,
        without penalties.
    user_factors_ : ndarray of shape (n_users, n_factors)
        Vectors of the users.
    item_factors_ : ndarray of shape (n_items, n_factors)
        Vectors of the items, with ``item_bias`` one entry longer.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    MFClassifier : The same with a pointwise loss.

    Notes
    -----
    Differences from the paper: each positive is seen once an epoch in place of being drawn, with
    ``n_negatives`` negatives in place of one, and the rate falls to 0; with ``solver="torch"``
    mini-batches with Adam in place of single steps of gradient descent. With ``solver="sgd"``, the
    default, a seed gives the same model on one thread, also beside other
    threads; on several (``n_jobs``) items change without locks. Biases start at 0 there, and
    several negatives are as many steps, where batches average them. With ``shared_negatives`` a
    penalty falls on each of them once a positive. The log odds of `predict_proba`
    are the scores and a constant of each user, set right on held-out pairs: see
    `skrec.calibration.HeldOut`.

    References
    ----------
    Rendle, S., Freudenthaler, C., Gantner, Z., & Schmidt-Thieme, L. (2009). BPR: Bayesian
    personalized ranking from implicit feedback. UAI. https://arxiv.org/abs/1205.2618

    Examples
    --------
    >>> from skrec import BPRMFRanker
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = BPRMFRanker(n_factors=8, max_epochs=5, random_state=0).fit(X)
    >>> est.recommend(users=[0, 1], n_items=3).shape
    (2, 3)
    """

    item_bias: Annotated[
        bool,
        "Whether each item has a bias, which is the last entry of its vector.",
    ] = False

    shared_negatives: SharedNegatives = False

    lr: Annotated[
        float | Literal["auto"],
        Interval(Real, 0, None, closed="neither"),
        'Learning rate. ``"auto"`` is 0.1 with ``solver="sgd"``, 0.005 with ``"torch"``.',
    ] = "auto"
    _test_parameters: ClassVar[dict[str, Any]] = {
        **DescentRecommender._test_parameters,
        "n_negatives": 1,
    }
    _objective: ClassVar = Pairwise()
    _descent_rate: ClassVar[float] = 0.1

    def _interaction(self) -> Dot:
        return Dot(self.n_factors, item_bias=self.item_bias)

    def _descend(
        self,
        module: PairModel,
        rows: "kernels.Positives",
        rates: tuple[float, float],
        order: Array,
        state: Array,
    ) -> float:
        return kernels.descend_triplets(
            rows,
            order,
            table_arrays(module),
            int(self.n_negatives),
            rates,
            float(self.l2),
            state,
        )
