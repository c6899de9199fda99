"""Held-out ratings that training is watched on."""

from typing import ClassVar

import numpy as np

from skrec.base import ParameterFields
from skrec.neural._pair_validation import given_pairs
from skrec.training import RankingValidation
from skrec.utils import row_of_entry, take_entries

__all__ = ["WatchedRatings", "hold_out_ratings", "watch_rmse"]


class WatchedRatings(ParameterFields):
    """What estimators have that watch held-out ratings; it stands first among the bases."""

    validation_metric: str = "rmse"

    _parameter_docs: ClassVar[dict[str, str]] = {
        "validation_fraction": """
            validation_fraction : float, default=0.1
                Share of the ratings that is held out to validate on.""",
        "validation_data": """
            validation_data : Interactions, default=None
                Ratings to validate on in place of held-out ones, in the frame of ``X``.""",
        "validation_metric": """
            validation_metric : {"rmse"}, default="rmse"
                What to validate by.""",
    }

    def _residual_spread(self, X):
        # ratings that were not trained on tell more than hidden ones that were
        errors = [row["valid_neg_rmse"] for row in self.net_.history if "valid_neg_rmse" in row]
        return -max(errors) if errors else super()._residual_spread(X)


def hold_out_ratings(estimator, X, rng):
    """Split ratings into those to train on and those to watch, given or drawn.

    Parameters
    ----------
    estimator : TorchRecommender
        Whose parameters say what to watch.
    X : csr_matrix of shape (n_users, n_items)
        All ratings.
    rng : RandomState
        Source of the draw.

    Returns
    -------
    train, targets : csr_matrix of shape (n_users, n_items)
        The two parts.
    """
    if estimator.validation_metric != "rmse":
        raise ValueError(f'validation_metric must be "rmse"; got {estimator.validation_metric!r}')
    if estimator.validation_data is not None:
        return given_pairs(estimator, estimator.validation_data, X)
    chosen = rng.random_sample(X.nnz) < estimator.validation_fraction
    if chosen.all() or not chosen.any():
        raise ValueError(
            "X must have ratings to train on and to hold out validation_fraction="
            f"{estimator.validation_fraction}; got {X.nnz} in all"
        )
    row = row_of_entry(X)
    return take_entries(X, row, ~chosen), take_entries(X, row, chosen)


def watch_rmse(rmse, values, patience):
    """Give the callback that watches the error of held-out ratings.

    Parameters
    ----------
    rmse : callable
        Takes the module and gives the error.
    values : ndarray of shape (n,)
        The ratings, less their mean in training.
    patience : int or None
        As of `RankingValidation`.

    Returns
    -------
    callback : RankingValidation
        It records minus the error as "valid_neg_rmse". Patience does not run before the error is
        below that of the mean rating for everything.
    """
    floor = -float(np.sqrt(np.mean(np.square(values))))
    return RankingValidation(lambda module: -rmse(module), "valid_neg_rmse", floor, patience)
