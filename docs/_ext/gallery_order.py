"""The order of the examples: from a first run to a model of one's own, scripts last."""

from itertools import chain
from pathlib import Path

_THEMES = {
    "start": ("plot_quickstart", "plot_all_models"),
    "choose and tune": (
        "plot_cold_users",
        "plot_blending",
        "plot_grid_search",
        "plot_halving",
        "optuna_pruning",
    ),
    "compare": (
        "plot_critical_differences",
        "plot_quality_cost",
        "plot_sampled_metrics",
        "plot_popularity_bias",
    ),
    "probabilities and uncertainty": (
        "plot_calibration",
        "plot_likelihoods",
        "plot_uncertainty",
        "plot_gibbs",
        "plot_thompson",
    ),
    "claims of papers": ("plot_attention", "plot_prior", "plot_outer_product"),
    "serve and extend": ("plot_index", "plot_add_a_model"),
}
_PLACES = {name: place for place, name in enumerate(chain(*_THEMES.values()))}


def by_theme(filename: str) -> tuple[int, bool, str]:
    """Return the sort key of an example: its place, and after the pages the scripts by name."""
    name = Path(filename).stem
    return _PLACES.get(name, len(_PLACES)), not name.startswith("plot_"), name
