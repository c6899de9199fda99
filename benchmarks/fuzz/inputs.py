"""Cases of what makes interactions: constructors, encoders, filters, files, synthetic data."""

import tempfile
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from benchmarks.fuzz import scalars, tables
from benchmarks.fuzz.case import Case, Odd, choose, make_case, mark
from benchmarks.fuzz.checks import check_matrix, nothing
from benchmarks.fuzz.matrices import matrices
from skrec import InteractionEncoder, Interactions, preprocessing
from skrec.datasets import load_interactions, make_interactions

__all__ = ["draw_encoder", "draw_file", "draw_interactions", "draw_preprocessing"]

_WRONG = {s: "refuse" for s in ("complex", "text", "none", "dimensions", "ragged", "corrupt")}


def _data() -> np.ndarray:
    return (np.random.RandomState(6).rand(8, 9) < 0.5).astype(float)


def draw_preprocessing(rng: Random) -> Case:
    """Draw a case of a filter or a threshold."""
    options = {
        "binarize": ["threshold"],
        "k_core": ["k", "user_k", "item_k", "return_indices"],
        "min_interactions": ["user", "item", "return_indices"],
        "permute_items": ["n_rounds", "random_state"],
    }
    name = rng.choice(sorted(options))
    base: dict[str, Any] = {"X": sp.csr_matrix(_data())}
    base |= {"binarize": {"threshold": 1.0}, "k_core": {"k": 1}}.get(name, {})
    pools: dict[str, Callable[[], list[Odd]]] = {
        "X": lambda: mark(matrices(_data()), {**_WRONG, "format": "take", "width": "take"})
    }
    pools |= {o: partial(scalars.for_parameter, o) for o in options[name]}
    odd = {k: o._replace(verdict=_loose(k, o)) for k, o in choose(rng, pools).items()}
    check = partial(_check_filtered, name)
    return make_case("preprocessing", name, getattr(preprocessing, name), base, odd, check)


def _loose(name: str, odd: Odd) -> str:
    counts = ("k", "user_k", "item_k", "user", "item")
    wrong = isinstance(odd.value, bool | str) or odd.label in ("nan", "inf")
    return "refuse" if name in counts and wrong else odd.verdict


def _check_filtered(name: str, answer: Any, odd: dict[str, Odd]) -> str | None:
    result = answer[0] if isinstance(answer, tuple) else answer
    matrix = result.tocsr() if hasattr(result, "tocsr") else result
    values = np.asarray(matrix.data if sp.issparse(matrix) else matrix)
    if values.dtype.kind == "f" and not np.isfinite(values).all() and "refuse" not in name:
        return "values are not finite"
    if name == "binarize" and set(odd) == {"X"} and odd["X"].truth is not None:
        return check_matrix(matrix, (odd["X"].truth >= 1).astype(float))
    return None


def draw_interactions(rng: Random) -> Case:
    """Draw a case of a constructor of Interactions, or of an index of them."""
    way = rng.choice(["Interactions", "from_arrays", "from_arrays", "index"])
    X = _data()
    pairs = np.argwhere(X)[:3]
    base: dict[str, Any]
    pools: dict[str, Callable[[], list[Odd]]]
    if way == "Interactions":
        base = {"X": sp.csr_matrix(X)}
        forms = {**_WRONG, "format": "take", "width": "take"}
        pools = {"X": lambda: mark(matrices(X), forms), "timestamps": lambda: _stamps(X)}
        function: Callable[..., Any] = Interactions
    elif way == "from_arrays":
        base = {"user": pairs[:, 0], "item": pairs[:, 1]}
        pools = {
            "user": lambda: _ids(8),
            "item": lambda: _ids(9),
            "value": _values,
            "timestamp": tables.times,
            "frame": _frames,
        }
        function = Interactions.from_arrays
    else:
        base = {"self": Interactions(sp.csr_matrix(X))}
        keys = lambda: mark(scalars.indices(int(X.sum())), {"far": "any", "wrong": "any"})  # noqa: E731
        pools = {"key": lambda: keys() + mark(scalars.plain_scalars(), {})}
        function = Interactions.__getitem__
    odd = choose(rng, pools)
    return make_case("interactions", way, function, base, odd, _check_interactions)


