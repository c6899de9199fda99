"""Check what Python imports as ``skrec``: ``python -m skrec.check``.

Another library installs a package of the same name. This module needs nothing but the standard
library, so that it runs where files of the two are mixed or a dependency is missing.
"""

import hashlib
import re
import sys
import tomllib
from argparse import ArgumentParser
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.metadata import Distribution, PackageNotFoundError, distributions, version
from pathlib import Path
from typing import NamedTuple

import skrec

__all__ = ["main"]

DISTRIBUTION = "sklearn-recommenders"
_FOLDER = Path(__file__).parent
_FLOOR = re.compile(r"([A-Za-z0-9._-]+)>=([0-9.]+)")


class Finding(NamedTuple):
    """A line of the report, and whether it says that something is wrong."""

    text: str
    wrong: bool = False


def main() -> int:
    """Print which ``skrec`` is imported, what it runs on, and what is wrong.

    Returns
    -------
    status : int
        1 where another distribution installs a ``skrec`` too, files of this one are missing or
        replaced, a dependency is missing or too old, or torch cannot be imported; else 0.

    Examples
    --------
    >>> from skrec.check import main
    >>> status = main()
    skrec ...
    """
    installed = list(distributions())
    findings = [*check_package(installed), *check_dependencies(installed), check_torch()]
    for finding in findings:
        print(f"wrong: {finding.text}" if finding.wrong else finding.text)
    n_wrong = sum(finding.wrong for finding in findings)
    print(f"{n_wrong} wrong" if n_wrong else f"nothing is wrong: this is {DISTRIBUTION}")
    return int(n_wrong > 0)


def check_package(installed: Iterable[Distribution]) -> Iterator[Finding]:
    """Yield where ``skrec`` comes from, and what is wrong with its files."""
    found = owners(installed)
    labels = ", ".join(f"{name} {d.version}" for name, d in found.items())
    yield Finding(f"skrec {getattr(skrec, '__version__', 'without a version')} in {_FOLDER}")
    yield Finding(f"installed by {labels or 'no distribution: a source tree'}")
    faults = list(_package_faults(found))
    yield from (Finding(text, wrong=True) for text in faults)
    if faults:
        names = " ".join(sorted({"scikit-rec", DISTRIBUTION, *found}))
        text = f"to mend it, run `pip uninstall {names}`, then install {DISTRIBUTION} alone"
        yield Finding(text)


def _package_faults(found: dict[str, Distribution]) -> Iterator[str]:
    others = [name for name in found if name != DISTRIBUTION]
    if others:
        yield (
            f"{' and '.join(others)} installs a package skrec too: one hides the other, or files "
            "of both are mixed"
        )
    damaged = damaged_files(found[DISTRIBUTION]) if DISTRIBUTION in found else []
    if damaged:
        more = f" and {len(damaged) - 1} more" if len(damaged) > 1 else ""
        yield f"missing or replaced since {DISTRIBUTION} was installed: {damaged[0]}{more}"
    if "EASERecommender" not in getattr(skrec, "__all__", ()):
        yield f"skrec/__init__.py is missing or not that of {DISTRIBUTION}"


def owners(installed: Iterable[Distribution]) -> dict[str, Distribution]:
    """Return the distributions that install a top-level package ``skrec``, by name."""
    found: dict[str, Distribution] = {}
    for distribution in installed:
        if _installs_skrec(distribution):
            found.setdefault(_name(distribution), distribution)  # the first on the path counts
    return dict(sorted(found.items()))


def damaged_files(distribution: Distribution) -> list[str]:
    """Return the files of ``skrec`` that are not as the distribution has installed them."""
    files = ((f, f.hash) for f in distribution.files or () if f.parts[0] == "skrec")
    return [
        str(file)
        for file, recorded in files
        if recorded and _digest(Path(str(file.locate())), recorded.mode) != recorded.value
    ]


def check_dependencies(installed: Iterable[Distribution]) -> Iterator[Finding]:
    """Yield the version of each dependency beside the least one that will do."""
    for name, floor in floors(installed).items():
        try:
            present = version(name)
        except PackageNotFoundError:
            yield Finding(f"{name} is not installed; {name}>={floor} is needed", wrong=True)
        else:
            wrong = release(present) < release(floor)
            yield Finding(f"{name} {present} ({floor} or newer is needed)", wrong)


def floors(installed: Iterable[Distribution]) -> dict[str, str]:
    """Return the least version of each dependency, from the metadata or the source tree."""
    ours = next((d for d in installed if _name(d) == DISTRIBUTION), None)
    requirements = _source_requirements() if ours is None else ours.requires or []
    matches = (_FLOOR.match(r) for r in requirements if "extra ==" not in r)
    return {match[1]: match[2] for match in matches if match}


def check_torch() -> Finding:
    """Return whether torch can be imported, and whether it finds a CUDA device."""
    try:
        cuda = import_module("torch").cuda.is_available()
    except Exception as error:  # a broken torch raises ImportError, OSError, AttributeError, ...
        text = f"torch cannot be imported ({type(error).__name__}: {error})"
        left = "popularity, nearest neighbours, EASE and SLIM work without it, no other model does"
        return Finding(f"{text}; {left}", wrong=True)
    return Finding(f"torch can be imported; CUDA is {'' if cuda else 'not '}available")


def release(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, without what stands behind them and trailing zeros."""
    numbers = re.sub(r"[^0-9.].*", "", version).split(".")
    parts = [int(number) for number in numbers if number]
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def _name(distribution: Distribution) -> str:
    return re.sub(r"[-_.]+", "-", distribution.metadata["Name"] or "").lower()


def _installs_skrec(distribution: Distribution) -> bool:
    top_level = (distribution.read_text("top_level.txt") or "").split()  # editable ones have that
    return "skrec" in top_level or any(f.parts[0] == "skrec" for f in distribution.files or ())


def _digest(path: Path, algorithm: str) -> str | None:
    if not path.is_file():
        return None
    digest = hashlib.new(algorithm, path.read_bytes()).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")


def _source_requirements() -> list[str]:
    path = _FOLDER.parent / "pyproject.toml"
    if not path.is_file():
        return []
    return tomllib.loads(path.read_text("utf-8"))["project"]["dependencies"]


if __name__ == "__main__":
    parser = ArgumentParser("python -m skrec.check", description=str(__doc__).partition("\n")[0])
    unknown = parser.parse_known_args()[1]
    if unknown:
        parser.exit(2, f"{parser.prog}: error: it takes no arguments; got {' '.join(unknown)}\n")
    sys.exit(main())
