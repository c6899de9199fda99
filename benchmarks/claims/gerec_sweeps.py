"""Search GeRec's D, K and T, one at a time: the paper's table 2.

    python -m benchmarks.claims.gerec_sweeps --data ml-100k --epochs 10 --jobs 2

One GridSearchCV, each parameter alone with the others at their best. The latest interaction of each
user but one is found among 99 drawn negatives; the latest of all is the test's and is not looked
at. Means start from those of matrix factorisation with as many factors, as the settings for the
data have it; --scratch starts at random.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.model_selection import GridSearchCV

from benchmarks.arguments import add_data, add_output, make_parser, prepare
from benchmarks.former import with_former
from skrec import GeRecClassifier, Interactions
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import LeaveOneOut
from skrec.reproduce import find_settings, load_data, make_system, with_leave_one_out

__all__ = ["main", "search", "table_of"]

GRIDS = {"n_factors": [8, 16, 32, 64], "n_draws": [1, 5, 9, 13], "n_filters": [8, 16, 32, 64]}
_SMOKE = {"n_factors": [4, 8], "n_draws": [1, 2], "n_filters": [4]}
_SMALL = {"n_factors": 4, "n_draws": 2, "n_filters": 4, "hidden_size": 4}
_METRICS = "hit_rate", "ndcg"


def search(
    interactions: Interactions,
    grids: Mapping[str, Sequence[Any]],
    *,
    n_jobs: int | None = None,
    **parameters: Any,
) -> GridSearchCV:
    """Search each parameter alone.

    Parameters
    ----------
    interactions : Interactions
        The latest interaction of each user is left out to score on.
    grids : dict of str to list
        Values of each parameter.
    n_jobs : int, default=None
        Fits at a time.
    **parameters
        Of the estimator.

    Returns
    -------
    search : GridSearchCV
        Fitted, without a refit.
    """
    by = "random" if interactions.timestamp is None else "latest"
    estimator = GeRecClassifier(**parameters)
    return GridSearchCV(
        estimator,
        [point for name, values in grids.items() for point in _points(estimator, name, values)],
        scoring=make_ranking_scorer(_METRICS, k=10, n_negatives=99),
        cv=LeaveOneOut(by=by, random_state=0),
        refit=False,
        n_jobs=n_jobs,
        verbose=2,
        error_score="raise",
    ).fit(interactions)


def _points(
    estimator: GeRecClassifier, name: str, values: Sequence[Any]
) -> list[dict[str, list[Any]]]:
    """Return a grid for each value; what is started from has as many factors."""
    start = name == "n_factors" and hasattr(estimator.pretrain, "get_params")
    return [{name: [v], **({f"pretrain__{name}": [v]} if start else {})} for v in values]


def table_of(search: GridSearchCV) -> pd.DataFrame:
    """Return a row for each point: parameter, value, and metrics."""
    results = pd.DataFrame(search.cv_results_)
    points = pd.DataFrame(
        [next(iter(p.items())) for p in results["params"]], columns=["parameter", "value"]
    )
    metrics = results.filter(like="mean_test_").rename(columns=lambda n: n[len("mean_test_") :])
    return pd.concat([points, metrics, results[["mean_fit_time"]]], axis=1)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    prepare(parser, options)
    parameters = _parameters(options)
    data = with_leave_one_out(load_data(options.data, options.data_home))
    grids = _SMOKE if options.smoke else GRIDS
    table = table_of(search(data.loo_train, grids, n_jobs=options.jobs, **parameters))
    print(table.round(4).to_string(index=False))
    Path(options.output).parent.mkdir(parents=True, exist_ok=True)
    about = {"seed": options.seed, "epochs": parameters["max_epochs"]}
    start = "random" if parameters["pretrain"] is None else "pretrained"
    table.assign(data=options.data, start=start, **about).to_csv(options.output, index=False)


def _make_parser() -> argparse.ArgumentParser:
    parser = make_parser("claims.gerec_sweeps", __doc__)
    add_data(parser, "ml-100k")
    parser.add_argument("--epochs", type=int, default=10, help="default: 10")
    parser.add_argument("--scratch", action="store_true", help="start at random")
    parser.add_argument("--seed", type=int, default=0, help="training seed")
    parser.add_argument("--jobs", type=int, help="fits at a time")
    add_output(parser, "gerec_sweeps.csv", "CSV to write")
    return parser


def _parameters(options: argparse.Namespace) -> dict[str, Any]:
    """Return all parameters of the estimator."""
    given = find_settings("GeRecClassifier", options.data, "ncf").parameters
    given = with_former("GeRecClassifier", given)  # the paper's cube
    if options.scratch:
        given["pretrain"] = None
    given |= {"max_epochs": 1 if options.smoke else options.epochs, "n_samples": 5}
    given |= {"early_stopping": False}
    given |= _SMALL if options.smoke else {}
    return make_system("GeRecClassifier", given, options.seed).get_params(deep=False)


if __name__ == "__main__":
    main()
