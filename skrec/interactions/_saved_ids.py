"""Raw ids as arrays in files, without pickles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np

from skrec.interactions._array_files import map_file
from skrec.interactions._encoder import InteractionEncoder
from skrec.interactions._times import TimeKind
from skrec.typing import Array

__all__ = ["inside", "load_encoder", "save_encoder"]

_NAMES = ("user", "item", "rating", "timestamp", "unknown")
_SIDES = ("user", "item")


def inside(folder: Path, name: str) -> Path:
    """Return the path of a file in a folder, after a check that the name leads nowhere else.

    Parameters
    ----------
    folder : Path
        The folder.
    name : str
        A name that was read from a file.

    Returns
    -------
    path : Path
        The file.
    """
    if Path(name).name != name:
        raise ValueError(f"the file {name!r} lies elsewhere")
    return folder / name


def save_encoder(encoder: InteractionEncoder, save: Callable[[str, Array], str]) -> dict[str, Any]:
    """Save the ids of an encoder, and return the rest as JSON has it.

    Parameters
    ----------
    encoder : InteractionEncoder
        Fitted.
    save : callable
        Writes an array under a name, and returns the name of its file.

    Returns
    -------
    packed : dict
        For `load_encoder`.

    Raises
    ------
    ValueError
        If ids are anything else than numbers, dates or text.
    """
    names = {name: getattr(encoder, name) for name in _NAMES}
    for name, value in names.items():
        if value is not None and type(value) not in (str, int):
            raise ValueError(f"{name} must be text or an integer to be written; got {value!r}")
    packed: dict[str, Any] = {"columns": names, "times": encoder._time_kind}
    for side, ids in zip(_SIDES, (encoder.user_ids_, encoder.item_ids_), strict=True):
        if ids.dtype.kind in "biufM":
            packed[f"{side}s"] = {"ids": save(f"{side}s", ids)}
            continue
        if not all(type(each) is str for each in ids):
            other = next(each for each in ids if type(each) is not str)
            raise ValueError(
                f"{side} ids must be numbers, dates or text to be written; got {other!r}"
            )
        coded = [each.encode("utf-8", "surrogatepass") for each in ids]
        ends = np.cumsum([len(each) for each in coded], dtype=np.int64)
        text = np.frombuffer(b"".join(coded), np.uint8)
        files = {"text": save(f"{side}_text", text), "ends": save(f"{side}_ends", ends)}
        packed[f"{side}s"] = files
    return packed


def load_encoder(folder: Path, packed: dict[str, Any] | None) -> InteractionEncoder | None:
    """Return the encoder that `save_encoder` has saved.

    Parameters
    ----------
    folder : Path
        Where the files are.
    packed : dict or None
        What it returned; None where there was no encoder.

    Returns
    -------
    encoder : InteractionEncoder or None
        With the same ids.

    Raises
    ------
    ValueError
        If it cannot be one.
    """
    if packed is None:
        return None
    users, items = (_ids(folder, packed[f"{side}s"]) for side in _SIDES)
    names, times = packed["columns"], packed["times"]
    if set(names) != set(_NAMES) or times not in (None, *get_args(TimeKind)):
        raise ValueError("the ids are of another kind of file")
    return InteractionEncoder._of_ids(users, items, times, **names)


def _ids(folder: Path, files: dict[str, str]) -> Array:
    if "ids" in files:
        return np.array(map_file(inside(folder, files["ids"])))
    text, ends = (map_file(inside(folder, files[name])) for name in ("text", "ends"))
    coded, stops = text.tobytes(), ends.tolist()
    ids = np.empty(len(stops), dtype=object)
    for number, (start, stop) in enumerate(zip([0, *stops[:-1]], stops, strict=True)):
        ids[number] = coded[start:stop].decode("utf-8", "surrogatepass")
    return ids
