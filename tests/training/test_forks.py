"""Processes that are forked while their parent trains, or after it has trained."""

import os
import subprocess
import sys

import pytest

if not hasattr(os, "fork"):
    pytest.skip("no fork on this system", allow_module_level=True)

START = """
import os, signal, threading, time, warnings
warnings.simplefilter("ignore")
import numpy as np, torch
from tqdm.auto import tqdm
from skrec import BPRMFRanker, EASERecommender, MultVAERecommender, WMFRecommender
from skrec.datasets import make_interactions

X = make_interactions(60, 40, 800, random_state=0).X
quick = {"max_epochs": 2, "random_state": 0}

def in_child(function, limit=100):
    child = os.fork()
    if child == 0:
        try:
            os._exit(function() or 0)
        finally:
            os._exit(9)
    end = time.monotonic() + limit
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "hung"

def fit_all():
    torch.rand(3_000_000).exp_()  # in several threads of OpenMP where there are some
    EASERecommender().fit(X)
    for cls in (WMFRecommender, BPRMFRanker, MultVAERecommender):
        cls(**quick, verbose=1).fit(X)
    BPRMFRanker(**quick, solver="torch", verbose=1).fit(X)
"""

WHILE_ANOTHER_TRAINS = """
def train():
    while True:
        MultVAERecommender(max_epochs=30, random_state=0).fit(X)

def hold():
    with tqdm.get_lock():
        held.set()
        threading.Event().wait()

held = threading.Event()
for work in (train, hold):
    threading.Thread(target=work, daemon=True).start()
held.wait()
answers = []
for delay in (0.1, 1.0):  # the first while torch is still importing
    time.sleep(delay)
    answers.append(in_child(fit_all))
print(answers, flush=True)
os._exit(0)
"""

AFTER_TRAINING = """
torch.rand(3_000_000).exp_()
model, wmf = MultVAERecommender(**quick).fit(X), WMFRecommender(**quick).fit(X)
right, n_threads = (model.predict_proba(X), wmf.recommend(X)), torch.get_num_threads()

def use():
    same = np.allclose(model.predict_proba(X), right[0], atol=1e-6)
    fit_all()
    return 0 if same and (wmf.recommend(X) == right[1]).all() else 1

print([in_child(use)], n_threads, torch.get_num_threads())
"""


def run(script):
    """Run a script in a process of its own, where OpenMP has two threads."""
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}
    command = [sys.executable, "-c", START + script]
    done = subprocess.run(
        command, env=environment, check=True, stdout=subprocess.PIPE, text=True, timeout=300
    )
    return done.stdout.strip()


@pytest.mark.slow
def test_a_child_trains_while_other_threads_of_its_parent_train_and_hold_a_lock():
    assert run(WHILE_ANOTHER_TRAINS) == "[0, 0]"


def test_a_child_uses_and_trains_models_after_its_parent_did():
    assert run(AFTER_TRAINING) == "[0] 2 2"