def _stamps(X: np.ndarray) -> list[Odd]:
    odds = mark(matrices(X), {"corrupt": "refuse", "nan": "refuse", "infinite": "refuse"})
    return [*odds, Odd("other pattern", sp.csr_matrix(1 - X), "refuse")]


def _ids(n: int) -> list[Odd]:
    verdicts = {"wrong": "refuse"}
    odds = mark(scalars.indices(n), verdicts)
    return odds + [Odd(o.label, o.value, "any") for o in tables.columns_of_ids()]


def _values() -> list[Odd]:
    lists: list[Any] = [[1, 2], [1.0, np.nan, 2], [np.inf, 1, 1], ["a", "b", "c"], [1e300, 1, 1]]
    lists += [[None, 1, 2], [[1], [2], [3]], 3, "abc", [1j, 1, 1], [True, False, True], [1, 2, "3"]]
    # what is missing or infinite may be held, and is refused where it is learnt from
    held = ("[True, False, True]", "[1.0, nan, 2]", "[None, 1, 2]", "[inf, 1, 1]", "[1, 2]")
    return [Odd(repr(v), v, "any" if repr(v) in held else "refuse") for v in lists]


def _frames() -> list[Odd]:
    frames: list[Any] = [(8, 9), (8,), (8, 9, 1), (1, 1), (-8, 9), (8.5, 9), ("8", 9), 8, "89"]
    frames += [(np.int8(8), np.int8(9)), [8, 9], (10**12, 10**12), (None, 9), (True, 9), {}]
    frames += [(float("nan"), 9), (0, 0), (2**63, 9)]
    good = ((8, 9), [8, 9])
    return [Odd(repr(f), f, "take" if f in good else "any") for f in frames]


def _check_interactions(given: Any, odd: dict[str, Odd]) -> str | None:
    if len({len(given), *map(len, (given.user, given.item, given.value))}) != 1:
        return "arrays of different lengths"
    sides = zip((given.user, given.item), given.frame, strict=True)
    if len(given) and not all(0 <= index.min() and index.max() < n for index, n in sides):
        return f"pairs outside of the frame {given.frame}"
    if "X" in odd and odd["X"].truth is not None and len(odd) == 1:
        return check_matrix(given.tocsr(), odd["X"].truth)
    if "timestamp" in odd and odd["timestamp"].truth is not None and len(odd) == 1:
        return _check_times(given.timestamp)
    return None


def _check_times(timestamp: np.ndarray) -> str | None:
    rises = (np.diff(timestamp) > 0).all()
    return None if rises else f"times lost their order: {timestamp.tolist()}"


def draw_encoder(rng: Random) -> Case:
    """Draw a case of from_frame, or of encoding and decoding ids."""
    way = rng.choice(["from_frame", "from_frame ids", "from_frame times", "encode", "decode"])
    table = pd.DataFrame({"user": ["b", "a", "b"], "item": [7, 7, 9], "rating": [1.0, 2.0, 3.0]})
    names = ("user", "item", "rating", "timestamp")
    if way == "from_frame":
        pools = {"df": tables.frames, **{n: partial(_column_names) for n in names}}
        odd = choose(rng, pools)
        base: dict[str, Any] = {"df": table, "rating": "rating"}
        return make_case("encoder", way, Interactions.from_frame, base, odd, _check_frame)
    if way in ("from_frame ids", "from_frame times"):
        column = "user" if way == "from_frame ids" else "timestamp"
        pool = tables.columns_of_ids if column == "user" else tables.times
        odd = {column: rng.choice(pool())}
        call = partial(_from_column, column)
        return make_case("encoder", way, call, {}, odd, partial(_check_column, column), names)
    encoder = InteractionEncoder().fit(table)
    if way == "encode":
        pools = {"ids": lambda: tables.columns_of_ids() + mark(scalars.plain_scalars(), {})}
        odd = {n: o._replace(verdict="any") for n, o in choose(rng, pools).items()}
        method = rng.choice([encoder.encode_users, encoder.encode_items])
        return make_case("encoder", way, method, {}, odd, nothing, ("user", "item"))
    name = rng.choice(["rows", "columns"])
    method = encoder.decode_users if name == "rows" else encoder.decode_items
    verdicts = {"wrong": "refuse", "good": "take", "far": "any"}
    odd = {name: rng.choice(mark(scalars.indices(2), verdicts) + mark(scalars.plain_scalars(), {}))}
    return make_case("encoder", way, method, {}, odd, nothing)


