"""Compare Mult-VAE with Mult-DAE by activity of users: figure 3 of Mult-VAE.

The test users of strong generalisation are cut into quintiles by the length of the history that is
shown; the systems meet the same users, so a paired t-test compares them in each. Values of the
users are read from --per-user, where benchmarks.quality.run may have saved them; what is missing
there is run and saved.
"""

import argparse
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.arguments import (
    add_compute,
    add_data,
    add_output,
    add_seeds,
    add_splits,
    add_systems,
    make_parser,
    prepare,
)
from benchmarks.cells import USERS, cells_for, make_task, saved_values
from skrec.inspection import ActivityDisplay, activity_quintiles

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    prepare(parser, options)
    tables = {name: _one_data_set(name, options) for name in options.data}
    table = pd.concat(tables, names=["data"]).reset_index()
    Path(options.output).parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.output, index=False)
    print(table.to_string(index=False, float_format="{:.4f}".format))
    draw(tables, options.metric, options.figure or str(Path(options.output).with_suffix(".png")))


def _make_parser() -> argparse.ArgumentParser:
    parser = make_parser("claims.activity", __doc__)
    parser.set_defaults(protocol="strong")
    add_data(parser, ["ml-1m"])
    add_systems(parser, ["MultVAERecommender", "MultDAERecommender"])
    add_splits(parser)
    add_seeds(parser, [0])
    add_compute(parser)
    parser.add_argument("--metric", default="ndcg@100")
    parser.add_argument("--groups", type=int, default=5, help="number of groups; default: 5")
    parser.add_argument("--per-user", default=USERS, metavar="DIR", help=f"default: {USERS}")
    add_output(parser, "activity.csv", "CSV to write")
    parser.add_argument("--figure", help="PNG to write; default: the CSV's name")
    return parser


def _one_data_set(name: str, options: argparse.Namespace) -> pd.DataFrame:
    """Return the table of a data set; values of the users are means over the seeds."""
    task = cache(lambda: make_task(name, options))
    values, activity = {}, np.zeros(0)
    for system in options.systems:
        saved = [
            saved_values(cell, task, options.per_user, options.device)
            for cell in cells_for(system, name, options)
        ]
        values[system] = np.mean([seed[options.metric] for seed in saved], axis=0)
        activity = saved[0]["activity"]
    return activity_quintiles(activity, values, n_groups=options.groups)


def draw(tables: Mapping[str, pd.DataFrame], metric: str, path: str) -> None:
    """Draw the figure of each data set, side by side, into a file."""
    import matplotlib  # only here: the table needs no plots

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(tables), figsize=(5 * len(tables), 3.6), squeeze=False)
    for ax, (name, table) in zip(axes[0], tables.items()):
        ActivityDisplay(table, metric=metric).plot(ax)
        ax.set_title(name)
    figure.tight_layout()
    figure.savefig(path, dpi=150)
    plt.close(figure)
    print(f"figure: {path}")


if __name__ == "__main__":
    main()
