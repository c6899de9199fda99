"""Speed: time and peak memory of fit, recommend and evaluate, alone and beside peers.

Run from the checkout as ``python -m benchmarks.speed --help``.
"""

import argparse
import os
import tempfile
import time
from importlib import import_module
from pathlib import Path

import pandas as pd

from benchmarks import matrices
from benchmarks.measure import alternate, call_fresh, summarize
from benchmarks.peers import PEERS
from skrec.reproduce import _store

__all__ = ["main"]

_EPILOG = """\
tasks:
  multvae-batch  one training batch of Mult-VAE [I-600-200-600-I] with 500 users on Gowalla, by the
                 estimator, by a bare loop of the same module, and the decoder's three wide products
                 alone; then the peak of memory of a whole fit, with best weights kept and without
  recommend      20 items for all users of Gowalla: recommend against product and torch.topk; memory
                 above the model
  evaluate       ten metrics and cut-offs for all users of Gowalla against one ranking
  scale          EASE, ItemKNN and one epoch of Mult-VAE on 136,677 x 20,108 with 10 million
                 entries, each in a fresh process
  negatives      an epoch's negatives for Gowalla, one a positive, uniform and by popularity, beside
                 as many draws that nobody checks
  peers          RecBole's MultiVAE, implicit's neighbours and implicit's ranking by factors, on the
                 same arrays with as many threads; their virtual environments are made on demand
  mf-bpr         an epoch of MF-BPR with 64 factors on Gowalla beside implicit's; then NDCG@20
                 within budgets of training time, for implicit with its defaults and on a grid (the
                 best of which, by the test itself, is what "ratio" divides by)
  als-sweep      a sweep of WMF over users and items, 64 factors, on Gowalla beside implicit's, by
                 Cholesky and by three steps of conjugate gradients; then NDCG@20 at equal settings
  convncf-epoch  an epoch of ConvNCF, 64 factors and six layers of 32 maps, on amazon-music beside
                 RecBole's with the same tower, optimiser and batches
  vamp-batch     a training batch of H+Vamp (Gated), 200 users of ml-1m and of Gowalla, 1,000
                 pseudo-inputs, by the estimator, beside what it cannot do without: the products
                 of pseudo-inputs and first layer (three), of last layer and items (three), and
                 the optimiser's step
  recvae-epoch   an epoch of RecVAE on ml-1m, three passes of the encoder and one of the decoder,
                 beside RecBole's
  cross-feedback-pass  a batch of CrossFeedbackBMF, 1,000 users with 1,000 items of ml-1m, 25
                 factors and a hidden layer of 50, without and with attention, beside its own parts
  table          all of the following and convncf-epoch and als-sweep, beside every peer that has
                 the model, and one table of the ratios at the end
  multvae-epoch  an epoch of Mult-VAE [I-600-200-600-I] on ml-1m
  bpr            an epoch of MF-BPR with 64 factors on Gowalla, and the time to a given NDCG@20
  ease, itemknn  a fit on ml-1m
  slim           a fit on ml-100k
  ranking        20 items for all users of Gowalla, by products of 64 factors
  evaluating     ten metrics and cut-offs for all users of ml-1m
  curves         ours over 10^5, 10^6 and 10^7 interactions, each cell in a fresh process

Times are medians over rounds in which the competitors take turns; "low" and "high" are quartiles,
"ratio" is to the row that "reference" names ("paired_ratio": median of the ratios within rounds,
which other load on the machine moves less). Memory is in MiB: "peak" is that of the process,
"extra" what came on top of what was resident before.
"""

_PEAK = {"max_epochs": 1, "hidden_sizes": [600], "batch_size": 500, "device": "cpu"}
_N_NEIGHBORS = 100
# beside those with peers of their own: what runs only when it is named
_ON_DEMAND = (
    "multvae-epoch", "bpr", "ease", "slim", "itemknn", "ranking", "evaluating", "curves",
)  # fmt: skip
_CONVNCF_PAIRS = 10_000  # of the table; RecBole takes 37 s an epoch on all of amazon-music


