"""How much memory the machine has, and a refusal of what cannot fit before it is allocated."""

import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["check_list_memory", "check_memory", "memory_limit"]

_ALWAYS_FINE = 2**28  # bytes that are not worth a look at the machine
_CGROUPS = Path("/sys/fs/cgroup")


def check_memory(n_bytes: float, what: str, instead: str) -> None:
    """Refuse what needs more memory than the machine has, before anything is allocated.

    Parameters
    ----------
    n_bytes : float
        The least that is needed. What is not known for sure is left out, so that nothing is
        refused that would have fitted.
    what : str
        What needs it, the sizes that decide included; the subject of the message.
    instead : str
        What to use or change instead; the end of the message.

    Raises
    ------
    MemoryError
        If the machine, or the container that the process runs in, has less memory.

    Examples
    --------
    >>> from skrec.utils import check_memory
    >>> check_memory(2**20, "a small matrix", "use a smaller one")
    """
    if n_bytes <= _ALWAYS_FINE:
        return
    limit = memory_limit()
    if limit is not None and n_bytes > limit:
        raise MemoryError(
            f"{what} needs at least {_readable(n_bytes)} of memory, and this machine has "
            f"{_readable(limit)}; {instead}"
        )


def check_list_memory(n_rows: int, n_items: int, n_bytes: int = 12) -> None:
    """Refuse lists that need more memory than the machine has.

    Parameters
    ----------
    n_rows : int
        Number of lists.
    n_items : int
        Their length, as a user asked for it.
    n_bytes : int, default=12
        Bytes of an entry; an int64 and a float32 where nothing is said.

    Raises
    ------
    MemoryError
        If the machine has less memory.
    """
    n_rows = max(n_rows, 1)  # NumPy makes no array of no rows that is too wide
    what = f"{n_rows:,} lists of n_items={n_items:,}"
    check_memory(n_bytes * n_rows * n_items, what, "choose a smaller n_items")


def memory_limit() -> int | None:
    """Return the memory that this process can have at most, in bytes; None if it is not known.

    Returns
    -------
    limit : int or None
        The least of the machine's memory, the limits of its control groups and that of its
        address space.
    """
    return min(_limits(), default=None)


def _limits() -> Iterator[int]:
    if hasattr(os, "sysconf") and {"SC_PAGE_SIZE", "SC_PHYS_PAGES"} <= set(os.sysconf_names):
        yield os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        import resource  # not on Windows
    except ImportError:
        return
    address_space = resource.getrlimit(resource.RLIMIT_AS)[0]
    if address_space != resource.RLIM_INFINITY:
        yield address_space
    yield from _cgroup_limits()


def _cgroup_limits() -> Iterator[int]:
    """Yield the limits of the process's control groups and their parents, of both versions."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            root, name = _CGROUPS, "memory.max"
        elif "memory" in controllers.split(","):
            root, name = _CGROUPS / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = root / path.lstrip("/")
        for folder in [group, *group.parents]:
            if folder.is_relative_to(root):
                yield from _limit_in(folder / name)


def _limit_in(file: Path) -> Iterator[int]:
    try:
        text = file.read_text().strip()
    except OSError:
        return
    if text.isdecimal():  # "max" is none
        yield int(text)


def _readable(n_bytes: float) -> str:
    size, units = float(min(n_bytes, 1e300)), ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:.3g} {units[0]}"
