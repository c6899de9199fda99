"""What all tests share: real data where there is some, few threads, no display."""

import os
import signal
from pathlib import Path

import hypothesis
import pytest

# Read when NumPy, torch and matplotlib are first imported, which no line above does; more threads
# only slow small matrices down. Test workers inherit what the first process sets here.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, os.environ.get("OMP_NUM_THREADS", "1"))
os.environ["MPLBACKEND"] = "Agg"

hypothesis.settings.register_profile("skrec", deadline=None, max_examples=50)
hypothesis.settings.register_profile("ci", deadline=None, max_examples=50, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "skrec")


# a shell lets what it starts in the background ignore Ctrl-C, which some tests press
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item):
    """Skip what is marked ``gpu`` where there is no CUDA device."""
    if item.get_closest_marker("gpu") is None:
        return
    import torch  # not at the top: most tests need no torch

    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")


def pytest_collection_modifyitems(items):
    """Begin with the type checker: other workers would wait for it at the end."""
    items.sort(key=lambda item: "tests/typing/" not in item.nodeid)


@pytest.fixture(scope="session")
def data_home():
    """Return the folder of the real data sets; without one the test is skipped."""
    home = os.environ.get("SKREC_DATA")
    if not home:
        pytest.skip("SKREC_DATA is not set: no real data to test on")
    if not Path(home).is_dir():
        pytest.skip(f"SKREC_DATA={home} is not a folder: no real data to test on")
    return Path(home)


@pytest.fixture(scope="session")
def set_right():
    """Return a function that writes out what `HeldOut` says of log odds and of histories."""
    import numpy as np  # not at the top: they read the number of threads
    from scipy.special import expit

    def set_right(est, log_odds, history):
        link, activity = est.link_, np.log1p((history != 0).sum(axis=1))
        assert link.slope_ > 0.1  # or the log odds would hardly count
        offsets = np.interp(np.asarray(activity).ravel(), link.knots_, link.offsets_)
        return expit(link.slope_ * np.asarray(log_odds, float) + offsets[:, None])

    return set_right
