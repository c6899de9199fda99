"""Vectors of users who were not trained, fitted to their histories."""

import copy

import torch
from torch.nn import functional as F

from skrec.training._vector_fit import VectorFit

__all__ = ["FoldIn"]

_PAIRS_PER_POSITIVE = 16
_SPREAD = 7919  # a prime: neighbouring items begin at distant places of the sample


class FoldIn(VectorFit):
    r"""Fit the free vectors of users to what they have, everything else frozen.

    Minimises, over the vector x of a user with items R,

    .. math:: \sum_{i \in R} \ell_i(x) + \tfrac12 \| (x - W\phi(R)) / \tau \|^2

    where :math:`\ell_i` is the loss of training for a positive against one fixed sample of items.
    The start :math:`W\phi(R)` is a ridge regression of the trained vectors on sums of the
    vectors of what their users have, and :math:`\tau` the deviation that it leaves. Adam takes a
    fixed number of steps in float64, so that a row's answer does not depend on other rows.

    Parameters
    ----------
    model : PairModel
        The trained model, on the CPU.
    rows : SparseRows
        Histories of users that were trained.
    users : Tensor of shape (n,)
        Their numbers.
    sample : Tensor of shape (m,)
        The items to compare positives with.
    pairwise : bool
        Whether the loss compares pairs; else positives and negatives count by themselves.
    n_negatives : int
        Negatives a positive in training.
    n_steps : int
        Steps of Adam.
    noise_variance : float, default=None
        Variance of ratings around their scores. With it the values of the rows are ratings, and an
        item's loss is the squared error divided by twice the variance, without a sample.
    """

    def __init__(
        self,
        model,
        rows,
        users,
        *,
        sample,
        n_steps,
        pairwise=False,
        n_negatives=1,
        noise_variance=None,
    ):
        super().__init__(n_steps)
        self.sample = sample
        self.pairwise = pairwise
        self.n_negatives = n_negatives
        self.noise_variance = noise_variance
        with torch.no_grad():
            vectors = model.users.free.weight[users].double()
            self._regress(self._features(model, rows), vectors)

    def _features(self, model, rows):
        """Give what a user's vector is regressed on."""
        features = _features(model, rows)
        if self.noise_variance is None:
            return features
        return torch.cat([features, _features(model, rows, rows.values.double())], dim=1)

    def _bytes(self, model):
        """Give the memory that an entry, and a row beside its entries, take while they are fitted.

        A pair is kept for the gradient, so it counts twice.
        """
        pair = 2 * model.interaction.pair_bytes(self.weights)  # in float64
        entry = 8 * (4 * model.interaction.item_size + 4 * _PAIRS_PER_POSITIVE)
        return entry + pair, len(self.sample) * pair

    def _frozen(self, model):
        return _Frozen(model)

    def _loss(self, frozen, rows):
        return _RowLoss(frozen, rows, self)


class _Frozen:
    """A model's parts in float64 without gradients of their own."""

    def __init__(self, model):
        self.users = copy.deepcopy(model.users).double().requires_grad_(False)
        self.items = model.items
        self.interaction = copy.deepcopy(model.interaction).double().requires_grad_(False)

    def item_vectors(self, items):
        return self.items(items).detach().double()


class _RowLoss:
    """The loss of rows as a function of their users' vectors, what is fixed worked out once."""

    def __init__(self, model, rows, options):
        self.model = model
        self.options = options
        self.row = rows.row
        self.shared = model.item_vectors(options.sample)  # (m, item_size)
        self.own = model.item_vectors(rows.indices)[:, None]  # (nnz, 1, item_size)
        self.history = self.share = None
        if model.users.reads_history:
            self.history = model.users.states(None, rows)
            scale = model.users.scale(rows)[self.row]
            self.share = model.users.share(rows.indices[:, None], scale)  # (nnz, 1, size)
        self.ratings = rows.values.double()
        if options.noise_variance is not None:
            return
        taken = torch.zeros(len(rows), len(self.shared), dtype=torch.bool)
        entry, place = _members(rows.indices, options.sample)
        taken[self.row[entry], place] = True
        self._weigh(rows, ~taken)

    def _weigh(self, rows, free):
        """Weigh negatives: each positive has the same total, an own item none."""
        if not self.options.pairwise:
            total = self.options.n_negatives * rows.offsets.diff()
            self.weight = free * (total / free.sum(1).clamp(min=1))[:, None]
            return
        m = free.shape[1]
        n_pairs = min(_PAIRS_PER_POSITIVE, m)
        # spread over the sample, from a place that depends on the positive alone
        steps = torch.arange(n_pairs) * (m // n_pairs)
        self.place = (rows.indices[:, None] * _SPREAD + steps) % m  # (nnz, n_pairs)
        free = free[self.row[:, None], self.place]
        self.weight = free / free.sum(1, keepdim=True).clamp(min=1).double()

    def __call__(self, vectors):
        users = vectors if self.history is None else vectors + self.history
        own = users[self.row, None]
        own = own if self.share is None else own - self.share
        positive = self.model.interaction(own, self.own)  # (nnz, 1)
        if self.options.noise_variance is not None:
            error = (positive[:, 0] - self.ratings).square().sum()
            return error / (2 * self.options.noise_variance)
        side = self.model.interaction.item_side(self.shared)
        negative = self.model.interaction.cross(users, side)  # (n_rows, m)
        if self.options.pairwise:
            negative = negative[self.row[:, None], self.place]
            return (self.weight * F.softplus(negative - positive)).sum()
        return F.softplus(-positive).sum() + (self.weight * F.softplus(negative)).sum()


def _features(model, rows, weights=None):
    """Give sums of the vectors of what users have, divided two ways, and the length."""
    vectors = model.item_vectors(rows.indices).double()
    vectors = vectors if weights is None else vectors * weights[:, None]
    sums = vectors.new_zeros(len(rows), vectors.shape[1]).index_add_(0, rows.row, vectors)
    lengths = rows.offsets.diff().clamp(min=1).double()[:, None]
    ones = torch.ones_like(lengths)
    return torch.cat([sums / lengths, sums / lengths.sqrt(), lengths.log(), ones], dim=1)


def _members(values, table):
    """Give where values occur in a table: places in both."""
    order = torch.argsort(table)
    ranked = table[order]
    place = torch.searchsorted(ranked, values).clamp(max=len(table) - 1)
    found = (ranked[place] == values).nonzero()[:, 0]
    return found, order[place[found]]
