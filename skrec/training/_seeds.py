"""Where training runs."""

import torch

__all__ = ["resolve_device"]


def resolve_device(device: str) -> str:
    """Return the device to train on.

    Parameters
    ----------
    device : str
        ``"auto"`` means CUDA where there is one.

    Returns
    -------
    device : str
        Name of a device.
    """
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"
