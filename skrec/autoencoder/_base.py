"""What the autoencoders of rows share as estimators."""

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit, softmax
from sklearn.utils._param_validation import Interval, StrOptions

from skrec.calibration import HeldOutCalibration, user_offsets
from skrec.neural import RowRecommender, SimilarItems
from skrec.nn import ELBO, LIKELIHOODS

__all__ = ["CodedRows", "LayeredRows", "MultinomialRows", "RowAutoencoder"]


class MultinomialRows(SimilarItems, RowRecommender):
    """What the models with a code of each row have whatever their layers are."""

    latent_size: int = 200
    dropout: float = 0.5

    _proba: ClassVar[str] = "categorical"
    _module_class: ClassVar[type]
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "latent_size": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }
    _parameter_docs: ClassVar[dict[str, str]] = {
        "latent_size": """
            latent_size : int, default=200
                Width of the code.""",
        "dropout": """
            dropout : float, default=0.5
                Share of the input's entries that is dropped in training.""",
    }
    _test_parameters: ClassVar[dict[str, Any]] = {
        "latent_size": 8,
        "max_epochs": 30,
        "lr": 0.01,
        "device": "cpu",
        "random_state": 0,
    }

    def _network(self):
        return {
            "module": self._module_class,
            "module__n_items": self.n_features_in_,
            "module__latent_size": self.latent_size,
            "module__dropout": self.dropout,
        }

    @property
    def item_factors_(self):
        """Decoder weights of each item, ndarray of shape (n_items, width of the last layer)."""
        return self._module.last.weight.detach().cpu().numpy()


class CodedRows(HeldOutCalibration, MultinomialRows):
    """Parameters and probabilities by likelihood of the models with a code of each row."""

    likelihood: str = "multinomial"
    confidence: tuple = (1.0, 0.1)

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "likelihood": [StrOptions(set(LIKELIHOODS))],
        "confidence": [tuple, list],
    }
    _parameter_docs: ClassVar[dict[str, str]] = {
        "likelihood": """
            likelihood : {"multinomial", "gaussian", "logistic"}, default="multinomial"
                Likelihood of a row.""",
        "confidence": """
            confidence : tuple of float, default=(1.0, 0.1)
                The Gaussian likelihood's weights c1 of stored and c0 of other entries, c1 > c0.""",
    }

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.proba = "categorical" if self.likelihood == "multinomial" else "bernoulli"
        tags.proba_pairs = "unseen" if self.likelihood == "gaussian" else "all"
        return tags

    def _network(self):
        if len(self.confidence) != 2 or not self.confidence[0] > self.confidence[1] >= 0:
            raise ValueError(f"confidence must be c1 > c0 >= 0; got {self.confidence!r}")
        return {
            **super()._network(),
            "criterion": ELBO,
            "criterion__likelihood": self.likelihood,
            "criterion__confidence": tuple(self.confidence),
        }

    def _fit_proba(self, X):
        if self.likelihood == "gaussian":
            super()._fit_proba(X)

    def _proba_block(self, scores, queries):
        if self.likelihood == "multinomial":
            return softmax(scores, axis=1)
        if self.likelihood == "logistic":
            return self._logistic_proba(scores, queries)
        return super()._proba_block(scores, queries)

    def _logistic_proba(self, scores, queries):
        """Give probabilities that add up to the length of the history.

        The encoder reads rows of norm 1, so the logits do not know how active a user is.
        """
        totals = np.clip(np.diff(queries.history.indptr), 0.5, scores.shape[1] - 0.5)
        return expit(scores + user_offsets(scores, totals)[:, None])


class LayeredRows(MultinomialRows):
    """Encoder and decoder have hidden layers."""

    hidden_sizes: tuple = (600,)

    _parameter_constraints: ClassVar[dict[str, Any]] = {"hidden_sizes": [tuple, list]}
    _parameter_docs: ClassVar[dict[str, str]] = {
        "hidden_sizes": """
            hidden_sizes : tuple of int, default=(600,)
                Widths of the encoder's hidden layers, none, one or more; the decoder has them in
                reverse.""",
    }
    _test_parameters: ClassVar[dict[str, Any]] = {
        **MultinomialRows._test_parameters,
        "hidden_sizes": (16,),
    }

    def _network(self):
        sizes = tuple(self.hidden_sizes)
        if not all(isinstance(size, Integral) and size > 0 for size in sizes):
            raise ValueError(f"hidden_sizes must be positive integers; got {self.hidden_sizes!r}")
        return {**super()._network(), "module__hidden_sizes": sizes}


class RowAutoencoder(LayeredRows, CodedRows):
    """Autoencoders over users with hidden layers and a likelihood of choice."""
