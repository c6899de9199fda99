"""``python -m benchmarks.quality.page docs/results.md``; nothing is run."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.quality.page import make_page

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, default=None
        Its arguments; None takes those of the process.
    """
    options = _make_parser().parse_args(argv)
    text = make_page(options.store, data_home=options.data_home)
    Path(options.page).write_text(text, "utf-8")


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality.page",
        description="Write all tables of all papers as one page, from cells that are finished.",
    )
    parser.add_argument("page", help="the Markdown file to write, such as docs/results.md")
    parser.add_argument(
        "--store",
        default="benchmarks/results/quality.csv",
        help="CSV of finished cells; studies are read from the files beside it",
    )
    parser.add_argument("--data-home", help="folder of the data; default: $SKREC_DATA")
    return parser


if __name__ == "__main__":
    main()
