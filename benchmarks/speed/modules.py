"""Compare ConvNCF's tower and GeRec's module with plain ways to compute them.

convncf  plain convolutions, ours, and the tower's matrix products alone
gerec    the naive cube, ours, and what scoring all items by sides saves
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

import torch

from benchmarks.arguments import make_parser
from benchmarks.speed.convncf_tower import compare_towers
from benchmarks.speed.gerec_module import arithmetic_share, compare_modules

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = make_parser("speed.modules", __doc__)
    modules = parser.add_subparsers(dest="module", required=True)
    convncf, gerec = modules.add_parser("convncf"), modules.add_parser("gerec")
    _add_sizes(convncf, batch=512, items="two", factors=64, maps=32)
    _add_sizes(gerec, batch=64, items="five", factors=64, draws=9, filters=64)
    options = parser.parse_args(argv)
    torch.set_num_threads(options.threads)
    (_convncf if options.module == "convncf" else _gerec)(options)


def _add_sizes(parser: ArgumentParser, batch: int, items: str, **sizes: int) -> None:
    sizes |= {"threads": 2, "rounds": 9}
    for name, value in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=value, help=f"default: {value}")
    help_text = f"users, with {items} items each; default: {batch}"
    parser.add_argument("--batch", type=int, default=batch, help=help_text)


def _convncf(options: Namespace) -> None:
    table = compare_towers(options.factors, options.maps, options.batch, options.rounds)
    print(table.round(4).to_string())


def _gerec(options: Namespace) -> None:
    sizes = options.factors, options.draws, options.filters
    table, difference = compare_modules(*sizes, options.batch, options.rounds)
    print(table.round(4).to_string())
    print(f"largest relative difference of scores and gradients {difference:.1e}")
    print(f"multiplications of ours against the naive cube {arithmetic_share(*sizes):.3f}")


if __name__ == "__main__":
    main()
