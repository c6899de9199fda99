"""Epochs that train an encoder and a decoder in turns."""

import torch
from skorch.callbacks import Callback

from skrec.nn import EncodedRows
from skrec.training._batches import RowBatches, sparse_rows

__all__ = ["AlternatingBatches", "PosteriorRenewal"]


class AlternatingBatches(RowBatches):
    """Passes over the rows that train the encoder, then ones that train the decoder.

    In between, and before the first pass of all, the posteriors of all rows are renewed. They are
    the prior's memory in the passes of the encoder, and the decoder's input in its own: the encoder
    stands still there, so none of them needs to run it again.

    Parameters
    ----------
    X : csr_matrix of shape (n_rows, n_items)
        Rows to train on.
    batch_size : int
        Rows a batch.
    rng : RandomState
        Source of the permutations.
    n_encoder_passes, n_decoder_passes : int
        Passes of each kind in an epoch.

    Attributes
    ----------
    encode : callable
        Takes `SparseRows` and gives mean and log-variance; `PosteriorRenewal` sets it.
    posteriors : tuple of Tensor of shape (n_rows, latent_size)
        Means and log-variances of the last renewal; None before the first.
    """

    def __init__(self, X, batch_size, rng, n_encoder_passes=3, n_decoder_passes=1):
        super().__init__(X, batch_size, rng)
        self.n_encoder_passes = n_encoder_passes
        self.n_decoder_passes = n_decoder_passes
        self.encode = None
        self.posteriors = None

    def __len__(self):
        return (self.n_encoder_passes + self.n_decoder_passes) * super().__len__()

    def __iter__(self):
        if self.posteriors is None:
            self.renew()
        for _ in range(self.n_encoder_passes):
            yield from self._pass("encoder")
        self.renew()
        for _ in range(self.n_decoder_passes):
            yield from self._pass("decoder")

    def renew(self):
        """Work out the posteriors of all rows."""
        starts = range(0, self.X.shape[0], self.batch_size)
        blocks = (self.X[start : start + self.batch_size] for start in starts)
        parts = [self.encode(sparse_rows(block)) for block in blocks]
        self.posteriors = tuple(torch.cat(part) for part in zip(*parts, strict=True))

    def _pass(self, updates):
        order = self.rng.permutation(self.X.shape[0])
        for start in range(0, len(order), self.batch_size):
            chosen = order[start : start + self.batch_size]
            rows = sparse_rows(self.X[chosen])
            chosen = torch.from_numpy(chosen).to(self.posteriors[0].device)
            yield EncodedRows(rows, *(part[chosen] for part in self.posteriors), updates), rows


class PosteriorRenewal(Callback):
    """Let `AlternatingBatches` work out posteriors with the net in training."""

    def on_train_begin(self, net, X=None, **kwargs):
        """Lend the net to the batches."""

        def encode(rows):
            with torch.no_grad():  # not inference mode: the outcome takes part in the loss
                return net.module_.posterior(rows.to(net.device))

        X.encode, X.posteriors = encode, None

    def on_train_end(self, net, X=None, **kwargs):
        """Take it back, and free the posteriors."""
        X.encode = X.posteriors = None
