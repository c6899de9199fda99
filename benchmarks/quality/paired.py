"""Compare systems on the same users: means, differences and paired tests.

    python -m benchmarks.quality.paired --protocol strong --data ml-1m --reference EASERecommender

Reads what ``python -m benchmarks.quality.run --per-user DIR`` has saved. A user's value is the mean
over the training seeds; users of several splits count as different ones. All files of a system must
be of the same parameters; "settings" says which, and is "other" where they are not those of
`skrec.reproduce`, such as after a later tuning. Of models of ratings
(--protocol ratings) the errors to pair are "mse", the square of the table's RMSE, and "mae": a
user counts as often as there are ratings, so that the mean is the error over all ratings.

    python -m benchmarks.quality.paired --top 8 --ranks --plot strongest.png --metrics ndcg@100

takes the eight best systems alone, compares every pair of them, and ranks them with users as the
blocks of Friedman's test: average ranks, Nemenyi's critical difference, and its diagram.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.arguments import add_data, add_protocol, add_systems, make_parser, prepare
from benchmarks.cells import USERS, settings_text
from skrec.inspection import CriticalDifferenceDisplay
from skrec.model_selection import compare, compare_over_datasets
from skrec.reproduce import list_systems, make_protocol, smaller_is_better
from skrec.typing import Array

__all__ = ["load_values", "main", "table_of"]

# errors over all ratings, by what is saved of each user
_SUMS = {"mse": "squared_error", "mae": "absolute_error"}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    prepare(parser, options)
    if options.top:
        options.systems = strongest(options)
        if options.reference not in options.systems:
            options.reference = options.systems[0]
    table = table_of(options)
    print(table.round(4).to_string())
    if options.output:
        Path(options.output).parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(options.output)
    if options.ranks:
        _ranks(options)


def strongest(options: argparse.Namespace) -> list[str]:
    """Return the systems with the best means of the first metric, best first.

    Parameters
    ----------
    options : Namespace
        Of the command line, with ``top``, how many.

    Returns
    -------
    systems : list of str
        Their names.
    """
    metric = options.metrics[0]
    means = pd.Series({name: v.mean() for name, v in load_values(options, metric).items()})
    return list(means.sort_values(ascending=smaller_is_better(metric)).index[: options.top])


def _ranks(options: argparse.Namespace) -> None:
    """Print all pairs, and the average ranks over users with their critical difference."""
    metric = options.metrics[0]
    values = pd.DataFrame(load_values(options, metric))
    better = not smaller_is_better(metric)
    print(compare(values, greater_is_better=better).pairwise.round(4).to_string())
    ranks = compare_over_datasets(values, greater_is_better=better)
    print(f"{metric}, users in place of data sets: {ranks}")
    if options.plot:
        import matplotlib.pyplot as plt  # only when asked: it need not be installed

        display = CriticalDifferenceDisplay.from_comparison(ranks)
        display.figure_.savefig(options.plot, bbox_inches="tight")
        plt.close(display.figure_)


def _make_parser() -> argparse.ArgumentParser:
    parser = make_parser("quality.paired", __doc__)
    add_data(parser, "ml-1m")
    add_protocol(parser, "strong")
    add_systems(parser, otherwise="all that are there")
    parser.add_argument("--reference", default="MultVAERecommender", help="what others differ from")
    parser.add_argument("--metrics", nargs="+", default=["ndcg@100", "ndcg@20", "recall@50"])
    parser.add_argument("--per-user", metavar="DIR", default=USERS, help=f"default: {USERS}")
    parser.add_argument("--top", type=int, help="the best so many by the first metric alone")
    parser.add_argument("--ranks", action="store_true", help="all pairs, and ranks over users")
    parser.add_argument("--plot", help="with --ranks: picture of the diagram to write")
    parser.add_argument("--output", help="CSV to write")
    return parser


def table_of(options: argparse.Namespace) -> pd.DataFrame:
    """Return a row for each metric and system: mean, difference to the reference, tests.

    Parameters
    ----------
    options : Namespace
        Of the command line.

    Returns
    -------
    table : DataFrame
        Means and their standard errors over users; differences with paired intervals, and p-values
        corrected over all pairs of systems; where the parameters come from, as `settings_text`
        says it.
    """
    tables = {metric: _one_metric(metric, options) for metric in options.metrics}
    return pd.concat(tables, names=["metric"])


def _one_metric(metric: str, options: argparse.Namespace) -> pd.DataFrame:
    values = load_values(options, metric)
    if options.reference not in values:
        raise SystemExit(f"--reference must be among {sorted(values)}; got {options.reference!r}")
    found = compare(values)
    pairwise = found.pairwise.rename_axis(["a", "b"]).reset_index()
    rows = found.summary[["n_users", "mean", "std_error"]].copy()
    for sign, mine, other in ((1, "a", "b"), (-1, "b", "a")):
        pairs = pairwise[pairwise[other] == options.reference].set_index(mine)
        for name in ("difference", "ci_low", "ci_high"):
            rows.loc[pairs.index, name] = sign * pairs[name]
        rows.loc[pairs.index, "pvalue"] = pairs["t_pvalue_holm"]
    low, high = rows[["ci_low", "ci_high"]].min(axis=1), rows[["ci_low", "ci_high"]].max(axis=1)
    rows["relative"] = rows["difference"] / rows.loc[options.reference, "mean"]
    rows = rows.assign(ci_low=low, ci_high=high, settings=_settings(options, rows.index))
    return rows.sort_values("mean", ascending=smaller_is_better(metric))


def load_values(options: argparse.Namespace, metric: str) -> dict[str, Array]:
    """Return the values of the users of each system, of the splits and users that all have.

    Parameters
    ----------
    options : Namespace
        With ``per_user``, ``protocol``, ``data`` and ``systems``.
    metric : str
        Name of the metric.

    Returns
    -------
    values : dict of str to ndarray of shape (n_users,)
        In the same order.
    """
    found: dict[str, dict[str, list[pd.Series]]] = defaultdict(dict)
    for system in options.systems or list_systems(make_protocol(options.protocol).feedback):
        for split, path in _files(options, system):
            found[system].setdefault(split, []).append(_series(path, metric))
    return _aligned({system: splits for system, splits in found.items() if splits})


def _files(options: argparse.Namespace, system: str) -> list[tuple[str, Path]]:
    """Return split and path of the files of a system, all of which have the same parameters."""
    prefix = f"{options.protocol}-{options.data}-{system}-"
    files = []
    for path in sorted(Path(options.per_user).glob(f"{prefix}*.npz")):
        split, _, seed = path.stem.removeprefix(prefix).rpartition("-")
        if split and "-" not in split and seed.isdigit():  # else a longer name's
            files.append((split, path))
    for _, path in files:
        if _parameters(path) != _parameters(files[0][1]):
            raise SystemExit(
                f"--per-user must hold files of the same parameters for {system}; got "
                f"{files[0][1].name} and {path.name}: run the older one again, or remove it"
            )
    return files


def _parameters(path: Path) -> str:
    with np.load(path) as arrays:
        return str(arrays["parameters"])


def _settings(options: argparse.Namespace, systems: Iterable[str]) -> list[str]:
    first = {system: _files(options, system)[0][1] for system in systems}
    where = options.data, options.protocol
    return [settings_text(name, *where, _parameters(path)) for name, path in first.items()]


def _series(path: Path, metric: str) -> pd.Series:
    with np.load(path) as arrays:
        if metric not in _SUMS:
            return pd.Series(arrays[metric], index=arrays["user"])
        return pd.Series(arrays[_SUMS[metric]] / arrays["n_ratings"].mean(), index=arrays["user"])


def _aligned(found: Mapping[str, Mapping[str, list[pd.Series]]]) -> dict[str, Array]:
    shared = set.intersection(*(set(splits) for splits in found.values())) if found else set()
    if not shared:
        raise SystemExit("--per-user must hold values of a split that all systems have; got none")
    values = {}
    for system, splits in found.items():
        means = {split: pd.concat(splits[split], axis=1).mean(axis=1) for split in sorted(shared)}
        values[system] = pd.concat(means)
    table = pd.DataFrame(values).dropna()
    return {system: table[system].to_numpy() for system in table}


if __name__ == "__main__":
    main()
