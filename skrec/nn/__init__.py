"""The networks and their losses, in torch alone."""

from skrec.nn.losses import gaussian_nll, logistic_nll, multinomial_nll, standard_normal_kl
from skrec.nn.mult_vae import ELBO, LIKELIHOODS, MultDAE, MultVAE
from skrec.nn.rows import SparseLinear, SparseRows

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
