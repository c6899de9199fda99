"""Autoencoders of rows."""

from skrec.autoencoder._auto_rec import AutoRecRegressor
from skrec.autoencoder._cdae import CDAERecommender
from skrec.autoencoder._dae_regressor import DAERegressor
from skrec.autoencoder._elsa import ELSARecommender
from skrec.autoencoder._mult_dae import MultDAERecommender
from skrec.autoencoder._mult_vae import MultVAERecommender
from skrec.autoencoder._rec_vae import RecVAERecommender
from skrec.autoencoder._vae_regressor import VAERegressor
from skrec.autoencoder._vamp_vae import VampVAERecommender

__all__ = [
    "AutoRecRegressor",
    "CDAERecommender",
    "DAERegressor",
    "ELSARecommender",
    "MultDAERecommender",
    "MultVAERecommender",
    "RecVAERecommender",
    "VAERegressor",
    "VampVAERecommender",
]
