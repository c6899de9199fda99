"""Items by how often they occur."""

import numpy as np
import pytest

from skrec import Interactions, PopularityRecommender

X = np.array([[1, 1, 0, 0], [0, 1, 0, 0], [0, 1, 1, 0], [3, 0, 0, 0]])


def test_scores_are_logs_of_smoothed_shares_for_everybody():
    est = PopularityRecommender().fit(X)
    np.testing.assert_array_equal(est.item_counts_, [2, 3, 1, 0])
    expected = np.log(np.array([3, 4, 2, 1]) / 10)
    for scores in (est.decision_function(X), est.decision_function(users=[2, 0, 0, 1])):
        np.testing.assert_allclose(scores, np.tile(expected, (4, 1)), rtol=1e-6)


def test_probabilities_are_shares():
    est = PopularityRecommender().fit(X)
    assert est.__sklearn_tags__().proba == "categorical"
    np.testing.assert_allclose(est.predict_proba([[0, 0, 0, 1]]), [[0.3, 0.4, 0.2, 0.1]], rtol=1e-6)


def test_nothing_is_known_of_an_empty_row_either():
    est = PopularityRecommender().fit(X)
    np.testing.assert_allclose(est.decision_function([[0] * 4]), est.decision_function(X[:1]))
    assert est.recommend([[0] * 4], n_items=4).tolist() == [[1, 0, 2, 3]]


def test_ties_go_to_the_lower_index_and_seen_items_are_left_out():
    est = PopularityRecommender().fit([[1, 0, 1], [0, 1, 0]])
    assert est.recommend([[0, 1, 0]], n_items=3).tolist() == [[0, 2, -1]]


def test_pairs():
    est = PopularityRecommender().fit(X)
    pairs = Interactions.from_arrays([3, 0, 3], [1, 1, 3], frame=(4, 4))
    np.testing.assert_allclose(est.decision_function(pairs), np.log([0.4, 0.4, 0.1]), rtol=1e-6)


def test_repeated_interactions_count_once():
    repeated = Interactions.from_arrays([0, 0, 0, 1], [0, 0, 0, 1], frame=(2, 2))
    np.testing.assert_array_equal(PopularityRecommender().fit(repeated).item_counts_, [1, 1])


def test_it_has_no_parameters():
    assert PopularityRecommender().get_params() == {}
    with pytest.raises(TypeError):
        PopularityRecommender(l2=1)
