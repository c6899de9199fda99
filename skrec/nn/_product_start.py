"""Networks under ReLUs that begin with a sum of their inputs, whatever its sign."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["start_at_sum"]


def start_at_sum(layers: Sequence[Any], kernels: Sequence[Tensor], output: nn.Linear) -> None:
    """Let a network under ReLUs begin with a weighted sum of the inputs of its first layer.

    A ReLU cuts what is negative. So the first two channels of each layer are the sum and its
    negative, one of which is 0, and the next layer takes their difference. The other channels stay
    as they are, random: the output does not read them yet, and learns to.

    Parameters
    ----------
    layers : sequence of Conv2d or Linear
        Layers with biases, each before a ReLU.
    kernels : sequence of Tensor
        Weights of the sum: in the first layer for all that an output reads, in the others for what
        it reads of one channel.
    output : Linear
        The last layer, to one number.

    Raises
    ------
    ValueError
        If a layer has one channel alone.
    """
    if any(len(layer.weight) < 2 for layer in layers):
        widths = [len(layer.weight) for layer in layers]
        raise ValueError(f"A network that starts at a sum must be at least 2 wide; got {widths}.")
    with torch.no_grad():
        for n, (layer, kernel) in enumerate(zip(layers, kernels, strict=True)):
            row = torch.zeros_like(layer.weight[0])
            channels = row.view(-1, *kernel.shape) if n else row[None]
            channels[0] = kernel
            channels[1:2] = -kernel
            layer.weight[0], layer.weight[1] = row, -row
            layer.bias[:2] = 0
        output.weight.zero_()
        output.weight[0, 0], output.weight[0, 1] = 1, -1
        if output.bias is not None:
            output.bias.zero_()
