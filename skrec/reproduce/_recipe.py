"""What a recipe is: a paper's table as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Recipe", "System", "find_recipe", "list_recipes", "register"]

_RECIPES = {}


@dataclass(frozen=True)
class System:
    """A row of a table.

    Parameters
    ----------
    name : str
        As the paper calls it.
    estimator : str or None
        Class of `skrec`; None where it is only quoted.
    parameters : dict
        Its parameters, the paper's settings.
    published : dict of str to float
        The paper's figure for each metric.
    note : str
        Where the figures or settings come from, if not from this paper.

    Examples
    --------
    >>> from skrec.reproduce import System
    >>> System("EASE", "EASERecommender", {"l2": 500.0}, {"ndcg@100": 0.42}).name
    'EASE'
    """

    name: str
    estimator: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    published: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Recipe:
    """A table of a paper on a data set.

    Parameters
    ----------
    paper, data : str
        Names of the paper and of the data set.
    table : str
        The table's name in the paper.
    source : str
        Where it was published.
    metrics : tuple of str
        Columns of the table.
    test_users : int
        Users that are held out to test on, and as many to validate on.
    systems : tuple of System
        Rows of the table.

    Examples
    --------
    >>> from skrec.reproduce import find_recipe
    >>> find_recipe("evcf", "ml-20m").table
    '4-2'
    """

    paper: str
    data: str
    table: str
    source: str
    metrics: tuple[str, ...]
    test_users: int
    systems: tuple[System, ...]


def register(recipe):
    """Make a recipe known.

    Parameters
    ----------
    recipe : Recipe
        The recipe.
    """
    _RECIPES[recipe.paper, recipe.data] = recipe


def list_recipes():
    """Give all recipes.

    Returns
    -------
    recipes : list of Recipe
        Sorted by paper and data set.

    Examples
    --------
    >>> from skrec.reproduce import list_recipes
    >>> [(recipe.paper, recipe.data) for recipe in list_recipes()]
    [('evcf', 'ml-20m'), ('mult_vae', 'ml-20m')]
    """
    return [_RECIPES[key] for key in sorted(_RECIPES)]


def find_recipe(paper, data):
    """Give a recipe.

    Parameters
    ----------
    paper, data : str
        Names of the paper and of the data set.

    Returns
    -------
    recipe : Recipe
        The recipe.

    Raises
    ------
    ValueError
        If there is none, with those that there are.

    Examples
    --------
    >>> from skrec.reproduce import find_recipe
    >>> find_recipe("mult_vae", "ml-20m").metrics
    ('recall@20', 'recall@50', 'ndcg@100')
    """
    if (paper, data) not in _RECIPES:
        raise ValueError(f"paper and data must be among {sorted(_RECIPES)}; got {(paper, data)!r}")
    return _RECIPES[paper, data]
