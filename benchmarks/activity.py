"""Figure 3 of the Mult-VAE paper: NDCG@100 by how active users are, Mult-VAE against Mult-DAE.

Run from the checkout as ``python -m benchmarks.activity --help``. The test users of strong
generalisation are cut into quintiles by the length of the history that is shown; the systems meet
the same users, so a paired t-test compares them in each.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import quality
from skrec.inspection import ActivityDisplay, activity_quintiles

__all__ = ["main"]


def main(argv=None):
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    options.protocol = "strong"
    quality.prepare(parser, options)
    tables = {name: _one_data_set(name, options) for name in options.data}
    table = pd.concat(tables, names=["data"]).reset_index()
    Path(options.output).parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.output, index=False)
    print(table.to_string(index=False, float_format="{:.4f}".format))
    draw(tables, options.metric, options.figure or str(Path(options.output).with_suffix(".png")))


def _make_parser():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.activity",
        description="Compare two systems by quintiles of user activity, as CSV and figure.",
        epilog="Values of the users are read from --per-user, where benchmarks.quality may have "
        "saved them; what is missing there is run and saved.",
    )
    quality.add_common(parser)
    parser.set_defaults(systems=["MultVAERecommender", "MultDAERecommender"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], help="averaged over, per user")
    parser.add_argument("--metric", default="ndcg@100")
    parser.add_argument("--groups", type=int, default=5, help="number of groups")
    parser.add_argument("--per-user", default="benchmarks/results/users", metavar="DIR")
    parser.add_argument("--output", default="benchmarks/results/activity.csv", help="CSV to write")
    parser.add_argument("--figure", help="PNG to write; default: the CSV's name")
    return parser


def _one_data_set(name, options):
    """Give the table of a data set, from saved values or new runs."""
    values, activity, task = {}, None, None
    for system in options.systems:
        per_seed = []
        for cell in quality.cells_for(system, name, options):
            if cell.saved(options.per_user) is None:
                task = task or quality.make_task(name, options)
                quality.run_cell(cell, task, options.device).save(cell, options.per_user)
            saved = cell.saved(options.per_user)
            per_seed.append(saved[options.metric])
            activity = saved["activity"]
        values[system] = np.mean(per_seed, axis=0)
    return activity_quintiles(activity, values, n_groups=options.groups)


def draw(tables, metric, path):
    """Draw the figure of each data set, side by side."""
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
