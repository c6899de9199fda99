"""The tags of an estimator beyond those of scikit-learn."""

from dataclasses import dataclass, fields
from typing import Any, Literal

from sklearn.utils import Tags

__all__ = ["RecommenderTags", "recommender_tags"]

_SHARED = [field.name for field in fields(Tags)]


@dataclass(slots=True)
class RecommenderTags(Tags):
    """Tags of scikit-learn and those of a recommender.

    Parameters
    ----------
    fold_in : {"exact", "approximate"}
        Whether the scores of a training row equal those of the stored user.
    proba : {"categorical", "bernoulli"}
        Whether probabilities are shares of a user's interactions or of each pair by itself: that
        a pair which the history lacks is an interaction, where a tenth of what the user has is
        hidden.
    feedback : {"implicit", "explicit"}
        Whether entries are interactions or ratings.
    probabilistic : bool
        Whether ``return_std`` is available.
    """

    fold_in: Literal["exact", "approximate"] = "exact"
    proba: Literal["categorical", "bernoulli"] = "bernoulli"
    feedback: Literal["implicit", "explicit"] = "implicit"
    probabilistic: bool = False


def recommender_tags(tags: Tags, **own: Any) -> RecommenderTags:
    """Extend scikit-learn's tags by a recommender's.

    Parameters
    ----------
    tags : Tags
        What ``super().__sklearn_tags__()`` returned.
    **own
        Fields of `RecommenderTags`.

    Returns
    -------
    tags : RecommenderTags
        All of them.
    """
    return RecommenderTags(**{name: getattr(tags, name) for name in _SHARED}, **own)
