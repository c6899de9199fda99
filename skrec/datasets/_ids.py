"""Whether the ids of a text file are integers as a person would write them."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from skrec.datasets._files import TextFile, check_text
from skrec.typing import Array

__all__ = ["INTEGER", "SIGNED", "as_integers", "scan"]

INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")
SIGNED = re.compile(r"\s*[-+]?[0-9]+\s*")  # what `int` reads too
_BREAKS = b'\n\r"'
_BLANKS = b" \t\v\f"


def scan(text: TextFile, sep: str) -> bool:
    """Return whether a field may be no integer though it is read as one, such as 007, +7 and -0.

    The bytes are checked on the way: a binary file and one that is not UTF-8 are errors. True can
    be too careful (it asks for a closer look), False is sure.
    """
    spaces = len(sep) > 1
    blanks = b"" if spaces else _BLANKS.replace(sep.encode(), b"")
    edges = _BREAKS + (_BLANKS if spaces else sep.encode())
    found, checked = False, False
    for block in text.blocks():
        if not checked or b"\0" in block:
            check_text(text, block)
            checked = not block.isascii()  # that has checked the whole file
        found = found or (spaces and b'"' in block) or _is_odd(block, edges, blanks)
    return found


def _is_odd(block: bytes, edges: bytes, blanks: bytes) -> bool:
    """Return whether a field starts with a sign, a leading zero or a blank, or ends with one."""
    blanks, edges = _present(blanks, block), _present(edges, block)
    if not edges:
        return False
    array = np.frombuffer(block, dtype=np.uint8)
    first, second, third = array[:-2], array[1:-1], array[2:]
    odd = second == ord("0")
    odd &= (third - ord("0")) < 10  # wraps below "0"
    if b"+" in block:
        odd |= second == ord("+")
    if b"-" in block:
        odd |= (second == ord("-")) & (third == ord("0"))
    if blanks:
        odd |= _is_in(second, blanks)
    odd &= _is_in(first, edges)
    if blanks and (_is_in(array[:-1], blanks) & _is_in(array[1:], edges)).any():
        return True
    return bool(odd.any())


def _present(values: bytes, block: bytes) -> bytes:
    return bytes(value for value in values if value in block)


def _is_in(array: Array, values: bytes) -> Array:
    found = array == values[0]
    for value in values[1:]:
        found |= array == value
    return found


def as_integers(texts: pd.Series, pattern: re.Pattern[str] = INTEGER) -> Array | None:
    """Return the ids as int64 if all are integers of the pattern and fit, else None."""
    codes, distinct = pd.factorize(texts)
    if not all(pattern.fullmatch(text) for text in distinct):
        return None
    try:
        return np.array([int(text) for text in distinct], dtype=np.int64)[codes]
    except OverflowError:
        return None
