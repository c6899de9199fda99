"""The parts of ``python -m benchmarks.claims.uncertainty``: the rows of each."""

from argparse import Namespace
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from skrec import CalibratedRecommender, Interactions
from skrec.inspection import partial_spearman, uncertainty_excess, user_uncertainty
from skrec.metrics import brier, expected_calibration_error, make_calibration_scorer
from skrec.model_selection import InteractionHoldout
from skrec.preprocessing import permute_items
from skrec.reproduce import Cell, make_protocol, make_system, score_system
from skrec.typing import Array

__all__ = ["NEED_POSTERIOR", "PARTS", "Case"]

_Row: TypeAlias = dict[str, Any]

_METRIC = "sampled_ndcg@10"
_TEST_SHARE = 0.1
_QUINTILES = 5
# the groups of table 4, for MovieLens
_EDGES = {"activity": np.arange(1.1, 3.6, 0.4), "diversity": np.linspace(0.4, 1, 7)}
_SYMBOLS = {"activity": "o1", "diversity": "o2"}


class Case:
    """A system on a data set with a seed; fits are shared by the parts.

    Parameters
    ----------
    cell : Cell
        What is run.
    dataset : Bunch
        From `load`.
    device : str, default=None
        Where torch systems run.
    """

    def __init__(self, cell: Cell, dataset: Bunch, device: str | None = None) -> None:
        self.cell = cell
        self.dataset = dataset
        self.device = device
        self.train = dataset.loo_train.tocsr()

    def new(self) -> Any:
        """Return the estimator, not fitted."""
        return make_system(self.cell.system, self.cell.parameters, self.cell.seed, self.device)

    @cached_property
    def model(self) -> Any:
        """The estimator, fitted to all but the test items."""
        return self.new().fit(self.train)

    @cached_property
    def placebo(self) -> Any:
        """The same on the same interactions with other items."""
        return self.new().fit(permute_items(self.train, random_state=self.cell.seed))

    @property
    def measure(self) -> str:
        """What the model's uncertainty is."""
        return "variance" if hasattr(self.model, "user_variances_") else "spread"


def _row(
    what: str,
    group: object,
    value: float,
    low: float = np.nan,
    high: float = np.nan,
    pvalue: float = np.nan,
    n: int = 0,
) -> _Row:
    return {
        "what": what,
        "group": str(group),
        "value": float(value),
        "low": float(low),
        "high": float(high),
        "pvalue": float(pvalue),
        "n": int(n),
    }


# uncertainty by groups of users


def by_groups(case: Case, options: Namespace) -> list[_Row]:
    """Return table 4, of the model and of its placebo."""
    rows = []
    for groups, symbol in _SYMBOLS.items():
        if groups == "diversity" and case.dataset.genres is None:
            continue
        both = {
            name: _user_uncertainty(case, est, groups)
            for name, est in {"": case.model, "placebo ": case.placebo}.items()
        }
        for name, result in both.items():
            rows += _rows_of_groups(f"{name}{case.measure}", symbol, result)
        rows += _excess(symbol, *both.values())
    return rows


def _user_uncertainty(case: Case, est: Any, groups: str) -> Bunch:
    """Group users by what they really have, whatever the model was fitted to."""
    edges = _EDGES[groups] if case.cell.data.startswith("ml-") else None
    return user_uncertainty(
        est,
        case.train,
        users=np.arange(case.train.shape[0]),
        groups=groups,
        item_groups=case.dataset.genres,
        measure=case.measure,
        edges=edges,
    )


def _rows_of_groups(what: str, symbol: str, result: Bunch) -> list[_Row]:
    rows = [
        _row(what, f"{symbol} {group}", row["mean"], row["low"], row["high"], n=row["n_users"])
        for group, row in result.table.iterrows()
    ]
    n = len(result.per_user.dropna(subset=["uncertainty", "value"]))
    what = f"{what}, rank correlation"
    rows.append(_row(what, symbol, result.correlation, pvalue=result.pvalue, n=n))
    if symbol != "o1":
        partial = result.partial_correlation
        rows.append(_row(what, f"{symbol} | n", partial, pvalue=result.partial_pvalue, n=n))
    return rows


