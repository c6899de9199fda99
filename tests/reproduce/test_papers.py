"""The papers' tables as data: figures as printed, systems that exist, settings that they take."""

import pytest
import scipy.sparse as sp

from skrec.reproduce import (
    Row,
    Table,
    find_settings,
    find_system,
    find_table,
    list_systems,
    list_tables,
    make_system,
)
from skrec.testing import all_estimators

TABLES = list_tables()
SYSTEMS = {*list_systems("implicit"), *list_systems("explicit")}
ROWS = [(table, row) for table in TABLES for row in table.rows]
AT_HAND = {
    "ncf": {"amazon-music", "ml-100k", "ml-1m"},
    "strong": {"gowalla", "ml-1m"},
    "weak": {"gowalla"},
    "ratings": {"ml-100k", "ml-1m"},
}
METRICS = {
    "ncf": {f"sampled_{name}@{k}" for name in ("hit_rate", "ndcg") for k in (3, 5, 10, 20)},
    "strong": {"ndcg@100", "ndcg@20", "recall@50", "recall@20", "recall@10"},
    "weak": {"recall@20", "ndcg@20"},
    "ratings": {"rmse", "mae"}
    | {f"{own}{name}@{k}" for own in ("", "own_") for name in ("recall", "ndcg") for k in (20, 50)},
}
HR, NDCG = "sampled_hit_rate@", "sampled_ndcg@"

# paper, table, row, data, metric and what is printed there
PRINTED = [
    ("mult_vae", "2", "Mult-VAE PR", "ml-20m", "recall@50", 0.537),
    ("mult_vae", "2c", "Mult-DAE", "msd", "recall@50", 0.363),
    ("mult_vae", "2b", "WMF", "netflix", "ndcg@100", 0.351),
    ("mult_vae", "2b", "SLIM", "netflix", "recall@20", 0.347),
    ("mult_vae", "3", "NCF", "ml-1m", HR + "10", 0.705),
    ("mult_vae", "3", "Mult-DAE", "pinterest", NDCG + "10", 0.580),
    ("mult_vae", "4", "Gaussian-DAE", "ml-20m", "recall@50", 0.515),
    ("mult_vae", "4", "Logistic-VAE PR", "ml-20m", "ndcg@100", 0.419),
    ("evcf", "4-2", "H+Vamp (Gated)", "ml-20m", "ndcg@20", 0.36008),
    ("evcf", "4-3", "Mult-VAE (Gated)", "netflix", "recall@10", 0.33377),
    ("evcf", "4-4", "Vamp", "pinterest", "recall@20", 0.16352),
    ("evcf", "4-5", "H+Vamp", "melon", "recall@50", 0.40731),
    ("evcf", "4-6", "H + Vamp (2 Layer)", "netflix", "ndcg@100", 0.37970),
    ("evcf", "4-6", "Vamp (2 Layer), gated", "netflix", "ndcg@100", 0.40277),
    ("gerec", "2", "K = 13", "ml-1m", NDCG + "10", 0.4799),
    ("gerec", "2", "T = 8", "ml-1m", HR + "10", 0.7278),
    ("gerec", "3", "DeepCF", "ml-1m", NDCG + "3", 0.3823),
    ("gerec", "3", "ConvNCF", "amazon-music", NDCG + "3", 0.1431),
    ("gerec", "3", "GeRec", "amazon-music", HR + "10", 0.3464),
    ("convncf", "3", "ItemPop", "gowalla-convncf", HR + "20", 0.3739),
    ("convncf", "3", "JRL", "yelp", HR + "10", 0.2922),
    ("convncf", "3", "ConvNCF-SVD++", "gowalla-convncf", NDCG + "5", 0.5532),
    ("convncf", "3", "ConvNCF-FISM", "yelp", NDCG + "20", 0.1949),
    ("cross_feedback", "3", "U-Rec", "ml-10m", "rmse", 0.893),
    ("cross_feedback", "3", "I-Rec", "amazon-kindle", "recall@50", 0.932),
    ("cross_feedback", "3", "Ours (VAE-BMF)", "ml-1m", "rmse", 0.842),
    ("cross_feedback", "4", "No cross feedback", "ml-20m", "ndcg@50", 0.796),
    ("cross_feedback", "4", "No data input", "amazon-pet", "rmse", 1.241),
    ("baselines", "gowalla", "LightGCN", "gowalla", "ndcg@20", 0.1547),
    ("baselines", "ml-1m", "WMF, 192 factors", "ml-1m", NDCG + "10", 0.453),
]


