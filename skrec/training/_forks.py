"""Threads that train, and processes that are forked meanwhile."""

import os
import threading

import torch
from torch import optim
from tqdm.auto import tqdm

from skrec.nn import use_huge_pages

__all__ = ["prepare_process"]

_importing = threading.RLock()


def prepare_process() -> None:
    """Do what a process does once for all its trainings, before the first of them.

    torch imports a good deal when the first optimiser is made. A process that is forked while
    another thread imports cannot import the same any more, so a fork waits until this is done.
    """
    use_huge_pages()  # before what may be the process's first tensor
    with _importing:
        optim.SGD([torch.zeros(1, requires_grad=True)])


def _start_anew() -> None:
    """Take one thread for torch, and a new lock for progress bars.

    The threads of the parent are gone, those of OpenMP too, for which a child waits for ever if
    it is forked from a thread that has used them. A lock that another thread held stays locked.
    """
    _importing.release()
    torch.set_num_threads(1)
    tqdm.set_lock(threading.RLock())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_importing.acquire,
        after_in_parent=_importing.release,
        after_in_child=_start_anew,
    )
