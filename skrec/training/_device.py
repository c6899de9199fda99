"""Where training runs."""

import torch

__all__ = ["resolve_device"]


def resolve_device(device: str | torch.device) -> str:
    """Return the device to train on.

    Parameters
    ----------
    device : str or torch.device
        ``"auto"`` means CUDA where there is one.

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
        return "cuda" if torch.cuda.is_available() else "cpu"
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
