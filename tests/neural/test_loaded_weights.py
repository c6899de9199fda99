"""What is kept between two answers is no more than the weights of now give."""

import numpy as np
import pytest

from tests.neural.test_warm_parameters import TORCH, data, quick  # noqa: F401

# they read the matrix of fit once, at the end of it, and keep what came out as attributes
READ_ONCE = {"AutoRecRegressor", "CrossFeedbackBMF"}


@pytest.mark.parametrize("name", [name for name in TORCH if name not in READ_ONCE])
def test_weights_that_are_loaded_are_those_that_score(name, data):  # noqa: F811
    X, users = data(name), range(9)
    one, other = (quick(name, max_epochs=n).fit(X) for n in (1, 2))
    before = other.decision_function(users=users)
    other._module.load_state_dict(one._module.state_dict())
    found, right = (est.decision_function(users=users) for est in (other, one))
    assert not np.allclose(before, right, rtol=1e-4)
    np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)
