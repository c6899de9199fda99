"""The models whose limits are stated, and what their cost can depend on."""

from dataclasses import dataclass, field
from typing import Any

__all__ = ["FAMILIES", "Family"]

_EPOCHS = {"early_stopping": False}
_PAIRS = {**_EPOCHS, "n_negatives": 4}
_TABLES = ("users factors", "items factors", "entries", "1")
_DESCENT = ("entries factors", "entries")
_FIT, _EPOCH, _LISTS = "fit", "epoch", "lists"
_ONE, _BLOCKS, _USERS = "one core", "blocks by joblib", "parts of users, merged"
_THREADS, _NETWORK = "threads of a machine", "GPU, or torchrun"


@dataclass(frozen=True)
class Family:
    """What is measured of a model, and the terms of its formulas.

    Parameters
    ----------
    system : str
        The estimator.
    what : {"fit", "epoch", "lists"}
        A whole fit, an epoch or sweep, or the lists of all users.
    work, memory : tuple of str
        Terms for seconds of one core and for bytes on top of the matrix; without terms the data
        are too small to tell bytes of the batch from those that grow.
    across : str
        How more cores or machines share the work.
    epochs : int
        Of a usual fit.
    factors : str or None
        The parameter that sets the length of vectors.
    parameters : dict
        Others.
    base : tuple of int
        Users, items, entries and factors around which it is measured.
    """

    system: str
    what: str
    work: tuple[str, ...]
    memory: tuple[str, ...]
    across: str
    epochs: int = 1
    factors: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    base: tuple[int, int, int, int] = (4_000, 2_000, 200_000, 32)


_KNN = ("entries length", "entries", "items", "1")

