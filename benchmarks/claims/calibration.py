"""Compare the sum of `predict_proba` with what happens, for unseen users.

A quarter of the users is held out, and a tenth of what they have is hidden. The table has the sum
of the probabilities of what their histories lack over the number of hidden interactions, of all of
them and by quintiles of activity; 1 is right.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.arguments import add_data, add_output, make_parser, prepare
from benchmarks.former import with_former
from skrec.base import BaseRecommender
from skrec.reproduce import load_data, make_system
from skrec.typing import CSRMatrix
from skrec.utils import hide_entries

__all__ = ["main", "ratios"]

_TEST_SHARE, _HIDDEN = 0.25, 0.1
_ROWS = {"likelihood": "logistic", "max_epochs": 30}
_SYSTEMS = {
    "EASE": ("EASERecommender", {"l2": 200.0}),
    "SLIM": ("SLIMRecommender", {"l2": 100.0}),
    "ItemKNN": ("ItemKNNRecommender", {}),
    "UserKNN": ("UserKNNRecommender", {}),
    "WMF": ("WMFRecommender", {"n_factors": 32, "max_epochs": 10}),
    "MF": ("MFClassifier", {"n_factors": 32, "max_epochs": 20}),
    "BPR": ("BPRMFRanker", {"n_factors": 32, "max_epochs": 20}),
    "NeuMF": ("NeuMFClassifier", {"max_epochs": 5}),
    "logistic CDAE": ("CDAERecommender", _ROWS),
    "logistic VAE": ("MultVAERecommender", _ROWS),
    "GER": ("GERRanker", {"n_factors": 16, "max_epochs": 5}),
}
_COLUMNS = ["all", *(f"quintile {i}" for i in range(1, 6))]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = make_parser("claims.calibration", __doc__)
    add_data(parser, ["ml-100k", "amazon-music"])
    parser.add_argument("--only", nargs="+", default=list(_SYSTEMS), choices=list(_SYSTEMS))
    add_output(parser, "calibration.csv", "CSV to write")
    options = parser.parse_args(argv)
    prepare(parser, options)
    rows = {}
    for data in options.data:
        train, test = _users_apart(data, options.data_home)
        for name in options.only:
            system, parameters = _SYSTEMS[name]
            small = {"max_epochs": 2} if options.smoke and "max_epochs" in parameters else {}
            model = make_system(system, with_former(system, {**parameters, **small}), seed=0).fit(
                train
            )
            rows[data, name] = ratios(model, test)
    table = pd.DataFrame.from_dict(rows, orient="index", columns=_COLUMNS)
    table.index = pd.MultiIndex.from_tuples(rows, names=["data", "system"])
    Path(options.output).parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.output)
    print(table.reset_index().round(2).to_string(index=False))


def _users_apart(data: str, data_home: str | None) -> tuple[CSRMatrix, CSRMatrix]:
    X = load_data(data, data_home).interactions.tocsr()
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
        Six of them; 1 is right. Users of whom nothing is shown are left out.
    """
    history, hidden = hide_entries(test, _HIDDEN, 0)
    shown = np.diff(history.indptr)
    proba = np.asarray(model.predict_proba(history))
    expected = np.where(history.toarray() == 0, proba, 0).sum(axis=1)
    happened = np.diff(hidden.indptr)
    # by what is shown: the length of the whole row would tell how much is hidden
    order = np.argsort(shown, kind="stable")
    order = order[shown[order] > 0]
    return [
        float(expected[g].sum() / happened[g].sum()) for g in (order, *np.array_split(order, 5))
    ]


if __name__ == "__main__":
    main()
