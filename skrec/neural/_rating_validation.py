"""Held-out ratings that training is watched on."""

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import scipy.sparse as sp
import torch

from skrec.base import Doc
from skrec.neural._pair_validation import given_pairs
from skrec.neural._validation_set import warn_unwatched
from skrec.training import RankingValidation, RatedBatches, sparse_rows
from skrec.typing import Array, CSRMatrix
from skrec.utils import row_blocks, row_of_entry, take_entries

__all__ = [
    "RatedData",
    "RatedFraction",
    "RatedMetric",
    "hold_out_ratings",
    "pairs_rmse",
    "rows_rmse",
    "watch_rmse",
    "watched_rmse",
]

_PAIRS_A_STEP = 2**14

# what the parameters of validation mean where ratings are watched
RatedFraction = Annotated[
    float,
    "Share of the ratings that is held out to validate on, one at least. A single rating is for "
    "training, which then takes all epochs, with a warning.",
]
RatedData = Annotated[
    Any,
    Doc(
        "Ratings to validate on in place of held-out ones, in the frame of ``X``. Without "
        "``early_stopping`` they are only watched: each epoch's error is in ``net_.history``, the "
        "last weights are kept.",
        "Interactions",
    ),
]
RatedMetric = Annotated[str, Doc("What to validate by.", '{"rmse"}')]


def hold_out_ratings(
    estimator: Any, X: CSRMatrix, rng: np.random.RandomState
) -> tuple[CSRMatrix, CSRMatrix]:
    """Split ratings into those to train on and those to watch, given or drawn.

    Parameters
    ----------
    estimator : TorchRecommender
        Its parameters name what is watched.
    X : csr_matrix of shape (n_users, n_items)
        All ratings.
    rng : RandomState
        Source of the draw.

    Returns
    -------
    train, targets : csr_matrix of shape (n_users, n_items)
        The two parts: a rating or more each, but for a single one, which is trained on.

    Warns
    -----
    SkrecWarning
        If there is a single one.
    """
    if estimator.validation_data is not None:
        return given_pairs(estimator, estimator.validation_data, X)
    if X.nnz < 2:
        warn_unwatched("X has a single rating", estimator.validation_fraction)
        return X, sp.csr_matrix(X.shape, dtype=X.dtype)
    chosen = rng.random_sample(X.nnz) < estimator.validation_fraction
    if chosen.all() or not chosen.any():
        chosen[rng.randint(X.nnz)] ^= True
    row = row_of_entry(X)
    return take_entries(X, row, ~chosen), take_entries(X, row, chosen)


def watch_rmse(
    rmse: Callable[[torch.nn.Module], float], values: Array, patience: int | None
) -> RankingValidation:
    """Return the callback that watches the error of held-out ratings.

    Parameters
    ----------
    rmse : callable
        Takes the module and returns the error.
    values : ndarray of shape (n,)
        The ratings, less their mean in training.
    patience : int or None
        The parameter of `RankingValidation`.

    Returns
    -------
    callback : RankingValidation
        It records minus the error as "valid_neg_rmse". Patience does not run before the error is
        below that of the mean rating for everything.
    """
    floor = -float(np.sqrt(np.mean(np.square(values))))
    return RankingValidation(lambda module: -rmse(module), "valid_neg_rmse", floor, patience)


def watched_rmse(estimator: Any) -> float | None:
    """Return the error of the ratings that the training of an estimator watched.

    Parameters
    ----------
    estimator : TorchRecommender
        Trained or not.

    Returns
    -------
    rmse : float or None
        Its least value over epochs; None where nothing was watched, or only for the record.
    """
    if not estimator._watches():
        return None
    history = estimator.net_.history if "net_" in estimator.__dict__ else []
    errors = [row["valid_neg_rmse"] for row in history if "valid_neg_rmse" in row]
    return -max(errors) if errors else None


def pairs_rmse(module: torch.nn.Module, batches: RatedBatches) -> float:
    """Return the root mean squared error of a module of pairs.

    Parameters
    ----------
    module : PairModel
        The module.
    batches : RatedBatches
        The ratings.

    Returns
    -------
    rmse : float
        The error.
    """
    device = next(module.parameters()).device
    module.eval()
    total = 0.0
    with torch.inference_mode():
        for start in range(0, batches.X.nnz, _PAIRS_A_STEP):
            batch = batches.batch(slice(start, start + _PAIRS_A_STEP)).to(device)
            scores, _, _ = module(batch)
            total += float((scores[:, 0] - batch.values).double().square().sum())
    return np.sqrt(total / max(1, batches.X.nnz))


def rows_rmse(module: Any, validation: tuple[CSRMatrix, CSRMatrix], row_bytes: int) -> float:
    """Return the root mean squared error of a module of rows, its ratings within the scale.

    Parameters
    ----------
    module : RatingScale
        The module.
    validation : tuple of csr_matrix
        Ratings to predict from, and those to predict.
    row_bytes : int
        Memory that a row takes.

    Returns
    -------
    rmse : float
        The error.
    """
    history, targets = validation
    device = next(module.parameters()).device
    module.eval()
    total = 0.0
    with torch.inference_mode():
        for part in row_blocks(history.shape[0], row_bytes):
            at = sparse_rows(targets[part]).to(device)
            ratings, *_ = module(sparse_rows(history[part]).to(device), at=at)
            ratings = ratings.clamp(module.low, module.low + module.span)
            total += float((ratings - at.values).double().square().sum())
    return np.sqrt(total / targets.nnz)
