"""The excess of a correlation over that of a placebo."""

import numpy as np
from scipy import stats
from sklearn.utils import Bunch

from skrec.inspection._rank_correlation import spearman_along
from skrec.typing import Array, RandomState
from skrec.utils import check_count, check_flag, check_rng, check_share

__all__ = ["uncertainty_excess"]

_MOST_RESAMPLES = 10**7


def uncertainty_excess(
    real: Bunch,
    placebo: Bunch,
    *,
    partial: bool = False,
    confidence: float = 0.95,
    n_resamples: int = 1000,
    random_state: RandomState = 0,
) -> Bunch:
    """Return by how much a correlation exceeds that of a placebo, with a bootstrap interval.

    Parameters
    ----------
    real : Bunch
        The result of `user_uncertainty` for a model.
    placebo : Bunch
        The same for a model fitted to `skrec.preprocessing.permute_items` of the data. Compute it
        with the real X and with ``users``, so that both are compared with the same o1 or o2.
    partial : bool, default=False
        Whether to hold the number of interactions fixed.
    confidence : float, default=0.95
        Coverage of the interval.
    n_resamples : int, default=1000
        Number of bootstrap samples of users. Each user is drawn with the results of both models.
    random_state : int, RandomState instance or None, default=0
        Controls the samples.

    Returns
    -------
    result : Bunch
        The correlations ``real`` and ``placebo`` over the users of both, their difference
        ``excess``, its percentile interval from ``low`` to ``high``, and ``n_users``.

    Raises
    ------
    ValueError
        If the two have fewer than three users in common with numbers to correlate.

    See Also
    --------
    user_uncertainty : Computes the two results.

    Examples
    --------
    >>> from skrec import MultVAERecommender
    >>> from skrec.datasets import make_interactions
    >>> from skrec.inspection import uncertainty_excess, user_uncertainty
    >>> from skrec.preprocessing import permute_items
    >>> X = make_interactions(200, 50, 3000, random_state=0).X
    >>> est = MultVAERecommender(hidden_sizes=(), latent_size=8, max_epochs=5, random_state=0)
    >>> options = {"users": range(200), "measure": "spread"}
    >>> real = user_uncertainty(est.fit(X), X, **options)
    >>> placebo = user_uncertainty(est.fit(permute_items(X)), X, **options)
    >>> result = uncertainty_excess(real, placebo, n_resamples=100)
    >>> bool(result.low <= result.excess <= result.high)
    True
    """
    check_count(n_resamples, "n_resamples", 2, _MOST_RESAMPLES)
    seeds, partial = check_rng(random_state), check_flag(partial, "partial")
    arrays = _in_common(real, placebo, partial)

    def excess(
        a: Array, a_value: Array, b: Array, b_value: Array, *given: Array, axis: int = -1
    ) -> Array:
        return spearman_along(a, a_value, *given) - spearman_along(b, b_value, *given)

    rng = np.random.default_rng(seeds.randint(2**31 - 1))
    interval = stats.bootstrap(
        arrays,
        excess,
        paired=True,
        vectorized=True,
        n_resamples=int(n_resamples),
        batch=max(1, 200_000 // len(arrays[0])),
        confidence_level=check_share(confidence, "confidence"),
        method="percentile",
        rng=rng,
    ).confidence_interval
    a, b = (float(spearman_along(*arrays[i : i + 2], *arrays[4:])) for i in (0, 2))
    return Bunch(
        real=a,
        placebo=b,
        excess=a - b,
        low=float(interval.low),
        high=float(interval.high),
        n_users=len(arrays[0]),
    )


def _in_common(real: Bunch, placebo: Bunch, partial: bool) -> tuple[Array, ...]:
    """Return uncertainty and value of the model and of the placebo, for the users of both."""
    for name, result in {"real": real, "placebo": placebo}.items():
        if not hasattr(result, "per_user"):
            raise TypeError(f"{name} must be a result of user_uncertainty; got {result!r}")
    columns = ["uncertainty", "value"]
    other = placebo.per_user[columns].add_suffix("_placebo")
    both = real.per_user[[*columns, "n_interactions"]].join(other, how="inner")
    both = both[np.isfinite(both).all(axis=1)]
    if len(both) < 3:
        raise ValueError(
            "real and placebo must have three or more users in common with numbers to correlate; "
            f"got {len(both)}"
        )
    names = [*columns, *other, *(["n_interactions"] if partial else [])]
    return tuple(both[name].to_numpy(dtype=np.float64) for name in names)