def name_of(table):
    return f"{table.paper} {table.table}"


def by_name(rows):
    return {row.name: row for row in rows}


def every_figure(row):
    """Yield data set, metric and value of all figures of a row."""
    for source in (row.published, row.reproduced):
        for data, values in source.items():
            yield from ((data, metric, value) for metric, value in values.items())


def test_every_table_with_results_is_there():
    keys = {name_of(table) for table in TABLES}
    figures = {f"convncf figure-{n}" for n in (4, 5, 6, 7)} | {"cross_feedback figure-4"}
    assert keys == figures | {
        *("mult_vae 2", "mult_vae 2b", "mult_vae 2c", "mult_vae 3", "mult_vae 4"),
        *("evcf 4-2", "evcf 4-3", "evcf 4-4", "evcf 4-5", "evcf 4-6"),
        *("gerec 2", "gerec 3", "convncf 3", "cross_feedback 3", "cross_feedback 4"),
        *("baselines gowalla", "baselines ml-1m"),
    }


@pytest.mark.parametrize("printed", PRINTED, ids=lambda p: " ".join(p[:5]))
def test_figures_are_those_printed(printed):
    paper, table, name, data, metric, value = printed
    assert by_name(find_table(paper, table).rows)[name].published[data][metric] == value


@pytest.mark.parametrize("table", TABLES, ids=name_of)
def test_a_table_is_well_formed(table):
    assert len(by_name(table.rows)) == len(table.rows)
    assert set(table.metrics) <= METRICS[table.protocol]
    assert len(set(table.metrics)) == len(table.metrics)
    assert set(table.here) <= AT_HAND[table.protocol]
    assert not set(table.here) & set(table.data)
    assert set(table.settings) <= SYSTEMS
    assert table.title
    assert table.source


@pytest.mark.parametrize("table", TABLES, ids=name_of)
def test_figures_belong_to_the_table(table):
    for row in table.rows:
        assert set(row.published) <= set(table.data), row.name
        assert set(row.reproduced) <= {*table.data, *table.here}, row.name
        assert bool(row.reproduced) == bool(row.reproduced_by), row.name
        for _, metric, value in every_figure(row):
            assert metric in table.metrics, row.name
            low, high = (0.5, 1.5) if metric == "rmse" else (0, 1)
            assert low < value < high, (row.name, metric)


def test_published_rankings_are_possible():
    """Hit rates rise with the cut, and one target's NDCG is never above its hit rate."""
    lists = [
        values
        for table, row in ROWS
        if table.protocol == "ncf"
        for values in row.published.values()
    ]
    assert len(lists) > 60
    for values in lists:
        for name in (HR, NDCG):
            rising = [values[f"{name}{k}"] for k in (3, 5, 10, 20) if f"{name}{k}" in values]
            assert rising == sorted(rising)
        for k in (3, 5, 10, 20):
            assert values.get(f"{NDCG}{k}", 0) <= values.get(f"{HR}{k}", 1)


def test_tables_of_one_paper_agree():
    """GeRec's sweeps and the ablation of cross feedback repeat figures of the next table."""
    sweep, gerec = (by_name(find_table("gerec", t).rows) for t in ("2", "3"))
    for name in ("D = 64", "K = 9", "T = 64"):
        figures = sweep[name].published["ml-1m"]
        assert figures.items() <= gerec["GeRec"].published["ml-1m"].items()
    depth, netflix = (by_name(find_table("evcf", t).rows) for t in ("4-6", "4-3"))
    for name, same in {
        "Mult-VAE (1 Layer)": "Mult-VAE",
        "Vamp (1 Layer)": "Vamp",
        "H + Vamp (1 Layer)": "H+Vamp",
        "Mult-VAE (2 Layer), gated": "Mult-VAE (Gated)",
        "H + Vamp (2 Layer), gated": "H+Vamp (Gated)",
    }.items():
        figures = depth[name].published["netflix"]
        assert figures.items() <= netflix[same].published["netflix"].items()
        assert depth[name].system == netflix[same].system
    likelihoods, models = (by_name(find_table("mult_vae", t).rows) for t in ("4", "2"))
    for name in ("Mult-VAE PR", "Mult-DAE"):
        assert likelihoods[name].published["ml-20m"] == models[name].published["ml-20m"]


