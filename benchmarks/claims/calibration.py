"""Compare the sum of `predict_proba` with what happens, for unseen users.

A quarter of the users is held out. The table has the sum of their probabilities over the sum of
their interactions, of all of them and by quintiles of activity; 1 is right.
"""

import argparse
from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmarks.arguments import add_data, make_parser, prepare
from skrec.base import BaseRecommender
from skrec.reproduce import load_data, make_system
from skrec.typing import CSRMatrix
from skrec.utils import hide_entries

__all__ = ["main", "ratios"]

_TEST_SHARE, _HIDDEN = 0.25, 0.1
_EPOCHS = 30
_SYSTEMS = {
    "EASE": ("EASERecommender", {"l2": 200.0}),
    "ItemKNN": ("ItemKNNRecommender", {}),
    "UserKNN": ("UserKNNRecommender", {}),
    "Gaussian DAE": ("MultDAERecommender", {"likelihood": "gaussian", "max_epochs": _EPOCHS}),
    "logistic VAE": ("MultVAERecommender", {"likelihood": "logistic", "max_epochs": _EPOCHS}),
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = make_parser("claims.calibration", __doc__)
    add_data(parser, "ml-100k")
    options = parser.parse_args(argv)
    prepare(parser, options)
    train, test = _users_apart(options)
    rows = {}
    for name, (system, parameters) in _SYSTEMS.items():
        small = {"max_epochs": 2} if options.smoke and "max_epochs" in parameters else {}
        model = make_system(system, {**parameters, **small}, seed=0).fit(train)
        rows[name] = ratios(model, test)
    columns = ["all", *(f"quintile {i}" for i in range(1, 6))]
    print(pd.DataFrame.from_dict(rows, orient="index", columns=columns).round(2).to_string())


def _users_apart(options: argparse.Namespace) -> tuple[CSRMatrix, CSRMatrix]:
    X = load_data(options.data, options.data_home).interactions.tocsr()
    X.data[:] = 1
    order = np.random.RandomState(0).permutation(X.shape[0])
    n_test = int(_TEST_SHARE * X.shape[0])
    return X[order[n_test:]], X[order[:n_test]]


def ratios(model: BaseRecommender, test: CSRMatrix) -> list[float]:
    """Return sum p / sum y of all test users, and of each quintile of activity.

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
