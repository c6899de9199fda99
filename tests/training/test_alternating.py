"""AlternatingBatches and PosteriorRenewal."""

from itertools import chain

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from skrec.nn import RecVAE, UserScaledELBO
from skrec.training import (
    AlternatingBatches,
    PosteriorRenewal,
    RecommenderNet,
    run_training,
    sparse_rows,
)


def make_batches(X, n_encoder_passes=3, n_decoder_passes=2, seed=0):
    """Return batches of ten rows, three a pass."""
    rng = np.random.RandomState(seed)
    return AlternatingBatches(X, 10, rng, n_encoder_passes, n_decoder_passes)


def make_net(*callbacks, module=RecVAE, **parameters):
    return RecommenderNet(
        module,
        module__n_items=12,
        module__hidden_size=6,
        module__latent_size=4,
        criterion=UserScaledELBO,
        optimizer=torch.optim.Adam,
        lr=0.01,
        train_split=None,
        callbacks=[PosteriorRenewal(), *callbacks],
        callbacks__print_log=None,
        callbacks__valid_loss=None,
        verbose=0,
        **parameters,
    )


def numbers(rows):
    """Stand in for an encoder: the sum of a row, and its number of entries."""
    return rows.sum()[:, None], rows.offsets.diff()[:, None].float()


def state(net, part):
    return {k: v.clone() for k, v in net.module_.state_dict().items() if k.startswith(part)}


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


# the batches


@pytest.mark.parametrize(("n_encoder", "n_decoder"), [(1, 1), (3, 1), (2, 4)])
def test_an_epoch_is_passes_of_the_encoder_and_then_of_the_decoder(n_encoder, n_decoder, X):
    batches = make_batches(X, n_encoder, n_decoder)
    batches.encode = numbers
    updates = [batch.updates for batch, _ in batches]
    assert updates == ["encoder"] * 3 * n_encoder + ["decoder"] * 3 * n_decoder
    assert len(batches) == len(updates)


def test_each_row_comes_once_a_pass_with_its_own_posterior(X):
    X.data[:] = np.random.RandomState(1).uniform(size=X.nnz)
    batches = make_batches(X)
    batches.encode = numbers
    seen = list(batches)
    for first in range(0, len(seen), 3):
        part = seen[first : first + 3]
        assert [len(batch) for batch, _ in part] == [10, 10, 3]
        sums = np.concatenate([rows.sum().numpy() for _, rows in part])
        np.testing.assert_allclose(np.sort(sums), np.sort(X.sum(axis=1).A1), rtol=1e-5)
    for batch, rows in seen:
        assert batch.rows is rows
        torch.testing.assert_close(batch.mean, rows.sum()[:, None])
        torch.testing.assert_close(batch.log_variance, rows.offsets.diff()[:, None].float())


def test_the_seed_fixes_the_order(X):
    X.data[:] = np.random.RandomState(1).uniform(size=X.nnz)

    def epoch(seed):
        batches = make_batches(X, seed=seed)
        batches.encode = numbers
        return [rows.values.tolist() for _, rows in batches]

    assert epoch(0) == epoch(0)
    assert epoch(0) != epoch(1)
    assert epoch(0)[:3] != epoch(0)[3:6]


def test_posteriors_are_renewed_before_all_and_between_the_parts_alone(X):
    batches, calls = make_batches(X), []
    batches.encode = lambda rows: calls.append(len(rows)) or numbers(rows)
    counts = [len(calls) for _ in batches]
    assert counts == [3] * 9 + [6] * 6
    assert calls == [10, 10, 3] * 2
    assert [len(calls) for _ in batches] == [6] * 9 + [9] * 6  # the next epoch remembers the last


# the training


