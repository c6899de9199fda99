"""GeRec's table 2: one GridSearchCV over D, K and T, each alone with the others at their best.

    python -m benchmarks.gerec_sweeps [--data ml-100k] [--epochs 10] [--jobs 2]

The latest interaction of each user but one is found among 99 drawn negatives; the latest of all is
the test's and is not looked at. Means start from those of matrix factorisation with as many
factors, as the row of the settings for the data has it; ``--scratch`` starts at random.
Results are rows of results/gerec_sweeps.csv.
"""

import argparse
from pathlib import Path

import pandas as pd
from sklearn.model_selection import GridSearchCV

from skrec import GeRecClassifier
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import LeaveOneOut
from skrec.reproduce import _data
from skrec.reproduce._settings import settings_of
from skrec.reproduce._systems import make_system

__all__ = ["main", "search"]

GRIDS = {"n_factors": [8, 16, 32, 64], "n_draws": [1, 5, 9, 13], "n_filters": [8, 16, 32, 64]}
_SMOKE = {"n_factors": [4, 8], "n_draws": [1, 2], "n_filters": [4]}
_SMALL = {"n_factors": 4, "n_draws": 2, "n_filters": 4, "hidden_size": 4}
_METRICS = "hit_rate", "ndcg"


def search(interactions, grids, *, n_jobs=None, **parameters):
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


def _points(estimator, name, values):
    """Give a grid for each value; what is started from has as many factors."""
    twin = name == "n_factors" and estimator.pretrain is not None
    return [{name: [v], **({f"pretrain__{name}": [v]} if twin else {})} for v in values]


def table_of(search):
    """Give a row for each point: parameter, value, and metrics."""
    results = pd.DataFrame(search.cv_results_)
    points = pd.DataFrame(
        [next(iter(p.items())) for p in results["params"]], columns=["parameter", "value"]
    )
    metrics = results.filter(like="mean_test_").rename(columns=lambda n: n[len("mean_test_") :])
    return pd.concat([points, metrics, results[["mean_fit_time"]]], axis=1)


def main(argv=None):
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gerec_sweeps", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--data", default="ml-100k")
    parser.add_argument("--data-home", help="folder of the data; default: $SKREC_DATA")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--scratch", action="store_true", help="start at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, help="fits at a time")
    parser.add_argument("--output", default="benchmarks/results/gerec_sweeps.csv")
    parser.add_argument("--smoke", action="store_true", help="tiny synthetic data")
    options = parser.parse_args(argv)
    name = "synthetic" if options.smoke else options.data
    interactions = _data.with_leave_one_out(_data.load(name, options.data_home)).loo_train
    parameters, _ = settings_of("GeRecClassifier", name, "ncf")
    if options.scratch:
        parameters.pop("pretrain", None)
    parameters |= {"max_epochs": 1 if options.smoke else options.epochs, "n_samples": 5}
    parameters |= _SMALL if options.smoke else {}
    parameters = make_system("GeRecClassifier", parameters).get_params(deep=False)
    found = search(
        interactions,
        _SMOKE if options.smoke else GRIDS,
        n_jobs=options.jobs,
        **{**parameters, "random_state": options.seed},
    )
    table = table_of(found)
    print(table.round(4).to_string(index=False))
    Path(options.output).parent.mkdir(parents=True, exist_ok=True)
    about = {"seed": options.seed, "epochs": parameters["max_epochs"]}
    start = "random" if parameters["pretrain"] is None else "pretrained"
    table.assign(data=name, start=start, **about).to_csv(options.output, index=False)


if __name__ == "__main__":
    main()
