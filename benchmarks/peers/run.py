"""Time single tasks beside the peers that have them.

Peers run in virtual environments of their own under .venv-peers/, or in the folder that SKREC_PEERS
names. An environment is made when a task first asks for it.
"""

from collections.abc import Sequence

from benchmarks.arguments import make_parser
from benchmarks.peers.tasks import TASKS, add_peer_options, check_peers
from benchmarks.speed.command import NOTES, describe_tasks, record, scratch_folder

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = make_parser("peers.run", __doc__, f"{describe_tasks(TASKS)}\n\n{NOTES}")
    parser.add_argument("tasks", nargs="+", metavar="task", help="see below")
    add_peer_options(parser)
    options = parser.parse_args(argv)
    check_peers(parser, options)
    with scratch_folder(options):
        for name in options.tasks:
            record(name, TASKS[name](options), options)


if __name__ == "__main__":
    main()
