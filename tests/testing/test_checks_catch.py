"""Each check catches an estimator with one fault, or it would check nothing."""

import os
import sys

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch

from skrec import EASERecommender, MultVAERecommender, PopularityRecommender
from skrec.base import RatingRecommender
from skrec.factorization import MFClassifier
from skrec.interactions import Interactions
from skrec.neural.objectives import Pairwise, Pointwise
from skrec.testing import estimator_checks, make_estimator
from tests.testing import net_faults
from tests.testing.net_faults import (
    AnnealedByLimit,
    BeginsAnew,
    BiasLeftOut,
    DrawsAnew,
    DrawsOnItsOwn,
    HalfFittedNet,
    IdleWeights,
    NoDeviation,
    NoReasons,
    NoScoresOfNet,
    ShiftedByDeviation,
    VectorsOfOthers,
)

try:  # a dependency of joblib, which brought it along until 1.5
    import cloudpickle
except ImportError:
    from joblib.externals import cloudpickle

# workers of another process cannot import these files
for module in (sys.modules[__name__], net_faults):
    cloudpickle.register_pickle_by_value(module)

EASE = EASERecommender


class NeighbourRatings(RatingRecommender):
    """A small rating model: the ratings of those who agree, each about their own mean."""

    _test_parameters = {}  # noqa: RUF012

    def _fit(self, X):
        self.centred_, self.rated_ = self._centred(X), (X.toarray() != 0).astype(float)

    def _centred(self, X):
        mask = X.toarray() != 0
        means = X.sum(axis=1) / np.maximum(mask.sum(axis=1, keepdims=True), 1)
        return np.where(mask, X.toarray() - np.asarray(means).reshape(-1, 1), 0.0)

    def _score_block(self, queries):
        alike = np.maximum(self._centred(queries.history) @ self.centred_.T, 0) + 1e-3
        sums = alike @ (self.interactions_.toarray() * self.rated_)
        return sums / np.maximum(alike @ self.rated_, 1e-9)


class BatchDependent(EASE):
    def _score_block(self, queries):
        scores = super()._score_block(queries)
        return scores - scores.mean(axis=0)


class PopularLast(EASE):
    def _prior_scores(self):
        return -super()._prior_scores()


class UnlikedByFull(EASE):
    def _score_block(self, queries):
        scores = super()._score_block(queries)
        scores[np.diff(queries.history.indptr) == scores.shape[1]] = np.nan
        return scores


class SeenAgain(EASE):
    def recommend(self, X=None, n_items=10, *, exclude_seen=True, **options):
        return super().recommend(X, n_items, exclude_seen=False, **options)


class MixedUpCandidates(EASE):
    def _score_candidates(self, queries, candidates):
        return super()._score_candidates(queries, candidates)[:, ::-1]


class ExcludeIgnored(EASE):
    def recommend(self, X=None, n_items=10, *, exclude=None, **options):
        return super().recommend(X, n_items, **options)


class PaddedWithFirst(EASE):
    def recommend(self, X=None, n_items=10, *, return_scores=False, **options):
        lists, scores = super().recommend(X, n_items, return_scores=True, **options)
        lists = np.maximum(lists, 0)
        return (lists, scores) if return_scores else lists


class TiesToTheHigher(EASE):
    def _top_k(self, scores, k):
        indices, values = super()._top_k(scores[:, ::-1].copy(), k)
        return np.where(indices < 0, -1, scores.shape[1] - 1 - indices), values


class KnownOtherwise(EASE):
    def _score_block(self, queries):
        return super()._score_block(queries) + (queries.users is not None)


class Unfoldable(EASE):
    _fold_in = "approximate"

    def _score_block(self, queries):
        return super()._score_block(queries) * (1 if queries.users is None else -1)


class NewerOtherwise(EASE):
    def decision_function(self, X=None, *, users=None, return_std=False):
        both = X is not None and users is not None
        return super().decision_function(X, users=users, return_std=return_std) + both


