"""NAIS against its formula, written out in NumPy."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skrec.nn import PairBatch, SparseRows
from skrec.nn import _nais_chunks as chunks
from skrec.nn.nais import NAIS

N_ITEMS, SIZE, HIDDEN = 40, 6, 5
KINDS = ["prod", "concat"]


def make(kind="prod", beta=0.5, item_bias=True, dtype=torch.float64, std=0.7):
    """Return a module all of whose weights are random."""
    torch.manual_seed(0)
    module = NAIS(N_ITEMS, SIZE, HIDDEN, kind, beta, item_bias, std).to(dtype)
    with torch.no_grad():
        for parameter in module.attention.parameters():
            parameter.normal_(0, 0.7)
    return module


def to_rows(histories):
    """Return lists of items as sparse rows."""
    lengths = [len(history) for history in histories]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    indices = np.concatenate([np.zeros(0), *histories]).astype(np.int64)
    return SparseRows(
        torch.from_numpy(indices),
        torch.from_numpy(offsets.astype(np.int64)),
        torch.ones(len(indices), dtype=torch.float64),
    )


def oracle(module, history, item):
    """Return a score as the paper writes it, the target left out of the history."""
    weights = {k: v.detach().double().numpy() for k, v in module.state_dict().items()}
    q, others = weights["items.weight"][item], weights["users.history.weight"]
    bias = q[SIZE] if len(q) > SIZE else 0.0
    q, score = q[:SIZE], 0.0
    logits = {}
    for j in set(history) - {item}:
        pair = q * others[j] if module.attention.kind == "prod" else np.append(q, others[j])
        hidden = np.maximum(pair @ weights["attention.weight"] + weights["attention.bias"], 0)
        logits[j] = hidden @ weights["attention.out"]
    total = sum(np.exp(list(logits.values())))
    for j, logit in logits.items():
        score += np.exp(logit) / total**module.beta * (q @ others[j])
    return score + bias


def random_histories(lengths, seed=0):
    rng = np.random.default_rng(seed)
    return [np.sort(rng.permutation(N_ITEMS)[:n]) for n in lengths]


HISTORIES = random_histories([5, 0, 1, 17, 40, 3])


@pytest.fixture
def batch():
    """Return positives of three users with two negatives each."""
    histories = [HISTORIES[0], HISTORIES[2], HISTORIES[3]]
    rows = [(g, i) for g, history in enumerate(histories) for i in history]
    free = [np.setdiff1d(np.arange(N_ITEMS), history) for history in histories]
    items = [[i, *np.random.default_rng(i).choice(free[g], 2)] for g, i in rows]
    group = torch.tensor([g for g, _ in rows])
    return PairBatch(torch.tensor([7, 3, 5]), torch.tensor(items), group, to_rows(histories))


@pytest.mark.parametrize("item_bias", [False, True])
@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("kind", KINDS)
def test_forward_is_the_formula(kind, beta, item_bias, batch):
    module = make(kind, beta, item_bias)
    scores, users, items = module(batch)
    histories = [HISTORIES[0], HISTORIES[2], HISTORIES[3]]
    expected = [
        [oracle(module, histories[g], i) for i in row]
        for g, row in zip(batch.group.tolist(), batch.items.tolist(), strict=True)
    ]
    np.testing.assert_allclose(scores.detach(), expected, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(items, module.items.weight[batch.items])
    norms, own = module.users.history.weight.square().sum(1), batch.items[:, 0]
    whole = sum(norms[histories[g]].sum() for g in batch.group.tolist())
    torch.testing.assert_close(users(), torch.stack([whole - norms[own].sum(), whole, whole]))


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("kind", KINDS)
def test_every_way_to_score_gives_the_formula(kind, beta):
    module, rows = make(kind, beta), to_rows(HISTORIES)
    free = torch.ones(len(HISTORIES), N_ITEMS, dtype=torch.bool)
    free[rows.row, rows.indices] = False
    items = torch.arange(N_ITEMS)
    expected = np.array([[oracle(module, h, i) for i in range(N_ITEMS)] for h in HISTORIES])
    with torch.inference_mode():
        states = module.states(None, rows)
        every = module.score_all(states)
        np.testing.assert_allclose(every[free], expected[free], rtol=1e-9, atol=1e-12)
        some = torch.tensor([5, 2, 39])
        torch.testing.assert_close(module.score_all(states, some), every[:, some])
        candidates = items.flip(0).expand(len(HISTORIES), -1)
        np.testing.assert_allclose(module.score(states, candidates), expected[:, ::-1], rtol=1e-9)
        inside = module.score_inside(states, rows, rows.row, rows.indices)
        np.testing.assert_allclose(inside, expected[rows.row, rows.indices], rtol=1e-9)


def test_score_all_counts_whole_histories():
    module, history = make(), HISTORIES[3]
    with torch.no_grad():
        module.users.history.weight[history[1:]] = 0  # the first item alone brings a score
        score = module.score_all(to_rows([history]))[0, history[0]]
    assert abs(score - module.items.weight[history[0], SIZE]) > 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_plain_autograd(kind, batch):
    module = make(kind)
    module(batch)[0].square().sum().backward()
    got = {name: p.grad.clone() for name, p in module.named_parameters()}
    module.zero_grad()
    plain_scores(module, batch).square().sum().backward()
    for name, parameter in module.named_parameters():
        torch.testing.assert_close(got[name], parameter.grad, msg=name)
        assert got[name].any(), name


def plain_scores(module, batch):
    """Return the scores of a batch, one pair at a time."""
    offsets, out = batch.history.offsets.tolist(), []
    for g, row in zip(batch.group.tolist(), batch.items, strict=True):
        history = batch.history.indices[offsets[g] : offsets[g + 1]]
        for item in row:
            kept = module.users.history.weight[history[history != item]]  # (n, size)
            q = module.items.weight[item]
            target = q[None, :SIZE].expand(len(kept), -1)
            prod = module.attention.kind == "prod"
            pair = target * kept if prod else torch.cat([target, kept], dim=1)
            hidden = torch.relu(pair @ module.attention.weight + module.attention.bias)
            logits = hidden @ module.attention.out
            weights = (logits - module.beta * logits.logsumexp(0)).exp() if len(kept) else logits
            out.append((weights @ kept) @ q[:SIZE] + q[SIZE])
    return torch.stack(out).view_as(batch.items)


def test_frozen_attention_gets_no_gradient(batch):
    module = make()
    module.attention.requires_grad_(False)
    module(batch)[0].sum().backward()
    assert module.attention.weight.grad is None
    assert module.items.weight.grad.any()


@given(
    lengths=st.lists(st.integers(0, N_ITEMS), min_size=1, max_size=6),
    n_targets=st.integers(1, 80),
    limit=st.sampled_from([1, 2**12, 2**20]),
    seed=st.integers(0, 9),
)
@settings(deadline=None, max_examples=30)
def test_chunks_of_any_size_give_the_same(lengths, n_targets, limit, seed):
    module, histories = make(), random_histories(lengths, seed)
    rng = np.random.default_rng(seed)
    row = torch.from_numpy(rng.integers(len(histories), size=n_targets))
    items = torch.from_numpy(rng.integers(N_ITEMS, size=n_targets))
    rows = to_rows(histories)
    with pytest.MonkeyPatch.context() as patch, torch.inference_mode():
        patch.setitem(chunks._CHUNK_BYTES, "cpu", limit)
        got = module.score_inside(rows, rows, row, items)
    pairs = zip(row.tolist(), items.tolist(), strict=True)
    expected = [oracle(module, histories[r], i) for r, i in pairs]
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_extreme_logits_stay_finite(beta):
    module = make(beta=beta, dtype=torch.float32)
    rows = to_rows(HISTORIES)
    rows = SparseRows(rows.indices, rows.offsets, rows.values.float())
    with torch.no_grad():
        module.attention.out.mul_(40 if beta == 1 else 8)
        every = module.score_all(rows)
        candidates = torch.arange(N_ITEMS).expand(len(HISTORIES), -1)
        single = module.score(rows, candidates)
    assert torch.isfinite(single).all()
    free = torch.ones_like(single, dtype=torch.bool)
    free[rows.row, rows.indices] = False
    torch.testing.assert_close(every[free], single[free], rtol=2e-3, atol=1e-4)


def test_empty_history_scores_the_bias():
    module, rows = make(), to_rows([[], []])
    expected = module.items.weight[:, SIZE].expand(2, -1)
    with torch.inference_mode():
        torch.testing.assert_close(module.score_all(rows), expected)
        candidates = torch.arange(N_ITEMS).expand(2, -1)
        torch.testing.assert_close(module.score(rows, candidates), expected)


@pytest.mark.parametrize("beta", [0.5, 1.0])
def test_a_history_of_the_target_alone_scores_the_bias(beta):
    module, rows = make(beta=beta), to_rows([[4]])
    score = module.score_inside(rows, rows, torch.tensor([0]), torch.tensor([4]))
    assert score.item() == pytest.approx(module.items.weight[4, SIZE].item())
    score.sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in module.parameters())


def test_it_starts_near_fism():
    torch.manual_seed(0)
    module, rows = NAIS(N_ITEMS, SIZE, beta=0.5, item_bias=False, std=0.05), to_rows(HISTORIES)
    with torch.inference_mode():
        fism = module.users.states(None, rows) @ module.items.weight.T
        torch.testing.assert_close(module.score_all(rows), fism, rtol=0.1, atol=1e-4)
