"""Ask whether the parts of a data set that are held out were drawn at random.

Settings are chosen on a validation part that is: a tenth of each user's training interactions. If
the test part of a release is not, what is best on one need not be best on the other. Of an item
with n interactions, a random part with the share p of all holds n p, give or take
sqrt(n p (1 - p)). "spread" is the root mean square over items, those with at least --least
interactions, of how many of these steps its count is off: 1 for a random part, and more where
an item's interactions are in a part together, as they are if it was cut by time. "popularity" is
the median, over the interactions of a part, of how many its item has in what is trained on.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.arguments import add_data, add_output, make_parser, prepare
from benchmarks.cells import keep_rows
from skrec.reproduce import Task, load_data, make_protocol
from skrec.typing import Array

__all__ = ["main", "spread"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = make_parser("claims.draws", __doc__)
    parser.set_defaults(protocol="weak")
    add_data(parser, ["gowalla"])
    parser.add_argument("--least", type=int, default=50, help="of an item; default: 50")
    add_output(parser, "draws.csv")
    options = parser.parse_args(argv)
    if options.smoke:
        options.least = min(options.least, 5)
    prepare(parser, options)
    for name in options.data:
        protocol, data = make_protocol("weak"), load_data(name, options.data_home)
        parts = {"validation": protocol.tuning(data), "test": protocol.test(data)}
        rows = [{"data": name, **row} for row in _rows(parts, options.least)]
        keep_rows(options.output, {}, rows)
        print(pd.DataFrame(rows).round(4).to_string(index=False), flush=True)


def _rows(parts: dict[str, Task], least: int) -> Iterator[dict[str, Any]]:
    for part, task in parts.items():
        train, held = (each.tocsr().getnnz(axis=0) for each in (task.train, task.evaluate))
        yield {
            "part": part,
            "interactions": int(held.sum()),
            "items": int((train + held >= least).sum()),
            "spread": spread(held, train, least),
            "popularity": float(np.median(np.repeat(train, held))),
        }


def spread(held: Array, train: Array, least: int) -> float:
    """Return how far the items' counts in a part are from those of a random draw.

    Parameters
    ----------
    held, train : ndarray of int of shape (n_items,)
        Interactions of each item in the part, and in what is trained on.
    least : int
        Items with fewer in both together are left out.

    Returns
    -------
    spread : float
        The root mean square of (held - n p) / sqrt(n p (1 - p)), n = train + held and p the share
        of the part in all interactions. About 1 for a random part.
    """
    n, share = train + held, held.sum() / (train.sum() + held.sum())
    kept = n >= least
    steps = (held - n * share)[kept] / np.sqrt(n[kept] * share * (1 - share))
    return float(np.sqrt(np.mean(steps**2)))


if __name__ == "__main__":
    main()
