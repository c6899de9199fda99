"""Quality: systems x data sets x a protocol -> CSV and a table on the screen.

Run from the checkout as ``python -m benchmarks.quality --help``.
"""

import argparse

from benchmarks import results
from skrec.reproduce import _cells, _data, _store, _systems
from skrec.reproduce._protocols import PROTOCOLS
from skrec.reproduce._settings import SETTINGS, settings_of

__all__ = ["main"]

_SMOKE = {
    "max_epochs": 2,
    "hidden_sizes": (8,),
    "latent_size": 8,
    "anneal_steps": 10,
    "n_factors": 8,
    "n_feature_maps": 2,
    "n_draws": 2,
    "n_filters": 4,
    "n_samples": 2,
    "n_pseudo_inputs": 5,
    "hidden_size": 8,
    "joined_size": 8,
    "pretrain_epochs": 1,
    "fold_in_steps": 2,
}

_EPILOG = """\
protocols:
  ncf     leave one out, 99 given negatives, all ratings count as 1: HR and NDCG at 3, 5, 10, 20
          (ml-1m, amazon-music; ml-100k with the latest item of each user); "warm": of the users
          whose test item somebody has in training
  strong  strong generalisation: ratings >= 4, users with >= 5, 500 validation and 500 test users,
          80 % of a history shown: NDCG@100, NDCG@20, Recall@50, @20, @10 (all MovieLens sets;
          gowalla, without ratings, with --test-users 3000)
  weak    the data set's own test, full ranking: Recall@20 by the number of targets, NDCG@20
          (gowalla, ml-100k); "gowalla" is another name for it
  ratings ratings split at random, 70 % to train, 15 % to validate, 15 % to test: RMSE and MAE over
          all test ratings; Recall and NDCG at 20 and 50 of items rated higher than 3, of users with
          two or more test items, among all items without training ratings ("own": among the user's
          own test items). Models of ratings run here and nowhere else (all MovieLens sets)

A cell whose rows are in the CSV is not run again. Values of the users, saved with --per-user, are
paired by skrec.model_selection.compare.
"""


def main(argv=None):
    """Run the command line."""
    parser = make_parser()
    options = parser.parse_args(argv)
    prepare(parser, options)
    for name in options.data:
        _run_data(name, options)
    table = _store.read(options.output)
    if table.empty:
        parser.error("no results")
    mine = table["data"].isin(options.data) & (table["protocol"] == options.protocol)
    if options.protocol == "ratings":  # other shares of the data are other tables
        mine &= table["split"].str.startswith(f"{100 * options.train_share:g}r")
    if options.systems:
        mine &= table["system"].isin(options.systems)
    print(results.quality_table(table[mine]).to_string())
    print("mean ± standard error over users (standard error over seeds and splits)")
    if options.protocol == "ratings":
        print("rmse, mae: over all ratings, standard errors by the delta method over users")


