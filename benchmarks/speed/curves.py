"""Measure how cost grows over 10^5, 10^6 and 10^7 interactions.

The shapes are those of ml-100k, ml-1m and ML-20M as the Mult-VAE paper has it, so users and items
grow too; ConvNCF goes from 10^4 to 10^5. The interactions are synthetic. Each cell runs in a fresh
process, after one on tiny data, so that imports and compiling do not count; one that takes longer
than --limit ends its curve. "ratio" and exponent are to the size before.
"""

import math
from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import Any

import skrec
from benchmarks.arguments import make_parser
from benchmarks.former import FORMER
from benchmarks.speed.command import Row, add_speed_options, record, scratch_folder
from benchmarks.speed.matrices import made_file
from benchmarks.speed.measure import call_fresh
from benchmarks.speed.settings import BPR_MF, CONVNCF, SGD

__all__ = ["CURVES", "cost_curves", "main"]

SIZES = ((943, 1_682, 10**5), (6_040, 3_706, 10**6), (136_677, 20_108, 10**7))
SMALLER = ((300, 500, 10**4), (500, 900, 3 * 10**4), (943, 1_682, 10**5))  # for ConvNCF
_SMOKE = ((60, 40, 600), (120, 60, 1_200))
_N_NEIGHBORS = 100
_COSINE, _USERS = FORMER["ItemKNNRecommender"], FORMER["UserKNNRecommender"]
_WMF, _BPR_SGD = FORMER["WMFRecommender"], {**SGD, "n_factors": 64, "n_negatives": 1}

# name of the curve: what is timed, the system, its parameters, the sizes
CURVES: dict[str, tuple[str, str, dict[str, Any], tuple[tuple[int, int, int], ...]]] = {
    "EASE fit": ("fit", "EASERecommender", {"l2": 500.0}, SIZES),
    "ItemKNN fit": ("fit", "ItemKNNRecommender", {**_COSINE, "n_neighbors": _N_NEIGHBORS}, SIZES),
    "UserKNN fit": ("fit", "UserKNNRecommender", {**_USERS, "n_neighbors": _N_NEIGHBORS}, SIZES),
    "SLIM fit": ("fit", "SLIMRecommender", {"n_neighbors": _N_NEIGHBORS}, SIZES),
    "SLIM fit, 200 candidates": (
        "fit", "SLIMRecommender", {"n_neighbors": _N_NEIGHBORS, "n_candidates": 200}, SIZES,
    ),
    "WMF fit, one sweep": ("fit", "WMFRecommender", {**_WMF, "max_epochs": 1}, SIZES),
    "WMF fit, one sweep of ials++": (
        "fit", "WMFRecommender", {**_WMF, "max_epochs": 1, "solver": "ials++"}, SIZES,
    ),
    "Mult-VAE epoch": (
        "epoch", "MultVAERecommender", {"hidden_sizes": [600], "batch_size": 500}, SIZES,
    ),
    "MF-BPR epoch": ("epoch", "BPRMFRanker", BPR_MF, SIZES),
    "MF-BPR epoch, sgd": ("epoch", "BPRMFRanker", _BPR_SGD, SIZES),
    "MF epoch, sgd": ("epoch", "MFClassifier", {**_BPR_SGD, "n_negatives": 4}, SIZES),
    "ConvNCF epoch": ("epoch", "ConvNCFRanker", {**CONVNCF, "pretrain": None}, SMALLER),
    "ranking all users": ("rank", "BPRMFRanker", {"n_factors": 64}, SIZES),
}  # fmt: skip


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = make_parser("speed.curves", __doc__)
    add_speed_options(parser)
    parser.add_argument("--limit", type=float, default=200.0, help="seconds a cell; default: 200")
    parser.add_argument(
        "--curves", nargs="+", default=list(CURVES), metavar="CURVE",
        help=f"some alone, of {'; '.join(CURVES)}",
    )  # fmt: skip
    options = parser.parse_args(argv)
    if unknown := [name for name in options.curves if name not in CURVES]:
        parser.error(f"--curves must be among {list(CURVES)}; got {unknown}")
    with scratch_folder(options):
        record("curves", cost_curves(options), options)


def cost_curves(options: Namespace) -> Iterator[Row]:
    """Measure all curves, one cell at a time.

    Parameters
    ----------
    options : Namespace
        Of the command line.

    Yields
    ------
    row : dict
        For `record`.
    """
    for name in options.curves:
        kind, system, parameters, sizes = CURVES[name]
        if not hasattr(skrec, system):
            yield {"what": name, "note": f"there is no {system} to time"}
            continue
        yield from _curve(name, kind, _cell(system, parameters), sizes, options)


def _cell(system: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of the job; what can use the GPU stays on the CPU."""
    known = getattr(skrec, system)().get_params()
    cpu = {"device": "cpu"} if "device" in known else {}
    return {"system": system, "parameters": {**parameters, **cpu}}


def _curve(
    name: str,
    kind: str,
    cell: dict[str, Any],
    sizes: Sequence[tuple[int, int, int]],
    options: Namespace,
) -> Iterator[Row]:
    before: tuple[Row, int] | None = None
    for size in _SMOKE if options.smoke else sizes:
        path = made_file(options.folder, *size)
        answer = call_fresh("curve", options.threads, options.limit, matrix=path, kind=kind, **cell)
        row = {"what": f"{name}, {size[2]} interactions", "note": answer.get("error"), **answer}
        if before and "seconds" in row:
            row |= _growth(row, *before, size[2])
        print(f"{row['what']}: {row.get('seconds', math.nan):.4g} s, {row['note']}", flush=True)
        yield row
        if "seconds" not in row:
            return
        before = row, size[2]


def _growth(row: Row, earlier: Row, n_before: int, n_now: int) -> Row:
    ratio = row["seconds"] / earlier["seconds"]
    exponent = math.log(ratio) / math.log(n_now / n_before)
    return {"ratio": ratio, "reference": earlier["what"], "note": f"exponent {exponent:.2f}"}


if __name__ == "__main__":
    main()