class Greedy(EASE):
    def _row_bytes(self):
        return 1


class SimilarToItself(EASE):
    def similar_items(self, items, n_items=10):
        indices, weights = super().similar_items(items, n_items)
        indices[:, 0] = items
        return indices, weights


class FramesUpsideDown(EASE):
    def fit(self, X, y=None):
        return super().fit(X.iloc[::-1] if isinstance(X, pd.DataFrame) else X)


class StrengthsKept(EASE):
    def fit(self, X, y=None):
        super().fit(X)
        self.interactions_ = X.tocsr().astype(np.float32)
        return self


class DoublePrecision(EASE):
    def decision_function(self, X=None, **options):
        return super().decision_function(X, **options).astype(np.float64)


class SortedPairs(EASE):
    def decision_function(self, X=None, **options):
        scores = super().decision_function(X, **options)
        return np.sort(scores) if isinstance(X, Interactions) else scores


class SortsInput(EASE):
    def fit(self, X, y=None):
        if sp.issparse(X):
            X.sort_indices()
        return super().fit(X)


class WritesToInput(EASE):
    def fit(self, X, y=None):
        if sp.issparse(X):
            X.data[:] = 1
        return super().fit(X)


class WritesWhereItCan(EASE):
    def score(self, X, y=None):
        if sp.issparse(X) and X.indices.flags.writeable:
            X.sort_indices()
        return super().score(X, y)


class NaNToZero(EASE):
    def fit(self, X, y=None):
        return super().fit(np.nan_to_num(X) if isinstance(X, np.ndarray) else X)


class Curt(EASE):
    def _queries(self, X, users):
        try:
            return super()._queries(X, users)
        except ValueError as error:
            raise ValueError("bad input") from error


class UsersClipped(EASE):
    def _queries(self, X, users):
        n_users = self.interactions_.shape[0]
        integers = users is not None and np.asarray(users).dtype.kind == "i"
        return super()._queries(X, np.clip(users, 0, n_users - 1) if integers else users)


class GlobalNoise(EASE):
    def _fit(self, X):
        super()._fit(X)
        self.item_weights_ += np.random.rand(*self.item_weights_.shape)  # noqa: NPY002


class TorchNoise(EASE):
    def _score_block(self, queries):
        torch.rand(1)
        return super()._score_block(queries)


class ForgetsInPickle(EASE):
    def __getstate__(self):
        state = super().__getstate__()
        return {**state, "_weights_": state.get("_weights_", 0) * 2}


class OwnProcess(EASE):
    def _fit(self, X):
        super()._fit(X)
        rng = np.random.RandomState(os.getpid())
        self.item_weights_ += rng.rand(*self.item_weights_.shape)


class LeftOver(EASE):
    def _forget(self):
        self.before_ = self.__dict__.get("n_features_in_")

    def _fit(self, X):
        super()._fit(X)
        if self.before_:
            self.again_ = True


class LooseNames(EASE):
    def _fit(self, X):
        super()._fit(X)
        self.scratch = X


class HalfFitted(EASE):
    def fit(self, X, y=None):
        self._learn(X)
        return self


class NotFittedUnnoticed(EASE):
    def similar_items(self, items, n_items=10):
        return self.item_weights_[items]


class OwnParameters(EASE):
    def __post_init__(self):
        self.l2 = float(self.l2 * 2)


class LowIsGood(EASE):
    def score(self, X, y=None):
        return -super().score(X, y)


class ArrayScore(EASE):
    def score(self, X, y=None):
        return np.array([super().score(X, y)])


class TooProbable(EASE):
    def predict_proba(self, X=None, **options):
        return 1 + super().predict_proba(X, **options)


class Overconfident(EASE):
    def predict_proba(self, X=None, *, users=None, return_std=False):
        return np.minimum(9 * super().predict_proba(X, users=users), 1)  # as of whole rows


class PretendsToDeviate(EASE):
    def decision_function(self, X=None, *, users=None, return_std=False):
        scores = super().decision_function(X, users=users)
        return (scores, np.zeros_like(scores)) if return_std else scores


