"""The claims about ConvNCF: every variant from the same trained vectors, over several seeds.

Run from the checkout as ``python -m benchmarks.convncf_claims --help``.
"""

import argparse

import pandas as pd
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from skrec.reproduce import _cells, _data, _store, _systems
from skrec.reproduce._protocols import PROTOCOLS

__all__ = ["CLAIMS", "TWINS", "VARIANTS", "main"]

_METRICS = ("sampled_hit_rate@10", "sampled_ndcg@10")

# the shallow twins: chosen by ``python -m benchmarks.tune`` with 64 factors, here with fewer
TWINS = {
    "mf": ("BPRMFRanker", {"l2": 0.02, "max_epochs": 120}),
    "fism": ("FISMRanker", {"l2": 0.01, "max_epochs": 100}),
    "svdpp": ("SVDppRanker", {"l2": 0.01, "max_epochs": 80}),
}
# learning rates: for the start from trained vectors, on a validation item and one seed
_CONV = {"max_epochs": 10, "lr": 5e-3, "tower_lr": 0.05}


def _conv(**parameters):
    return "ConvNCFRanker", {**_CONV, **parameters}


# name: system, parameters, and the twin whose vectors it starts from (None: its own start)
VARIANTS = {
    "ItemPop": ("PopularityRecommender", {}, None),
    "ItemKNN": (
        "ItemKNNRecommender",
        {"alpha": 0.4, "n_neighbors": 20_000, "weighting": "tf-idf"},
        None,
    ),
    "MF-BPR": ("BPRMFRanker", None, "mf"),
    "FISM": ("FISMRanker", None, "fism"),
    "SVD++": ("SVDppRanker", None, "svdpp"),
    "MF-BPR, ten more epochs": (*_conv(tower="dot", l2=0.02), "mf"),
    "GMF": ("GMFRanker", {"max_epochs": 10, "lr": 5e-4, "l2": 0.02}, "mf"),
    "MLP": ("NCFMLPRanker", {"max_epochs": 10, "lr": 5e-4, "l2": 0.02}, "mf"),
    "JRL": ("JRLRanker", {"max_epochs": 10, "lr": 5e-4, "l2": 0.02}, "mf"),
    "ConvNCF-MF": (*_conv(), "mf"),
    "ConvNCF-FISM": (*_conv(embedding="fism"), "fism"),
    "ConvNCF-SVD++": (*_conv(embedding="svdpp"), "svdpp"),
    "ONCF-mlp": (*_conv(tower="mlp"), "mf"),
    "ConvNCF-MF, from scratch": (*_conv(pretrain=None), None),
    "ConvNCF-MF, permuted": (*_conv(permute_dims=True), "mf"),
    "ConvNCF-MF, diagonal": (*_conv(map_part="diagonal"), "mf"),
    "ConvNCF-MF, off-diagonal": (*_conv(map_part="off_diagonal"), "mf"),
    "ConvNCF-MF, 4 maps": (*_conv(n_feature_maps=4), "mf"),
    "ConvNCF-MF, 16 maps": (*_conv(n_feature_maps=16), "mf"),
}

# what is claimed to be better, and than what
CLAIMS = {
    "ConvNCF-MF beats its twin": ("ConvNCF-MF", "MF-BPR"),
    "ConvNCF-MF beats its twin after as many epochs": ("ConvNCF-MF", "MF-BPR, ten more epochs"),
    "ConvNCF-FISM beats its twin": ("ConvNCF-FISM", "FISM"),
    "ConvNCF-SVD++ beats its twin": ("ConvNCF-SVD++", "SVD++"),
    "outer product beats concatenation": ("ConvNCF-MF", "MLP"),
    "outer product beats element-wise product (GMF)": ("ConvNCF-MF", "GMF"),
    "outer product beats element-wise product (JRL)": ("ConvNCF-MF", "JRL"),
    "CNN beats MLP on the map": ("ConvNCF-MF", "ONCF-mlp"),
    "pre-training helps": ("ConvNCF-MF", "ConvNCF-MF, from scratch"),
    "32 feature maps beat 4": ("ConvNCF-MF", "ConvNCF-MF, 4 maps"),
    "32 feature maps beat 16": ("ConvNCF-MF", "ConvNCF-MF, 16 maps"),
    "the order of the dimensions matters": ("ConvNCF-MF", "ConvNCF-MF, permuted"),
    "the full map beats its diagonal": ("ConvNCF-MF", "ConvNCF-MF, diagonal"),
    "the full map beats what is off the diagonal": ("ConvNCF-MF", "ConvNCF-MF, off-diagonal"),
    "ConvNCF-MF beats ItemKNN": ("ConvNCF-MF", "ItemKNN"),
}


