"""What makes RecBole importable without parts of it that no measurement calls."""

import builtins
import sys
import types
import warnings

import numpy as np


def stub(name, **attributes):
    """Stand in for a module that RecBole imports and that no worker needs."""
    module = types.ModuleType(name)
    module.__dict__.update(attributes)
    sys.modules[name] = module


class Silent:
    """Takes whatever is logged to it."""

    def __init__(self, *args):
        pass


warnings.simplefilter("ignore")  # RecBole was written for older releases of pandas and torch
# logging to TensorBoard, tables and FLOP counts: of no use to a training loop
stub("torch.utils.tensorboard", SummaryWriter=Silent)
stub("texttable", Texttable=object)
stub("thop", profile=None)
stub("psutil")
# names that NumPy 2 has dropped, as RecBole and its own repair of older ones ask for them
_DROPPED = {
    **{name: getattr(builtins, name) for name in ("float", "int", "bool", "object")},
    **{"float_": np.float64, "complex_": np.complex128, "unicode_": np.str_, "string_": np.bytes_},
}
for _name, _type in _DROPPED.items():
    if _name not in np.__dict__:
        setattr(np, _name, _type)
