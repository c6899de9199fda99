"""The checks of training beside other threads catch what draws from torch's global source."""

import pytest
import torch
from torch.nn import functional as F

from skrec import MultDAERecommender
from skrec.nn import rows
from skrec.testing import make_estimator
from skrec.testing._checks_threads import TORCH_CHECKS


class Forked(MultDAERecommender):
    """An estimator that seeds torch's global source for a while."""

    def _run(self, batches, callbacks, seed, device):
        with pytest.MonkeyPatch.context() as patch, torch.random.fork_rng():
            patch.setattr(rows, "dropout", lambda x, p, training, **_: F.dropout(x, p, training))
            torch.random.default_generator.manual_seed(seed)
            return super()._run(batches, callbacks, seed, device)


@pytest.mark.parametrize("check", TORCH_CHECKS)
def test_the_global_source_is_not_used(check):
    check("MultDAERecommender", make_estimator(MultDAERecommender))
    with pytest.raises(AssertionError, match="Forked"):
        check("Forked", Forked(**make_estimator(MultDAERecommender).get_params()))
