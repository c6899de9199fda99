"""Random numbers of training."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from skrec.nn import use_huge_pages

__all__ = ["seeded"]


_ONE_AT_A_TIME = threading.RLock()  # torch's generator belongs to the process, not to a thread


@contextmanager
def seeded(seed: int, device: str = "cpu") -> Iterator[None]:
    """Seed torch inside the block and leave its global state as it was.

    Parameters
    ----------
    seed : int
        The seed.
    device : str, default="cpu"
        Device whose generator is used beside that of the CPU.
    """
    use_huge_pages()  # before what may be the process's first tensor
    cuda = [torch.device(device)] if torch.device(device).type == "cuda" else []
    with _ONE_AT_A_TIME, torch.random.fork_rng(devices=cuda):
        torch.default_generator.manual_seed(seed)
        if cuda:
            torch.cuda.manual_seed(seed)
        yield