FAMILIES: dict[str, Family] = {
    "Popularity": Family(
        "PopularityRecommender", _FIT, ("entries", "1"), ("items", "entries", "1"), _USERS,
        base=(100_000, 50_000, 1_000_000, 1),
    ),
    "ItemKNN, 100 neighbours": Family(
        "ItemKNNRecommender", _FIT, _KNN, ("items", "entries", "1"), _BLOCKS,
        parameters={"n_neighbors": 100}, base=(30_000, 20_000, 1_500_000, 1),
    ),
    "RP3beta, 100 neighbours": Family(
        "RP3betaRecommender", _FIT, _KNN, ("items", "entries", "1"), _BLOCKS,
        parameters={"n_neighbors": 100}, base=(30_000, 20_000, 1_500_000, 1),
    ),
    "EASE": Family(
        "EASERecommender", _FIT, ("items^3", "items^2", "entries length", "1"),
        ("items^2", "entries", "1"), _ONE,
    ),
    "SLIM, 200 candidates": Family(
        "SLIMRecommender", _FIT, ("entries length", "items", "entries", "1"),
        ("items", "entries", "1"), _BLOCKS, parameters={"n_candidates": 200},
    ),
    "ELSA": Family(
        "ELSARecommender", _EPOCH, ("users items factors", "entries factors", "users items"),
        ("items factors", "items", "1"), _NETWORK, 15, "latent_size", _EPOCHS,
        (8_000, 5_000, 300_000, 64),
    ),
    "Infinite-AE, exact": Family(
        "InfiniteAERecommender", _FIT, ("users^3", "users^2", "users entries", "1"),
        ("users^2", "entries", "1"), _ONE, base=(1_500, 2_000, 75_000, 1),
    ),
    "Graph filter, ideal": Family(
        "GraphFilterRecommender", _FIT,
        ("entries factors", "users factors^2", "items factors^2", "entries length", "1"),
        ("items factors", "users factors", "items^2", "entries", "1"), _ONE, factors="n_factors",
        parameters={"filter": "ideal"},
    ),
    "WMF": Family(
        "WMFRecommender", _EPOCH,
        ("entries factors^2", "users factors^3", "items factors^3", "entries factors"),
        (*_TABLES, "users", "items"), _BLOCKS, 16, "n_factors", base=(20_000, 10_000, 500_000, 32),
    ),
    "BPR-MF, a negative": Family(
        "BPRMFRanker", _EPOCH, _DESCENT, _TABLES, _THREADS, 50, "n_factors",
        {**_EPOCHS, "n_negatives": 1, "solver": "sgd"}, (20_000, 10_000, 500_000, 32),
    ),
    "MF, 4 negatives": Family(
        "MFClassifier", _EPOCH, _DESCENT, _TABLES, _THREADS, 50, "n_factors",
        {**_PAIRS, "solver": "sgd"}, (20_000, 10_000, 300_000, 32),
    ),
    "NeuMF, 4 negatives": Family(
        "NeuMFClassifier", _EPOCH, ("entries factors^2", *_DESCENT), _TABLES, _NETWORK, 20,
        "n_factors", {**_PAIRS, "hidden_sizes": [64, 32], "pretrain": None},
        (4_000, 2_000, 50_000, 32),
    ),
    "LightGCN": Family(
        "LightGCNRanker", _EPOCH, ("entries^2 factors", "entries users factors", *_DESCENT),
        _TABLES, _NETWORK, 200, "n_factors",
        {**_EPOCHS, "batch_size": 2_048}, (4_000, 2_000, 40_000, 32),
    ),
    "ConvNCF": Family(
        "ConvNCFRanker", _EPOCH, ("entries factors^2", *_DESCENT),
        (), _NETWORK, 20, "n_factors",
        {**_EPOCHS, "pretrain": None, "n_feature_maps": 16},
        (400, 300, 1_000, 32),
    ),
    "GeRec, 9 draws": Family(
        "GeRecClassifier", _EPOCH, ("entries factors^2", *_DESCENT),
        (), _NETWORK, 20, "n_factors",
        {**_PAIRS, "pretrain": None, "interaction": "concat"},
        (400, 300, 1_000, 32),
    ),
    "Mult-VAE": Family(
        "MultVAERecommender", _EPOCH,
        ("users items factors", "users items", "entries factors", "users factors^2"),
        ("items factors", "items", "factors^2", "entries", "1"), _NETWORK, 100, "hidden_sizes",
        _EPOCHS, (4_000, 2_000, 200_000, 128),
    ),
    "Mult-VAE, 1,000 sampled items": Family(
        "MultVAERecommender", _EPOCH, ("entries factors", "users factors", "users", "entries"),
        ("items factors", "items", "entries", "1"), _NETWORK, 100, "latent_size",
        {**_EPOCHS, "hidden_sizes": [], "n_sampled_items": 1_000, "batch_size": 1_000},
        (4_000, 8_000, 200_000, 32),
    ),
    "Biased MF": Family(
        "BiasedMFRegressor", _EPOCH, _DESCENT, _TABLES, _NETWORK, 30, "n_factors", _EPOCHS,
        (10_000, 5_000, 200_000, 32),
    ),
    "Bayesian MF": Family(
        "BayesianMFRegressor", _EPOCH,
        ("entries factors^2", "users factors^3", "items factors^3", "entries factors"),
        _TABLES, _BLOCKS, 300, "n_factors", {"burn_in": 1, "thin": 1, "implicit": "none"},
    ),
    "CrossFeedbackBMF": Family(
        "CrossFeedbackBMF", _EPOCH,
        ("users items", "users items factors", "entries factors", "entries length"),
        (*_TABLES, "users items"), _ONE, 50, "n_factors", _EPOCHS, (1_000, 500, 20_000, 16),
    ),
    "Lists of vectors, all users": Family(
        "WMFRecommender", _LISTS, ("users items factors", "users items", "users"),
        ("users", "items factors", "1"), _BLOCKS, 1, "n_factors", base=(10_000, 5_000, 200_000, 32),
    ),
}  # fmt: skip
"""What is measured, by the name that tables show."""
