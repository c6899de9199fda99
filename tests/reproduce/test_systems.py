"""Systems are found by what they are, not by what they are called."""

import sys
import types

import numpy as np
import pytest

import skrec
from skrec import Interactions
from skrec.reproduce import find_system, has_seed, list_systems, make_system
from skrec.testing import all_estimators


@pytest.fixture
def renamed(monkeypatch):
    """Show EASE under a name that no suffix fits."""
    monkeypatch.setattr(skrec, "__all__", [*skrec.__all__, "Shallow"])
    monkeypatch.setattr(skrec, "Shallow", skrec.EASERecommender, raising=False)


def test_every_estimator_but_those_that_wrap_others_is_a_system(wrapping):
    names = {*list_systems(), *list_systems("explicit")}
    assert names >= {name for name, _ in all_estimators()} - wrapping
    assert not names & {*wrapping, "Interactions", "InteractionEncoder", "reproduce"}


def test_feedback_is_that_of_the_tags():
    for feedback in ("implicit", "explicit"):
        for name in list_systems(feedback):
            assert find_system(name)().__sklearn_tags__().feedback == feedback


def test_the_name_of_a_class_does_not_matter(renamed):
    assert "Shallow" in list_systems()
    assert make_system("Shallow", {"l2": 7.0}).l2 == 7.0
    assert not has_seed("Shallow")


WRONG = ["BlendedRecommender", "CalibratedRecommender", "Interactions", "reproduce", "EASE"]


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_system_is_an_error(name):
    with pytest.raises(ValueError, match=f"systems must be among .*'H.Vamp'.*got {name!r}"):
        find_system(name)


def test_what_cannot_be_imported_says_so(monkeypatch):
    broken = types.ModuleType("skrec.broken")
    monkeypatch.setitem(sys.modules, "skrec.broken", broken)
    monkeypatch.setitem(skrec._ESTIMATORS, "Broken", "no_such_family")
    monkeypatch.setattr(skrec, "__all__", [*skrec.__all__, "Broken"])
    assert "Broken" not in list_systems()
    with pytest.raises(ImportError):
        find_system("Broken")


@pytest.mark.parametrize("name", ["NeuMF-paper", "NAIS-paper", "DeepCF-paper", "ConvNCF-paper"])
def test_recipes_of_papers_train_to_the_last_epoch(name):
    assert find_system(name)().early_stopping
    assert not make_system(name, {}).early_stopping
    assert make_system(name, {"early_stopping": True}).early_stopping


def test_models_of_pairs_watch_pairs_of_their_own_users_alone():
    rows, pairs = (np.eye(3), np.eye(3)), Interactions(np.eye(3))
    for system, given, taken in (
        ("GMFClassifier", rows, None),
        ("GMFClassifier", pairs, pairs),
        ("MFClassifier", pairs, None),  # it does not stop early
    ):
        est = make_system(system, {}, validation_data=given, validation_metric="ndcg@5")
        assert est.validation_data is taken
    vae = {"early_stopping": True}
    assert make_system("MultVAERecommender", vae, validation_data=rows).validation_data is rows
