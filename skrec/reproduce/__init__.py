"""The papers' tables, as data and as a command: ``reproduce("mult_vae", "3")``."""

from skrec.reproduce import _papers  # noqa: F401  (registers its tables)
from skrec.reproduce._cells import Cell, Outcome, run_system, score_system
from skrec.reproduce._data import DATASETS, load_data, with_leave_one_out
from skrec.reproduce._markdown import LEGEND, pipe_table, to_markdown
from skrec.reproduce._protocols import Protocol, list_protocols, make_protocol
from skrec.reproduce._rating_metrics import RatingMetrics
from skrec.reproduce._reproduce import collect, reproduce
from skrec.reproduce._settings import BUDGET, Settings, find_settings, list_settings
from skrec.reproduce._splits import strong_generalization_parts
from skrec.reproduce._store import Store, append_rows, find_rows, read_rows, smaller_is_better
from skrec.reproduce._systems import find_system, has_seed, list_systems, make_system
from skrec.reproduce._tables import Row, Table, find_table, list_tables, register_table
from skrec.reproduce._task import Task

__all__ = [
    # tables of papers, and running them
    "Row",
    "Table",
    "find_table",
    "list_tables",
    "register_table",
    "reproduce",
    "collect",
    "to_markdown",
    "pipe_table",
    "LEGEND",
    # what runs: systems, settings, data and protocols
    "find_system",
    "has_seed",
    "list_systems",
    "make_system",
    "Settings",
    "BUDGET",
    "find_settings",
    "list_settings",
    "DATASETS",
    "load_data",
    "with_leave_one_out",
    "Protocol",
    "Task",
    "list_protocols",
    "make_protocol",
    "strong_generalization_parts",
    "RatingMetrics",
    # one run, and files of runs
    "Cell",
    "Outcome",
    "run_system",
    "score_system",
    "Store",
    "append_rows",
    "find_rows",
    "read_rows",
    "smaller_is_better",
]
