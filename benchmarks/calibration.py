"""How well `predict_proba` matches what happens, for users that no model was trained on.

Run from the checkout as ``python -m benchmarks.calibration --help``.
"""

import argparse

import numpy as np
import pandas as pd

import skrec
from skrec.reproduce import _data
from skrec.utils import hide_entries

__all__ = ["main", "ratios"]

_TEST_SHARE, _HIDDEN = 0.25, 0.1
_SYSTEMS = {
    "EASE": ("EASERecommender", {"l2": 200.0}),
    "ItemKNN": ("ItemKNNRecommender", {}),
    "UserKNN": ("UserKNNRecommender", {}),
    "Gaussian DAE": (
        "MultDAERecommender",
        {"likelihood": "gaussian", "max_epochs": 30, "random_state": 0},
    ),
    "logistic VAE": (
        "MultVAERecommender",
        {"likelihood": "logistic", "max_epochs": 30, "random_state": 0},
    ),
}


def main(argv=None):
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.calibration",
        description="Sum of probabilities over sum of interactions, of unseen users by activity.",
    )
    parser.add_argument("--data", default="ml-100k")
    parser.add_argument("--data-home", help="folder of the data; default: $SKREC_DATA")
    options = parser.parse_args(argv)
    X = _data.load(options.data, options.data_home).interactions.tocsr()
    X.data[:] = 1
    order = np.random.RandomState(0).permutation(X.shape[0])
    n_test = int(_TEST_SHARE * X.shape[0])
    train, test = X[order[n_test:]], X[order[:n_test]]
    rows = {}
    for name, (system, parameters) in _SYSTEMS.items():
        rows[name] = ratios(getattr(skrec, system)(**parameters).fit(train), test)
    columns = ["all", *(f"quintile {i}" for i in range(1, 6))]
    print(pd.DataFrame.from_dict(rows, orient="index", columns=columns).round(2).to_string())


def ratios(model, test):
    """Give sum p / sum y of all test users, and of each quintile of activity.

    Parameters
    ----------
    model : BaseRecommender
        Fitted, with Bernoulli probabilities.
    test : csr_matrix of shape (n_users, n_items)
        Rows of other users.

    Returns
    -------
    ratios : list of float
        Six of them; 1 is right. Pairs as the tag ``proba_pairs`` says.
    """
    history, targets = test, test
    counted = np.ones(test.shape, dtype=bool)
    if model.__sklearn_tags__().proba_pairs == "unseen":
        history, targets = hide_entries(test, _HIDDEN, 0)
        counted = history.toarray() == 0
    expected = (model.predict_proba(history) * counted).sum(axis=1)
    happened = np.diff(targets.indptr)
    groups = np.array_split(np.argsort(np.diff(test.indptr), kind="stable"), 5)
    every = [np.arange(test.shape[0]), *groups]
    return [float(expected[g].sum() / happened[g].sum()) for g in every]


if __name__ == "__main__":
    main()
