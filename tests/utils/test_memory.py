"""What cannot fit is refused before it is allocated, and nothing else."""

import os
from pathlib import Path

import pytest

from skrec.utils import _memory, check_list_memory, check_memory, memory_limit

PHYSICAL = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_the_limit_is_at_most_what_the_machine_has():
    limit = memory_limit()
    assert limit is not None
    assert 0 < limit <= PHYSICAL


def test_more_than_the_limit_is_refused_in_words(monkeypatch):
    monkeypatch.setattr(_memory, "memory_limit", lambda: 2 * 10**9)
    check_memory(2 * 10**9, "a matrix", "use less")
    with pytest.raises(MemoryError) as error:
        check_memory(8e12, "a matrix of 1,000,000 items", "use less")
    assert str(error.value) == (
        "a matrix of 1,000,000 items needs at least 8 TB of memory, and this machine has 2 GB; "
        "use less"
    )


def test_what_is_small_is_never_refused(monkeypatch):
    monkeypatch.setattr(_memory, "memory_limit", lambda: 1)
    check_memory(2**20, "a matrix", "use less")


def test_a_machine_that_says_nothing_refuses_nothing(monkeypatch):
    monkeypatch.setattr(_memory, "_limits", lambda: iter(()))
    assert memory_limit() is None
    check_memory(1e30, "a matrix", "use less")


@pytest.mark.parametrize(
    ("line", "file"),
    [("0::/job/step", "job/memory.max"), ("4:memory,cpu:/job", "memory/memory.limit_in_bytes")],
)
def test_limits_of_control_groups_count(line, file, tmp_path, monkeypatch):
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text("12345\n")
    (tmp_path / "memory.max").write_text("max\n")
    read = Path.read_text
    monkeypatch.setattr(_memory, "_CGROUPS", tmp_path)
    monkeypatch.setattr(
        Path, "read_text", lambda self: line if str(self) == "/proc/self/cgroup" else read(self)
    )
    assert list(_memory._cgroup_limits()) == [12345]


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [(999, "999 bytes"), (23.5e9, "23.5 GB"), (4e18, "4 EB"), (4e48, "4e+30 EB")],
)
def test_sizes_are_readable(n_bytes, text):
    assert _memory._readable(n_bytes) == text


@pytest.mark.parametrize(("n_rows", "n_items"), [(5, 10**12), (1, 2**63), (0, 2**63), (1, 10**400)])
def test_lists_that_are_too_long_name_their_length(n_rows, n_items):
    with pytest.raises(MemoryError, match=r"lists of n_items=[0-9,]+ needs at least"):
        check_list_memory(n_rows, n_items)
    check_list_memory(n_rows, 1000)
