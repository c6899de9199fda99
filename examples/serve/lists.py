"""
Lists from a file
=================

Load a model and the titles of its items from files, and answer in raw ids. ``app.py`` puts this on
the network.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
import scipy.sparse as sp
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, model_validator
from sklearn.exceptions import NotFittedError

from skrec import load_model

Id = StrictInt | StrictStr
Length = Annotated[int, Field(ge=1, le=1000)]

# %%
# What is asked and answered
# --------------------------


class Who(BaseModel):
    """A user of the training data by id, or a new one by the items she has."""

    model_config = ConfigDict(extra="forbid")
    user: Id | None = None
    items: Annotated[list[Id], Field(min_length=1, max_length=10_000)] | None = None

    @model_validator(mode="after")
    def check(self) -> Self:
        """Check that it is one of the two."""
        if (self.user is None) == (self.items is None):
            raise ValueError("give user, the id of a known user, or items, the history of any user")
        return self


class Question(Who):
    """One user, and the length of the list."""

    n: Length = 10


class Questions(BaseModel):
    """Several users, and the length of their lists."""

    model_config = ConfigDict(extra="forbid")
    users: Annotated[list[Who], Field(min_length=1, max_length=1000)]
    n: Length = 10


class Item(BaseModel):
    """An item of a list."""

    item: Id
    title: str | None
    score: float


class Answer(BaseModel):
    """A list, best first, and the ids of the question that the model does not know."""

    recommendations: list[Item] = []
    unknown: list[Id] = []


# %%
# A model
# -------
#
# ``mmap=True`` leaves the arrays in the file, so that all workers share one copy in memory.


class Served:
    """A model and what its answers need. It is not changed once it is made."""

    def __init__(self, path: Path) -> None:
        self.stamp = stamp_of(path)  # before it is read: what comes meanwhile is seen as newer
        self.model: Any = load_model(path, mmap=True)
        self.written = path.stat().st_mtime
        encoder = self.model.encoder_
        if encoder is None:
            raise ValueError("the model knows no raw ids: fit it to Interactions of a table")
        self.ids = encoder.item_ids_.tolist()
        self.columns = {item: column for column, item in enumerate(self.ids)}
        self.rows = {user: row for row, user in enumerate(encoder.user_ids_.tolist())}
        beside = titles_of(path)
        pairs = json.loads(beside.read_text("utf-8")) if beside.exists() else []
        self.titles = {item: title for item, title in pairs}
        self.warm_up()

    def warm_up(self) -> None:
        """Answer once in each way: the first call compiles, and reads the file into memory."""
        try:
            self.model.recommend(users=[0], return_scores=True)
        except NotFittedError:  # saved without the training data
            self.rows = {}
        self.answer([Who(items=[self.ids[0]])], 1)

    def answer(self, users: list[Who], n: int) -> list[Answer]:
        """Return the lists of known and of new users, each kind by one call of the model."""
        answers = [Answer(unknown=self.unknown(who)) for who in users]
        known = {i: self.rows[who.user] for i, who in enumerate(users) if who.user in self.rows}
        new = {i: found for i, who in enumerate(users) if (found := self.history(who))}
        if known:
            self.fill([answers[i] for i in known], n, users=[*known.values()])
        if new:
            self.fill([answers[i] for i in new], n, X=matrix(new.values(), len(self.ids)))
        return answers

    def fill(self, answers: list[Answer], n: int, **who: Any) -> None:
        """Put the lists of the model into answers."""
        columns, scores = self.model.recommend(n_items=n, return_scores=True, **who)
        for answer, *row in zip(answers, columns.tolist(), scores.tolist()):
            answer.recommendations = [self.item(*at) for at in zip(*row) if at[0] >= 0]

    def item(self, column: int, score: float) -> Item:
        """Return an item of a list."""
        name = self.ids[column]
        return Item(item=name, title=self.titles.get(name), score=score)

    def history(self, who: Who) -> list[int]:
        """Return the columns of the items that are known, each once and in order."""
        return sorted({self.columns[item] for item in who.items or () if item in self.columns})

    def unknown(self, who: Who) -> list[Id]:
        """Return the ids that are not known."""
        if who.user is not None:
            return [] if who.user in self.rows else [who.user]
        return [item for item in who.items or () if item not in self.columns]


def matrix(rows: Iterable[list[int]], n_items: int) -> sp.csr_matrix:
    """Return histories, given by their columns, as a matrix of users x items."""
    rows = list(rows)
    columns, ends = np.concatenate(rows), np.cumsum([0, *map(len, rows)])
    ones = np.ones(len(columns), dtype=np.float32)
    return sp.csr_matrix((ones, columns, ends), shape=(len(rows), n_items))


def titles_of(path: Path) -> Path:
    """Return the file of titles that belongs to a model: pairs of id and title, in JSON."""
    return path.with_suffix(".titles.json")


def stamp_of(path: Path) -> list[tuple[int, int] | None]:
    """Return what changes when another file takes the place of one of the two."""
    stats = [file.stat() if file.exists() else None for file in (path, titles_of(path))]
    return [stat and (stat.st_mtime_ns, stat.st_ino) for stat in stats]
