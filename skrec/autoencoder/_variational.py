"""What variational autoencoders share as estimators: posterior draws."""

from numbers import Integral
from typing import Annotated, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import Interval

from skrec.base import Queries, shared_docs
from skrec.neural import RowRecommender
from skrec.training import sparse_rows
from skrec.typing import Array, MatrixLike
from skrec.utils import row_blocks

__all__ = ["VariationalAutoencoder"]


class VariationalAutoencoder(RowRecommender):
    """Draws of the code; the module has ``noise_size``, ``draw(rows, noise)`` and ``decode(z)``."""

    n_samples: Annotated[
        int,
        Interval(Integral, 1, None, closed="left"),
        "Posterior draws for ``return_std``.",
    ] = 20

    _probabilistic: ClassVar[bool] = True

    @shared_docs
    def posterior(
        self, X: MatrixLike | None = None, *, users: ArrayLike | None = None
    ) -> tuple[Array, Array]:
        """Return the Gaussians of the codes of users.

        Parameters
        ----------
        %(histories)s
        %(users)s

        Returns
        -------
        means, log_variances : ndarray of shape (n_rows, latent_size)
            Parameters of q(z | x), float32.

        Raises
        ------
        %(bad_input)s
        """
        history = self._queries(X, users).history
        means, log_variances = [], []
        with torch.inference_mode():
            for rows in row_blocks(history.shape[0], self._row_bytes()):
                batch = sparse_rows(history[rows]).to(self.net_.device)
                mean, log_variance = self._module.posterior(batch)
                means.append(mean.cpu().numpy())
                log_variances.append(log_variance.cpu().numpy())
        return np.concatenate(means), np.concatenate(log_variances)

    def _draw_block(self, queries: Queries, draw: int) -> Array:
        module = self._module
        generator = torch.Generator().manual_seed(draw)
        noise = torch.randn(module.noise_size, generator=generator).to(self.net_.device)
        with torch.inference_mode():
            rows = sparse_rows(queries.history).to(self.net_.device)
            return module.decode(module.draw(rows, noise)).cpu().numpy()
