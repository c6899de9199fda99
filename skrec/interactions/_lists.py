"""Recommendations in raw ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skrec.interactions._columns import as_column
from skrec.interactions._encoder import Ids, InteractionEncoder
from skrec.interactions._frames import take_columns
from skrec.interactions._ids import IdTable, different_ids
from skrec.interactions._interactions import Interactions
from skrec.interactions._strengths import as_strengths
from skrec.typing import Array, CSRMatrix
from skrec.utils import as_integers, canonical_csr

__all__ = ["Asked", "Request", "Titles", "make_request", "recommend_frame"]

_SHOWN = 5
_ALL = slice(None)


def recommend_frame(
    model: Any,
    users: Ids | None = None,
    X: Any = None,
    *,
    encoder: InteractionEncoder | None = None,
    n_items: int = 10,
    titles: Any = None,
    exclude_seen: bool = True,
    candidates: ArrayLike | None = None,
    exclude: ArrayLike | None = None,
    strategy: Literal["mean", "ucb", "thompson"] = "mean",
    return_std: bool = False,
) -> pd.DataFrame:
    """Return recommendations as a long table of raw ids.

    Parameters
    ----------
    model : estimator
        A fitted model of skrec, or a fitted search or Pipeline around one.
    users : array-like of shape (n,) or one id, default=None
        Raw ids of users that ``fit`` has seen.
    X : Interactions, DataFrame, table or dict of columns, default=None
        Histories of any users, new ones too. A table has the columns that the encoder was made
        for; ratings and times may be missing. An unknown item is an error, or its row is left out
        if the encoder has ``unknown="ignore"``. Together with ``users`` these are the newer
        histories of known users.
    encoder : InteractionEncoder, default=None
        The coding of the raw ids; None takes ``model.encoder_``, which is there where the model was
        fitted to `Interactions` from a table.
    n_items : int, default=10
        Length of the lists.
    titles : dict, Series, DataFrame or table, default=None
        Titles by raw item id; a table has the column of item ids and a column ``title``.
    exclude_seen : bool, default=True
        Leave out what the user has.
    candidates, exclude : array-like of shape (m,), default=None
        Raw ids of the only items to choose from, and of items never to recommend.
    strategy : {"mean", "ucb", "thompson"}, default="mean"
        As for ``recommend``.
    return_std : bool, default=False
        Add the deviations of the scores (probabilistic models).

    Returns
    -------
    table : DataFrame
        Columns ``user``, ``rank`` (from 1), ``item``, ``title`` (with ``titles``; missing where
        there is none), ``score`` and ``std`` (with ``return_std``). A user with fewer items to
        recommend has fewer rows.

    Raises
    ------
    TypeError
        If ``X`` is a matrix, which has no raw ids, or ``model`` is no model of skrec.
    ValueError
        If there is no encoder or another one than that of the model, if users or items are not
        known, or if neither ``users`` nor ``X`` is given.

    Examples
    --------
    >>> from skrec import EASERecommender, Interactions, recommend_frame
    >>> table = {"user": ["ann", "ann", "bob", "cy"], "item": ["tea", "rum", "tea", "rum"]}
    >>> interactions, encoder = Interactions.from_frame(table)
    >>> model = EASERecommender().fit(interactions)
    >>> top = recommend_frame(model, ["bob"], encoder=encoder, titles={"rum": "Rum, dark"})
    >>> top[["user", "rank", "item", "title"]].values.tolist()
    [['bob', 1, 'rum', 'Rum, dark']]
    """
    options = {
        "n_items": n_items,
        "exclude_seen": exclude_seen,
        "candidates": candidates,
        "exclude": exclude,
        "strategy": strategy,
        "return_std": return_std,
    }
    return make_request(model, users, X, encoder, titles, options).table()


def make_request(
    model: Any,
    users: Ids | None,
    X: Any,
    encoder: InteractionEncoder | None,
    titles: Any,
    options: dict[str, Any],
    anyone: bool = False,
) -> Request:
    """Check who is asked for, and with what arguments.

    Parameters
    ----------
    model, users, X, encoder, titles
        As for `recommend_frame`.
    options : dict of str to object
        Arguments of ``model.recommend``, with raw ids.
    anyone : bool, default=False
        Take all users of ``fit`` where none are named, and numbers where there is no encoder.

    Returns
    -------
    request : Request
        What is to be made.
    """
    steps, final, found = _unwrapped(model)
    if anyone and encoder is None and found is None and hasattr(final, "recommend"):
        check_is_fitted(final)
        return Request(steps, final, None, _rows(users, X, final), options, None)
    encoder = _checked_encoder(encoder, found, final)
    if anyone and users is None and X is None:
        codes = np.arange(final.interactions_.shape[0])
        asked = Asked(encoder.decode_users(codes), codes, None)
    else:
        asked = _who(users, X, encoder, final)
    coded = {name: _items(options[name], encoder, name) for name in ("candidates", "exclude")}
    titles = Titles.of(titles, encoder.item)
    return Request(steps, final, encoder, asked, options | coded, titles)


def _rows(users: Any, X: Any, model: Any) -> Asked:
    """Return users whose ids are numbers: rows of ``fit`` or of a matrix."""
    if X is not None:
        history = X.tocsr() if isinstance(X, Interactions) else canonical_csr(X)
        given = np.arange(history.shape[0]) if users is None else as_integers(users, "users")
        return Asked(given, None if users is None else given, history)
    everyone = np.arange(model.interactions_.shape[0])
    rows = everyone if users is None else as_integers(users, "users")
    return Asked(rows, rows, None)


@dataclass(frozen=True)
class Request:
    """Lists to be made, for users and with arguments that are checked.

    Parameters
    ----------
    steps : list of transformer
        What histories go through before the model.
    model : BaseRecommender
        The model.
    encoder : InteractionEncoder or None
        The coding of the raw ids; None leaves numbers.
    asked : Asked
        The users.
    options : dict of str to object
        Arguments of ``model.recommend``.
    titles : Titles or None
        Titles by raw id.
    """

    steps: list[Any]
    model: Any
    encoder: InteractionEncoder | None
    asked: Asked
    options: dict[str, Any]
    titles: Titles | None

    def table(self, part: slice = _ALL) -> pd.DataFrame:
        """Return the lists of some of the users.

        Parameters
        ----------
        part : slice, default=slice(None)
            Which.

        Returns
        -------
        table : DataFrame
            As from `recommend_frame`.
        """
        asked = self.asked.take(part)
        history: Any = asked.history
        for step in self.steps if history is not None else ():
            history = step.transform(history)
        indices, scores, *std = self.model.recommend(
            history, users=asked.rows, return_scores=True, **self.options
        )
        there = indices >= 0
        row, place = np.nonzero(there)
        items = indices[there]
        items = items if self.encoder is None else self.encoder.decode_items(items)
        columns = {"user": asked.labels[row], "rank": place + 1, "item": items}
        if self.titles is not None:
            columns["title"] = self.titles.of_items(items)
        columns["score"] = scores[there]
        if std:
            columns["std"] = std[0][there]
        return pd.DataFrame(columns)


class Asked(NamedTuple):
    """Users to recommend to.

    Parameters
    ----------
    labels : ndarray of shape (n,)
        Their raw ids.
    rows : ndarray of shape (n,) or None
        Rows of ``fit``.
    history : csr_matrix of shape (n, n_items) or None
        Histories.
    """

    labels: Array
    rows: Array | None
    history: CSRMatrix | None

    def take(self, part: slice) -> Asked:
        """Return some of the users.

        Parameters
        ----------
        part : slice
            Which.

        Returns
        -------
        asked : Asked
            They alone.
        """
        rows = None if self.rows is None else self.rows[part]
        history = None if self.history is None else self.history[part]
        return Asked(self.labels[part], rows, history)


def _unwrapped(model: Any) -> tuple[list[Any], Any, InteractionEncoder | None]:
    """Return the transformers, the model within searches and pipelines, and an encoder if any."""
    steps: list[Any] = []
    while True:
        if hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        elif hasattr(model, "steps"):
            steps += [step for _, step in model.steps[:-1] if step not in (None, "passthrough")]
            model = model.steps[-1][1]
        else:
            break
    encoders = [step for step in steps if isinstance(step, InteractionEncoder)]
    steps = [step for step in steps if not isinstance(step, InteractionEncoder)]
    found = getattr(model, "encoder_", None)
    return steps, model, found if found is not None else next(iter(encoders), None)


def _checked_encoder(
    given: InteractionEncoder | None, found: InteractionEncoder | None, model: Any
) -> InteractionEncoder:
    if not hasattr(model, "recommend"):
        raise TypeError(f"model must be a model of skrec; got {type(model).__name__}")
    check_is_fitted(model)
    encoder = found if given is None else given
    if encoder is None:
        raise ValueError(
            "encoder must be given: the model does not know the raw ids, because it was fitted to "
            "rows and columns. Interactions.from_frame returns it"
        )
    check_is_fitted(encoder, "user_ids_")
    side = different_ids(given, found)
    if side is not None:
        raise ValueError(f"encoder must be that of the model; got other {side} ids")
    if len(encoder.item_ids_) < model.n_features_in_:
        raise ValueError(
            f"encoder must have the {model.n_features_in_} items of the model; "
            f"got {len(encoder.item_ids_)}"
        )
    return encoder


def _who(users: Ids | None, X: Any, encoder: InteractionEncoder, model: Any) -> Asked:
    if users is None and X is None:
        raise ValueError("users or X must be given: raw ids of known users, or histories")
    labels: Any = None
    history: Any = None
    if X is not None:
        labels, history = _histories(X, encoder, model.n_features_in_)
    if users is None:
        return Asked(labels.ids, None, history)
    ids = encoder._users.as_many(users)
    codes = encoder._users.encode(ids, "ignore")
    known = (codes >= 0) & (codes < model.interactions_.shape[0])
    if not known.all():
        some = as_column(ids, "users")[~known].unique()[:_SHOWN].tolist()
        raise ValueError(
            f"users must be known from fit; got unknown ids such as {some}. Give the histories of "
            "new users as X, without users"
        )
    if labels is not None:
        places = labels.encode(ids, "ignore")
        if (places < 0).any():
            some = encoder.decode_users(codes[places < 0][:_SHOWN]).tolist()
            raise ValueError(f"X must have the histories of all users; got none of {some}")
        history = history[places]
    return Asked(encoder.decode_users(codes), codes, history)


def _histories(X: Any, encoder: InteractionEncoder, n_items: int) -> tuple[IdTable, CSRMatrix]:
    """Return the raw ids of users and a matrix with one row each."""
    if isinstance(X, Interactions):
        if different_ids(X.encoder, encoder, items_only=True):
            raise ValueError(
                "X must be of the model's encoder; got other item ids. Use encoder.transform"
            )
        rows = np.unique(X.user)
        labels = rows if X.encoder is None else X.encoder.decode_users(rows)
        return IdTable(labels, "user"), X.tocsr()[rows]
    if sp.issparse(X) or (isinstance(X, np.ndarray) and not X.dtype.names):
        raise TypeError(
            "X must be Interactions or a table of raw ids; got a matrix. Its rows have no ids: "
            "use model.recommend(X) and encoder.decode_items"
        )
    return _histories_of_table(X, encoder, n_items)


def _histories_of_table(
    X: Any, encoder: InteractionEncoder, n_items: int
) -> tuple[IdTable, CSRMatrix]:
    names = {"user": encoder.user, "item": encoder.item}
    names |= {key: getattr(encoder, key) for key in ("rating", "timestamp")}
    names = {key: name for key, name in names.items() if name is not None}
    table = take_columns(X, names, optional=("rating", "timestamp"), name="X")
    labels, rows = IdTable.learn(table["user"], "user")
    columns = encoder.encode_items(table["item"])
    new = columns >= n_items
    if new.any() and encoder.unknown == "error":
        some = encoder.decode_items(columns[new][:_SHOWN]).tolist()
        raise ValueError(f"X must hold items that the model has seen; got others such as {some}")
    value = as_strengths(table["rating"], "rating") if "rating" in table else None
    frame = (len(labels), int(max(n_items, columns.max(initial=0) + 1)))
    made = Interactions.from_arrays(
        rows, np.maximum(columns, 0), value, table.get("timestamp"), frame=frame
    )
    return labels, made[(columns >= 0) & ~new].tocsr()[:, :n_items]


def _items(ids: ArrayLike | None, encoder: InteractionEncoder, name: str) -> Array | None:
    if ids is None:
        return None
    try:
        return encoder._items.encode(encoder._items.as_many(ids), "error")
    except ValueError as error:
        raise ValueError(f"{name} must be raw item ids: {error}") from error


class Titles(NamedTuple):
    """Titles by the id of an item.

    Parameters
    ----------
    ids : IdTable
        The ids that have one.
    by_code : ndarray of object of shape (n_ids + 1,)
        Their titles, and None for all others.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec.interactions import Titles
    >>> Titles.of({1: "one", 3: "three"}).of_items(np.array([3, 1])).tolist()
    ['three', 'one']
    """

    ids: IdTable
    by_code: Array

    @classmethod
    def of(cls, titles: Any, column: str = "item") -> Titles | None:
        """Return the titles of a dict, Series or table.

        Parameters
        ----------
        titles : dict, Series, DataFrame, table or None
            Titles by id; a table has the column of ids and a column ``title``.
        column : str, default="item"
            The column of ids.

        Returns
        -------
        titles : Titles or None
            None for None.
        """
        if titles is None:
            return None
        if isinstance(titles, pd.Series):
            ids, texts = titles.index.to_series(), titles.to_numpy()
        elif isinstance(titles, Mapping) and column not in titles:
            ids, texts = list(titles), np.array([*titles.values(), None], dtype=object)[:-1]
        else:
            found = take_columns(titles, {"item": column, "title": "title"}, name="titles")
            ids, texts = found["item"], found["title"].to_numpy()
        table, codes = IdTable.learn(ids, "item")
        by_code = np.full(len(table) + 1, None, dtype=object)  # the last is for -1
        by_code[codes[::-1]] = texts[::-1]  # of repeated ids the first counts
        return cls(table, by_code)

    def of_items(self, items: Array) -> Any:
        """Return the title of each item.

        Parameters
        ----------
        items : ndarray of shape (n,)
            Their ids.

        Returns
        -------
        titles : Series of shape (n,)
            Missing where there is none.

        Raises
        ------
        ValueError
            If the ids are of another kind than those of the titles.
        """
        try:
            found = self.by_code[self.ids.encode(items, "ignore")]
        except ValueError as error:
            raise ValueError(f"titles must be by raw item id: {error}") from error
        # with a text at the end, pandas takes the type of texts even where all are missing
        return pd.Series([*found, ""])[:-1]
