"""Logistic regression on a few features, by Newton's method."""

import numpy as np
from scipy.special import expit, logit

from skrec.typing import Array

__all__ = ["fit_logistic"]

_RIDGE = 1e-4  # on coefficients of features of deviation 1: it matters where pairs are separable
_ITERATIONS, _HALVINGS = 100, 30
_DONE = 1e-10


def fit_logistic(
    features: Array, labels: Array, weight: Array | None = None
) -> tuple[Array, float]:
    r"""Fit a logistic regression to a sample in which labels were drawn at different rates.

    A pair counts for all that it stands for, so that :math:`\sum w p = \sum w y` and the same of
    products with each feature, whatever the shape of the true curve. To move the intercept by the
    log of the rates' ratio instead is right for a logistic curve alone.

    Parameters
    ----------
    features : ndarray of shape (n_pairs, n_features)
        The first one is the score; its coefficient is kept from falling below zero.
    labels : ndarray of bool of shape (n_pairs,)
        Whether each pair was held out, of both kinds.
    weight : ndarray of shape (n_pairs,), default=None
        Number of pairs that each stands for, the inverse of the rate of its label; None is 1.

    Returns
    -------
    coef : ndarray of shape (n_features,)
        Coefficients in the units of ``features``.
    intercept : float
        Intercept for the true rates.
    """
    features = np.asarray(features, dtype=np.float64)
    weight = np.ones(len(features)) if weight is None else np.asarray(weight, dtype=np.float64)
    share = weight / weight.sum()
    mean = share @ features
    scale = np.sqrt(share @ (features - mean) ** 2)
    # rounding leaves a constant a deviation, by which its zeros must not be divided
    scale[scale <= 1e-12 * np.abs(features).max(axis=0, initial=0)] = 1
    found = _newton((features - mean) / scale, labels, weight)
    coef = found[1:] / scale
    if coef[0] < 0:  # a calibration must not turn the ranking round: fit without the score
        rest = features * (np.arange(features.shape[1]) > 0)
        return fit_logistic(rest, labels, weight)
    return coef, float(found[0] - coef @ mean)


def _newton(features: Array, labels: Array, weight: Array) -> Array:
    """Return intercept and coefficients of standardised features."""
    design = np.column_stack([np.ones(len(features)), features])
    ridge = np.append(0.0, np.full(features.shape[1], _RIDGE))
    beta = np.zeros(design.shape[1])
    beta[0] = logit(weight @ labels / weight.sum())
    logits = design @ beta
    loss = _loss(logits, labels, weight)
    for _ in range(_ITERATIONS):
        proba = expit(logits)
        slope = design.T @ (weight * (proba - labels)) + ridge * beta
        curvature = design.T @ (design * (weight * proba * (1 - proba))[:, None])
        step = np.linalg.solve(curvature + np.diag(ridge), slope)
        for _ in range(_HALVINGS):
            logits = design @ (beta - step)
            new = _loss(logits, labels, weight) + 0.5 * ridge @ (beta - step) ** 2
            if new <= loss * (1 + 1e-14):
                break
            step = step / 2
        beta, loss = beta - step, new
        if np.abs(step).max() <= _DONE * max(1.0, np.abs(beta).max()):
            break
    return beta


def _loss(logits: Array, labels: Array, weight: Array) -> float:
    # ln(1 + e^x) of which e^x cannot overflow; logaddexp takes ten times as long
    softplus = np.log1p(np.exp(-np.abs(logits))) + np.maximum(logits, 0)
    return float(weight @ (softplus - labels * logits))
