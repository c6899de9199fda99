"""Which columns of a file hold users, items, ratings and times."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import TypeAlias

__all__ = ["Chosen", "by_position", "check_header", "find_columns"]

# lower case, letters and digits only; the first that a file has is taken
_NAMES = {
    "user": (
        "user", "userid", "uid", "useridx", "reviewerid", "customerid", "customer", "custid",
        "username", "steamid", "visitorid", "memberid", "member", "accountid", "profileid",
        "clientid", "client", "playerid", "readerid", "viewerid", "authorid", "msno",
        "householdkey", "uuid", "reviewprofilename", "profilename", "deviceid", "sessionid",
        "session",
    ),
    "item": (
        "item", "itemid", "iid", "itemidx", "movieid", "movie", "filmid", "parentasin", "asin",
        "productid", "product", "artistid", "artist", "trackid", "track", "songid", "song",
        "albumid", "bookid", "isbn", "businessid", "gmapid", "placeid", "venueid", "poiid", "poi",
        "locationid", "articleid", "clickarticleid", "newsid", "documentid", "gameid", "appid",
        "animeid", "beerid", "beerbeerid", "recipeid", "jobid", "videoid", "hotelid", "listingid",
        "adid", "adgroupid", "campaign", "contentid", "showid", "stockcode", "sku", "aid",
    ),
    "rating": (
        "rating", "ratings", "bookrating", "reviewoverall", "score", "stars", "overall", "value",
        "strength", "weight", "playcount", "plays", "listencount",
    ),
    "timestamp": (
        "timestamp", "time", "unixreviewtime", "timestampms", "unixtime", "ts", "datetime",
        "eventtime", "reviewtime", "utctimestamp", "createdat", "date", "eventdate", "tdat",
    ),
}  # fmt: skip

Chosen: TypeAlias = Mapping[str, "str | int | None"]  # False among them: a column not to take


def by_position(chosen: Chosen) -> bool:
    """Return whether columns are given by position, after a check of what is given."""
    # "is", for 0 == False and column 0 is a good one
    given = {n: c for n, c in chosen.items() if c is not None and c is not False}
    for name, column in chosen.items():
        _check_kind(name, column)
    positions = [isinstance(column, Integral) for column in given.values()]
    if any(positions) and not (all(positions) and {"user", "item"} <= given.keys()):
        raise ValueError(
            "user and item, and rating and timestamp where given, must all be positions "
            f"(a file without a header line) or none; got {given}"
        )
    return any(positions)


def _check_kind(name: str, column: object) -> None:
    optional = name in ("rating", "timestamp")
    if column is None or isinstance(column, str) or (optional and column is False):
        return
    if isinstance(column, Integral) and not isinstance(column, bool) and int(column) >= 0:
        return
    raise ValueError(
        f"{name} must be the name of a column, its position from 0"
        f"{', False or None' if optional else ' or None'}; got {column!r}"
    )


def find_columns(
    path: Path, first: Sequence[str], chosen: Chosen, positions: bool, sep: str | None
) -> dict[str, int]:
    """Return the position of the column for each of our names."""
    found: dict[str, int] = {}
    for name, column in chosen.items():
        if column is None and not positions:
            column = _guess(first, name)
        if column is None and name in ("user", "item"):
            raise ValueError(_not_found(path, first, name, sep))
        if column is not None and column is not False:
            found[name] = _position(path, first, name, column)
    for name, position in found.items():
        same = [other for other, place in found.items() if place == position]
        if len(same) > 1:
            raise ValueError(
                f"{' and '.join(same)} must be different columns of {path}; got "
                f"{chosen[name] if positions else first[position]!r} for both"
            )
    return found


def check_header(path: Path, first: Sequence[str], chosen: Chosen, positions: bool) -> None:
    """Raise where the first line names columns and should not, or the other way round."""
    if not positions and first and all(map(_is_number, first)):
        raise ValueError(
            f"{path} seems to have no header line: it starts with {list(first)}; give "
            "the columns by position, such as user=0, item=1, rating=2, timestamp=3"
        )
    if positions and all(_guess(first, name) is not None for name in ("user", "item")):
        raise ValueError(
            f"{path}, line 1: a position says that there is no header line; got {list(first)}, "
            f"which seems to be one; give names, such as user={_guess(first, 'user')!r}"
        )


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def _guess(first: Sequence[str], name: str) -> str | None:
    # "user_id:token" is how RecBole's files say "user_id"
    plain = {re.sub(r":.*|[\W_]", "", column).lower(): column for column in reversed(first)}
    return next((plain[common] for common in _NAMES[name] if common in plain), None)


def _not_found(path: Path, first: Sequence[str], name: str, sep: str | None) -> str:
    message = (
        f"{name} must name a column of {path}, no common name was found; got columns {list(first)}"
    )
    other = next((s for s in (",", "\t", ";", "|") if len(first) == 1 and s in first[0]), None)
    if other is not None:
        return f"{message}; sep={sep!r} separates nothing there, sep={other!r} may be meant"
    return (
        f'{message}; give its name ({name}="..."), or positions where there is no header line '
        "(user=0, item=1)"
    )


def _position(path: Path, first: Sequence[str], name: str, column: str | int) -> int:
    if not isinstance(column, str):
        if column < len(first):
            return int(column)
        raise ValueError(
            f"{name} must be a column of {path}; got {column!r}, the first line has {len(first)}"
        )
    places = [place for place, other in enumerate(first) if other == column]
    if not places:
        raise ValueError(f"{name} must be a column of {path}; got {column!r}, not in {list(first)}")
    if len(places) > 1:
        raise ValueError(
            f"{name} must be one column of {path}; {len(places)} are called {column!r}"
        )
    return places[0]
