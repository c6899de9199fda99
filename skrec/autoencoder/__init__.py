"""Autoencoders over users."""

from skrec.autoencoder._mult_dae import MultDAERecommender
from skrec.autoencoder._mult_vae import MultVAERecommender

__all__ = ["MultDAERecommender", "MultVAERecommender"]
