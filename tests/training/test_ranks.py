"""Parts of batches, and training in two processes that take one each."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse as sp

from skrec.nn import PairBatch, Part, dropout, part_of_a_batch, randn, randn_like, seeded
from skrec.training import PairBatches, Ranks, sparse_rows

SCRIPT = Path(__file__).with_name("ranks_script.py")


def halves(n):
    return [Ranks(rank, 2).part(n) for rank in (0, 1)]


@given(n=st.integers(0, 50), size=st.integers(2, 7))
def test_parts_cover_a_batch_and_are_about_equal(n, size):
    parts = [Ranks(rank, size).part(n) for rank in range(size)]
    assert [i for part in parts for i in range(part.start, part.stop)] == list(range(n))
    lengths = [part.stop - part.start for part in parts]
    assert max(lengths) - min(lengths) <= 1


@given(seed=st.integers(0, 999), density=st.floats(0, 1))
def test_parts_of_sparse_rows_are_the_rows(seed, density):
    X = sp.random_array((9, 7), density=density, rng=seed, format="csr", dtype=np.float32)
    rows = sparse_rows(sp.csr_matrix(X))
    for part in halves(9):
        own, wanted = rows.part(part), sparse_rows(sp.csr_matrix(X)[part])
        for name in ("indices", "offsets", "values"):
            np.testing.assert_array_equal(getattr(own, name), getattr(wanted, name))


@pytest.mark.parametrize("kind", ["plain", "histories", "shared"])
def test_parts_of_pairs_are_the_pairs(kind):
    X = sp.csr_matrix((np.random.RandomState(0).rand(20, 15) < 0.4).astype(np.float32))
    options = {"plain": {}, "histories": {"histories": True}, "shared": {"shared": True}}[kind]
    rng = np.random.RandomState(1)
    for batch, _ in PairBatches(X, 16, 3, rng, log_counts=True, **options):
        users = batch.by_row(batch.users)
        parts = [batch.part(rows) for rows in halves(len(batch))]
        of_parts = [part.by_row(part.users) for part in parts]
        torch.testing.assert_close(torch.cat(of_parts), users, rtol=0, atol=0)
        torch.testing.assert_close(torch.cat([p.items for p in parts]), batch.items)
        if kind == "histories":
            for part in parts:
                np.testing.assert_array_equal(
                    part.history.sum(), X[part.users.numpy()].sum(axis=1).A1
                )
        if kind == "shared":
            counts = torch.cat([part.n_lacking for part in parts])
            torch.testing.assert_close(counts, batch.n_lacking)
            assert all(part.log_counts.shape == batch.log_counts.shape for part in parts)
        else:
            torch.testing.assert_close(torch.cat([p.log_counts for p in parts]), batch.log_counts)


DRAWS = {
    "randn": lambda n: randn(n, 3),
    "randn of candidates": lambda n: randn(n, 4, 3),
    "randn_like": lambda n: randn_like(torch.empty(n, 2)),
    "dropout": lambda n: dropout(torch.ones(n, 5), 0.5, True),
    "dropout of repeated rows": lambda n: dropout(torch.ones(3 * n, 5), 0.5, True),
}


@pytest.mark.parametrize("name", DRAWS)
def test_parts_have_the_noise_of_the_whole(name):
    draw = DRAWS[name]
    with seeded(3):
        whole, after = draw(9), randn(4)
    found = []
    for rows in halves(9):
        with seeded(3):
            with part_of_a_batch(Part(rows.start, rows.stop, 9)):
                found.append(draw(rows.stop - rows.start))
            assert torch.equal(randn(4), after)  # the generators stay alike
    assert torch.equal(torch.cat(found), whole)


def test_entries_have_the_noise_of_the_whole():
    rows = sparse_rows(sp.csr_matrix(np.tri(6, 5, -1, dtype=np.float32)))
    with seeded(3):
        whole = rows.dropped_out(0.5, True).values
    found = []
    for part in (slice(0, 1), slice(1, 4), slice(4, 6)):  # the first row has no entry
        entries = rows.entries(part)
        places = Part(entries.start, entries.stop, len(rows.values))
        with seeded(3), part_of_a_batch(Part(part.start, part.stop, 6), places):
            found.append(rows.part(part).dropped_out(0.5, True).values)
    assert torch.equal(torch.cat(found), whole)


def test_what_has_no_row_for_each_of_the_part_is_an_error():
    with seeded(0), part_of_a_batch(Part(0, 4, 9)):
        with pytest.raises(NotImplementedError, match=r"must have 4 rows, .* multiple; got 3"):
            randn(3, 2)


def test_log_counts_of_a_single_row_are_those_of_each():
    batch = PairBatch(torch.arange(4), torch.zeros(4, 2, dtype=int), log_counts=torch.ones(1, 1))
    assert batch.part(slice(2, 4)).log_counts.shape == (1, 1)


def run_script(n_processes, folder, *arguments):
    """Return what the script saves after a run in some processes."""
    path = folder / f"{'-'.join(arguments)}-{n_processes}.pkl"
    command = [sys.executable, str(SCRIPT), str(path), *arguments]
    if n_processes > 1:
        launcher = "-m torch.distributed.run --standalone --nproc-per-node".split()
        command = [sys.executable, *launcher, str(n_processes), *command[1:]]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=500)
    assert done.returncode == 0, done.stderr[:3000]
    return pickle.loads(path.read_bytes())


@pytest.mark.engine
def test_two_processes_train_what_one_does(tmp_path):
    one, two = run_script(1, tmp_path, "models"), run_script(2, tmp_path, "models")
    assert len(one) > 40
    assert "rows of users" in one
    for name, fitted in one.items():
        same = two[name]
        if isinstance(same, str):
            assert name == "CrossFeedbackBMF"
            assert "NestedBatch, cannot be shared by several processes" in same
            continue
        assert len(same["losses"]) == len(fitted["losses"]), name  # stopped in the same epoch
        for key, values in fitted.items():
            np.testing.assert_allclose(same[key], values, rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.engine
def test_all_processes_end_with_the_same_model_and_one_writes(tmp_path):
    found = run_script(2, tmp_path, "ranks")
    assert found["weights"][0] == found["weights"][1]
    assert found["seedless"][0] == found["seedless"][1]
    assert found["resumed"][0] == found["resumed"][1] == found["weights"][0]
    same = "X must be the same in all processes that train together"
    assert found["other data"] == [f"{same}; got another one in rank 1 than in rank 0"] * 2
