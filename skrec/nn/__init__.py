"""The networks and their losses, in torch alone."""

import os

from skrec.nn.losses import gaussian_nll, logistic_nll, multinomial_nll, standard_normal_kl
from skrec.nn.mult_vae import ELBO, LIKELIHOODS, MultDAE, MultVAE
from skrec.nn.rows import SparseLinear, SparseRows

# Large temporaries in huge pages: on Linux the first touch of fresh memory is a good part of a
# batch over a large catalogue. Read by torch at its first tensor, ignored elsewhere.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

__all__ = [
    "ELBO",
    "LIKELIHOODS",
    "MultDAE",
    "MultVAE",
    "SparseLinear",
    "SparseRows",
    "gaussian_nll",
    "logistic_nll",
    "multinomial_nll",
    "standard_normal_kl",
]