def main(argv=None):
    """Run the command line."""
    options = _parse(argv)
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        options.folder = Path(folder).resolve()
        if "table" in options.tasks:
            _table(options)
        for task in options.tasks:
            if task != "table":
                _run(task, _TASKS[task](options), options)


def _run(task, rows, options):
    """Keep each row as it comes, show them, and give them with all columns."""
    kept = []
    for row in rows:
        kept.append(_complete(task, row, options))
        _store.append(options.output, kept[-1:])
    print(f"{task}, {options.threads} threads")
    shown = pd.DataFrame(kept)[_SHOWN].dropna(axis=1, how="all")
    print(shown.to_string(index=False, float_format="{:.4g}".format), flush=True)
    return kept


def _table(options):
    """Run all comparisons with peers, and show the ratios at the end."""
    from benchmarks.comparisons.table import TABLE, markdown, ratio_table, run_or_note

    if options.interactions is None:
        options.interactions = _CONVNCF_PAIRS
    rows = []
    for name in TABLE:
        start = time.perf_counter()
        rows += _run(name, run_or_note(_TASKS.get(name), options), options)
        print(f"{name} took {time.perf_counter() - start:.0f} s", flush=True)
    table = ratio_table(rows)
    print(table.to_string(index=False, float_format="{:.3g}".format, na_rep=""), flush=True)
    if options.markdown:
        Path(options.markdown).write_text(markdown(table))


def _parse(argv):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed",
        description="Measure time and peak memory.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("tasks", nargs="*", metavar="task", help=f"of {', '.join(_TASKS)}, table")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count")
    parser.add_argument("--batches", type=int, default=3, help="batches, or epochs, a round")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument(
        "--peers", nargs="*", default=list(PEERS), help="which peers; none: ours alone"
    )
    parser.add_argument(
        "--budgets", nargs="+", type=float, default=[5.0, 10.0, 20.0, 40.0],
        help="mf-bpr: seconds of training",
    )  # fmt: skip
    parser.add_argument("--seeds", type=int, default=1, help="mf-bpr, als-sweep: fits")
    parser.add_argument("--batch-size", type=int, default=512, help="convncf-epoch: positives")
    parser.add_argument("--interactions", type=int, help="convncf-epoch: so many, not all")
    parser.add_argument("--limit", type=float, default=200.0, help="curves: seconds a cell")
    parser.add_argument("--markdown", help="table: file for the ratios")
    parser.add_argument("--no-memory", action="store_true", help="multvae-batch: times alone")
    parser.add_argument("--data-home", help="folder of the data; default: $SKREC_DATA")
    parser.add_argument("--scratch", help="folder for temporary files, some 200 MB")
    parser.add_argument("--output", default="benchmarks/results/speed.csv", help="CSV to extend")
    parser.add_argument("--smoke", action="store_true", help="tiny data, two rounds")
    options = parser.parse_args(argv)
    options.tasks = options.tasks or [
        name for name in _TASKS if name not in (*_WITH_PEERS, *_ON_DEMAND)
    ]
    options.budgets = sorted(options.budgets)
    known = [*_TASKS, "table"]
    unknown = [name for name in options.tasks if name not in known]
    if unknown:
        parser.error(f"tasks must be among {known}; got {unknown}")
    if options.smoke:
        options.rounds, options.batches = min(options.rounds, 2), min(options.batches, 2)
        options.budgets, options.batch_size = [0.5, 1.0], min(options.batch_size, 100)
    return options


_COLUMNS = (
    "what",
    "seconds",
    "low",
    "high",
    "n",
    "ratio",
    "paired_ratio",
    "reference",
    "peak",
    "extra",
    "note",
)
_FIRST = ["what", "ratio", "paired_ratio", "reference"]
_SHOWN = _FIRST + [name for name in _COLUMNS if name not in _FIRST]


def _complete(task, row, options):
    """Give a row all columns."""
    known = {name: row.get(name) for name in _COLUMNS}
    return {"task": task, "threads": options.threads, "smoke": options.smoke, **known}


