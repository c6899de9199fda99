"""``python -m skrec.reproduce --help``."""

import argparse
import json

from skrec.reproduce import list_recipes, reproduce

_EPILOG = """\
Settings are the papers'. --parameters replaces some of them, as JSON: '{"device": "cuda"}'. The
split is drawn anew, so that figures agree with the published ones only within the standard errors.
"""


def main(argv=None):
    """Run the command line."""
    parser = _make_parser()
    options = parser.parse_args(argv)
    if options.list or options.paper is None:
        for recipe in list_recipes():
            print(f"{recipe.paper} {recipe.data}: table {recipe.table} of {recipe.source}")
        return
    try:
        table = reproduce(
            options.paper,
            options.data,
            systems=options.systems,
            parameters=options.parameters,
            test_users=options.test_users,
            random_state=options.seed,
            n_jobs=options.jobs,
            data_home=options.data_home,
            verbose=1,
        )
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(table.drop(columns=["source"]).round(4).to_string(index=False))
    if options.output:
        table.to_csv(options.output, index=False)


def _make_parser():
    parser = argparse.ArgumentParser(
        prog="python -m skrec.reproduce",
        description="Run a table of a paper.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paper", nargs="?")
    parser.add_argument("data", nargs="?")
    parser.add_argument("--list", action="store_true", help="name the recipes")
    parser.add_argument("--systems", nargs="+", help="rows of the table; default: all")
    parser.add_argument("--parameters", type=json.loads, help="JSON of parameters to replace")
    parser.add_argument("--test-users", type=int, help="default: the paper's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, help="systems at a time")
    parser.add_argument("--data-home", help="folder of the data; default: $SKREC_DATA")
    parser.add_argument("--output", help="CSV to write")
    return parser


if __name__ == "__main__":
    main()
