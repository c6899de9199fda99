"""Tables of studies that belong to a paper but are no cells, from files beside the store."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from skrec.reproduce import pipe_table

__all__ = ["Study", "study_parts"]

_NCF = "sampled_hit_rate@10", "sampled_ndcg@10"
# rows that have these in common too are repeated runs, of which the last counts
_RUN = "split", "seed"


@dataclass(frozen=True)
class Study:
    """A table made of a file of results.

    Parameters
    ----------
    paper : str
        The paper that it belongs to.
    file : str
        Name of the CSV; without it there is no table.
    title : str
        What it shows.
    index : tuple of str
        Columns that name the lines; what is no column is looked for in the parameters.
    values : str or tuple of str
        The column of the figures; or several, which then are the columns of the table.
    columns : str, default=""
        The column whose values name the columns of the table.
    where : dict of str to tuple
        Values of columns that count; their order is that of the table.
    note : str, default=""
        What a reader must know.
    """

    paper: str
    file: str
    title: str
    index: tuple[str, ...]
    values: str | tuple[str, ...]
    columns: str = ""
    where: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    note: str = ""


# parameters that tell curves of one system apart
_OF_CURVES = ("tower", "init_attention", "init_network", "lr_decay", "max_epochs")
_STUDIES = (
    Study(
        "convncf",
        "convncf.csv",
        "Variants of ConvNCF from the same trained vectors",
        index=("data", "variant"),
        values="mean",
        columns="metric",
        where={"metric": _NCF},
        note="Means over training seeds, with their standard errors over seeds.",
    ),
    Study(
        "gerec",
        "gerec_sweeps.csv",
        "GeRec's table 2 by cross-validation on training data",
        index=("data", "start", "parameter", "value"),
        values=_NCF,
    ),
    Study(
        "baselines",
        "curve_summary.csv",
        "Slow models, followed for as long as there was time",
        index=("system", "data", *_OF_CURVES, "which"),
        values=("epoch", "validation sampled_ndcg@10", *(f"test {name}" for name in _NCF)),
        where={"protocol": ("ncf",)},
        note="Trained without the validation items. The models that are started from, epochs of "
        "the start and of the best validation, and the mean of the last ten, as some papers report "
        "it.",
    ),
    Study(
        "baselines",
        "curve_summary.csv",
        "The same, ranking all items",
        index=("system", "data", "which"),
        values=("epoch", "validation ndcg@20", "test recall@20", "test ndcg@20"),
        where={"protocol": ("weak",)},
        note="What is held out to validate on is neither learnt from nor left out of the test's "
        "lists, so that the test's figures are lower bounds.",
    ),
    Study(
        "baselines",
        "blends.csv",
        "Blends, with weights that validation chose, beside the best of their parts",
        index=("data", "protocol", "split", "systems", "system"),
        values=("validation", "test", "difference", "std_error", "p_value"),
        note="NDCG@100 of strong generalisation; under ncf, NDCG@10 among 99 negatives. The "
        "difference on the test users is to the part that is best on validation, with its standard "
        "error and Wilcoxon's p value.",
    ),
    Study(
        "cross_feedback",
        "intervals.csv",
        "Intervals of ratings, and the deviations of models user by user",
        index=("data", "split", "set", "system"),
        values=(
            "rmse",
            *(f"in {level}" for level in (0.5, 0.8, 0.9, 0.95)),
            "R-hat",
            "deviation",
            "and count",
            "and error",
            "like BayesianMFRegressor",
            "like CrossFeedbackBMF",
            "like GeRecRegressor",
        ),
        note="Shares of test ratings in intervals of each level. R-hat is the quantile of 99 % "
        "over the test ratings. Then Spearman's correlations over users: of the mean deviation of "
        "a user's scores with the number of training ratings, with the mean error, and with the "
        "deviation of the other models.",
    ),
    Study(
        "gerec",
        "uncertainty.csv",
        "Table 4: what uncertainty has to do with activity (o1) and diversity (o2)",
        index=("data", "system", "set", "group"),
        values="value",
        columns="what",
        where={
            "part": ("groups",),
            "what": (
                "variance, rank correlation",
                "placebo variance, rank correlation",
                "spread, rank correlation",
                "placebo spread, rank correlation",
                "excess correlation",
            ),
        },
        note="Rank correlations. The placebo is the same model fitted to interactions whose items "
        'are dealt out anew; only the excess over it counts. "| n": with the number of '
        "interactions held fixed.",
    ),
    Study(
        "cross_feedback",
        "subsample.csv",
        "Figure 3: RMSE with few ratings, by the share that is trained on",
        index=("data", "system"),
        values="mean",
        columns="split",
        where={"metric": ("rmse",), "split": ("1r", "2r", "3r", "5r", "10r")},
        note='"5r": 5 % of the ratings are trained on. Means over splits, of each one the last '
        "settings that were run.",
    ),
    Study(
        "cross_feedback",
        "cross_feedback.csv",
        "Figure 4: test RMSE after a number of passes",
        index=("data", "case"),
        values="value",
        columns="epoch",
        where={"part": ("convergence",), "what": ("rmse",), "epoch": (1, 2, 5, 10, 20, 50, 100)},
        note="Encoders have neither embeddings nor a hidden layer (A), no hidden layer (B), no "
        "embeddings (C), both (D), and attention too (E). Nothing is chosen by it.",
    ),
    Study(
        "cross_feedback",
        "cross_feedback.csv",
        "Central intervals: the share of test ratings that lie in them",
        index=("data", "case"),
        values="value",
        columns="what",
        where={"part": ("intervals",), "what": ("claimed", "calibrated")},
        note="Calibrated: all deviations multiplied by one factor, found on validation ratings.",
    ),
)


def study_parts(paper: str, folder: str | PathLike[str]) -> list[str]:
    """Write the studies of a paper.

    Parameters
    ----------
    paper : str
        Its short name.
    folder : str or path-like
        Where the files are.

    Returns
    -------
    parts : list of str
        Paragraphs of Markdown.
    """
    parts: list[str] = []
    for study in _STUDIES:
        path = Path(folder) / study.file
        if study.paper != paper or not path.exists():
            continue
        lines = _lines(study, pd.read_csv(path))
        if not lines.empty:
            parts += [f"### {paper}: {study.title}", *filter(None, [study.note])]
            parts.append(_to_pipes(study, lines))
    return parts


def _lines(study: Study, table: pd.DataFrame) -> pd.DataFrame:
    """Return the figures as text, a line for each value of the index."""
    if study.columns == "split":
        table = table.drop_duplicates([*study.index, "metric", "split", "seed"], keep="last")
        table = table.assign(split=table["split"].str.replace(r"(?<=r)\d+$", "", regex=True))
    for name, wanted in study.where.items():
        table = table.loc[table[name].isin(wanted)]
    if table.empty:
        return table
    table = table.assign(**{n: _parameter(table, n) for n in study.index if n not in table})
    _check_settings(study, table)
    if isinstance(study.values, tuple):
        table = table.drop_duplicates(_present(table, *study.index, *_RUN), keep="last")
        values = [name for name in study.values if name in table]
        means: Any = table.groupby([*study.index], sort=False)[values].mean()
        return means.map(lambda mean: "" if pd.isna(mean) else f"{mean:.4f}")
    groups = table.groupby([*study.index, study.columns], sort=False)[study.values]
    figures: Any = groups.agg(["mean", "sem"])
    pairs = zip(figures["mean"], figures["sem"])
    texts = pd.Series([_text(*pair) for pair in pairs], figures.index, dtype=object)
    wide = texts.unstack(study.columns, fill_value="", sort=False)
    return wide.loc[:, [n for n in study.where.get(study.columns, wide.columns) if n in wide]]


def _check_settings(study: Study, table: pd.DataFrame) -> None:
    """Lines are means over seeds and splits: settings that differ must not be averaged."""
    if "parameters" not in table or study.columns == "split":
        return
    lines = _present(table, *study.index, study.columns, *_RUN)
    settings = table.groupby(lines, dropna=False)["parameters"].nunique()
    if (settings > 1).any():
        line = dict(zip(settings.index.names, settings.idxmax()))
        raise ValueError(f"{study.file} has several settings for one line of the page: {line}")


def _present(table: pd.DataFrame, *names: str) -> list[str]:
    return [name for name in dict.fromkeys(names) if name in table]


def _parameter(table: pd.DataFrame, name: str) -> list[Any]:
    found = [json.loads(text).get(name) for text in table["parameters"]]
    return ["" if value is None else value for value in found]


def _text(mean: float, error: float) -> str:
    return f"{mean:.4f}" if pd.isna(error) else f"{mean:.4f} ({error:.4f})"


def _to_pipes(study: Study, lines: pd.DataFrame) -> str:
    names = [f"{name:g}" if isinstance(name, float) else str(name) for name in lines.columns]
    values = lines.reset_index().astype(object).to_numpy().tolist()
    return pipe_table([*study.index, *names], values)
