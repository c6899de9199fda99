"""Recommendations for many users, a part at a time."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from joblib import Parallel, delayed
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skrec import (
    EASERecommender,
    Interactions,
    PopularityRecommender,
    recommend_batches,
    recommend_frame,
)
from skrec.datasets import make_interactions


@pytest.fixture(scope="module")
def interactions():
    made = make_interactions(53, 30, 400, random_state=0).interactions
    users = np.array([f"u{each}" for each in made.user])
    return Interactions.from_frame({"user": users, "item": made.item * 10})[0]


@pytest.fixture(scope="module")
def model(interactions):
    return EASERecommender(l2=1.0).fit(interactions)


def joined(tables):
    return pd.concat(tables, ignore_index=True)


@pytest.mark.parametrize("batch_size", [1, 20, 53, 1000])
def test_together_they_are_one_table(model, interactions, batch_size):
    titles = {int(item): f"title {item}" for item in interactions.encoder.item_ids_[::2]}
    options = {"n_items": 4, "titles": titles, "exclude": [0, 10]}
    everyone = interactions.encoder.user_ids_
    whole = recommend_frame(model, everyone, **options)
    batches = recommend_batches(model, batch_size=batch_size, **options)
    assert len(batches) == -(-53 // batch_size)
    assert batches.n_users == 53
    pd.testing.assert_frame_equal(joined(batches), whole)
    some = recommend_batches(model, everyone[5:9], batch_size=batch_size, **options)
    pd.testing.assert_frame_equal(
        joined(some), recommend_frame(model, everyone[5:9], **options), check_dtype=False
    )


def test_histories_of_new_users(model):
    table = {"user": ["new", "newer", "new"], "item": [0, 10, 20]}
    batches = recommend_batches(model, X=table, batch_size=1)
    assert len(batches) == 2
    pd.testing.assert_frame_equal(joined(batches), recommend_frame(model, X=table))


def test_as_a_sequence(model):
    batches = recommend_batches(model, batch_size=20, n_items=3)
    pd.testing.assert_frame_equal(batches[-1], batches[2])
    assert [len(each) for each in batches[1:]] == [len(batches[1]), len(batches[2])]
    with pytest.raises(IndexError):
        batches[3]
    assert repr(batches) == "<3 batches of up to 20 of 53 users, EASERecommender>"


def test_workers_can_share_them(model):
    batches = recommend_batches(model, batch_size=20, n_items=3)
    again = pickle.loads(pickle.dumps(batches))
    mapped = Parallel(n_jobs=2, prefer="threads")(
        delayed(again.__getitem__)(index) for index in reversed(range(len(again)))
    )
    pd.testing.assert_frame_equal(joined(reversed(mapped)), joined(batches))


def test_a_matrix_has_numbers():
    X = make_interactions(40, 30, 300, random_state=0).X
    model = PopularityRecommender().fit(X)
    table = joined(recommend_batches(model, n_items=5, batch_size=7, candidates=[3, 4, 5]))
    indices = model.recommend(users=np.arange(40), n_items=5, candidates=[3, 4, 5])
    row, place = np.nonzero(indices >= 0)
    assert table["user"].tolist() == row.tolist()
    assert table["item"].tolist() == indices[row, place].tolist()
    some = joined(recommend_batches(model, [7, 2], n_items=1))
    assert some["user"].tolist() == [7, 2]
    unseen = joined(recommend_batches(model, X=sp.csr_matrix((3, 30)), n_items=1, batch_size=2))
    assert unseen["user"].tolist() == [0, 1, 2]


def test_pipelines_transform_each_batch():
    X = make_interactions(40, 30, 300, random_state=0).X
    pipeline = make_pipeline(FunctionTransformer(), EASERecommender()).fit(X)
    pd.testing.assert_frame_equal(
        joined(recommend_batches(pipeline, X=X, batch_size=9)),
        joined(recommend_batches(pipeline[-1], X=X)),
    )


def test_a_bar_counts_users(model, capsys):
    for _ in recommend_batches(model, batch_size=20, verbose=True):
        pass
    assert "53/53" in capsys.readouterr().err
    list(recommend_batches(model, batch_size=20))
    assert not capsys.readouterr().err


def test_no_user_no_batch(model):
    assert list(recommend_batches(model, [])) == []


def test_parquet(model, interactions, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    titles = {int(interactions.encoder.item_ids_[-1]): "the last"}
    batches = recommend_batches(model, batch_size=20, titles=titles)
    path = tmp_path / "lists.parquet"
    batches.to_parquet(path)
    pd.testing.assert_frame_equal(pd.read_parquet(path), joined(batches), check_dtype=False)
    assert pq.ParquetFile(path).num_row_groups == 3
    assert [each.name for each in tmp_path.iterdir()] == ["lists.parquet"]


def test_a_failed_write_leaves_what_was_there(model, tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    path = tmp_path / "lists.parquet"
    path.write_bytes(b"as it was")
    batches = recommend_batches(model, batch_size=20)
    answer = model.recommend

    def fail(X=None, *, users=None, **options):
        if len(users) and users[0] >= 40:
            raise KeyboardInterrupt
        return answer(X, users=users, **options)

    monkeypatch.setattr(model, "recommend", fail, raising=False)
    with pytest.raises(KeyboardInterrupt):
        batches.to_parquet(path)
    assert path.read_bytes() == b"as it was"
    assert [each.name for each in tmp_path.iterdir()] == ["lists.parquet"]


def test_wrong_input_is_named(model):
    with pytest.raises(ValueError, match=r"batch_size must be an integer .*got 0"):
        recommend_batches(model, batch_size=0)
    with pytest.raises(ValueError, match=r"users must be known from fit; got unknown ids"):
        recommend_batches(model, ["u0", "nobody"])
    with pytest.raises(TypeError, match="model must be a model of skrec"):
        recommend_batches("EASE")