def _column_names() -> list[Odd]:
    names: list[Any] = ["user", "item", "rating", "nope", "", 0, ["user"], True, None, 1.5, ("a",)]
    return [Odd(repr(n), n) for n in names]


def _from_column(column: str, **given: Any) -> Any:
    table = pd.DataFrame({"user": [1, 2, 3], "item": [1, 2, 1], **given})
    times = {"timestamp": "timestamp"} if column == "timestamp" else {}
    return Interactions.from_frame(table, **times)


def _check_column(column: str, answer: Any, odd: dict[str, Odd]) -> str | None:
    interactions, encoder = answer
    truth = odd[column].truth
    if truth is None:
        return None
    if column == "timestamp":
        return _check_times(interactions.timestamp)
    ids = encoder.decode_users(interactions.user).tolist()
    same = len(ids) == len(truth) and all(
        type(a) is type(b) and a == b for a, b in zip(ids, truth, strict=True)
    )
    return None if same else f"ids became {ids}"


def _check_frame(answer: Any, odd: dict[str, Odd]) -> str | None:
    interactions, encoder = answer
    truth = odd["df"].truth if set(odd) == {"df"} else None
    if truth is None:
        return None
    ids = [str(i) for i in encoder.decode_users(interactions.user)]
    values = interactions.value.tolist() == truth["rating"]
    return None if ids == truth["user"] and values else f"the table became {ids}"


@lru_cache(maxsize=1)
def _folder() -> Any:
    return tempfile.TemporaryDirectory(prefix="skrec-fuzz-files-")


def draw_file(rng: Random) -> Case:
    """Draw a case of a file of interactions, or of synthetic data."""
    if rng.random() < 0.25:
        sizes = {"n_users": 20, "n_items": 9, "n_interactions": 60}
        more = ("n_clusters", "affinity", "popularity_exponent", "activity_exponent",
                "random_state")  # fmt: skip
        options = {n: partial(scalars.for_parameter, n) for n in (*sizes, *more)}
        odd = choose(rng, options)
        return make_case("data", "make_interactions", make_interactions, sizes, odd, nothing)
    folder = Path(_folder().name)
    pools: dict[str, Callable[[], list[Odd]]] = {"path": partial(tables.files, folder)}
    if rng.random() < 0.3:
        tables.files(folder)
        pools = {n: _column_names for n in ("user", "item", "rating", "timestamp", "sep")}
    odd = choose(rng, pools)
    base: dict[str, Any] = {"path": folder / "plain.csv"}
    names = ("file", "column", "columns", "header", *(o.label for o in odd.values()))
    return make_case("data", "load_interactions", load_interactions, base, odd, _check_file, names)


def _check_file(answer: Any, odd: dict[str, Odd]) -> str | None:
    truth = odd["path"].truth if set(odd) == {"path"} else None
    ids = {str(i) for i in answer.encoder.user_ids_}
    return None if truth is None or ids == truth else f"ids became {sorted(ids)[:6]}"
