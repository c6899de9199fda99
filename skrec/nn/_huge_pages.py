"""Memory in huge pages."""

import os
from functools import cache

import torch

__all__ = ["use_huge_pages"]

_SWITCH = "THP_MEM_ALLOC_ENABLE"


@cache
def use_huge_pages() -> None:
    """Make torch ask for huge pages, in a process in which it has made no tensor yet.

    On Linux the first touch of fresh memory is a good part of a batch over a large catalogue, and
    costs a third in huge pages. torch reads an environment variable for this once, at its first
    tensor. So the variable is set, a tensor is made, and the variable is removed again; a value
    that the user has set stays. Later calls do nothing, nor does one after the first tensor.
    """
    if _SWITCH in os.environ:
        return
    os.environ[_SWITCH] = "1"
    try:
        torch.empty(1)
    finally:
        os.environ.pop(_SWITCH, None)
