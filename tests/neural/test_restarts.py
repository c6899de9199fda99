"""Going on from the last fit, and beginning anew."""

import pytest


def weights(est):
    return {k: v.numpy().copy() for k, v in est.net_.module_.state_dict().items()}


def same_weights(a, b):
    return all((a[name] == b[name]).all() for name in a)


def n_updates(est):
    return {int(state["step"]) for state in est.net_.optimizer_.state.values()}


def test_warm_start_goes_on(make, X):
    est = make(max_epochs=5, warm_start=True).fit(X)
    first = weights(est)
    est.fit(X)
    assert len(est.net_.history) == 10
    assert n_updates(est) == {40}
    losses = est.net_.history[:, "train_loss"]
    assert losses[5] < losses[0]
    assert not same_weights(first, weights(est))


def test_warm_start_with_no_epochs_changes_nothing(make, X):
    est = make(warm_start=True).fit(X)
    before = weights(est)
    est.set_params(max_epochs=0).fit(X)
    assert same_weights(before, weights(est))


def test_warm_start_takes_a_new_lr(make, X):
    est = make(warm_start=True).fit(X).set_params(lr=0.125).fit(X)
    assert est.net_.optimizer_.param_groups[0]["lr"] == 0.125


def test_warm_start_is_a_new_net(make, X):
    est = make(warm_start=True).fit(X)
    net, before = est.net_, weights(est)
    est.fit(X)
    assert est.net_ is not net
    assert same_weights(before, {k: v.numpy() for k, v in net.module_.state_dict().items()})


def test_warm_start_on_other_users_learns_from_them(make, X):
    est = make(warm_start=True).fit(X[:100]).fit(X[100:])
    assert est.interactions_.shape == (100, 60)
    assert len(est.net_.history) == 6


def test_warm_start_with_other_items_is_an_error(make, X):
    est = make(warm_start=True).fit(X)
    with pytest.raises(ValueError, match="60 items of the last fit when warm_start=True; got 59"):
        est.fit(X[:, :59])
    assert est.n_features_in_ == 60


def test_without_warm_start_fit_begins_anew(make, X):
    est = make().fit(X)
    before = weights(est)
    est.fit(X)
    assert len(est.net_.history) == 3
    assert same_weights(before, weights(est))
    assert est.fit(X[:, :50]).n_features_in_ == 50


def test_the_optimizers_state_is_dropped_unless_it_is_needed_again(make, X):
    assert make().fit(X).net_.optimizer_ is None
    assert n_updates(make(warm_start=True).fit(X)) == {12}


def test_warm_start_after_a_fit_without_it_goes_on_with_a_new_optimizer(make, X):
    est = make().fit(X).set_params(warm_start=True)
    est.fit(X)
    assert len(est.net_.history) == 6
    assert n_updates(est) == {12}