def _gowalla(options):
    return matrices.gowalla_matrices(options.folder, options.data_home, options.smoke)


def _batch_size(options):
    return 100 if options.smoke else 500


def multvae_batch(options):
    """Time a training batch, and look at the memory of a fit."""
    import torch

    from benchmarks.multvae_batch import BareLoop, DecoderProducts, EstimatorBatches

    torch.set_num_threads(options.threads)
    path, _ = _gowalla(options)
    X, size = matrices.load_matrix(path), _batch_size(options)
    times = alternate(
        {
            "estimator": EstimatorBatches(X, size, options.batches),
            "bare_loop": BareLoop(X, size, options.batches),
            "three_products": DecoderProducts(X.shape[1], size, options.batches),
        },
        options.rounds,
    )
    rows = summarize(times, "three_products") + summarize(times, "bare_loop")[:1]
    return rows if options.no_memory else rows + _fit_memory(path, options)


def _fit_memory(path, options):
    """Give the peaks of a fit in a fresh process, with best weights kept and without."""
    kept = {"early_stopping": True, "validation_fraction": 0.01}
    jobs = {"fit": _PEAK, "fit_with_best_weights": {**_PEAK, **kept}}
    return [
        {"what": name, **_fit(path, "MultVAERecommender", parameters, options)}
        for name, parameters in jobs.items()
    ]


def _fit(path, system, parameters, options):
    answer = call_fresh("fit", options.threads, matrix=path, system=system, parameters=parameters)
    answer["note"] = answer.pop("error", None)
    return answer


def recommend(options):
    """Time the ranking of all users in a fresh process."""
    path, _ = _gowalla(options)
    return _rows(call_fresh("recommend", options.threads, matrix=path, rounds=options.rounds))


def evaluate(options):
    """Time the scorer in a fresh process."""
    path, test = _gowalla(options)
    arguments = {"matrix": path, "test": test, "rounds": options.rounds}
    return _rows(call_fresh("evaluate", options.threads, **arguments))


def _rows(answer):
    return answer.get("rows") or [{"what": "job", "note": answer.get("error")}]


def scale(options):
    """Fit on the large matrix, each system in a fresh process."""
    path = matrices.large_matrix(options.folder, options.smoke)
    jobs = {
        "EASERecommender": {},
        "ItemKNNRecommender": {"n_neighbors": _N_NEIGHBORS},
        "MultVAERecommender": _PEAK,
    }
    return [
        {"what": system, **_fit(path, system, parameters, options)}
        for system, parameters in jobs.items()
    ]


def _later(module, name):
    """Give a task of a module that imports torch."""
    return lambda options: getattr(import_module(f"benchmarks.{module}"), name)(options)


_TASKS = {
    "multvae-batch": multvae_batch,
    "recommend": recommend,
    "evaluate": evaluate,
    "scale": scale,
    "negatives": _later("embedding_jobs", "negatives"),
    "peers": _later("comparisons.gowalla", "peers"),
    "mf-bpr": _later("embedding_jobs", "mf_bpr"),
    "als-sweep": _later("als_jobs", "als_sweep"),
    "convncf-epoch": _later("embedding_jobs", "convncf_epoch"),
    "vamp-batch": _later("autoencoder_jobs", "vamp_batch"),
    "recvae-epoch": _later("autoencoder_jobs", "recvae_epoch"),
    "cross-feedback-pass": _later("rating_jobs", "cross_feedback_pass"),
    "multvae-epoch": _later("comparisons.training", "multvae_epoch"),
    "bpr": _later("comparisons.training", "bpr"),
    "ease": _later("comparisons.linear", "ease"),
    "slim": _later("comparisons.linear", "slim"),
    "itemknn": _later("comparisons.linear", "itemknn"),
    "ranking": _later("comparisons.ranking", "ranking"),
    "evaluating": _later("comparisons.ranking", "evaluating"),
    "curves": _later("curves", "cost_curves"),
}
_WITH_PEERS = ("peers", "mf-bpr", "als-sweep", "convncf-epoch", "recvae-epoch")


if __name__ == "__main__":
    main()
