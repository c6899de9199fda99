"""Figure 3 of the Mult-VAE paper: NDCG@100 by how active users are, Mult-VAE against Mult-DAE.

Run from the checkout as ``python -m benchmarks.activity --help``. The test users of strong
generalisation are cut into quintiles by the length of the history that is shown; the systems meet
the same users, so a paired t-test compares them in each.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks import quality

__all__ = ["activity_groups", "by_activity", "main"]


def main(argv=None):
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    options.protocol = "strong"
    quality.prepare(parser, options)
    tables = [_one_data_set(name, options) for name in options.data]
    table = pd.concat(tables, keys=options.data, names=["data"]).reset_index()
    Path(options.output).parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.output, index=False)
    print(table.to_string(index=False, float_format="{:.4f}".format))
    draw(table, options.metric, options.figure or str(Path(options.output).with_suffix(".png")))


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


def activity_groups(activity, n_groups):
    """Cut users into groups of nearly one size by activity; users of one activity stay together.

    Parameters
    ----------
    activity : ndarray of int of shape (n_users,)
        Interactions that are shown of each user.
    n_groups : int
        How many.

    Returns
    -------
    groups : ndarray of int of shape (n_users,)
        0 for the least active.
    """
    cuts = np.quantile(activity, np.arange(1, n_groups) / n_groups)
    return np.searchsorted(cuts, activity, side="left")


def by_activity(values, activity, n_groups=5):
    """Compare two systems on the same users, group by group.

    Parameters
    ----------
    values : dict of str to ndarray of shape (n_users,)
        A metric of each user by system, of two systems.
    activity : ndarray of int of shape (n_users,)
        Interactions that are shown of each user.
    n_groups : int, default=5
        Number of groups.

    Returns
    -------
    table : DataFrame
        A row a group: range of activity, mean and standard error of each system, the difference
        first minus second, and the p-value of the paired t-test.
    """
    (first, a), (second, b) = values.items()
    groups = activity_groups(activity, n_groups)
    rows = []
    for group in np.unique(groups):
        users = groups == group
        row = {"group": group + 1, "n_users": users.sum()}
        row |= {"least": activity[users].min(), "most": activity[users].max()}
        for name, value in ((first, a), (second, b)):
            row |= {name: value[users].mean(), f"{name}_std_error": stats.sem(value[users])}
        row |= {"difference": (a - b)[users].mean()}
        row |= {"p_value": stats.ttest_rel(a[users], b[users]).pvalue}
        rows.append(row)
    return pd.DataFrame(rows).set_index("group")


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
    return by_activity(values, activity, options.groups)


def draw(table, metric, path):
    """Draw means with one standard error by group; a star where the paired p-value is below .05."""
    import matplotlib  # only here: the table needs no plots

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    systems = [c.removesuffix("_std_error") for c in table if c.endswith("_std_error")]
    names = table["data"].unique()
    figure, axes = plt.subplots(1, len(names), figsize=(5 * len(names), 3.6), squeeze=False)
    for ax, name in zip(axes[0], names):
        part = table[table["data"] == name]
        _draw_one(ax, part, systems)
        ax.set(title=name, xlabel="interactions shown", ylabel=metric)
    axes[0][0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=150)
    plt.close(figure)
    print(f"figure: {path}")


def _draw_one(ax, part, systems):
    places = np.arange(len(part))
    for shift, system in zip((-0.2, 0.2), systems):
        errors = part[f"{system}_std_error"]
        ax.bar(places + shift, part[system], 0.38, yerr=errors, capsize=3, label=system)
    tops = np.max([part[s] + part[f"{s}_std_error"] for s in systems], axis=0)
    for place, top, p_value in zip(places, tops, part["p_value"]):
        if p_value < 0.05:
            ax.text(place, top, "*", ha="center", va="bottom")
    ax.set_xticks(places, [f"{low}-{high}" for low, high in zip(part["least"], part["most"])])


if __name__ == "__main__":
    main()
