"""A long table of ids is no matrix, and a small matrix of scores is no long table."""

import numpy as np
import pandas as pd
import pytest

from skrec import EASERecommender, PopularityRecommender
from skrec.datasets import make_interactions
from skrec.preprocessing import permute_items

COO = make_interactions(60, 50, 900, random_state=0).X.tocoo()
PAIRS = np.column_stack([COO.row, COO.col])
TIMES = 1_500_000_000 + np.arange(len(PAIRS))
RATED = np.column_stack([PAIRS, np.arange(len(PAIRS)) % 5 + 1, TIMES])
TEXT = [["ann", "tea"], ["bob", "tea"]]

TABLES = {
    "named": pd.DataFrame({"userId": [1, 2], "movieId": [3, 3], "rating": 3.0}),
    "other names": pd.DataFrame(RATED, columns=list("abcd")),
    "no names": pd.DataFrame(PAIRS),
    "array": RATED,
    "array of floats": RATED.astype(float),
    "pairs": PAIRS,
    "shuffled pairs": np.random.default_rng(0).permutation(PAIRS),
    "every id once": np.column_stack([np.arange(40), np.arange(40)[::-1]]),
    "raw ids": np.column_stack([np.arange(40) + 200, np.arange(40) + 10_000]),
    "list of lists": RATED.tolist(),
    "three rows with times": RATED[:3].tolist(),
    "text": TEXT,
    "frame of text": pd.DataFrame(TEXT),
    "categories": pd.DataFrame(TEXT, dtype="category"),
    "dates": pd.DataFrame({"a": [1, 2], "when": pd.to_datetime(["2020-01-01", "2020-01-02"])}),
    "dict": {"who": [1, 2], "what": [3, 4]},
}
RNG = np.random.default_rng(0)
MATRICES = {
    "ratings": RNG.integers(1, 6, (30, 3)),
    "halves": RNG.integers(0, 11, (300, 3)) / 2,
    "floats": RNG.random((30, 3)),
    "percents": RNG.integers(0, 101, (300, 3)),
    "percents in a frame": pd.DataFrame(RNG.integers(0, 101, (30, 3)), columns=list("xyz")),
    "two items": RNG.integers(0, 3, (400, 2)),
}


@pytest.mark.parametrize("kind", TABLES)
def test_a_long_table_is_an_error_that_names_from_frame(kind):
    est = PopularityRecommender()
    with pytest.raises(ValueError, match=r"long table of ids.*Interactions\.from_frame"):
        est.fit(TABLES[kind])
    assert vars(est) == {}
    with pytest.raises(ValueError, match=r"Interactions\.from_frame"):
        EASERecommender().fit(np.eye(4)).recommend(TABLES[kind])


@pytest.mark.filterwarnings("ignore:X holds weights:skrec.exceptions.SkrecWarning")
@pytest.mark.parametrize("kind", MATRICES)
def test_a_small_matrix_of_scores_is_none(kind):
    PopularityRecommender().fit(MATRICES[kind])


def test_a_class_is_for_others_to_refuse():
    with pytest.raises(TypeError, match="X must be an array or a sparse matrix; got the class coo"):
        permute_items(type(COO))