def test_every_system_has_a_row_on_data_at_hand(wrapping):
    rows = [
        row
        for table, row in ROWS
        if AT_HAND[table.protocol] & {*table.data, *table.here} and row.system
    ]
    systems = {row.system for row in rows}
    expected = {name for name, _ in all_estimators()} - wrapping
    assert expected <= {find_system(system).__name__ for system in systems}
    assert {"MultVAE-gated-2", "Vamp-1", "H+Vamp-1", "H+Vamp-gated-2"} <= systems
    assert {"U-AutoRec", "I-AutoRec", "CrossFeedback-no-attention"} <= systems
    assert {"ConvNCF-FISM", "ConvNCF-SVD++", "GeRec-product"} <= systems
    changes = [{**row.changed} for row in rows]
    for change in (
        {"tower": "mlp"},
        {"likelihood": "gaussian"},
        {"likelihood": "logistic"},
        {"n_feature_maps": 8},
    ):
        assert change in changes


@pytest.mark.parametrize("table", TABLES, ids=name_of)
def test_estimators_take_settings_and_changes(table):
    """With nothing to learn from, the first error after the check of parameters is X's."""
    nothing = sp.csr_matrix((5, 6))
    checked = 0
    for row in table.rows:
        if row.system is None:
            continue
        for settings in ({}, table.settings.get(row.system, {})):
            estimator = make_system(row.system, {**settings, **row.changed}, seed=0)
            assert isinstance(estimator, find_system(row.system))
            with pytest.raises(ValueError, match="X must hold at least one interaction"):
                estimator.fit(nothing)
            checked += 1
    assert checked


@pytest.mark.parametrize(
    ("paper", "name", "parameters"),
    [
        ("gerec", "2", {"D": "n_factors", "K": "n_draws", "T": "n_filters"}),
        ("convncf", "figure-6", {"C": "n_feature_maps"}),
    ],
)
def test_rows_named_by_a_parameter_have_it_with_the_settings_of_every_data_set(
    paper, name, parameters
):
    table = find_table(paper, name)
    for row in table.rows:
        symbol, value = row.name.split(" = ")
        for data in {*table.data, *table.here}:
            settings = find_settings(row.system, data, table.protocol).parameters
            system = make_system(row.system, {**settings, **row.changed})
            assert system.get_params()[parameters[symbol]] == int(value)


def test_quoted_rows_say_why():
    for _, row in ROWS:
        assert row.system or row.note


def test_beta_reaches_its_cap_after_a_hundred_epochs_of_the_papers_users():
    for table, n_users in {"4-2": 136_677 - 20_000, "4-5": 1_111_652 - 200_000}.items():
        vamp = find_table("evcf", table).settings["Vamp-1"]
        batches = -(-n_users // vamp["batch_size"])
        assert vamp["anneal_steps"] * vamp["beta"] == pytest.approx(100 * batches, abs=1)


def test_baselines_stand_beside_every_comparison_of_implicit_systems():
    names = {
        *("PopularityRecommender", "ItemKNNRecommender", "UserKNNRecommender"),
        *("EASERecommender", "WMFRecommender", "SLIMRecommender"),
    }
    comparisons = ["mult_vae 2", "mult_vae 3", "gerec 3", "convncf 3", "evcf 4-2", "evcf 4-4"]
    for table in TABLES:
        if name_of(table) in [*comparisons, "baselines ml-1m", "baselines gowalla"]:
            assert names <= {row.system for row in table.rows}, name_of(table)


def test_rows_and_tables_are_data():
    assert all(isinstance(table, Table) for table in TABLES)
    assert all(isinstance(row, Row) for _, row in ROWS)
    with pytest.raises(ValueError, match=r"paper and table must be among .*got \('evcf', '9'\)"):
        find_table("evcf", 9)
