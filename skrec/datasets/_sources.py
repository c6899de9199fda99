"""Facts of the public data sets: where each comes from, how it is read, what to beware of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from skrec.datasets._originals import (
    read_adjacency,
    read_deepcf,
    read_movielens_100k,
    read_movielens_csv,
    read_movielens_dat,
)

__all__ = ["DATASETS", "Dataset", "Remote"]

_GROUPLENS = "https://files.grouplens.org/datasets/movielens/"
_GITHUB = "https://raw.githubusercontent.com/"
_NCF = _GITHUB + "hexiangnan/neural_collaborative_filtering/master/Data/"
_LIGHTGCN = _GITHUB + "gusye1234/LightGCN-PyTorch/master/data/gowalla/"
_DEEPCF = _GITHUB + "familyld/DeepCF/master/Data/"


@dataclass(frozen=True)
class Remote:
    """A file to download.

    `checksum` is "algorithm:hexadecimal digest", or None where none is published. An optional
    file may fail: the data set is then complete without it.
    """

    url: str
    checksum: str | None = None
    optional: bool = False

    @property
    def filename(self) -> str:
        """Return the last part of the address."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True)
class Dataset:
    """A data set: its files, their reader, the number of interactions, and its description.

    `read` takes the folder of the downloaded files and returns the tables of the cache by name.
    """

    remotes: tuple[Remote, ...]
    read: Callable[[Path], dict[str, pd.DataFrame]]
    n_interactions: int
    descr: str


_MOVIELENS_DESCR = """\
MovieLens {version}: {n_interactions:,} ratings {scale} of {n_items:,} movies by {n_users:,} users.

Users have rated at least 20 movies each. A user rates many movies in one session, so timestamps
tell when a movie was rated, not when it was seen. `item_frame` and `item_names` have the rated
movies only.
{more}
Source: GroupLens, https://grouplens.org/datasets/movielens/ (no redistribution).
F. M. Harper and J. A. Konstan (2015). The MovieLens Datasets: History and Context. ACM
Transactions on Interactive Intelligent Systems 5(4). https://doi.org/10.1145/2827872
"""

_ML_100K = """
`test` is the official split "ua": ten ratings of each user, not the latest ones. A few movies are
listed twice under different ids, and one has no title ("unknown").
"""

_ML_1M = """
`loo_test` and `loo_negatives` are the leave-one-out test of the NCF paper: the latest item of each
user and 99 items without a rating. 2,328 users have several items at their latest second, so a
leave-one-out split by time meets `loo_test` only up to those ties; use `loo_test` to compare with
published figures. In the released files the held-out item of 156 users is among its own negatives;
it is removed here, and those rows have 98.
X. He et al. (2017). Neural Collaborative Filtering. https://doi.org/10.1145/3038912.3052569
"""

_GOWALLA_DESCR = """\
Gowalla: 1,027,370 check-ins of 29,858 users at 40,981 places, implicit, without times.

The 10-core and the random test of the NGCF and LightGCN papers: `train` has 810,128 check-ins,
`test` 217,242. Published figures rank all places that are not in a user's train.

Source: SNAP; E. Cho, S. A. Myers and J. Leskovec (2011). Friendship and Mobility.
https://doi.org/10.1145/2020408.2020579
X. He et al. (2020). LightGCN. https://doi.org/10.1145/3397271.3401063
"""

_AMAZON_DESCR = """\
Amazon music: 46,087 ratings 1 to 5 of 12,929 items by 1,776 users, without times.

`loo_test` and `loo_negatives` are the leave-one-out test of the DeepCF paper, one item a user and
99 negatives. 464 of the held-out items, and 43 users, never occur in `loo_train`. In the released
files the held-out item of 18 users is among its own negatives, and 348 negatives are items that the
user has in train; all are removed here. Many scores are tied on data this sparse: count ties in
expectation. Without times, validate on a random item.

Source: Amazon reviews (J. McAuley), as released with
Z.-H. Deng et al. (2019). DeepCF. https://doi.org/10.1609/aaai.v33i01.330161
"""


def _movielens(
    version: str,
    read: Callable[..., dict[str, pd.DataFrame]],
    checksum: str,
    n_interactions: int,
    n_users: int,
    n_items: int,
    *,
    scale: str,
    more: str = "",
    others: tuple[Remote, ...] = (),
) -> Dataset:
    archive = f"ml-{version}.zip"
    descr = _MOVIELENS_DESCR.format(
        version=version,
        n_interactions=n_interactions,
        n_users=n_users,
        n_items=n_items,
        scale=scale,
        more=more,
    )
    remotes = (Remote(_GROUPLENS + archive, checksum), *others)
    return Dataset(remotes, partial(read, archive=archive), n_interactions, descr)


_HALF_STARS = "0.5 to 5 in half steps"

# SHA-256 where it is known beyond doubt, else the MD5 that GroupLens publishes.
DATASETS = {
    "ml-100k": _movielens(
        "100k",
        read_movielens_100k,
        "sha256:50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
        100_000,
        943,
        1_682,
        scale="1 to 5",
        more=_ML_100K,
    ),
    "ml-1m": _movielens(
        "1m",
        partial(read_movielens_dat, encoding="latin-1", negatives="ml-1m.test.negative"),
        "sha256:a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
        1_000_209,
        6_040,
        3_706,
        scale="1 to 5",
        more=_ML_1M,
        others=(Remote(_NCF + "ml-1m.test.negative", optional=True),),
    ),
    "ml-10m": _movielens(
        "10m",
        partial(read_movielens_dat, encoding="utf-8"),
        "md5:ce571fd55effeba0271552578f2648bd",
        10_000_054,
        69_878,
        10_677,
        scale=_HALF_STARS,
    ),
    "ml-20m": _movielens(
        "20m",
        read_movielens_csv,
        "sha256:96f243c338a8665f6bcc89c53edf6ee39162a846940de6b7c8c48aeada765ff3",
        20_000_263,
        138_493,
        26_744,
        scale=_HALF_STARS,
    ),
    "ml-25m": _movielens(
        "25m",
        read_movielens_csv,
        "sha256:8b21cfb7eb1706b4ec0aac894368d90acf26ebdfb6aced3ebd4ad5bd1eb9c6aa",
        25_000_095,
        162_541,
        59_047,
        scale=_HALF_STARS,
    ),
    "ml-32m": _movielens(
        "32m",
        read_movielens_csv,
        "md5:d472be332d4daa821edc399621853b57",
        32_000_204,
        200_948,
        84_432,
        scale=_HALF_STARS,
    ),
    "gowalla": Dataset(
        (Remote(_LIGHTGCN + "train.txt"), Remote(_LIGHTGCN + "test.txt")),
        read_adjacency,
        1_027_370,
        _GOWALLA_DESCR,
    ),
    "amazon-music": Dataset(
        tuple(
            Remote(_DEEPCF + "AMusic." + part)
            for part in ("train.rating", "test.rating", "test.negative")
        ),
        partial(read_deepcf, name="AMusic"),
        46_087,
        _AMAZON_DESCR,
    ),
}