def _excess(symbol: str, real: Bunch, placebo: Bunch) -> list[_Row]:
    rows = []
    for partial in (False, True) if symbol != "o1" else (False,):
        found = uncertainty_excess(real, placebo, partial=partial)
        group = f"{symbol} | n" if partial else symbol
        rows.append(
            _row("excess correlation", group, found.excess, found.low, found.high, n=found.n_users)
        )
    return rows


# spread and NDCG


def by_spread(case: Case, options: Namespace) -> list[_Row]:
    """Correlate the spread of each user's candidates with the user's NDCG."""
    task = make_protocol("ncf").test(case.dataset)
    values = score_system(task, case.model).values[_METRIC]
    users, ndcg = values.index.to_numpy(), values.to_numpy()
    n = np.diff(case.train.indptr)[users]
    rows = []
    for kind in ("scores", "probabilities"):
        spread = _candidate_spread(case, users, kind)
        what = f"spread of {kind} and {_METRIC}, rank correlation"
        for group, given in {"all": None, "all | n": n}.items():
            found = partial_spearman(spread, ndcg, given)
            rows.append(_row(what, group, found.statistic, pvalue=found.pvalue, n=len(users)))
        rows += _ndcg_by_fifths(case, users, spread, ndcg, f"{_METRIC} by spread of {kind}")
    return rows


def _candidate_spread(case: Case, users: Array, kind: str) -> Array:
    """Return each user's mean deviation over the test item and its negatives."""
    lists = np.column_stack([case.dataset.loo_test, case.dataset.loo_negatives])[users]
    row, column = np.nonzero(lists >= 0)
    items = lists[row, column]
    pairs = Interactions.from_arrays(users[row], items, frame=case.train.shape)
    function = case.model.decision_function if kind == "scores" else case.model.predict_proba
    _, std = function(pairs, return_std=True)
    return np.bincount(row, std) / np.bincount(row)


def _ndcg_by_fifths(case: Case, users: Array, spread: Array, ndcg: Array, what: str) -> list[_Row]:
    fifth = pd.qcut(spread, _QUINTILES, labels=False, duplicates="drop") + 1
    table = user_uncertainty(case.model, users=users, groups=fifth, measure=ndcg).table
    return [
        _row(what, f"fifth {group}", row["mean"], row["low"], row["high"], n=row["n_users"])
        for group, row in table.iterrows()
    ]


# calibration


def calibration(case: Case, options: Namespace) -> list[_Row]:
    """Judge probabilities of held-out interactions before and after calibration."""
    interactions = case.dataset.interactions
    train, test = next(InteractionHoldout(_TEST_SHARE, random_state=0).split(interactions))
    X, targets = interactions[train].tocsr(), interactions[test]
    scorer = make_calibration_scorer("brier", random_state=case.cell.seed)
    rows = []
    for method in options.methods:
        est = CalibratedRecommender(
            case.new(), method=method, hidden=_TEST_SHARE, random_state=case.cell.seed
        ).fit(X)
        if not rows:
            pairs = scorer.pairs(est.estimator_, targets)
            rows += _errors(pairs, "before")
            base_rate = np.average(pairs["outcome"], weights=pairs["weight"])
            rows += _errors(pairs.assign(proba=base_rate), "base rate")
        rows += _errors(scorer.pairs(est, targets), method)
    return rows


def _errors(pairs: pd.DataFrame, group: str) -> list[_Row]:
    outcome, proba, weight = (pairs[name].to_numpy() for name in ("outcome", "proba", "weight"))
    options = {"n_bins": 10, "strategy": "quantile"}
    values = {
        "brier": brier(outcome, proba, sample_weight=weight),
        "ece": expected_calibration_error(outcome, proba, sample_weight=weight, **options),
        "expected / found": (proba * weight).sum() / (outcome * weight).sum(),
    }
    return [_row(what, group, value, n=len(pairs)) for what, value in values.items()]


PARTS: dict[str, Callable[[Case, Namespace], Iterable[_Row]]] = {
    "groups": by_groups,
    "ndcg": by_spread,
    "calibration": calibration,
}
NEED_POSTERIOR = ("groups", "ndcg")
