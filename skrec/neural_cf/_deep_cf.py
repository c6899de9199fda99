"""Representation learning and a matching function on rows and columns."""

from numbers import Integral
from typing import Any, ClassVar

from skrec.neural import PairClassifier
from skrec.nn.deep_cf import DeepCF
from skrec.training import sparse_rows

__all__ = ["DeepCFClassifier"]


class DeepCFClassifier(PairClassifier):
    r"""DeepCF (CFNet) with sampled binary cross-entropy.

    A user is the row :math:`x_u` of the matrix, an item its column :math:`x_i`. Two MLPs give
    representations, two linear maps embeddings that a third MLP matches:

    .. math:: f_{ui} = w^\top \bigl[\, \mathrm{MLP}_U(x_u) \odot \mathrm{MLP}_I(x_i) \,;\,
        \mathrm{MLP}([P^\top x_u ; Q^\top x_i]) \,\bigr] + b.

    Minimises over pairs, each one that a user has (:math:`y_{ui} = 1`) with K sampled ones that the
    user lacks (:math:`y_{ui} = 0`),

    .. math:: \sum_{(u, i)} -y_{ui} \ln \sigma(f_{ui}) - (1 - y_{ui}) \ln \sigma(-f_{ui}).

    Parameters
    ----------
    n_factors : int, default=64
        Width of the embeddings that are matched.
    representation_sizes : tuple of int, default=(512, 64)
        Widths of the layers that represent users. The first is linear, the others end in a ReLU.
    item_sizes : tuple of int or None, default=None
        Widths of the layers that represent items, the last as for users; None takes those of
        users.
    matching_sizes : tuple of int, default=(128, 64)
        Widths of the matching function's layers, each with a ReLU.
    l2 : float, default=0.0
        Weight of the squared norms of the vectors that take part in a loss term: representation
        and embedding of users and items.
    weight_decay : float, default=0.0
        The optimiser's penalty on squared weights of the matching function and the output.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    item_factors_ : ndarray of shape (n_items, representation_sizes[-1] + n_factors)
        Representations and embeddings of the items.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    NeuMFClassifier : Free vectors in place of rows and columns.

    Notes
    -----
    As in the paper a user's row includes the target in training, so that scores of items that a
    user has are of no use. The columns of items stay those of the matrix that was trained on: rows
    of unseen users are folded in exactly, and change no item. Differences from the paper: Adam, no
    pre-training of the parts, and smaller layers. On MovieLens-1M the authors use
    ``n_factors=256``, ``matching_sizes=(256, 128, 64)``, ``representation_sizes=(512, 64)`` and
    ``item_sizes=(1024, 64)``. ``init_std`` has no effect: layers start as Glorot has it.
    `predict_proba` undoes the sampling of negatives in the odds.

    References
    ----------
    Deng, Z.-H., Huang, L., Wang, C.-D., Lai, J.-H., & Yu, P. S. (2019). DeepCF: a unified framework
    of representation learning and matching function learning in recommender system. AAAI, 33,
    61-68. https://doi.org/10.1609/aaai.v33i01.330161

    Examples
    --------
    >>> from skrec import DeepCFClassifier
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(100, 50, 1000, random_state=0).X
    >>> est = DeepCFClassifier(representation_sizes=(16, 8), max_epochs=3, random_state=0).fit(X)
    >>> est.recommend(X[:2], n_items=3).shape
    (2, 3)
    """

    representation_sizes: tuple = (512, 64)
    item_sizes: tuple | None = None
    matching_sizes: tuple = (128, 64)

    _fold_in: ClassVar[str] = "exact"
    _histories: ClassVar[bool] = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "representation_sizes": [tuple, list],
        "item_sizes": [tuple, list, None],
        "matching_sizes": [tuple, list],
    }
    _test_parameters: ClassVar[dict[str, Any]] = {
        **PairClassifier._test_parameters,
        "representation_sizes": (16, 8),
        "matching_sizes": (16, 8),
    }

    def _sizes(self):
        """Give the widths of the layers for users, items and pairs."""
        items = self.representation_sizes if self.item_sizes is None else self.item_sizes
        sizes = {
            "representation_sizes": self.representation_sizes,
            "item_sizes": items,
            "matching_sizes": self.matching_sizes,
        }
        for name, values in sizes.items():
            if not len(values) or any(not isinstance(n, Integral) or n < 1 for n in values):
                raise ValueError(f"{name} must be one or more positive integers; got {values!r}")
        if items[-1] != self.representation_sizes[-1]:
            raise ValueError(
                "item_sizes must end in the last of representation_sizes, "
                f"{self.representation_sizes[-1]}; got {items!r}"
            )
        return tuple(tuple(int(n) for n in values) for values in sizes.values())

    def _prepare(self, X, seed):
        super()._prepare(X, seed)
        self._matrix = sparse_rows(X.T.tocsr()), sparse_rows(X)

    def _finish(self, batches, rng):
        super()._finish(batches, rng)
        del self._matrix

    def _check_warm_start(self, net):
        super()._check_warm_start(net)
        net.module_.items.read(*(rows.to(net.device) for rows in self._matrix))

    def _model(self, n_users, n_items):
        user_sizes, item_sizes, matching_sizes = self._sizes()
        return DeepCF(*self._matrix, user_sizes, item_sizes, self.n_factors, matching_sizes)