class AnyStrategy(EASE):
    def recommend(self, X=None, n_items=10, *, strategy="mean", **options):
        return super().recommend(X, n_items, **options)


class Predicts(EASE):
    def predict(self, X):
        return np.zeros(len(X))


class HalfOfTheParts(EASE):
    def _history_parts(self, queries, lists):
        parts, baseline = super()._history_parts(queries, lists)
        return parts / 2, baseline


class NoScores(EASE):
    def decision_function(self, X=None, *, users=None, return_std=False):
        return super().decision_function(X, users=users) * np.nan


class NoUsersInSignature(EASE):
    def decision_function(self, X=None):
        return super().decision_function(X)


class WrongDefault(EASE):
    pass


WrongDefault.__doc__ = (EASE.__doc__ or "").replace('default="auto"', "default=5.0")


class Undocumented(EASE):
    pass


Undocumented.__doc__ = (EASE.__doc__ or "").replace("l2 : float", "ridge : float")


class DocumentedTwice(EASE):
    pass


DocumentedTwice.__doc__ = (EASE.__doc__ or "").replace("l2 : float", "l2, l2 : float")


def in_skrec(cls):
    """Return a class as if it stood in a file of skrec."""
    return type(cls.__name__, (cls,), {"__module__": "skrec.linear._ease"})


class Layered(EASE):
    pass


for _ in range(8):
    Layered = in_skrec(Layered)


class Unbounded(NeighbourRatings):
    def predict(self, X=None, *, users=None, return_std=False):
        return 2 * self.decision_function(X, users=users)


class ZerosAreNothing(NeighbourRatings):
    def fit(self, X, y=None):
        X = X.tocsr()
        X.eliminate_zeros()
        return super().fit(X)


class _RankedAlone(Pointwise):
    def row_loss(self, estimator):
        return Pairwise().row_loss(estimator)


class FoldedInOtherwise(MFClassifier):
    _objective = _RankedAlone()


def _of_skrec(name, *bases, **names):
    return type(name, bases, {"__module__": "skrec.undecided", **names})


Undecided = _of_skrec(
    "Undecided", *(_of_skrec(each, EASE, _row_bytes=lambda self: 1) for each in ("One", "Other"))
)


