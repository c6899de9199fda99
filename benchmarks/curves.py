"""How our cost grows with the number of interactions: 10^5, 10^6 and 10^7 of them.

The shapes are those of ml-100k, ml-1m and ML-20M as the Mult-VAE paper has it, so users and items
grow too; the interactions are synthetic. Each cell runs in a fresh process.
"""

import math

import skrec
from benchmarks.embedding_jobs import BPR_MF, CONVNCF
from benchmarks.matrices import made_matrix
from benchmarks.measure import call_fresh

__all__ = ["cost_curves"]

SIZES = ((943, 1_682, 10**5), (6_040, 3_706, 10**6), (136_677, 20_108, 10**7))
SMALLER = ((300, 500, 10**4), (500, 900, 3 * 10**4), (943, 1_682, 10**5))  # for ConvNCF
_SMOKE = ((60, 40, 600), (120, 60, 1_200))
_N_NEIGHBORS = 100

# name of the curve: what is timed, the system, its parameters, the sizes
CURVES = {
    "EASE fit": ("fit", "EASERecommender", {}, SIZES),
    "ItemKNN fit": ("fit", "ItemKNNRecommender", {"n_neighbors": _N_NEIGHBORS}, SIZES),
    "SLIM fit": ("fit", "SLIMRecommender", {"n_neighbors": _N_NEIGHBORS}, SIZES),
    "WMF fit, one sweep": ("fit", "WMFRecommender", {"max_epochs": 1}, SIZES),
    "Mult-VAE epoch": (
        "epoch", "MultVAERecommender", {"hidden_sizes": [600], "batch_size": 500}, SIZES,
    ),
    "MF-BPR epoch": ("epoch", "BPRMFRanker", BPR_MF, SIZES),
    "ConvNCF epoch": ("epoch", "ConvNCFRanker", {**CONVNCF, "pretrain": None}, SMALLER),
    "ranking all users": ("rank", "BPRMFRanker", {"n_factors": 64}, SIZES),
}  # fmt: skip


def cost_curves(options):
    """Give the rows of all curves, one at a time; a cell out of time ends its curve.

    Parameters
    ----------
    options : Namespace
        Of the command line; ``limit`` is in seconds a cell.

    Yields
    ------
    row : dict
        For `results.append`; ``ratio`` and exponent are to the size before.
    """
    for name, (kind, system, parameters, sizes) in CURVES.items():
        if not hasattr(skrec, system):
            yield {"what": name, "note": f"there is no {system} to time"}
            continue
        yield from _curve(name, kind, _cell(system, parameters), sizes, options)


def _cell(system, parameters):
    """Give the arguments of the job; what can use the GPU stays on the CPU."""
    known = getattr(skrec, system)().get_params()
    cpu = {"device": "cpu"} if "device" in known else {}
    return {"system": system, "parameters": {**parameters, **cpu}}


def _curve(name, kind, cell, sizes, options):
    before = None
    for size in _SMOKE if options.smoke else sizes:
        path = made_matrix(options.folder, *size)
        answer = call_fresh("curve", options.threads, options.limit, matrix=path, kind=kind, **cell)
        row = {"what": f"{name}, {size[2]} interactions", "note": answer.get("error"), **answer}
        if before and "seconds" in row:
            row |= _growth(row, *before, size[2])
        print(f"{row['what']}: {row.get('seconds', math.nan):.4g} s, {row['note']}", flush=True)
        yield row
        if "seconds" not in row:
            return
        before = row, size[2]


def _growth(row, earlier, n_before, n_now):
    ratio = row["seconds"] / earlier["seconds"]
    exponent = math.log(ratio) / math.log(n_now / n_before)
    return {"ratio": ratio, "reference": earlier["what"], "note": f"exponent {exponent:.2f}"}
