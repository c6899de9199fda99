"""A small table that runs in a moment, registered for the tests alone."""

import pytest

from skrec.reproduce import Row, Table, _tables, register_table

ROWS = (
    Row(
        "Popular",
        "PopularityRecommender",
        published={"synthetic": {"ndcg@20": 0.2}, "nowhere": {"ndcg@20": 0.3}},
    ),
    Row(
        "Linear",
        "EASERecommender",
        published={"synthetic": {"ndcg@20": 0.5, "recall@20": 0.6}},
        reproduced={"synthetic": {"ndcg@20": 0.45}},
        reproduced_by="Somebody 2020",
    ),
    Row("Linear, soft", "EASERecommender", changed={"l2": 5000.0}),
    Row("Factors", "BPRMFRanker", published={"nowhere": {"ndcg@20": 0.4}}, note="one epoch"),
    Row("Graph", published={"synthetic": {"ndcg@20": 0.55}}),
)


@pytest.fixture
def wrapping():
    """Return the estimators that are around others, and no systems of their own."""
    return {"BlendedRecommender", "CalibratedRecommender", "RankFusionRecommender"}


@pytest.fixture
def table(monkeypatch):
    """Make a table known as "test", "1" until the end of a test."""
    monkeypatch.setattr(_tables, "_TABLES", {**_tables._TABLES})
    made = Table(
        paper="test",
        table="1",
        title="A small table",
        source="Nobody 2021",
        protocol="weak",
        metrics=("ndcg@20", "recall@20"),
        data=("synthetic", "nowhere"),
        here=("somewhere",),
        rows=ROWS,
        settings={
            "BPRMFRanker": {"n_factors": 4, "max_epochs": 1},
            "EASERecommender": {"l2": 50.0},
        },
        note="It has no meaning.",
    )
    register_table(made)
    return made
