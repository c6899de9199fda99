"""Try the claims about ConvNCF: its variants from the same trained vectors.

Each twin is trained once a seed and shared by the variants that start from its vectors. The claims
are differences between two variants, paired by seed. Cells that are in the CSV are not run again.
"""

import argparse
from collections.abc import Sequence
from functools import cache
from typing import Any

import pandas as pd
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from benchmarks.arguments import add_data, add_output, add_seeds, make_parser, prepare
from benchmarks.cells import is_finished, keep_rows, make_task
from benchmarks.claims.convncf_variants import CLAIMS, TWINS, VARIANTS
from benchmarks.former import with_former
from skrec.reproduce import (
    Cell,
    Outcome,
    Task,
    find_system,
    make_system,
    read_rows,
    run_system,
    score_system,
)

__all__ = ["main", "summary", "verdicts"]

_METRICS = ("sampled_hit_rate@10", "sampled_ndcg@10")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    prepare(parser, options)
    if options.smoke:
        options.factors = min(options.factors, 4)
    task = make_task(options.data, options)
    for seed in options.seeds:
        _run_seed(task, seed, options)
    table = _values(options)
    print(summary(table).to_string(), "\n")
    print(verdicts(table).to_string())


def _make_parser() -> argparse.ArgumentParser:
    parser = make_parser("claims.convncf", __doc__)
    parser.set_defaults(protocol="ncf")
    add_data(parser, "amazon-music")
    add_seeds(parser, [0, 1, 2, 3, 4])
    names = list(VARIANTS)
    parser.add_argument(
        "--variants", nargs="+", choices=names, default=names, metavar="NAME",
        help=f"of: {'; '.join(names)}",
    )  # fmt: skip
    parser.add_argument("--factors", type=int, default=32, help="width of all vectors; default: 32")
    add_output(parser, "convncf.csv")
    return parser


def _run_seed(task: Task, seed: int, options: argparse.Namespace) -> None:
    """Run the variants of a seed that are not in the CSV; each twin is trained once."""
    trained = cache(lambda twin: FrozenEstimator(_fit_twin(task, twin, seed, options)))
    for name in options.variants:
        cell, twin = _cell(name, seed, options), VARIANTS[name][2]
        if is_finished(options.output, cell.key):
            continue
        outcome = _run(task, name, cell, None if twin is None else trained(twin))
        print(f"{seed} {name}: {outcome.values[_METRICS[1]].mean():.4f}", flush=True)
        keep_rows(options.output, cell.key, outcome.rows())


def _cell(name: str, seed: int, options: argparse.Namespace) -> Cell:
    system, parameters, twin = VARIANTS[name]
    given = None if twin is None else TWINS[twin]
    parameters = dict(given[1] if parameters is None and given else parameters or {})
    key = {**_sized(system, parameters, options), "variant": name, "twin": given}
    return Cell(system, options.data, "ncf", seed, "given", key)


def _sized(system: str, parameters: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """Return the parameters of a system with as many factors, and perhaps few epochs."""
    sizes = {"n_factors": options.factors, **({"max_epochs": 2} if options.smoke else {})}
    names = find_system(system)().get_params()
    return parameters | {name: value for name, value in sizes.items() if name in names}


def _fit_twin(task: Task, twin: str, seed: int, options: argparse.Namespace) -> Any:
    system, parameters = TWINS[twin]
    parameters = with_former(system, _sized(system, parameters, options))
    return make_system(system, parameters, seed).fit(task.train)


def _run(task: Task, name: str, cell: Cell, twin: FrozenEstimator | None) -> Outcome:
    system, parameters, _ = VARIANTS[name]
    if parameters is None:  # the twin itself
        return score_system(task, clone(twin))
    parameters = {k: v for k, v in cell.parameters.items() if k not in ("variant", "twin")}
    if twin is not None:
        parameters["pretrain"] = twin
    return run_system(task, system, with_former(system, parameters), cell.seed)


def _values(options: argparse.Namespace) -> pd.DataFrame:
    """Return the means of the variants, one column a metric, indexed by variant and seed."""
    table = read_rows(options.output)
    cells = [_cell(name, seed, options) for name in options.variants for seed in options.seeds]
    names = {cell.key["parameters"]: cell.parameters["variant"] for cell in cells}
    mine = table["parameters"].isin(names) & table["seed"].isin(options.seeds)
    table = table[mine & table["metric"].isin(_METRICS) & (table["data"] == options.data)]
    table = table.assign(variant=table["parameters"].map(names))
    return table.pivot_table(index=["variant", "seed"], columns="metric", values="mean")


def summary(values: pd.DataFrame) -> pd.DataFrame:
    """Return mean and standard error over seeds of each variant, in the order of `VARIANTS`."""
    groups = values.groupby("variant")
    order = [name for name in VARIANTS if name in groups.groups]
    parts = {"mean": groups.mean(), "std_error": groups.sem(), "seeds": groups.size().to_frame()}
    return pd.concat(parts, axis=1).loc[order].round(4)


def verdicts(values: pd.DataFrame) -> pd.DataFrame:
    """Return for each claim the paired difference over seeds, its standard error, and z."""
    rows = {}
    for claim, (better, worse) in CLAIMS.items():
        names = values.index.get_level_values("variant")
        if better in names and worse in names:
            difference = values.loc[better] - values.loc[worse]
            mean, error = difference.mean(), difference.sem()
            rows[claim] = pd.concat({"difference": mean, "std_error": error, "z": mean / error})
    return pd.DataFrame(rows).T.round(4)


if __name__ == "__main__":
    main()
