"""The check of files that models are written to."""

import tempfile
import warnings
from pathlib import Path

import numpy as np

from skrec.exceptions import PersistenceError, SkrecWarning
from skrec.persistence import load_model, save_model
from skrec.testing._data import AnyRecommender, error_message, fitted, scores_of, tiny

__all__ = ["CHECKS"]


def check_saved_and_loaded(name: str, estimator: AnyRecommender) -> None:
    """Check that a model from a file is the model that was saved, to the last bit.

    Only the estimators of skrec can be saved; others pass, and what holds others.
    """
    model = fitted(estimator)
    rows = tiny(estimator, 12, model.n_features_in_, seed=1)
    with tempfile.TemporaryDirectory() as folder:
        whole, bare = (str(Path(folder) / each) for each in ("whole", "bare"))
        if not _is_saved(model, whole):
            return
        save_model(model, bare, training_data=False)
        same, without = load_model(whole, mmap=True), load_model(bare)
        assert vars(same).keys() == vars(model).keys(), f"{name}: other attributes"
        params = {k: str(v) for k, v in model.get_params().items()}
        assert {k: str(v) for k, v in same.get_params().items()} == params, f"{name}: parameters"
        np.testing.assert_array_equal(scores_of(same), scores_of(model), f"{name}: saved, loaded")
        known, unknown = (each.predict_proba(rows) for each in (model, without))
        np.testing.assert_array_equal(unknown, known, f"{name}: without the training data")
        message = error_message(without.recommend, users=[0])
        assert "training_data=False" in message, f"{name}: users= without training data: {message}"


def _is_saved(model: AnyRecommender, path: str) -> bool:
    """Save a model; return False where it, or one that it holds, is not one of skrec's."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SkrecWarning)  # of parameters that are left out
            save_model(model, path)
    except PersistenceError as error:
        if "not one of the estimators of skrec" in str(error):
            return False
        raise
    return True


CHECKS = [check_saved_and_loaded]
