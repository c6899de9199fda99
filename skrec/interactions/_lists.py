"""Recommendations in raw ids."""

from __future__ import annotations

from collections.abc import Mapping
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

__all__ = ["recommend_frame"]

_SHOWN = 5


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
    steps, final, found = _unwrapped(model)
    encoder = _checked_encoder(encoder, found, final)
    asked = _who(users, X, encoder, final)
    history: Any = asked.history
    for step in steps if history is not None else ():
        history = step.transform(history)
    lists = final.recommend(
        history,
        n_items,
        users=asked.rows,
        exclude_seen=exclude_seen,
        candidates=_items(candidates, encoder, "candidates"),
        exclude=_items(exclude, encoder, "exclude"),
        strategy=strategy,
        return_scores=True,
        return_std=return_std,
    )
    return _table(asked.labels, lists, encoder, titles)


class _Asked(NamedTuple):
    """Users to recommend to: their raw ids, and rows of ``fit`` or histories or both."""

    labels: Array
    rows: Array | None
    history: CSRMatrix | None


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


def _who(users: Ids | None, X: Any, encoder: InteractionEncoder, model: Any) -> _Asked:
    if users is None and X is None:
        raise ValueError("users or X must be given: raw ids of known users, or histories")
    labels: Any = None
    history: Any = None
    if X is not None:
        labels, history = _histories(X, encoder, model.n_features_in_)
    if users is None:
        return _Asked(labels.ids, None, history)
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
    return _Asked(encoder.decode_users(codes), codes, history)


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


def _table(
    labels: Array, lists: tuple[Array, ...], encoder: InteractionEncoder, titles: Any
) -> pd.DataFrame:
    indices, scores, *std = lists
    there = indices >= 0
    row, place = np.nonzero(there)
    items = encoder.decode_items(indices[there])
    columns = {"user": labels[row], "rank": place + 1, "item": items}
    if titles is not None:
        columns["title"] = _titles_of(items, titles, encoder.item)
    columns["score"] = scores[there]
    if std:
        columns["std"] = std[0][there]
    return pd.DataFrame(columns)


def _titles_of(items: Array, titles: Any, column: str) -> Array:
    """Return the title of each item, None where there is none."""
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
    try:
        return by_code[table.encode(items, "ignore")]
    except ValueError as error:
        raise ValueError(f"titles must be by raw item id: {error}") from error
