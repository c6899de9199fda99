"""The best result of every system, beside those of the plain references."""

import numpy as np

from skrec.reproduce._cells import Cell
from skrec.reproduce._markdown import pipe_table
from skrec.reproduce._plan import default_split
from skrec.reproduce._settings import settings_of
from skrec.reproduce._store import smaller_is_better
from skrec.reproduce._systems import list_systems

__all__ = ["PRIMARY", "REFERENCES", "mean_of", "systems_table"]

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
Settings are those of `skrec.reproduce` for the data set and protocol, else those that were run
last."""


def systems_table(kept):
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
    parts = [_TEXT]
    for feedback, protocols in {
        "implicit": ("ncf", "strong", "weak"),
        "explicit": ("ratings",),
    }.items():
        references = REFERENCES[protocols[0]]
        lines = [_line(name, protocols, references, kept) for name in list_systems(feedback)]
        header = ["system", "data", "protocol", "metric", "value", *references]
        parts.append(pipe_table(header, lines))
    return "\n\n".join(parts)


def mean_of(kept, system, data, protocol):
    """Give a system's primary figure with its chosen settings, else its last; NaN without one."""
    parameters, known = settings_of(system, data, protocol)
    cell = Cell(system, data, protocol, 0, default_split(protocol, data), parameters)
    runs = kept.all_runs(cell) if known else kept.last_runs(cell)
    return np.nan if runs.empty else runs.loc[runs["metric"] == PRIMARY[protocol], "mean"].mean()


def _line(system, protocols, references, kept):
    found = [
        _compared(system, data, p, references, kept) for p in protocols for data in kept.data_of(p)
    ]
    found = [line for line in found if not np.isnan(line[3])]
    if not found:
        return [system, "not run", *[""] * (3 + len(references))]
    _, data, protocol, ours, others = max(found, key=lambda line: line[0])
    cells = [_versus(protocol, ours, other) for other in others]
    return [system, data, protocol, PRIMARY[protocol], f"{ours:.4f}", *cells]


def _compared(system, data, protocol, references, kept):
    """Give the ratio to the best reference, data, protocol, the figure and the references'."""
    ours = mean_of(kept, system, data, protocol)
    others = [mean_of(kept, name, data, protocol) for name in references.values()]
    ratios = [_ratio(protocol, ours, other) for other in others if not np.isnan(other)]
    return min(ratios, default=0.0), data, protocol, ours, others


def _ratio(protocol, ours, other):
    return other / ours if smaller_is_better(PRIMARY[protocol]) else ours / other


def _versus(protocol, ours, other):
    if np.isnan(other):
        return "not run"
    return f"{other:.4f} ({ours - other:+.4f}, {_ratio(protocol, ours, other):.3f})"
