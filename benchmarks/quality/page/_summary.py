"""The best result of every system, beside those of the plain references."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import TypeAlias

import numpy as np

from skrec.reproduce import (
    Cell,
    Store,
    find_settings,
    list_systems,
    make_protocol,
    pipe_table,
    smaller_is_better,
)

__all__ = ["PRIMARY", "REFERENCES", "mean_of", "systems_table"]

# the ratio to the best reference, data, protocol, the figure and those of the references
_Line: TypeAlias = tuple[float, str, str, float, list[float]]

# of each protocol: what systems are compared by, and with whom
PRIMARY = {
    "ncf": "sampled_ndcg@10",
    "strong": "ndcg@100",
    "weak": "ndcg@20",
    "ratings": "rmse",
}
_LINEAR = {"EASE": "EASERecommender", "ItemKNN": "ItemKNNRecommender", "WMF": "WMFRecommender"}
REFERENCES = {
    **dict.fromkeys(("ncf", "strong", "weak"), _LINEAR),
    "ratings": {"biased MF": "BiasedMFRegressor"},
}
_TEXT = """\
## Every system beside the plain references

For each system the data set and protocol on which it does best: by the ratio of its figure to that
of the best reference there (of RMSE, the inverse). After each reference: difference, and ratio.
Settings are those of `skrec.reproduce` for the data set and protocol, with the number of trials,
else those that were run last."""


def systems_table(kept: Store) -> str:
    """Write the best result of every system, as a section of Markdown.

    Parameters
    ----------
    kept : Store
        Finished cells.

    Returns
    -------
    text : str
        The section.
    """
    parts, mean = [_TEXT], cache(partial(mean_of, kept))
    for feedback, protocols in {
        "implicit": ("ncf", "strong", "weak"),
        "explicit": ("ratings",),
    }.items():
        references = REFERENCES[protocols[0]]
        lines = [_line(name, protocols, references, kept, mean) for name in list_systems(feedback)]
        header = ["system", "data", "protocol", "metric", "value", *references, "settings"]
        parts.append(pipe_table(header, lines))
    return "\n\n".join(parts)


def mean_of(kept: Store, system: str, data: str, protocol: str) -> float:
    """Return a system's primary figure with its chosen settings, else its last; NaN without one."""
    chosen = find_settings(system, data, protocol)
    split = make_protocol(protocol, data=data).split
    cell = Cell(system, data, protocol, 0, split, chosen.parameters)
    runs = kept.all_runs(cell) if chosen.known else kept.last_runs(cell)
    return np.nan if runs.empty else runs.loc[runs["metric"] == PRIMARY[protocol], "mean"].mean()


def _line(
    system: str,
    protocols: Sequence[str],
    references: Mapping[str, str],
    kept: Store,
    mean: Callable[[str, str, str], float],
) -> list[str]:
    found = [
        _compared(system, data, p, references, mean) for p in protocols for data in kept.data_of(p)
    ]
    found = [line for line in found if not np.isnan(line[3])]
    if not found:
        return [system, "not run", *[""] * (4 + len(references))]
    _, data, protocol, ours, others = max(found, key=lambda line: line[0])
    cells = [_versus(protocol, ours, other) for other in others]
    chosen = find_settings(system, data, protocol)
    settings = chosen.text if chosen.known else "run last"
    return [system, data, protocol, PRIMARY[protocol], f"{ours:.4f}", *cells, settings]


def _compared(
    system: str,
    data: str,
    protocol: str,
    references: Mapping[str, str],
    mean: Callable[[str, str, str], float],
) -> _Line:
    ours = mean(system, data, protocol)
    others = [mean(name, data, protocol) for name in references.values()]
    ratios = [_ratio(protocol, ours, other) for other in others if not np.isnan(other)]
    return min(ratios, default=0.0), data, protocol, ours, others


def _ratio(protocol: str, ours: float, other: float) -> float:
    return other / ours if smaller_is_better(PRIMARY[protocol]) else ours / other


def _versus(protocol: str, ours: float, other: float) -> str:
    if np.isnan(other):
        return "not run"
    return f"{other:.4f} ({ours - other:+.4f}, {_ratio(protocol, ours, other):.3f})"
