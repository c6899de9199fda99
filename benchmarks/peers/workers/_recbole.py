"""RecBole without the parts that no measurement calls, and pairs in its own format."""

import builtins
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from _matrices import pairs

NAME = "pairs"  # of the data set


def stub(name: str, **attributes: Any) -> None:
    """Stand in for a module that RecBole imports and that no worker needs."""
    module = types.ModuleType(name)
    module.__dict__.update(attributes)
    sys.modules[name] = module


class Silent:
    """Takes whatever is logged to it."""

    def __init__(self, *args: object) -> None:
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
# where LightGCN writes its graph; releases of SciPy that have lost the name do it in `update`
if not hasattr(sp.dok_matrix, "_update"):
    sp.dok_matrix._update = sp.dok_matrix.update


def write_pairs(folder: str, name: str, X: sp.csr_matrix) -> None:
    """Write the pairs of a matrix in RecBole's own format, as a file of its data set."""
    path = Path(folder) / NAME / f"{name}.inter"
    path.parent.mkdir(exist_ok=True)
    lines = (f"{user}\t{item}\n" for user, item in pairs(X).tolist())
    path.write_text("user_id:token\titem_id:token\n" + "".join(lines))