def main(argv=None):
    """Run the command line."""
    options = _make_parser().parse_args(argv)
    task = PROTOCOLS["ncf"]().test(_data.load(options.data, options.data_home))
    for seed in options.seeds:
        _run_seed(task, seed, options)
    table = _values(options)
    print(summary(table).to_string(), "\n")
    print(verdicts(table).to_string())


def _make_parser():
    prog = "python -m benchmarks.convncf_claims"
    parser = argparse.ArgumentParser(prog=prog, description=__doc__)
    parser.add_argument("--data", default="amazon-music", help="with the NCF protocol's test")
    parser.add_argument("--data-home", help="folder of the data; default: $SKREC_DATA")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--factors", type=int, default=32, help="width of all vectors")
    parser.add_argument("--output", default="benchmarks/results/convncf.csv", help="CSV to extend")
    return parser


def _run_seed(task, seed, options):
    """Run the variants of a seed that are not in the CSV; each twin is trained once."""
    twins = {}
    for name in options.variants:
        cell = _cell(name, seed, options)
        if _store.has_rows(options.output, cell.key):
            continue
        twin = VARIANTS[name][2]
        if twin is not None and twin not in twins:
            twins[twin] = FrozenEstimator(_fit_twin(task, twin, seed, options))
        outcome = _run(task, name, cell, twins.get(twin))
        print(f"{seed} {name}: {outcome.values[_METRICS[1]].mean():.4f}", flush=True)
        rows = [{**cell.key, **row} for row in outcome.rows()]
        _store.append(options.output, rows)


def _cell(name, seed, options):
    system, parameters, twin = VARIANTS[name]
    parameters = dict(TWINS[twin][1] if parameters is None else parameters)
    if system not in ("PopularityRecommender", "ItemKNNRecommender"):
        parameters["n_factors"] = options.factors
    key = {**parameters, "variant": name, "twin": None if twin is None else TWINS[twin]}
    return _cells.Cell(system, options.data, "ncf", seed, "given", key)


def _fit_twin(task, twin, seed, options):
    system, parameters = TWINS[twin]
    parameters = {**parameters, "n_factors": options.factors}
    return _systems.make_system(system, parameters, seed).fit(task.train)


def _run(task, name, cell, twin):
    system, parameters, _ = VARIANTS[name]
    if parameters is None:  # the twin itself
        return _cells.score(task, clone(twin))
    parameters = {k: v for k, v in cell.parameters.items() if k not in ("variant", "twin")}
    if twin is not None:
        parameters["pretrain"] = twin
    return _cells.run(task, system, parameters, cell.seed)


def _values(options):
    """Give the means of the variants, one column a metric, indexed by variant and seed."""
    table = _store.read(options.output)
    cells = [_cell(name, seed, options) for name in options.variants for seed in options.seeds]
    names = {cell.key["parameters"]: cell.parameters["variant"] for cell in cells}
    mine = table["parameters"].isin(names) & table["seed"].isin(options.seeds)
    table = table[mine & table["metric"].isin(_METRICS) & (table["data"] == options.data)]
    table = table.assign(variant=table["parameters"].map(names))
    return table.pivot_table(index=["variant", "seed"], columns="metric", values="mean")


def summary(values):
    """Give mean and standard error over seeds of each variant, in the order of `VARIANTS`."""
    groups = values.groupby("variant")
    order = [name for name in VARIANTS if name in groups.groups]
    parts = {"mean": groups.mean(), "std_error": groups.sem(), "seeds": groups.size().to_frame()}
    return pd.concat(parts, axis=1).loc[order].round(4)


def verdicts(values):
    """Give for each claim the paired difference over seeds, its standard error, and z."""
    rows = {}
    for claim, (better, worse) in CLAIMS.items():
        names = values.index.get_level_values("variant")
        if better in names and worse in names:
            difference = values.loc[better] - values.loc[worse]
            mean, error = difference.mean(), difference.sem()
            rows[claim] = pd.concat({"difference": mean, "std_error": error, "z": mean / error})
    return pd.DataFrame(rows).T.round(4)


if __name__ == "__main__":
    main()
