"""Autoencoders over users."""

from skrec.autoencoder._cdae import CDAERecommender
from skrec.autoencoder._mult_dae import MultDAERecommender
from skrec.autoencoder._mult_vae import MultVAERecommender
from skrec.autoencoder._rec_vae import RecVAERecommender
from skrec.autoencoder._vamp_vae import VampVAERecommender

__all__ = [
    "CDAERecommender",
    "MultDAERecommender",
    "MultVAERecommender",
    "RecVAERecommender",
    "VampVAERecommender",
]
