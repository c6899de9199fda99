"""Steps of Adam on rows against NumPy, and against torch where all rows take part."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skrec import kernels
from skrec.training import ROW_WISE

ROW_ADAM = ROW_WISE[torch.optim.Adam]
BETAS = (0.9, 0.999)


def numpy_steps(weight, gradients, lr, decay):
    """Take steps in float64; a gradient is a dict from rows to theirs."""
    weight = weight.astype(np.float64)
    first, second, last = np.zeros_like(weight), np.zeros_like(weight), np.zeros(len(weight))
    for step, gradient in enumerate(gradients, 1):
        for row, grad in gradient.items():
            gap = step - last[row]
            last[row] = step
            grad = grad + decay * weight[row]
            first[row] = 0.9**gap * first[row] + (1 - 0.9**gap) * grad
            second[row] = 0.999**gap * second[row] + 0.001 * grad**2
            mean, square = first[row] / (1 - 0.9**step), second[row] / (1 - 0.999**step)
            weight[row] -= lr * mean / (np.sqrt(square) + 1e-8)
    return weight


def kernel_steps(weight, gradients, lr, decay):
    whole = weight.copy(), np.zeros_like(weight), np.zeros_like(weight)
    last = np.zeros(len(weight), dtype=weight.dtype)
    for step, gradient in enumerate(gradients, 1):
        rows = np.array(sorted(gradient), dtype=np.int64)
        grad = np.array([gradient[row] for row in rows]).reshape(len(rows), weight.shape[1])
        grad = grad.astype(weight.dtype)
        kernels.update_rows(whole, last, rows, grad, step, lr, BETAS, 1e-8, decay)
    return whole[0]


def sparse(rows, grad, shape):
    return torch.sparse_coo_tensor(rows[None], grad, shape, check_invariants=False)


def optimizer_steps(weight, gradients, lr, decay):
    table = torch.nn.Parameter(torch.from_numpy(weight.copy()))
    optimizer = ROW_ADAM([table], lr=lr, weight_decay=decay)
    for gradient in gradients:
        rows = torch.tensor(sorted(gradient), dtype=torch.int64)
        grad = np.array([gradient[row] for row in rows.tolist()]).reshape(
            len(rows), weight.shape[1]
        )
        table.grad = sparse(rows, torch.from_numpy(grad.astype(weight.dtype)), table.shape)
        optimizer.step()
    return table.detach().numpy()


def draw_gradients(seed, n_steps, n_rows, size, share):
    rng = np.random.RandomState(seed)
    return [
        {row: rng.normal(size=size) for row in range(n_rows) if rng.uniform() < share}
        for _ in range(n_steps)
    ]


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 1000),
    n_rows=st.integers(1, 6),
    size=st.integers(1, 5),
    share=st.sampled_from([0.2, 0.7, 1.0]),
    decay=st.sampled_from([0.0, 0.1]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_steps_are_those_of_numpy(seed, n_rows, size, share, decay, dtype):
    weight = np.random.RandomState(seed).normal(size=(n_rows, size)).astype(dtype)
    gradients = draw_gradients(seed, 8, n_rows, size, share)
    expected = numpy_steps(weight, gradients, 0.01, decay)
    for steps in (kernel_steps, optimizer_steps):
        np.testing.assert_allclose(steps(weight, gradients, 0.01, decay), expected, atol=3e-5)


def test_rows_of_all_steps_move_as_under_adam():
    weight = np.random.RandomState(0).normal(size=(4, 3))
    gradients = draw_gradients(0, 20, 4, 3, 1.0)
    table = torch.nn.Parameter(torch.from_numpy(weight.copy()))
    optimizer = torch.optim.Adam([table], lr=0.01, weight_decay=0.1)
    for gradient in gradients:
        table.grad = torch.from_numpy(np.array([gradient[row] for row in range(4)]))
        optimizer.step()
    got = kernel_steps(weight, gradients, 0.01, 0.1)
    np.testing.assert_allclose(got, table.detach().numpy(), rtol=1e-6)


def test_a_row_that_comes_seldom_moves_as_far_as_under_adam():
    """Its gradient of every tenth step is the same, so that moments settle."""
    gradients = [{0: np.ones(1)} if step % 10 == 0 else {} for step in range(3000)]
    table = torch.nn.Parameter(torch.zeros(1, 1, dtype=torch.float64))
    optimizer = torch.optim.Adam([table], lr=0.01)
    for gradient in gradients:
        table.grad = torch.full((1, 1), float(len(gradient)), dtype=torch.float64)
        optimizer.step()
    got = optimizer_steps(np.zeros((1, 1)), gradients, 0.01, 0.0)
    assert got[0, 0] == pytest.approx(table.item(), rel=0.01)


def test_threads_share_the_rows(monkeypatch):
    from skrec.kernels import _row_updates

    weight, gradients = np.zeros((7, 3)), draw_gradients(0, 3, 7, 3, 0.8)
    expected = kernel_steps(weight, gradients, 0.01, 0.0)
    monkeypatch.setattr(_row_updates, "_FEWEST", 1)
    monkeypatch.setattr(
        kernels, "update_rows", lambda *args: _row_updates.update_rows(*args, n_jobs=3)
    )
    np.testing.assert_array_equal(kernel_steps(weight, gradients, 0.01, 0.0), expected)


def test_on_other_devices_the_same(monkeypatch):
    from skrec.training import _row_updates

    weight, gradients = np.ones((5, 2)), draw_gradients(1, 9, 5, 2, 0.5)
    expected = optimizer_steps(weight, gradients, 0.01, 0.1)
    monkeypatch.setattr(_row_updates, "update_on_cpu", _row_updates.update_anywhere)
    got = optimizer_steps(weight, gradients, 0.01, 0.1)
    np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_repeated_rows_of_a_gradient_add_up():
    table = torch.nn.Parameter(torch.zeros(3, 1))
    optimizer = ROW_ADAM([table], lr=0.1)
    table.grad = sparse(torch.tensor([2, 2, 0]), torch.tensor([[1.0], [-1.0], [1.0]]), (3, 1))
    optimizer.step()
    assert table.detach().numpy().ravel() == pytest.approx([-0.1, 0.0, 0.0], abs=1e-5)


def test_a_closure_and_dense_gradients_are_as_under_adam():
    def train(cls):
        weight = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
        optimizer = cls([weight], lr=0.1)

        def closure():
            optimizer.zero_grad()
            loss = weight.square().sum()
            loss.backward()
            return loss

        losses = [optimizer.step(closure).item() for _ in range(5)]
        return losses, weight.tolist()

    assert train(ROW_ADAM) == train(torch.optim.Adam)


SCRIPT = """
import numpy as np
from skrec import kernels
rng = np.random.RandomState(0)
whole = rng.normal(size=(4, 2)), np.zeros((4, 2)), np.zeros((4, 2))
last = np.zeros(4)
for step, rows in enumerate(([0, 3], [1, 3], [3], [0, 2]), 1):
    rows = np.array(rows)
    grad = rng.normal(size=(len(rows), 2))
    kernels.update_rows(whole, last, rows, grad, step, 0.1, (0.9, 0.99), 1e-8, 0.1)
print(np.round(whole, 6).tolist(), last.tolist())
"""


def test_the_plain_functions_do_the_same():
    outcomes = [
        subprocess.run(
            [sys.executable, "-W", "error::RuntimeWarning", "-c", SCRIPT],
            env={**os.environ, "NUMBA_DISABLE_JIT": disabled},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for disabled in "01"
    ]
    assert outcomes[0] == outcomes[1]
