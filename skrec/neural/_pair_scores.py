"""How models of pairs score: all items, candidates, and what a user has."""

import numpy as np
import torch

from skrec.training import cpu_copy, sparse_rows
from skrec.utils import has_entries, row_blocks, row_of_entry

__all__ = ["PairScores"]


class PairScores:
    """The hooks of `BaseRecommender` that score, for an estimator whose module is a `PairModel`."""

    def _score_block(self, queries):
        return self._model_scores(self._module, queries)

    def _score_candidates(self, queries, candidates, **options):
        m = candidates.shape[-1]
        scores = np.empty((queries.n_rows, m), dtype=np.float32)
        for rows in row_blocks(queries.n_rows, m * self._pair_bytes()):
            # a row's padding of -1 is scored as if it were the first item, and masked later
            part = np.maximum(candidates if candidates.ndim == 1 else candidates[rows], 0)
            scores[rows] = self._model_scores(self._module, queries.take(rows), part, **options)
        empty = queries.empty(self.__sklearn_tags__().fold_in)
        if empty.any():
            prior = self._prior_scores()[candidates]
            scores[empty] = prior if candidates.ndim == 1 else prior[empty]
        return scores

    def _pair_bytes(self):
        """Memory that one pair of a user and a candidate takes while it is scored."""
        interaction = self._module.interaction
        return 12 * (interaction.user_size + interaction.item_size)

    def _model_scores(self, module, queries, candidates=None, seen_matter=True):
        """Give the scores of all items, or of shared or per-row candidates.

        Where seen items do not matter, they are not scored without themselves in the history.
        """
        device = module.items.weight.device
        free = self._free_vectors(module, queries)
        rows = sparse_rows(queries.history).to(device)
        items = None if candidates is None else torch.from_numpy(candidates).to(device)
        with torch.inference_mode():
            states = module.states(free, rows)
            if items is None or items.ndim == 1:
                scores = module.score_all(states, items)
            else:
                scores = module.score(states, items)
            if module.reads_history and seen_matter:
                self._rescore_seen(module, queries, candidates, (scores, states, rows))
        return scores.cpu().numpy()

    def _rescore_seen(self, module, queries, candidates, work):
        """Score what a user has without it in the history, as in training, in place."""
        scores, states, rows = work
        if candidates is None:
            place = row_of_entry(queries.history), queries.history.indices.astype(np.int64)
            items = place[1]
        else:
            candidates = np.broadcast_to(candidates, scores.shape)
            users = np.arange(len(candidates))[:, None]
            place = np.nonzero(has_entries(queries.history, users + 0 * candidates, candidates))
            items = candidates[place]
        place = [torch.from_numpy(index).to(scores.device) for index in place]
        items = torch.from_numpy(items).to(scores.device)
        for part in torch.arange(len(items), device=scores.device).split(2**14):
            row, column = place[0][part], place[1][part]
            scores[row, column] = module.score_inside(states, rows, row, items[part])

    def _free_vectors(self, module, queries):
        """Give the free vectors of users, trained or folded in; None where none are free."""
        table = module.users.free
        if table is None:
            return None
        if queries.users is None:
            known = np.zeros(queries.n_rows, dtype=bool)
        else:
            known = np.diff(queries.stored.indptr) > 0
        free = table.weight.new_empty(queries.n_rows, table.embedding_dim)
        if known.any():
            users = torch.from_numpy(queries.users[known]).to(free.device)
            free[torch.from_numpy(known)] = table.weight.detach()[users]
        if not known.all():
            rows = sparse_rows(self._fold_in_rows(queries.history[~known]))
            free[torch.from_numpy(~known)] = self.folder_(cpu_copy(module), rows).to(free.device)
        return free
