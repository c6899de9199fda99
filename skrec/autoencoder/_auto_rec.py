"""AutoRec."""

from numbers import Integral
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from scipy.special import expit
from sklearn.utils._param_validation import Interval

from skrec.autoencoder._parameters import HiddenSizes
from skrec.base import Queries, RecommenderTags
from skrec.base.fields import Floats, Integers
from skrec.neural import Folder, RatedRowRecommender
from skrec.nn import AutoRec, SparseRows
from skrec.training import DecoderFoldIn, RecommenderNet, sparse_rows
from skrec.typing import Array, CSRMatrix
from skrec.utils import row_blocks

__all__ = ["AutoRecRegressor"]

_SHIFTS = {"item": 0.25, "user": -0.5}
_PRIOR_USERS = 5000


class AutoRecRegressor(RatedRowRecommender):
    r"""Autoencoder of the ratings of items or of users (AutoRec; I-Rec and U-Rec).

    Minimises over the ratings :math:`r_{ui}`, scaled to x in [0, 1] by the range seen in ``fit``,
    with rectifiers f,

    .. math:: \frac1B \sum_i \tfrac12 \sum_{u \in R_i} (x_{ui} - \hat x_{ui})^2
        + \frac{w}{2} (\lVert V \rVert^2 + \lVert W \rVert^2), \qquad
        \hat x_i = \sigma(W f(V \tilde x_i + \mu) + b)

    where a row is all ratings of an item (``side="item"``), or with u and i exchanged of a user.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net with its history.
    rating_mean_ : float
        The mean of all ratings.
    item_factors_ : ndarray of shape (n_items, width of the last layer)
        Codes of the items (``side="item"``), or their decoder weights.
    user_factors_ : ndarray of shape (n_users, width of the last layer) or None
        Decoder weights of the users (``side="item"``).
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    DAERegressor : A denoising autoencoder of users that predicts deviations from their means.
    VAERegressor : A variational one.

    Notes
    -----
    With ``side="user"`` a row of ratings passes the network, so fold-in is exact. With
    ``side="item"`` the network knows users by number: the codes of items stay those of ``fit``, and
    the output weights and the bias of an unseen user are fitted to the given ratings, from a ridge
    regression of the trained ones, which is their prior too; ``users=`` takes the trained weights,
    with ``X`` or without.

    Differences from the paper, whose output is linear and whose hidden units are logistic: both are
    as Jin et al. say they use them. Input rows are normalised, which ``normalize=False`` undoes;
    items read x + 1/4, so that the lowest rating differs from none and ratings from 1 to 5 enter
    as they are up to a factor; users read x - 1/2. Validation ratings of MovieLens 100k chose all
    three. Biases have no penalty.

    ``early_stopping=True`` hides ratings, neither users nor items. Rows without ratings get item
    means.

    References
    ----------
    Sedhain, S., Menon, A. K., Sanner, S., & Xie, L. (2015). AutoRec: autoencoders meet
    collaborative filtering. WWW. https://doi.org/10.1145/2740908.2742726

    Jin, Y., Zhao, H., Liu, M., Zhu, Y., Du, L., Gao, L., Zhang, H., & Li, Y. (2021). Leveraging
    cross feedback of user and item embeddings with attention for variational autoencoder based
    collaborative filtering. https://arxiv.org/abs/2002.09145

    Examples
    --------
    >>> from skrec import AutoRecRegressor
    >>> import scipy.sparse as sp
    >>> X = sp.csr_matrix([[5, 4, 0, 1], [4, 5, 1, 0], [1, 0, 5, 4], [0, 1, 4, 5.0]])
    >>> est = AutoRecRegressor(latent_size=4, batch_size=2, max_epochs=50, random_state=0).fit(X)
    >>> est.predict(users=[0, 1]).shape
    (2, 4)
    """

    side: Annotated[Literal["item", "user"], "Whose ratings a row holds."] = "item"
    hidden_sizes: HiddenSizes = ()
    latent_size: int = 100
    dropout: float = 0.0
    normalize: Annotated[bool, "Whether input rows are divided by their norms."] = True
    weight_decay: Annotated[float, "Penalty w on squared weights other than biases."] = 3e-4
    fold_in_steps: Annotated[
        int,
        Interval(Integral, 0, None, closed="left"),
        'Steps in which the weights of an unseen user are fitted (``side="item"``); 0 leaves them '
        "at their start.",
    ] = 20

    _module_class: ClassVar[type] = AutoRec
    _module_parameters: ClassVar = ("latent_size", "dropout", "hidden_sizes", "normalize")
    _fitted: ClassVar = {
        "trained_users_": Integers(None, below="users"),
        "item_codes_": Floats("items", "code"),
        "folder_": Folder,
    }
    _test_parameters: ClassVar[dict[str, Any]] = {
        "latent_size": 8,
        "batch_size": 8,
        "max_epochs": 60,
        "lr": 0.02,
        "fold_in_steps": 5,
        "device": "cpu",
        "random_state": 0,
    }

    def __sklearn_tags__(self) -> RecommenderTags:
        tags = super().__sklearn_tags__()
        tags.fold_in = "approximate" if self.side == "item" else "exact"
        return tags

    # training

    def _rows(self, X: CSRMatrix) -> CSRMatrix:
        return X.T.tocsr() if self.side == "item" else X

    def _network(self) -> dict[str, Any]:
        return {
            **super()._network(),
            "module__n_items": self._rows(self.interactions_).shape[1],
            "module__shift": _SHIFTS[self.side],
        }

    def _data(self, X: CSRMatrix, rng: np.random.RandomState) -> tuple[Any, Any]:
        batches, validation = super()._data(X, rng)
        if self.side == "item":
            self.trained_users_ = np.flatnonzero(np.bincount(batches.X.indices))
        return batches, validation

    def _train(self, X: CSRMatrix, seed: int, device: str) -> None:
        super()._train(X, seed, device)
        if self.side == "item":
            self.item_codes_ = self._codes(self._rows(X))
            self.folder_ = self._folder(X, np.random.RandomState(seed))

    def _codes(self, rows: CSRMatrix) -> Array:
        """Return the codes of items from all their ratings."""
        parts = []
        with torch.inference_mode():
            for part in row_blocks(rows.shape[0], self._row_bytes()):
                batch = sparse_rows(rows[part]).to(self.net_.device)
                parts.append(self._module.codes(batch).cpu().numpy())
        return np.concatenate(parts)

    def _folder(self, X: CSRMatrix, rng: np.random.RandomState) -> DecoderFoldIn:
        """Return what fits the weights of unseen users, with the trained ones as the prior."""
        users = np.sort(rng.permutation(self.trained_users_)[:_PRIOR_USERS])
        return DecoderFoldIn(
            torch.from_numpy(self.item_codes_),
            self._unit_rows(X[users]),
            torch.from_numpy(self._trained_weights()[users]),
            n_steps=self.fold_in_steps,
        )

    def _check_warm_start(self, net: RecommenderNet) -> None:
        n, kind = self._rows(self.interactions_).shape[1], self.side == "item"
        if net.module__n_items > n:
            raise ValueError(
                f"X must have at least the {net.module__n_items} {'users' if kind else 'items'} of "
                f"the last fit when warm_start=True; got {n}"
            )

    # scores

    def _unit_rows(self, X: CSRMatrix) -> SparseRows:
        """Return ratings between 0 and 1, those beyond the scale of ``fit`` cut off."""
        rows = X.copy()
        low, _, _ = self._scale()
        rows.data = np.clip((rows.data - low) / self._span(), 0, 1)
        return sparse_rows(rows)

    def _row_scores(self, queries: Queries, items: Array | None = None) -> Array:
        if self.side == "user":
            return super()._row_scores(queries, items)
        weights = self._weights(queries)
        codes = self.item_codes_ if items is None else self.item_codes_[items]
        unit = expit(weights[:, :-1] @ codes.T + weights[:, -1:])
        low, _, _ = self._scale()
        return low + self._span() * unit

    def _hidden(self, queries: Queries, rows: SparseRows) -> torch.Tensor:
        return self._module.codes(rows)

    def _user_vectors(self, queries: Queries) -> Array:
        if self.side == "user":
            return super()._user_vectors(queries)
        return self._weights(queries)[:, :-1]

    def _item_vectors(self) -> Array:
        return super()._item_vectors() if self.side == "user" else self.item_codes_

    def _weights(self, queries: Queries) -> Array:
        """Return output weights and biases of users, trained or fitted to their ratings."""
        rows = np.full(queries.n_rows, -1) if queries.users is None else queries.users
        known = np.isin(rows, self.trained_users_)
        weights = np.empty((queries.n_rows, self.item_codes_.shape[1] + 1), dtype=np.float32)
        if known.any():
            weights[known] = self._trained_weights()[rows[known]]
        if not known.all():
            codes = torch.from_numpy(self.item_codes_)
            weights[~known] = self.folder_(codes, self._unit_rows(queries.history[~known])).numpy()
        return weights

    def _trained_weights(self) -> Array:
        last = self._module.last
        parts = last.weight.detach().cpu(), last.bias.detach().cpu()[:, None]
        return torch.cat(parts, dim=1).numpy()

    @property
    def user_factors_(self) -> Array | None:
        """Decoder weights of the users (``side="item"``), else None."""
        return self._trained_weights()[:, :-1] if self.side == "item" else None

    @property
    def item_factors_(self) -> Array:
        """Codes of the items (``side="item"``), or their decoder weights."""
        return self.item_codes_ if self.side == "item" else super().item_factors_