def make_parser():
    """Make the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality",
        description="Measure the quality of recommendations, as the papers do.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_common(parser)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], help="training seeds")
    parser.add_argument("--output", default="benchmarks/results/quality.csv", help="CSV to extend")
    parser.add_argument("--per-user", metavar="DIR", help="save the values of the users as npz")
    return parser


def add_common(parser):
    """Add the options that all commands on quality share."""
    names = ", ".join(_data.DATASETS)
    parser.add_argument("--data", nargs="+", default=["ml-1m"], help=f"data sets, of {names}")
    parser.add_argument("--data-home", help="folder of the data; default: $SKREC_DATA")
    parser.add_argument("--protocol", choices=[*PROTOCOLS, "gowalla"], default="ncf")
    parser.add_argument("--systems", nargs="+", help="estimators by name; default: all")
    parser.add_argument("--test-users", type=int, default=500, help="strong: test users")
    parser.add_argument(
        "--split-seed", type=int, default=0, help="strong, ratings: source of the split"
    )
    parser.add_argument(
        "--train-share", type=float, default=0.7, help="ratings: share to train on; default: 0.7"
    )
    parser.add_argument(
        "--ranked-users", type=int, help="ratings: rank all items for so many users; default: all"
    )
    parser.add_argument("--device", help="where torch systems run; default: auto")
    parser.add_argument("--threads", type=int, help="threads of torch; default: its own")
    parser.add_argument(
        "--matmul-precision",
        choices=["highest", "high", "medium"],
        help="torch.set_float32_matmul_precision: medium takes bfloat16 where the CPU has units",
    )
    parser.add_argument("--smoke", action="store_true", help="tiny synthetic data, two epochs")


def prepare(parser, options):
    """Check the options and put what they imply in place."""
    if options.protocol == "gowalla":
        options.protocol = "weak"
    if options.smoke:
        options.data, options.test_users = ["synthetic"], min(options.test_users, 50)
    unknown = [name for name in options.data if name not in _data.DATASETS]
    if unknown:
        parser.error(f"--data must be among {list(_data.DATASETS)}; got {unknown}")
    names = _systems.list_systems(PROTOCOLS[options.protocol].feedback)
    for system in options.systems or []:
        if system not in names:
            parser.error(f"--systems must be among {names}; got {system!r}")
    if not 0 < options.train_share < 1:
        parser.error(f"--train-share must lie in (0, 1); got {options.train_share}")
    _set_up_torch(options)


def _set_up_torch(options):
    if not (options.threads or options.matmul_precision):
        return
    import torch  # only when asked: systems without torch run where it is broken

    if options.threads:
        torch.set_num_threads(options.threads)
    if options.matmul_precision:
        torch.set_float32_matmul_precision(options.matmul_precision)


def systems_for(name, options):
    """Give the systems to run on a data set: those named, else all that have settings, else all."""
    if options.systems:
        return options.systems
    names = _systems.list_systems(PROTOCOLS[options.protocol].feedback)
    return [s for s in names if (s, name, options.protocol) in SETTINGS] or names


def cells_for(system, name, options):
    """Give the cells of a system: one a seed, or one alone where no seed matters."""
    parameters = parameters_for(system, name, options)
    seeds = options.seeds if _systems.has_seed(system) else [0]
    split = PROTOCOLS[options.protocol](options).split
    return [_cells.Cell(system, name, options.protocol, seed, split, parameters) for seed in seeds]


def parameters_for(system, name, options):
    """Give the parameters of a system: those of its row in the settings, else none."""
    parameters, known = settings_of(system, name, options.protocol)
    if not known:
        print(f"{system} on {name} has no row in skrec/reproduce/_settings: defaults")
    if options.smoke:
        names = _systems.find_system(system)().get_params()
        parameters |= {key: value for key, value in _SMOKE.items() if key in names}
    return parameters


def make_task(name, options):
    """Load a data set and make its test task."""
    return PROTOCOLS[options.protocol](options).test(_data.load(name, options.data_home))


def run_cell(cell, task, device=None):
    """Run a cell and say so."""
    outcome = _cells.run(task, cell.system, cell.parameters, cell.seed, device)
    figures = "  ".join(f"{k} {v:.4f}" for k, v in outcome.summary["mean"].items())
    print(f"{cell.name}: {figures}  ({outcome.fit_seconds:.1f} s)", flush=True)
    return outcome


def _run_data(name, options):
    task = None
    for system in systems_for(name, options):
        for cell in cells_for(system, name, options):
            if _is_there(cell, options):
                continue
            task = task or make_task(name, options)
            outcome = run_cell(cell, task, options.device)
            _store.append(options.output, [{**cell.key, **row} for row in outcome.rows()])
            if options.per_user:
                outcome.save(cell, options.per_user)


def _is_there(cell, options):
    saved = not options.per_user or cell.saved(options.per_user) is not None
    return saved and _store.has_rows(options.output, cell.key)


if __name__ == "__main__":
    main()
