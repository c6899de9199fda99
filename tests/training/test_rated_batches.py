"""Batches of ratings: every entry once, stored zeros too."""

import numpy as np
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from skrec.training import RatedBatches


def ratings(seed, density):
    rng = np.random.RandomState(seed)
    X = sp.random(9, 14, density, format="csr", random_state=rng, dtype=np.float32)
    X.data[:] = rng.randint(6, size=X.nnz)  # zeros are ratings
    return X


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 1000), batch_size=st.integers(1, 40), offset=st.sampled_from([0, 2.5]))
def test_an_epoch_has_every_rating_once(seed, batch_size, offset):
    X = ratings(seed, 0.3)
    batches = RatedBatches(X, batch_size, np.random.RandomState(seed), offset)
    parts = [batch for batch, target in batches if batch is target]
    assert len(parts) == len(batches)
    assert all(len(part) <= batch_size for part in parts)
    rows, columns, values = (
        np.concatenate([np.asarray(part).ravel() for part in column])
        for column in zip(*((p.users, p.items, p.values) for p in parts), strict=True)
    )
    order = np.lexsort((columns, rows))
    np.testing.assert_array_equal(rows[order], np.repeat(np.arange(9), np.diff(X.indptr)))
    np.testing.assert_array_equal(columns[order], X.indices)
    np.testing.assert_allclose(values[order], X.data - offset)


def test_each_epoch_has_an_order_of_its_own_and_a_seed_repeats_it():
    X = ratings(0, 0.8)
    batches, again = (RatedBatches(X, 200, np.random.RandomState(0)) for _ in range(2))
    first, second = (next(iter(batches))[0].items for _ in range(2))
    assert not (first == second).all()
    assert (next(iter(again))[0].items == first).all()
