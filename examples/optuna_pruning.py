"""
Tuning with Optuna, and pruning
===============================

Optuna proposes parameters, and prunes a trial that lags behind the others after a few epochs. A
callback of skorch reports the validation metric of each epoch. What it raises leaves ``fit`` as it
is, so that ``optuna.TrialPruned`` reaches the study; the estimator is then as it was before. With a
folder ``SKREC_DATA`` that holds MovieLens-100K the data are that, and otherwise they are made up::

    pip install "sklearn-recommenders[optuna]"
    python examples/optuna_pruning.py
"""

import os
import time
from pathlib import Path

from skorch.callbacks import Callback

from skrec import MultVAERecommender
from skrec.datasets import fetch_movielens, make_interactions
from skrec.model_selection import StrongGeneralization
from skrec.utils import hide_entries

try:
    import optuna
except ImportError:
    print('optuna is not there; `pip install "sklearn-recommenders[optuna]"` brings it')
    raise SystemExit from None

N_TRIALS, EPOCHS, METRIC = 24, 30, "ndcg@10"

# %%
# Three groups of users
# ---------------------
#
# Trials train on most users and are compared on others, of whom a fifth of the histories is hidden.
# The rest are the test, which no trial sees.

home = os.environ.get("SKREC_DATA")
if home and Path(home, "ml-100k").is_dir():
    X = fetch_movielens("100k", download_if_missing=False).interactions.tocsr()
else:
    X = make_interactions(700, 200, 20_000, random_state=0).X
fifth = X.shape[0] // 5
rest, test = next(StrongGeneralization(test_users=fifth, random_state=0).split(X))
train, validation = next(StrongGeneralization(test_users=fifth, random_state=1).split(X[rest]))
train, (history, targets) = X[rest][train], hide_entries(X[rest][validation], 0.2, 0)

# %%
# A callback that reports
# -----------------------
#
# Callbacks of a user come after skrec's own, so the epoch's metric is in the history already. The
# best epoch so far is what early stopping would keep, so that is what is reported.


class Report(Callback):
    """Report each epoch to a trial, and end it where it should be pruned."""

    def __init__(self, trial):
        self.trial = trial

    def on_epoch_end(self, net, **kwargs):
        """Report the best value so far."""
        self.trial.report(max(net.history[:, f"valid_{METRIC}"]), step=len(net.history))
        if self.trial.should_prune():
            raise optuna.TrialPruned


def make(parameters, callbacks=None):
    """Return an estimator that keeps the weights of its best epoch."""
    return MultVAERecommender(
        hidden_sizes=(100,),
        latent_size=32,
        batch_size=100,
        max_epochs=EPOCHS,
        anneal_epochs=EPOCHS,
        early_stopping=True,
        patience=EPOCHS,
        validation_data=(history, targets),
        validation_metric=METRIC,
        callbacks=callbacks,
        random_state=0,
        **parameters,
    )


def objective(trial):
    """Fit with what a trial suggests, and return the metric of the best epoch."""
    parameters = {
        "lr": trial.suggest_float("lr", 1e-4, 3e-2, log=True),
        "beta": trial.suggest_float("beta", 0.0, 1.0),
        "dropout": trial.suggest_float("dropout", 0.0, 0.8),
    }
    return make(parameters, [Report(trial)]).fit(train).score(history, targets)


# %%
# With and without pruning
# ------------------------
#
# The sampler and its seed are the same. The first trials are not pruned: the median of something is
# needed first. Nor are the first epochs, in which a good trial may still be slow. An epoch of a
# pruned trial counts as one that was trained.

optuna.logging.set_verbosity(optuna.logging.WARNING)
pruners = {
    "all epochs": optuna.pruners.NopPruner(),
    "with pruning": optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=4),
}
studies = {}
for name, pruner in pruners.items():
    sampler = optuna.samplers.TPESampler(seed=0)
    study = studies[name] = optuna.create_study(
        direction="maximize", sampler=sampler, pruner=pruner
    )
    start = time.perf_counter()
    study.optimize(objective, n_trials=N_TRIALS)
    seconds = time.perf_counter() - start
    n_pruned = sum(trial.state == optuna.trial.TrialState.PRUNED for trial in study.trials)
    n_epochs = sum(len(trial.intermediate_values) for trial in study.trials)
    print(
        f"{name:12}: {n_pruned:2} of {N_TRIALS} trials pruned, {n_epochs:3} epochs, "
        f"{seconds:5.1f} s, best {METRIC} = {study.best_value:.4f}"
    )

# %%
# What came out
# -------------
#
# A fit with the best parameters is the best trial again. For the test, train on the users of the
# validation too, for as many epochs as the best trial took.

study = studies["with pruning"]
again = make(study.best_params).fit(train)
print(f"refit: {METRIC} = {again.score(history, targets):.4f} with {study.best_params}")

values = again.net_.history[:, f"valid_{METRIC}"]
best_epoch = values.index(max(values)) + 1
final = make(study.best_params).set_params(
    early_stopping=False, validation_data=None, max_epochs=best_epoch
)
print(f"test:  {METRIC} = {final.fit(X[rest]).score(X[test]):.4f} after {best_epoch} epochs")
