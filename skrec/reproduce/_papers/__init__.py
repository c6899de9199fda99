"""The tables of the five papers, and of the baselines: importing this registers them."""

from skrec.reproduce._papers import (
    baselines,
    convncf,
    convncf_figures,
    cross_feedback,
    evcf,
    gerec,
    mult_vae,
)

__all__ = [
    "baselines",
    "convncf",
    "convncf_figures",
    "cross_feedback",
    "evcf",
    "gerec",
    "mult_vae",
]