class Watch(Callback):
    """Compare weights around each update, and batches with what the net made of them."""

    def on_train_begin(self, net, **kwargs):
        self.changed_, self.last_encoder_, self.fits_ = [], None, []

    def on_batch_begin(self, net, batch=None, **kwargs):
        self.before_ = state(net, "encoder"), state(net, "last")
        if self.last_encoder_ is not None:
            now = net.module_.state_dict()
            net.module_.load_state_dict({**now, **self.last_encoder_})
            with torch.no_grad():
                mean, log_variance = net.module_.posterior(batch[1])
            net.module_.load_state_dict(now)
            close = [torch.allclose(batch[0].mean, mean, atol=1e-6)]
            close.append(torch.allclose(batch[0].log_variance, log_variance, atol=1e-6))
            self.fits_.append(all(close))

    def on_batch_end(self, net, batch=None, **kwargs):
        encoder, decoder = self.before_
        changed = not same(encoder, state(net, "encoder")), not same(decoder, state(net, "last"))
        self.changed_.append(changed)
        if len(self.changed_) % 15 == 9:  # the encoder's last update of an epoch
            self.last_encoder_ = state(net, "encoder")


def test_each_kind_of_update_leaves_the_other_part_bit_identical(X):
    watch = Watch()
    run_training(make_net(watch), make_batches(X), 2)
    assert watch.changed_ == ([(True, False)] * 9 + [(False, True)] * 6) * 2


def test_batches_hold_the_posteriors_of_the_encoder_of_the_last_renewal(X):
    watch = Watch()
    run_training(make_net(watch), make_batches(X), 3)
    assert watch.fits_ == [True] * (6 + 15 + 15)


def test_the_first_prior_is_the_encoder_at_the_start(X):
    class First(Callback):
        def on_batch_begin(self, net, batch=None, **kwargs):
            if not hasattr(self, "seen_"):
                with torch.no_grad():
                    self.seen_ = batch[0].mean, net.module_.posterior(batch[1])[0]

    first = First()
    run_training(make_net(first), make_batches(X), 1)
    torch.testing.assert_close(*first.seen_)


def test_decay_of_weights_does_not_reach_the_part_at_rest(X):
    watch = Watch()
    run_training(make_net(watch, optimizer__weight_decay=0.1), make_batches(X), 1)
    assert watch.changed_ == [(True, False)] * 9 + [(False, True)] * 6


def test_two_optimisers_would_do_the_same(X):
    torch.manual_seed(0)
    net = run_training(make_net(), make_batches(X), 2)
    torch.manual_seed(0)
    other = make_net().initialize()
    module, parts = other.module_, {}
    for name, part in (("encoder", module.encoder), ("decoder", module.last)):
        parts[name] = torch.optim.Adam(part.parameters(), lr=0.01)
    batches = make_batches(X)
    batches.encode = lambda rows: [part.detach() for part in module.posterior(rows)]
    for batch, rows in chain(batches, batches):
        parts[batch.updates].zero_grad()
        other.criterion_(module(batch), rows).backward()
        parts[batch.updates].step()
    assert same(state(net, ""), state(other, ""))


def test_the_net_is_given_back_after_training(X):
    batches = make_batches(X)
    net = run_training(make_net(), batches, 1)
    assert batches.encode is None
    assert batches.posteriors is None
    assert all(p.requires_grad for p in net.module_.parameters())


def test_a_second_training_begins_with_the_posteriors_of_the_weights_at_hand(X):
    batches, net = make_batches(X), make_net()
    run_training(net, batches, 1)
    with torch.no_grad():
        net.module_.encoder.code.bias += 1.0
        expected, _ = net.module_.posterior(sparse_rows(X))
    net.callbacks_.append(("means", means := Means()))
    run_training(net, batches, 1)
    torch.testing.assert_close(means.seen_.sum(dim=0), expected.sum(dim=0))


class Means(Callback):
    """Keep the prior's means of the first pass of the first epoch."""

    seen_ = None

    def on_batch_begin(self, net, batch=None, **kwargs):
        batch_means = batch[0].mean
        if self.seen_ is None:
            self.seen_ = batch_means
        elif len(self.seen_) < 23:
            self.seen_ = torch.cat([self.seen_, batch_means])


@pytest.mark.gpu
def test_on_cuda_posteriors_stay_on_the_device(X):
    class Device(Callback):
        def on_batch_begin(self, net, batch=None, **kwargs):
            self.seen_ = batch[0].mean.device.type

    device = Device()
    run_training(make_net(device, device="cuda"), make_batches(X), 1)
    assert device.seen_ == "cuda"
