"""Recommendations in raw ids."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skrec import (
    EASERecommender,
    InteractionEncoder,
    Interactions,
    PopularityRecommender,
    recommend_frame,
)
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import InteractionHoldout

TABLE = {
    "user": ["ann", "ann", "ann", "bob", "bob", "cy", "cy", "dan"],
    "item": [30, 10, 20, 30, 10, 10, 40, 40],
}


@pytest.fixture
def interactions():
    return Interactions.from_frame(TABLE)[0]


@pytest.fixture
def model(interactions):
    return EASERecommender(l2=1.0).fit(interactions)


def lists(table):
    """Return the items of each user."""
    return {user: part["item"].tolist() for user, part in table.groupby("user", sort=False)}


def test_it_is_recommend_in_raw_ids(model, interactions):
    encoder = interactions.encoder
    top = recommend_frame(model, ["dan", "ann"], n_items=2, encoder=encoder)
    indices, scores = model.recommend(n_items=2, users=[3, 0], return_scores=True)
    assert top.columns.tolist() == ["user", "rank", "item", "score"]
    assert top["user"].tolist() == ["dan", "dan", "ann"]
    assert top["rank"].tolist() == [1, 2, 1]
    assert top["item"].tolist() == [*encoder.decode_items(indices[0]), 40]
    np.testing.assert_array_equal(top["score"], scores[indices >= 0])


def test_the_model_knows_the_encoder(model):
    assert lists(recommend_frame(model, "ann")) == {"ann": [40]}


def test_without_an_encoder_the_parameter_is_named():
    model = EASERecommender().fit(np.eye(3))
    with pytest.raises(ValueError, match="encoder must be given"):
        recommend_frame(model, ["ann"])


def test_another_encoder_is_an_error(model):
    other = InteractionEncoder().fit({**TABLE, "item": TABLE["item"][::-1]})
    with pytest.raises(ValueError, match="encoder must be that of the model; got other item ids"):
        recommend_frame(model, ["ann"], encoder=other)
    small = InteractionEncoder().fit({"user": ["ann"], "item": [30]})
    with pytest.raises(ValueError, match="must have the 4 items of the model; got 1"):
        recommend_frame(model, ["ann"], encoder=small)


@pytest.mark.parametrize("users", [["ann", "eve"], "eve"])
@pytest.mark.parametrize("grown", [False, True])
def test_unknown_users_are_named(model, users, grown):
    encoder = InteractionEncoder().fit(TABLE)
    if grown:  # known to the encoder, and not to the model
        encoder.partial_fit({"user": ["eve"], "item": [10]})
    with pytest.raises(ValueError, match=r"unknown ids such as \['eve'\]. Give the histories"):
        recommend_frame(model, users, encoder=encoder)


HISTORIES = {"user": ["new", "zoe", "new"], "item": [40, 30, 30]}


def test_histories_of_new_users(model, interactions):
    encoder = interactions.encoder
    X = np.zeros((2, 4))
    X[[0, 1, 0], encoder.encode_items(HISTORIES["item"])] = 1
    expected = encoder.decode_items(model.recommend(X, n_items=2)).tolist()
    for histories in (HISTORIES, pd.DataFrame(HISTORIES)):
        top = recommend_frame(model, X=histories, n_items=2)
        assert lists(top) == dict(zip(["new", "zoe"], expected))


def test_interactions_are_histories(model, interactions):
    top = recommend_frame(model, X=interactions[3:6], n_items=1)
    assert top["user"].tolist() == ["bob", "cy"]
    other, _ = Interactions.from_frame({**TABLE, "item": TABLE["item"][::-1]})
    with pytest.raises(ValueError, match="X must be of the model's encoder; got other item ids"):
        recommend_frame(model, X=other)


def test_newer_histories_of_known_users(model, interactions):
    newer = {"user": ["cy", "bob"], "item": [20, 40]}
    top = recommend_frame(model, ["bob", "cy"], newer, n_items=1)
    X = sp.csr_matrix(([1, 1], ([0, 1], interactions.encoder.encode_items([40, 20]))), shape=(2, 4))
    expected = model.recommend(X, 1, users=[1, 2])
    assert top["item"].tolist() == interactions.encoder.decode_items(expected).ravel().tolist()
    with pytest.raises(ValueError, match=r"X must have the histories of all users; .*\['dan'\]"):
        recommend_frame(model, ["bob", "dan"], newer)


@pytest.mark.parametrize("kind", ["unknown", "grown"])
def test_items_that_the_model_has_not_seen(model, kind):
    encoder = InteractionEncoder().fit(TABLE)
    if kind == "grown":
        encoder.partial_fit({"user": ["eve"], "item": [99]})
    histories = {"user": ["new", "new"], "item": [99, 30]}
    with pytest.raises(ValueError, match=r"such as \[99\]"):
        recommend_frame(model, X=histories, encoder=encoder)
    encoder.set_params(unknown="ignore")
    expected = recommend_frame(model, X={"user": ["new"], "item": [30]})
    pd.testing.assert_frame_equal(recommend_frame(model, X=histories, encoder=encoder), expected)


@pytest.mark.parametrize("X", [np.eye(4), sp.eye_array(4).tocsr()])
def test_a_matrix_has_no_raw_ids(model, X):
    with pytest.raises(TypeError, match=r"use model.recommend\(X\)"):
        recommend_frame(model, X=X)


def test_users_or_histories_must_be_given(model):
    with pytest.raises(ValueError, match="users or X must be given"):
        recommend_frame(model)


TITLES = {20: "twenty", 40: "forty"}


@pytest.mark.parametrize(
    "titles",
    [
        TITLES,
        pd.Series(TITLES),
        pd.DataFrame({"item": [20, 40, 40], "title": ["twenty", "forty", "late"]}),
        {"item": [20, 40], "title": ["twenty", "forty"]},
    ],
    ids=["dict", "Series", "DataFrame", "columns"],
)
def test_titles(model, titles):
    top = recommend_frame(model, ["bob", "dan"], n_items=4, titles=titles)
    assert top.columns.tolist() == ["user", "rank", "item", "title", "score"]
    shown = dict(zip(top["item"], top["title"]))
    assert {item: title for item, title in shown.items() if isinstance(title, str)} == TITLES | {}
    assert pd.isna(shown[10])


def test_titles_by_other_ids_are_an_error(model):
    with pytest.raises(ValueError, match=r"titles must be by raw item id: .* got"):
        recommend_frame(model, ["bob"], titles={"20": "twenty"})


def test_candidates_and_exclusions_are_raw_ids(model):
    assert lists(recommend_frame(model, ["dan"], candidates=[20, 30])).keys() == {"dan"}
    top = recommend_frame(model, ["dan"], candidates=[20, 30], exclude=[30])
    assert top["item"].tolist() == [20]
    with pytest.raises(ValueError, match=r"exclude must be raw item ids: .*unknown"):
        recommend_frame(model, ["dan"], exclude=[77])


def test_searches_and_pipelines(interactions, model):
    search = GridSearchCV(
        EASERecommender(), {"l2": [1.0]}, cv=InteractionHoldout(3), scoring=make_ranking_scorer()
    ).fit(interactions)
    pipe = make_pipeline(InteractionEncoder(), EASERecommender(l2=1.0)).fit(TABLE)
    expected = recommend_frame(model, ["bob"])
    for fitted in (search, pipe, make_pipeline(InteractionEncoder(), search)):
        pd.testing.assert_frame_equal(recommend_frame(fitted, ["bob"]), expected)


def test_histories_go_through_the_steps_of_a_pipeline(interactions):
    from sklearn.preprocessing import FunctionTransformer

    matrix, encoder = interactions.tocsr(), interactions.encoder
    pipe = make_pipeline(FunctionTransformer(lambda X: X[:, ::-1]), PopularityRecommender())
    pipe.fit(matrix)
    top = recommend_frame(pipe, X={"user": ["new"], "item": [30]}, encoder=encoder)
    assert 40 not in top["item"].tolist()  # the last column was the first one of the model


def test_what_is_no_model_is_an_error():
    with pytest.raises(TypeError, match="model must be a model of skrec; got object"):
        recommend_frame(object(), ["ann"])
