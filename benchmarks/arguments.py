"""Arguments that commands share: parsers of one look, and what their options imply."""

import json
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from typing import Any

from skrec.reproduce import DATASETS, find_system, list_protocols, list_systems, make_protocol

__all__ = [
    "RESULTS",
    "add_compute",
    "add_data",
    "add_jobs",
    "add_output",
    "add_protocol",
    "add_seeds",
    "add_splits",
    "add_systems",
    "as_tuples",
    "make_parser",
    "parse_json",
    "prepare",
]

RESULTS = "benchmarks/results"
_SMOKE_USERS = 50  # test users of the synthetic data


def make_parser(command: str, doc: str | None, epilog: str = "") -> ArgumentParser:
    """Make the parser of a command.

    Parameters
    ----------
    command : str
        Its name below ``benchmarks``.
    doc : str or None
        Documentation of its file: the first line describes the command, the rest ends its help.
    epilog : str, default=""
        What follows after that.

    Returns
    -------
    parser : ArgumentParser
        Without arguments.
    """
    first, _, rest = (doc or "").partition("\n")
    return ArgumentParser(
        prog=f"python -m benchmarks.{command}",
        description=first,
        epilog=f"{rest.strip()}\n\n{epilog}".strip(),
        formatter_class=RawDescriptionHelpFormatter,
    )


def add_data(parser: ArgumentParser, default: str | list[str]) -> None:
    """Add the data sets, one or several as the default is, and ``--smoke``."""
    names, several = ", ".join(DATASETS), isinstance(default, list)
    text = " ".join(default) if isinstance(default, list) else default
    parser.add_argument(
        "--data",
        nargs="+" if several else None,
        default=default,
        help=f"{'data sets' if several else 'data set'}, of {names}; default: {text}",
    )
    parser.add_argument("--data-home", help="folder of the data; default: $SKREC_DATA")
    parser.add_argument("--smoke", action="store_true", help="tiny synthetic data, a quick run")


def add_protocol(parser: ArgumentParser, default: str) -> None:
    """Add the protocol."""
    help_text = f"how systems are trained and judged; default: {default}"
    parser.add_argument("--protocol", choices=list_protocols(), default=default, help=help_text)


def add_systems(
    parser: ArgumentParser,
    default: list[str] | None = None,
    otherwise: str = "all that have settings for the data",
) -> None:
    """Add the systems; `otherwise` describes what None stands for."""
    help_text = f"estimators by name; default: {' '.join(default) if default else otherwise}"
    parser.add_argument("--systems", nargs="+", default=default, help=help_text)


def add_splits(parser: ArgumentParser) -> None:
    """Add how protocols split."""
    parser.add_argument(
        "--test-users", type=int, help="strong: test users; default: 500, gowalla 3000"
    )
    parser.add_argument(
        "--split-seed", type=int, default=0, help="strong, ratings: seed of the split; default: 0"
    )
    parser.add_argument(
        "--train-share", type=float, default=0.7, help="ratings: share to train on; default: 0.7"
    )
    parser.add_argument(
        "--ranked-users", type=int, help="ratings: rank all items for so many users; default: all"
    )


def add_compute(parser: ArgumentParser) -> None:
    """Add where and how torch computes."""
    parser.add_argument("--device", help="where torch systems run; default: auto")
    parser.add_argument("--threads", type=int, help="threads of torch; default: its own")
    parser.add_argument(
        "--matmul-precision",
        choices=["highest", "high", "medium"],
        help="torch.set_float32_matmul_precision: medium takes bfloat16 where the CPU has units",
    )


def add_jobs(parser: ArgumentParser, what: str, minutes: float | None = None) -> None:
    """Add how many fits run at a time, and for how long each may train."""
    parser.add_argument(
        "--jobs",
        type=int,
        default=1,
        help=f"{what}s at a time, more than one with a thread each; default: 1",
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=minutes,
        help=f"end the training of a {what} after so many of processor time, with its epoch; the "
        f"best one counts, and a row says so; default: {minutes or 'no limit'}",
    )


def add_seeds(parser: ArgumentParser, default: list[int]) -> None:
    """Add the training seeds."""
    text = " ".join(map(str, default))
    help_text = f"training seeds; default: {text}"
    parser.add_argument("--seeds", nargs="+", type=int, default=default, help=help_text)


def add_output(parser: ArgumentParser, name: str, what: str = "CSV to extend") -> None:
    """Add the file of results, by default one of ``benchmarks/results``."""
    path = f"{RESULTS}/{name}"
    parser.add_argument("--output", default=path, help=f"{what}; default: {path}")


def parse_json(text: str) -> Any:
    """Return what JSON says, with tuples for lists, as parameters have them."""
    return as_tuples(json.loads(text))


def as_tuples(value: Any) -> Any:
    """Return a value with tuples in place of its lists."""
    if isinstance(value, dict):
        return {name: as_tuples(inner) for name, inner in value.items()}
    return tuple(map(as_tuples, value)) if isinstance(value, list | tuple) else value


def prepare(parser: ArgumentParser, options: Namespace) -> None:
    """Check the options of a command and put what they imply in place.

    Parameters
    ----------
    parser : ArgumentParser
        Ends the command where an option is wrong.
    options : Namespace
        With ``data`` and ``smoke``; the rest is looked at where it is there.
    """
    given = vars(options)
    if options.smoke:
        options.data = ["synthetic"] if isinstance(options.data, list) else "synthetic"
        if given.get("test_users"):
            options.test_users = min(options.test_users, _SMOKE_USERS)
    names = options.data if isinstance(options.data, list) else [options.data]
    unknown = [name for name in names if name not in DATASETS]
    if unknown:
        parser.error(f"--data must be among {list(DATASETS)}; got {unknown}")
    if given.get("systems"):
        _check_systems(parser, options)
    if given.get("set") != parser.get_default("set"):
        _check_set(parser, options)
    if not 0 < given.get("train_share", 0.5) < 1:
        parser.error(f"--train-share must lie in (0, 1); got {options.train_share}")
    for name in ("trials", "jobs", "minutes"):
        value = given.get(name)
        if isinstance(value, int | float) and value <= 0:
            parser.error(f"--{name} must be positive; got {value}")
    _set_up_torch(given.get("threads"), given.get("matmul_precision"))


def _check_systems(parser: ArgumentParser, options: Namespace) -> None:
    names = list_systems(make_protocol(options.protocol).feedback)
    for system in options.systems:
        if system not in names:
            parser.error(f"--systems must be among {names}; got {system!r}")


def _check_set(parser: ArgumentParser, options: Namespace) -> None:
    if not isinstance(options.set, dict):
        parser.error(f"--set must be a JSON object of parameters; got {options.set!r}")
    known = {name for system in options.systems for name in find_system(system)().get_params()}
    for name in options.set:
        if name not in known:
            parser.error(f"--set must name parameters of one of {options.systems}; got {name!r}")


def _set_up_torch(threads: int | None, precision: str | None) -> None:
    if not (threads or precision):
        return
    import torch  # only when asked: systems without torch run where it is broken

    if threads:
        torch.set_num_threads(threads)
    if precision:
        torch.set_float32_matmul_precision(precision)
