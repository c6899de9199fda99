"""Estimators that are trained with torch, each with one fault."""

import time
from dataclasses import replace

import numpy as np
import torch

from skrec import MultDAERecommender, MultVAERecommender
from skrec.nn import MultDAE
from skrec.training import LinearAnnealing, sparse_rows


class HalfFittedNet(MultDAERecommender):
    def fit(self, X, y=None):
        self._learn(X)
        return self


class IdleModule(MultDAE):
    def __init__(self, n_items, *args, **options):
        super().__init__(n_items, *args, **options)
        self.idle = torch.nn.Parameter(torch.zeros(3))


class IdleWeights(MultDAERecommender):
    _module_class = IdleModule


class AnnealedByLimit(MultVAERecommender):
    def _callbacks(self, batches, watched):
        return [("annealing", LinearAnnealing(len(batches) * self.max_epochs, cap=1.0))]


class BeginsAnew(MultDAERecommender):
    def _train(self, X, seed, device):
        self._checkpoints.key += str(time.perf_counter_ns())
        super()._train(X, seed, device)


class DrawsOnItsOwn(MultDAERecommender):
    def _data(self, X, rng):
        batches, watched = super()._data(X, rng)
        self.own_ = np.random.RandomState(0)
        names = {"__iter__": lambda batches: self._shuffled(batches)}
        batches.__class__ = type("Batches", (type(batches),), names)
        return batches, watched

    def _shuffled(self, batches):
        order = self.own_.permutation(batches.X.shape[0])
        for start in range(0, len(order), batches.batch_size):
            rows = sparse_rows(batches.X[order[start : start + batches.batch_size]])
            yield rows, rows


class DrawsAnew(MultDAERecommender):
    def _continued_net(self, net, callbacks):
        net.draws_ = None
        return super()._continued_net(net, callbacks)


class NoScoresOfNet(MultDAERecommender):
    def decision_function(self, X=None, *, users=None, return_std=False):
        return super().decision_function(X, users=users) * np.nan


class ShiftedByDeviation(MultVAERecommender):
    def _values(self, of, return_std, queries, candidates=None):
        values = super()._values(of, return_std, queries, candidates)
        return (values[0] + values[1], values[1]) if return_std else values


class NoDeviation(MultVAERecommender):
    def _spread(self, values):
        return 0 * super()._spread(values)


class VectorsOfOthers(MultVAERecommender):
    def _item_vectors(self):
        return super()._item_vectors()[::-1]


class BiasLeftOut(MultVAERecommender):
    def _user_vectors(self, queries):
        vectors = super()._user_vectors(queries)
        vectors[:, -1] = 0
        return vectors


class NoReasons(MultVAERecommender):
    def explain(self, X=None, items=None, *, users=None):
        found = super().explain(X, items, users=users)
        return replace(found, parts=0 * found.parts, baseline=found.score)
