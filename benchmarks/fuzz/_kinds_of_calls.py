"""Kinds of traps, parameters, sizes, commands, threads and forks."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

import skrec
from skrec import EASERecommender, Interactions, ItemKNNRecommender, PopularityRecommender
from skrec.metrics import make_ranking_scorer

skrec.BPRMFRanker  # noqa: B018 - imports torch once, for all forks

CASES: list[tuple[str, str, Callable[[], Any]]] = []


def case(kind: str, label: str, function: Callable[[], Any]) -> None:
    """Add a case."""
    CASES.append((kind, label, function))


def fit_ease(X: Any) -> Any:
    """Fit EASE; what it answers is of any type here."""
    return EASERecommender(l2=1.0).fit(X)


X = sp.csr_matrix((np.random.RandomState(0).rand(30, 12) < 0.4).astype(np.float32))
NEW = Interactions(sp.csr_matrix(1 - X.toarray()))  # pairs that X lacks
RATINGS = sp.csr_matrix(X.toarray() * np.random.RandomState(1).randint(1, 6, X.shape))


def bpr(data: Any = X, **params: Any) -> Any:
    """Fit a small BPRMF and return it."""
    small = {"n_factors": 4, "max_epochs": 1, "device": "cpu", "random_state": 0}
    small |= {"solver": "torch", "lr_decay": None}
    return skrec.BPRMFRanker(**{**small, **params}).fit(data)


def fitted(data: Any = X, **params: Any) -> str:
    """Fit a small BPRMF and return that it went well."""
    return type(bpr(data, **params)).__name__


def watched() -> list[str]:
    """Return what the history of a fit has that comes from validation data."""
    columns = bpr(validation_data=NEW).net_.history[-1]
    return [name for name in columns if "ndcg" in name or "valid" in name]


scorer = make_ranking_scorer("ndcg@5")
case(
    "7 unknown users",
    "cross_val_score(Interactions by user, cv=5)",
    lambda: cross_val_score(EASERecommender(), Interactions(X), scoring=scorer, cv=5).mean(),
)


def cold_users() -> float:
    """Score users of whom fit saw nothing."""
    data = Interactions(X)
    model = fit_ease(data[data.user < 10])
    return scorer(model, data[data.user >= 10])


case("7 unknown users", "scorer on users without interactions in fit", cold_users)
case(
    "7 weights taken as ones",
    "make_pipeline(TfidfTransformer(), EASE).fit",
    lambda: make_pipeline(TfidfTransformer(), EASERecommender()).fit(X),
)
case("7 validation data ignored", "validation_data, no early_stopping: columns of history", watched)


def callback_by_reference() -> str:
    """Return whether a callback that is given is the one that is called."""
    from skorch.callbacks import Callback

    class Counter(Callback):
        n_calls = 0

        def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
            self.n_calls += 1

    counter = Counter()
    bpr(callbacks=[counter])
    return f"{counter.n_calls} calls seen, of 1"


case("7 callbacks are copied", "callbacks=[counter]", callback_by_reference)
case(
    "7 scorers have no name",
    "make_ranking_scorer().__name__",
    lambda: make_ranking_scorer("ndcg").__name__,
)


def scored_nan() -> float:
    """Score data with a NaN."""
    wrong = X.copy()
    wrong.data[0] = np.nan
    return scorer(fit_ease(X), wrong)


case("7 scorers validate less", "scorer(model, X with NaN)", scored_nan)
for device in ("gpu", "cuda", ""):
    case("8 device", f"device={device!r}", lambda device=device: fitted(device=device))
for name, value in {
    "batch_size": np.int8(3),
    "n_factors": True,
    "callbacks": ["x"],
    "optimizer": int,
    "random_state": -1,
    "negative_power": 1e30,
    "validation_candidates": 10**9,
    "init_std": 1e30,
    "lr": 1e30,
    "patience": True,
}.items():
    label = f"{name}={value if not isinstance(value, type) else value.__name__!s}"
    more = {"validation_data": NEW, "early_stopping": True} if "validation" in name else {}
    case(
        "8 parameters",
        label,
        lambda name=name, value=value, more=more: fitted(**{name: value}, **more),
    )
case(
    "8 n_items",
    "recommend(1 user, n_items=3 * n_columns)",
    lambda: fit_ease(X).recommend(X[:1], 36).shape,
)
case(
    "8 n_items",
    "recommend(1 user, n_items=10**9)",
    lambda: fit_ease(X).recommend(X[:1], 10**9).shape,
)
case(
    "8 n_items",
    "similar_items([0], n_items=2.5)",
    lambda: fit_ease(X).similar_items([0], 2.5),
)
case(
    "8 n_items",
    "similar_items([0], n_items=np.int8(3))",
    lambda: fit_ease(X).similar_items([0], np.int8(3))[0].shape,
)
case("8 ragged", "fit([[1, 0], [1]])", lambda: fitted([[1, 0], [1]]))
case(
    "8 ragged",
    "recommend(users=[[0], [1, 2]])",
    lambda: fit_ease(X).recommend(users=[[0], [1, 2]]),
)
case("8 float16", "fit(float16)", lambda: fitted(X.toarray().astype(np.float16)))


def nan_rating(door: str) -> Any:
    """Give a NaN rating to one of the doors."""
    data = Interactions.from_arrays([0, 1, 2], [0, 1, 2], [1.0, np.nan, 3.0])
    model = skrec.BiasedMFRegressor(n_factors=2, max_epochs=1, device="cpu", random_state=0)
    if door == "fit":
        return type(model.fit(data)).__name__
    model.fit(RATINGS)
    if door == "validation_data":
        wrong = Interactions(sp.csr_matrix((1 - X.toarray()) * np.nan))
        return type(model.set_params(early_stopping=True, validation_data=wrong).fit(RATINGS))
    wrong = RATINGS.astype(float)
    wrong.data[0] = np.nan
    return model.score(RATINGS, wrong)


for door in ("fit", "validation_data", "score"):
    case("8 NaN ratings", f"{door}: a rating is NaN", lambda door=door: nan_rating(door))
WIDE = sp.csr_matrix(([1.0] * 4, ([0, 0, 1, 1], [0, 5, 5, 9])), shape=(2, 2_000_000))
case("9 memory", "EASE on 2 million items", lambda: fit_ease(WIDE).item_weights_.shape)
case(
    "9 memory",
    "from_arrays(user=[10**11], item=[0])",
    lambda: PopularityRecommender().fit(Interactions.from_arrays([10**11], [0])),
)
case(
    "9 empty columns",
    "ItemKNN, 4 interactions, 2 million items",
    lambda: np.asarray(ItemKNNRecommender().fit(WIDE).recommend(users=[0], n_items=2)),
)
case(
    "9 empty columns",
    "SLIM, 4 interactions, 2 million items",
    lambda: np.asarray(skrec.SLIMRecommender().fit(WIDE).recommend(users=[0], n_items=2)),
)
