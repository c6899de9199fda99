"""What variational autoencoders share as estimators: posterior draws, and a weight that rises."""

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval

from skrec.autoencoder._base import MultinomialRows, RowAutoencoder
from skrec.training import LinearAnnealing, sparse_rows
from skrec.utils import row_blocks

__all__ = ["AnnealedAutoencoder", "AnnealedRows", "VariationalAutoencoder"]

_CAP_AT = 0.8  # share of the planned updates after which beta has reached its cap


class VariationalAutoencoder(MultinomialRows):
    """Draws of the code; the module has ``noise_size``, ``draw(rows, noise)`` and ``decode(z)``."""

    n_samples: int = 20

    _probabilistic: ClassVar[bool] = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
    }
    _parameter_docs: ClassVar[dict[str, str]] = {
        "n_samples": """
            n_samples : int, default=20
                Posterior draws for ``return_std``.""",
    }

    def posterior(self, X=None, *, users=None):
        """Give the Gaussians of the codes of users.

        Parameters
        ----------
        X : sparse matrix or array-like of shape (n_rows, n_items), default=None
            Histories of any users, a row each.
        users : array-like of int of shape (n_rows,), default=None
            Rows of the fitted matrix.

        Returns
        -------
        means, log_variances : ndarray of shape (n_rows, latent_size)
            Parameters of q(z | x), float32.

        Raises
        ------
        ValueError
            If an input does not fit the matrix of ``fit``.
        """
        history = self._queries(X, users).history
        parts = []
        with torch.inference_mode():
            for rows in row_blocks(history.shape[0], self._row_bytes()):
                batch = sparse_rows(history[rows]).to(self.net_.device)
                parts.append([part.cpu().numpy() for part in self._module.posterior(batch)])
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))

    def _draw_block(self, queries, draw):
        module = self._module
        generator = torch.Generator().manual_seed(draw)
        noise = torch.randn(module.noise_size, generator=generator).to(self.net_.device)
        with torch.inference_mode():
            rows = sparse_rows(queries.history).to(self.net_.device)
            return module.decode(module.draw(rows, noise)).cpu().numpy()


class AnnealedRows(VariationalAutoencoder):
    """The divergence has a weight beta that rises by updates up to a cap."""

    anneal_steps: int | None = None

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "anneal_steps": [Interval(Integral, 1, None, closed="left"), None],
    }
    _parameter_docs: ClassVar[dict[str, str]] = {
        "anneal_steps": """
            anneal_steps : int, default=None
                Updates in which beta would rise from 0 to 1. None makes it reach its cap after
                80 % of the planned updates.""",
    }

    def _annealing(self, batches, cap, pace=None):
        """Give the callback that raises beta, which goes on where a warm start begins.

        Without ``anneal_steps`` it would reach ``pace``, which may lie above the cap, after a share
        of the planned updates.
        """
        pace = cap if pace is None else pace
        done = len(self._last_net.history) if hasattr(self, "_last_net") else 0
        planned = max(1, len(batches) * (done + self.max_epochs))
        n_steps = self.anneal_steps or max(1.0, _CAP_AT * planned / max(pace, 1e-12))
        return "annealing", LinearAnnealing(n_steps, cap, start=done * len(batches))


class AnnealedAutoencoder(AnnealedRows, RowAutoencoder):
    """Variational autoencoders with hidden layers and a likelihood of choice."""
