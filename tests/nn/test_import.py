"""Importing the networks changes nothing; what they need of the process, they ask for later."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from skrec.nn import use_huge_pages

SWITCH = "THP_MEM_ALLOC_ENABLE"
HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")

SCRIPT = """
import json, os, sys, warnings
import torch, skrec
from torch.utils._python_dispatch import TorchDispatchMode

class Recorder(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        calls.append(str(function))
        return function(*args, **(kwargs or {}))

def state():
    return dict(os.environ), list(warnings.filters), torch.get_num_threads()

def flags(tensor):
    place, inside = tensor.data_ptr() + tensor.nbytes // 2, False
    for line in open("/proc/self/smaps"):
        first = line.split()[0]
        if not first.endswith(":"):
            start, end = (int(x, 16) for x in first.split("-"))
            inside = start <= place < end
        elif inside and first == "VmFlags:":
            return line.split()[1:]

calls, before = [], state()
with Recorder():
    import skrec.nn
answer = {"calls": calls, "same": state() == before}
layer = skrec.nn.SparseLinear(2, 3)
rows = skrec.nn.SparseRows(torch.tensor([1, 0]), torch.tensor([0, 1, 2]), torch.ones(2))
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    layer(rows).sum().backward()
    skrec.nn.stored_products(torch.ones(2, 3), layer.weight.detach(), rows)
answer["warnings"] = [str(w.message) for w in seen]
answer["still"] = state() == before
if sys.platform == "linux":
    answer["huge"] = "hg" in flags(torch.empty(2**24))
print(json.dumps(answer))
"""


def test_an_import_makes_no_tensor_and_the_first_layer_asks_for_huge_pages():
    environment = {name: value for name, value in os.environ.items() if name != SWITCH}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    answer = json.loads(done.stdout)
    assert answer["calls"] == []
    assert answer["same"]
    assert answer["still"]
    assert answer["warnings"] == []
    if sys.platform == "linux" and "[never]" not in HUGE_PAGES.read_text():
        assert answer["huge"]


@pytest.mark.parametrize("value", [None, "0"])
def test_the_environment_stays_as_the_user_has_it(monkeypatch, value):
    monkeypatch.delenv(SWITCH, raising=False)
    if value is not None:
        monkeypatch.setenv(SWITCH, value)
    use_huge_pages.__wrapped__()
    assert os.environ.get(SWITCH) == value
