"""Run a recipe, and set what comes out beside what was published."""

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from tqdm.auto import tqdm

import skrec
from skrec.datasets import fetch_movielens
from skrec.metrics import make_ranking_scorer
from skrec.reproduce._recipe import find_recipe
from skrec.reproduce._splits import strong_generalization_parts

__all__ = ["reproduce"]


def reproduce(
    paper,
    data,
    *,
    interactions=None,
    systems=None,
    parameters=None,
    test_users=None,
    random_state=0,
    n_jobs=None,
    data_home=None,
    verbose=0,
):
    """Run a table of a paper: its systems, settings, protocol and metrics.

    Parameters
    ----------
    paper, data : str
        A recipe, of `list_recipes`.
    interactions : Interactions, default=None
        Ratings to run on in place of the recipe's data set, which is loaded otherwise.
    systems : list of str, default=None
        Names of the rows to run; None runs all that skrec has.
    parameters : dict, default=None
        Replaces parameters of the estimators that have them, such as
        ``{"device": "cuda"}`` or fewer epochs.
    test_users : int, default=None
        Users to test on, and as many to validate on; None takes the paper's number.
    random_state : int, default=0
        Source of the split and of the estimators.
    n_jobs : int, default=None
        Systems that run at a time, as joblib understands it.
    data_home : str or path-like, default=None
        Folder of the data; None takes the environment variable ``SKREC_DATA``.
    verbose : int, default=0
        1 shows a progress bar over the systems.

    Returns
    -------
    table : DataFrame
        A row for each system and metric: ``system``, ``metric``, ``published``, ``ours``, the mean
        over users, its ``std_error``, the ``difference`` to what was published, ``n_users``,
        ``source`` and ``note``. What skrec has no estimator for is quoted alone.

    Raises
    ------
    ValueError
        If there is no such recipe or system.
    OSError
        If the data set is not there and cannot be downloaded.

    See Also
    --------
    list_recipes : What there is to run.

    Examples
    --------
    >>> from skrec.datasets import make_interactions
    >>> from skrec.reproduce import reproduce
    >>> ratings = make_interactions(400, 60, 8000, ratings=True, random_state=0).interactions
    >>> table = reproduce(
    ...     "mult_vae", "ml-20m", interactions=ratings, systems=["EASE"], test_users=50
    ... )
    >>> table[["system", "metric", "published"]].values.tolist()[0]
    ['EASE', 'recall@20', 0.391]
    """
    recipe = find_recipe(paper, data)
    chosen = _choose(recipe, systems)
    if interactions is None:
        interactions = _load(recipe.data, data_home)
    n_users = recipe.test_users if test_users is None else test_users
    parts = strong_generalization_parts(interactions, n_users, random_state)
    shared = {"random_state": random_state, **(parameters or {})}
    runs = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(_run)(system, recipe, parts, shared) for system in chosen
    )
    bar = tqdm(runs, total=len(chosen), desc=f"{paper} {data}", disable=not verbose)
    return pd.concat([_rows(recipe, *pair) for pair in zip(chosen, bar)], ignore_index=True)


def _choose(recipe, systems):
    names = [system.name for system in recipe.systems]
    unknown = [name for name in systems or [] if name not in names]
    if unknown:
        raise ValueError(f"systems must be among {names}; got {unknown}")
    return [s for s in recipe.systems if systems is None or s.name in systems]


def _load(data, data_home):
    return fetch_movielens(data.removeprefix("ml-"), data_home=data_home).interactions


def _run(system, recipe, parts, shared):
    """Fit and score a system; None where there is no estimator."""
    if system.estimator is None:
        return None
    train, validation, test = parts
    est = getattr(skrec, system.estimator)()
    names = est.get_params()
    watched = {"validation_data": validation} if system.parameters.get("early_stopping") else {}
    given = {**system.parameters, **watched, **shared}
    est.set_params(**{name: value for name, value in given.items() if name in names})
    return make_ranking_scorer(recipe.metrics).per_user(est.fit(train), *test)


def _rows(recipe, system, values):
    rows = pd.DataFrame({"metric": recipe.metrics}).assign(system=system.name)
    rows["published"] = [system.published.get(name, np.nan) for name in recipe.metrics]
    rows["ours"] = np.nan if values is None else values.mean().to_numpy()
    rows["std_error"] = np.nan if values is None else values.sem().to_numpy()
    rows["difference"] = rows["ours"] - rows["published"]
    rows["n_users"] = 0 if values is None else len(values)
    rows = rows.assign(source=f"{recipe.source}, table {recipe.table}", note=system.note)
    return rows[["system", *(name for name in rows if name != "system")]]
