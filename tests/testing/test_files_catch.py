"""The check of saved models catches what a file may lose, or it would check nothing."""

import pytest

from skrec import EASERecommender
from skrec.persistence import load_model
from skrec.testing import _checks_files, make_estimator

check_saved_and_loaded = _checks_files.check_saved_and_loaded


def lose_an_attribute(model):
    del model.encoder_


def change_a_parameter(model):
    model.verbose = 7


def change_a_weight(model):
    model._weights_[0, 1] += 1


def change_the_bare_model(model):
    if "_lacks_interactions_" in vars(model):
        model.link_.slope_ *= 2


def answer_for_users_of_nothing(model):
    vars(model).pop("_lacks_interactions_", None)


@pytest.mark.parametrize(
    "fault",
    [
        lose_an_attribute,
        change_a_parameter,
        change_a_weight,
        change_the_bare_model,
        answer_for_users_of_nothing,
    ],
)
def test_fault_is_caught(fault, monkeypatch):
    def load(path, **options):
        model = load_model(path, **options)
        fault(model)
        return model

    monkeypatch.setattr(_checks_files, "load_model", load)
    with pytest.raises(AssertionError):
        check_saved_and_loaded("EASERecommender", make_estimator(EASERecommender))


def test_classes_of_others_pass():
    class Mine(EASERecommender):
        pass

    check_saved_and_loaded("Mine", make_estimator(Mine))
