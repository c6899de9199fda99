"""When kernels are compiled, where that is kept, and that Python runs them too."""

import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
import scipy.sparse as sp

from skrec import kernels
from skrec.kernels import _compile, _descent_gram, _gibbs, _gram, _sparse, _topk, _wmf

ROOT = Path(__file__).parents[2]

TINY = """
import numpy as np
import scipy.sparse as sp
from skrec import EASERecommender, ItemKNNRecommender, SLIMRecommender
from skrec import UserKNNRecommender, WMFRecommender, kernels

X = (np.random.RandomState(0).uniform(size=(12, 9)) < 0.4).astype(float)
X[0] = 1
results = [ItemKNNRecommender(n_neighbors=3, weighting=w).fit(X) for w in (None, "bm25")]
results += [SLIMRecommender(l1=0.3, l2=1.0, n_candidates=n).fit(X) for n in (None, 4)]
results += [EASERecommender(l2=1.0).fit(X)]
for model in results:
    print(sp.csr_matrix(model.item_weights_).toarray().round(4).tolist())
own = sp.csr_matrix(X)
near, shown = sp.csr_matrix(results[0].item_weights_.T), np.arange(own.nnz) % 3 > 0
pairs = (x.ravel() for x in np.indices(X.shape))
vectors = near, np.full(9, 0.2), X.sum(axis=0), own
print(kernels.sums_without(*vectors, shown, *pairs, power=2.0).tolist())
print(UserKNNRecommender(n_neighbors=3).fit(X).decision_function(X).round(4).tolist())
options = {"n_factors": 4, "max_epochs": 2, "random_state": 0, "device": "cpu"}
for solver in ("cholesky", "ials++"):
    wmf = WMFRecommender(solver=solver, block_size=2, **options)
    print(wmf.fit(X).decision_function(X).round(4).tolist())
"""


def python(code, **environment):
    """Run code in the checkout; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("statement", ["import skrec", "from skrec import EASERecommender"])
def test_imports_do_not_import_numba(statement):
    code = f"import sys\n{statement}\nimport skrec.kernels\nprint('numba' in sys.modules)"
    assert python(code).strip() == "False"


@pytest.mark.slow
def test_python_gives_what_the_kernels_give():
    compiled, interpreted = (python(TINY, NUMBA_DISABLE_JIT=flag) for flag in "01")
    assert len(compiled.splitlines()) == 9
    for ours, theirs in zip(compiled.splitlines(), interpreted.splitlines()):
        np.testing.assert_allclose(np.array(eval(ours)), np.array(eval(theirs)), atol=2e-4)


def add(a, b):
    return a + b


def test_where_nothing_can_be_written_kernels_are_compiled_all_the_same(monkeypatch):
    asked = []

    def njit(cache=False, **options):
        asked.append(cache)
        if cache:
            raise RuntimeError("cannot cache function 'add': no locator available")
        return numba.njit(**options)

    monkeypatch.setattr(_compile, "njit", njit)
    assert _compile.compiled(add)(2, 3) == 5
    assert asked == [True, False]


def test_division_by_nothing_is_numpys():
    @_compile.compiled
    def ratio(a, b):
        return a / b

    assert ratio(1.0, 0.0) == np.inf


def test_a_name_that_is_no_kernel_is_an_error():
    with pytest.raises(AttributeError, match="has no attribute 'nearest'"):
        kernels.nearest  # noqa: B018
    for name in kernels.__all__:
        assert callable(getattr(kernels, name))


def lists(X):
    return kernels.nearest_rows(X, X.T.tocsr(), *np.ones((2, 6), np.float32), k=2)


def regressed(X):
    columns = kernels.index_arrays(X)
    gram, others = np.eye(6, dtype=np.float32) + 3, np.array([1, 2], dtype=np.int32)
    return kernels.elastic_net(gram, columns, np.zeros(6), 0, others, 0.5, 1.0, 1e-4, 9)


def drawn(X):
    entries = X.indptr.astype(np.int64), X.indices, X.data.astype(np.float64)
    return kernels.draw_rows(entries, np.eye(6), np.zeros((6, 6)), np.ones(6), 1.0, np.ones((6, 6)))


def solved(X):
    rows = kernels.WeightedRidge((X.indptr, X.indices, X.data), 1.0, np.ones(6), 0.5)
    return rows.solve(np.eye(6), block_size=2)


@pytest.mark.parametrize(
    ("file", "call"),
    [
        (_sparse, lists),
        (_descent_gram, regressed),
        (_gibbs, drawn),
        (_wmf, solved),
        (_gram, kernels.dense_gram),
        (_topk, lambda X: kernels.sum_rows(X, X.toarray())),
        (_topk, lambda X: kernels.sum_rows(X, X)),
    ],
)
def test_arrays_of_files_need_no_second_compilation(file, call):
    made = [f for f in vars(file).values() if hasattr(f, "signatures")]
    X = sp.csr_matrix(np.tri(6, dtype=np.float32))
    call(X)
    before = sum(len(function.signatures) for function in made)
    for part in (X.data, X.indices, X.indptr):
        part.flags.writeable = False
    call(X)
    assert sum(len(function.signatures) for function in made) == before > 0
