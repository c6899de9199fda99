"""Where training runs."""

import os

import torch

from skrec.training._ranks import current_ranks

__all__ = ["resolve_device"]


def resolve_device(device: str | torch.device) -> str:
    """Return the device to train on.

    Parameters
    ----------
    device : str or torch.device
        ``"auto"`` means CUDA where there is one, and for processes that train together the GPU with
        the number of the process on its machine.

    Returns
    -------
    device : str
        Name of a device.

    Raises
    ------
    ValueError
        If there is no such device here.
    """
    if isinstance(device, str) and device == "auto":
        if not torch.cuda.is_available():
            return "cpu"
        # torchrun numbers the processes of a machine, one for each of its GPUs
        return "cuda" if current_ranks() is None else f"cuda:{os.environ.get('LOCAL_RANK', 0)}"
    try:
        wanted = torch.device(device)
        torch.empty(0, device=wanted)
    # what torch raises differs from one kind of device to the next
    except (RuntimeError, AssertionError, ImportError) as error:
        raise ValueError(_refusal(device)) from error
    if wanted.type == "meta":  # it holds no numbers
        raise ValueError(_refusal(device))
    return str(device)


def _refusal(device: object) -> str:
    numbered = [f"cuda:{k}" for k in range(torch.cuda.device_count())]
    here = ["auto", "cpu", *(["cuda", *numbered] if numbered else [])]
    if torch.backends.mps.is_available():
        here.append("mps")
    names = ", ".join(f'"{name}"' for name in here)
    return f"device must be one that torch has here, such as {names}; got {device!r}"