CATCHES = {
    "check_checkerboard_of_known_users": [PopularityRecommender],
    "check_checkerboard_of_unseen_rows": [PopularityRecommender],
    "check_rows_do_not_depend_on_each_other": [BatchDependent],
    "check_blocks_of_recommend": [BatchDependent],
    "check_empty_rows": [PopularLast],
    "check_full_rows": [UnlikedByFull, SeenAgain],
    "check_seen_items_are_not_recommended": [SeenAgain],
    "check_candidates": [MixedUpCandidates],
    "check_exclude": [ExcludeIgnored],
    "check_too_few_items": [PaddedWithFirst],
    "check_ties_go_to_the_lower_index": [TiesToTheHigher],
    "check_fold_in": [KnownOtherwise, Unfoldable],
    "check_users_with_histories": [NewerOtherwise],
    "check_recommend_needs_no_dense_matrix": [Greedy],
    "check_similar_items": [SimilarToItself],
    "check_vectors": [VectorsOfOthers, BiasLeftOut],
    "check_explain": [HalfOfTheParts, NoReasons],
    "check_forms_of_X_in_fit": [FramesUpsideDown],
    "check_weights_duplicates_and_zeros": [StrengthsKept],
    "check_forms_of_X_in_prediction": [DoublePrecision],
    "check_pairs": [SortedPairs],
    "check_X_is_left_alone": [SortsInput, WritesToInput, WritesWhereItCan],
    "check_errors_of_fit": [NaNToZero],
    "check_errors_of_prediction": [Curt, UsersClipped],
    "check_same_seed_same_model": [GlobalNoise],
    "check_global_random_state_is_left_alone": [GlobalNoise, TorchNoise],
    "check_copies_are_the_same_model": [ForgetsInPickle],
    "check_another_process_gives_the_same_model": [OwnProcess],
    "check_fit_starts_anew": [LeftOver],
    "check_refitting_leaves_no_names": [LooseNames],
    "check_failed_fit_changes_nothing": [HalfFitted],
    "check_unfitted_estimators_say_so": [NotFittedUnnoticed],
    "check_parameters": [OwnParameters],
    "check_score": [LowIsGood, ArrayScore],
    "check_training_that_fails_changes_nothing": [HalfFittedNet],
    "check_every_weight_learns": [IdleWeights],
    "check_a_longer_limit_leaves_the_first_epochs": [AnnealedByLimit],
    "check_an_ended_training_goes_on": [BeginsAnew, DrawsOnItsOwn],
    "check_two_halves_are_one_fit": [DrawsAnew],
    "check_probabilities": [TooProbable],
    "check_calibration": [Overconfident],
    "check_deviations": [PretendsToDeviate, ShiftedByDeviation, NoDeviation],
    "check_strategies": [AnyStrategy],
    "check_no_predict": [Predicts],
    "check_predicted_ratings": [Unbounded],
    "check_the_latest_rating_counts": [ZerosAreNothing],
    "check_grid_search_over_users": [NoScores],
    "check_grid_search_over_interactions": [NoScores],
    "check_randomized_search": [NoScores],
    "check_cross_validation": [NoScores],
    "check_learning_curve": [NoScores],
    "check_train_test_split": [NoScores],
    "check_pipeline": [GlobalNoise],
    "check_metadata_routing": [NoUsersInSignature],
    "check_parallel": [OwnProcess],
    "check_halving_search_over_epochs": [NoScoresOfNet],
    "check_documented_parameters": [WrongDefault, Undocumented, DocumentedTwice],
    "check_resolution_order": [Layered],
    "check_order_of_bases": [Undecided],
    "check_fold_in_minimises_the_loss_of_training": [FoldedInOtherwise],
}
# scikit-learn, NumPy, Python and skrec's scorers refuse these before a check can
RAISES_OTHERWISE = {
    **{
        name: ValueError
        for name, faults in CATCHES.items()
        if faults[0] in (NoScores, NoScoresOfNet)
    },
    "check_metadata_routing": TypeError,
    "check_parameters": RuntimeError,
    "check_X_is_left_alone": ValueError,
}
SOUND = [make_estimator(cls) for cls in (EASE, MultVAERecommender, NeighbourRatings)]


@pytest.fixture(autouse=True)
def _one_thread():
    """Run torch on one thread: more only slow such small data down."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


def checks_by_name(estimator):
    return {check.__name__: check for check in estimator_checks(estimator)}


@pytest.mark.parametrize(
    ("name", "cls"),
    [pytest.param(n, cls, id=f"{n}-{cls.__name__}") for n, c in CATCHES.items() for cls in c],
)
def test_fault_is_caught(name, cls):
    estimator = make_estimator(cls)
    check = checks_by_name(estimator)[name]
    with pytest.raises((AssertionError, RAISES_OTHERWISE.get(name, AssertionError))):
        check(cls.__name__, estimator)


def test_every_check_has_a_fault_to_catch():
    others = {f"skrec.testing._checks_{name}" for name in ("doors", "files", "threads", "updates")}
    checks = [check for estimator in SOUND for check in estimator_checks(estimator)]
    # the others have files of their own
    assert {c.__name__ for c in checks if c.__module__ not in others} == set(CATCHES)


@pytest.mark.parametrize("name", checks_by_name(SOUND[-1]))
def test_rating_models_can_pass(name):
    checks_by_name(SOUND[-1])[name]("NeighbourRatings", SOUND[-1])


def test_approximate_fold_in_can_pass():
    class Approximate(EASE):
        _fold_in = "approximate"

    checks_by_name(Approximate())["check_fold_in"]("Approximate", Approximate(l2=1.0))
