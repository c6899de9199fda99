"""``python -m benchmarks.speed NAME ...``: the commands of this folder by their last name."""

import importlib
import sys
from collections.abc import Sequence

from benchmarks.arguments import make_parser
from benchmarks.commands import list_commands

__all__ = ["main"]

_PREFIX = "benchmarks.speed."


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command of the folder with the arguments that follow its name."""
    names = [name[len(_PREFIX) :] for name in list_commands() if name.startswith(_PREFIX)]
    parser = make_parser("speed", "Run a command on speed; --help after its name tells more.")
    parser.add_argument("name", choices=names, metavar="name", help=", ".join(names))
    argv = list(sys.argv[1:] if argv is None else argv)
    name = parser.parse_args(argv[:1]).name
    importlib.import_module(f"{_PREFIX}{name}").main(argv[1:])


if __name__ == "__main__":
    main()
