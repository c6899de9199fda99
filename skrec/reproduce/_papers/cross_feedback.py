"""Cross feedback for Bayesian matrix factorisation: tables 3 and 4, and figure 4.

Table 1 counts the data, table 2 has the ranges of hyper-parameters; figure 3 (subsampled ratings)
shows curves without printed values.
"""

from collections.abc import Mapping, Sequence

from skrec.reproduce._tables import Row, Table, register_table

__all__: list[str] = []

_SOURCE = "Jin, Zhao, Liu, Zhu, Du, Gao, Zhang and Li 2021"
_DATA = "ml-1m", "ml-10m", "ml-20m", "amazon-pet", "amazon-kindle"
_PUBLISHED = "rmse", "ndcg@20", "ndcg@50", "recall@20", "recall@50"
_METRICS = *_PUBLISHED, "own_ndcg@20", "own_ndcg@50", "own_recall@20", "own_recall@50"
_NOTE = (
    "The paper's rankings fit neither the whole catalogue (here without prefix) nor a user's own "
    "held-out items (own). Batches of users and items are of 100 on ML-1M, 1,000 elsewhere."
)
_NETWORK = {"hidden_sizes": (50,), "lr": 3e-3}
_SETTINGS = {
    name: {**_NETWORK, "batch_size": 1000, "item_batch_size": 1000}
    for name in (
        "CrossFeedbackBMF",
        "CrossFeedback-no-data",
        "CrossFeedback-no-feedback",
        "CrossFeedback-no-attention",
    )
}

# what is shared by both tables: by metric, row and data set
_FULL = {
    "rmse": (0.842, 0.804, 0.798, 1.074, 0.702),
    "ndcg@20": (0.802, 0.806, 0.809, 0.911, 0.966),
    "ndcg@50": (0.793, 0.797, 0.800, 0.910, 0.965),
    "recall@20": (0.781, 0.784, 0.790, 0.906, 0.961),
    "recall@50": (0.770, 0.774, 0.783, 0.906, 0.961),
}


def _published(values: Mapping[str, Sequence[float]]) -> dict[str, dict[str, float]]:
    """Return figures by data set and metric, from those by metric and data set."""
    columns = {name: {m: row[i] for m, row in values.items()} for i, name in enumerate(_DATA)}
    return {name: {m: columns[name][m] for m in _PUBLISHED} for name in _DATA}


def _row(name: str, system: str, tables: Mapping[str, Mapping[str, Sequence[float]]]) -> Row:
    return Row(name, system, published=_published({m: t[name] for m, t in tables.items()}))


def _table(table: str, title: str, rows: tuple[Row, ...]) -> None:
    register_table(
        Table(
            paper="cross_feedback",
            table=table,
            title=title,
            source=_SOURCE,
            protocol="ratings",
            metrics=_METRICS,
            data=_DATA,
            here=("ml-100k",),
            rows=rows,
            options={"train_share": 0.7},
            settings=_SETTINGS,
            note=_NOTE,
        )
    )


# table 3: all models

_MODELS = {
    "rmse": {
        "NCF": (0.870, 0.831, 0.822, 1.098, 0.734),
        "CNN-CF": (0.875, 0.844, 0.839, 1.119, 0.770),
        "U-Rec": (0.883, 0.893, 0.833, 1.136, 0.772),
        "I-Rec": (0.859, 0.823, 0.818, 1.213, 0.787),
        "DAE-CF": (0.911, 0.852, 0.841, 1.247, 0.762),
        "VAE-CF": (0.903, 0.834, 0.836, 1.211, 0.747),
    },
    "ndcg@20": {
        "NCF": (0.797, 0.799, 0.797, 0.908, 0.963),
        "CNN-CF": (0.774, 0.778, 0.796, 0.886, 0.948),
        "U-Rec": (0.796, 0.794, 0.802, 0.896, 0.963),
        "I-Rec": (0.767, 0.759, 0.776, 0.883, 0.942),
        "DAE-CF": (0.797, 0.801, 0.799, 0.899, 0.961),
        "VAE-CF": (0.798, 0.801, 0.803, 0.909, 0.962),
    },
    "ndcg@50": {
        "NCF": (0.788, 0.791, 0.791, 0.907, 0.963),
        "CNN-CF": (0.758, 0.762, 0.790, 0.882, 0.946),
        "U-Rec": (0.788, 0.788, 0.796, 0.894, 0.963),
        "I-Rec": (0.754, 0.744, 0.771, 0.879, 0.941),
        "DAE-CF": (0.789, 0.793, 0.795, 0.898, 0.960),
        "VAE-CF": (0.787, 0.794, 0.793, 0.908, 0.960),
    },
    "recall@20": {
        "NCF": (0.775, 0.778, 0.790, 0.905, 0.959),
        "CNN-CF": (0.756, 0.761, 0.792, 0.882, 0.939),
        "U-Rec": (0.776, 0.781, 0.784, 0.893, 0.958),
        "I-Rec": (0.749, 0.740, 0.755, 0.879, 0.933),
        "DAE-CF": (0.778, 0.782, 0.785, 0.896, 0.958),
        "VAE-CF": (0.777, 0.782, 0.786, 0.906, 0.958),
    },
    "recall@50": {
        "NCF": (0.763, 0.768, 0.782, 0.904, 0.958),
        "CNN-CF": (0.742, 0.749, 0.779, 0.880, 0.937),
        "U-Rec": (0.764, 0.763, 0.775, 0.892, 0.957),
        "I-Rec": (0.738, 0.726, 0.743, 0.876, 0.932),
        "DAE-CF": (0.766, 0.772, 0.782, 0.896, 0.957),
        "VAE-CF": (0.767, 0.773, 0.783, 0.905, 0.958),
    },
}
_SYSTEMS = {
    "NCF": "NCFMLPRegressor",
    "CNN-CF": "ConvNCFRegressor",
    "U-Rec": "U-AutoRec",
    "I-Rec": "I-AutoRec",
    "DAE-CF": "DAERegressor",
    "VAE-CF": "VAERegressor",
}
_BESIDE = {
    "biased MF": "BiasedMFRegressor",
    "Bayesian SVD++": "BayesianMFRegressor",
    "GMF": "GMFRegressor",
    "NeuMF": "NeuMFRegressor",
    "GeRec": "GeRecRegressor",
}

_table(
    "3",
    "VAE-BMF with cross feedback and attention beside neural models of ratings",
    (
        *(_row(name, system, _MODELS) for name, system in _SYSTEMS.items()),
        Row("Ours (VAE-BMF)", "CrossFeedbackBMF", published=_published(_FULL)),
        *(Row(name, system, note="not in the paper") for name, system in _BESIDE.items()),
    ),
)

# table 4: the ablation

_ABLATION = {
    "rmse": {
        "No data input": (0.917, 0.902, 0.878, 1.241, 0.813),
        "No cross feedback": (0.864, 0.829, 0.824, 1.110, 0.739),
        "No attention": (0.852, 0.812, 0.809, 1.087, 0.718),
    },
    "ndcg@20": {
        "No data input": (0.795, 0.797, 0.804, 0.907, 0.961),
        "No cross feedback": (0.798, 0.801, 0.807, 0.908, 0.963),
        "No attention": (0.800, 0.803, 0.808, 0.910, 0.965),
    },
    "ndcg@50": {
        "No data input": (0.787, 0.790, 0.793, 0.906, 0.961),
        "No cross feedback": (0.790, 0.793, 0.796, 0.907, 0.963),
        "No attention": (0.792, 0.795, 0.798, 0.909, 0.964),
    },
    "recall@20": {
        "No data input": (0.775, 0.776, 0.786, 0.902, 0.956),
        "No cross feedback": (0.778, 0.779, 0.788, 0.904, 0.958),
        "No attention": (0.780, 0.782, 0.789, 0.905, 0.960),
    },
    "recall@50": {
        "No data input": (0.764, 0.767, 0.781, 0.901, 0.955),
        "No cross feedback": (0.767, 0.771, 0.782, 0.903, 0.957),
        "No attention": (0.768, 0.773, 0.782, 0.905, 0.959),
    },
}
_VARIANTS = {
    "No data input": "CrossFeedback-no-data",
    "No cross feedback": "CrossFeedback-no-feedback",
    "No attention": "CrossFeedback-no-attention",
}

_table(
    "4",
    "VAE-BMF without one of its parts",
    (
        *(_row(name, system, _ABLATION) for name, system in _VARIANTS.items()),
        Row("Full Model", "CrossFeedbackBMF", published=_published(_FULL)),
    ),
)

# figure 4: convergence, and what encoders read

_ENCODERS = {
    "A: no cross feedback, no hidden layer": {
        "cross_feedback": False,
        "attention": None,
        "hidden_sizes": (),
    },
    "B: cross feedback, no hidden layer": {"attention": None, "hidden_sizes": ()},
    "C: no cross feedback, one hidden layer": {
        "cross_feedback": False,
        "attention": None,
        "hidden_sizes": (50,),
    },
    "D: cross feedback, one hidden layer": {"attention": None, "hidden_sizes": (50,)},
    "E: attention too": {"attention": "rated", "hidden_sizes": (50,)},
}

register_table(
    Table(
        paper="cross_feedback",
        table="figure-4",
        title="Cross feedback, attention and hidden layers of the encoders",
        source=_SOURCE,
        protocol="ratings",
        metrics=("rmse",),
        data=("ml-1m",),
        here=("ml-100k",),
        rows=tuple(
            Row(name, "CrossFeedbackBMF", changed=changed) for name, changed in _ENCODERS.items()
        ),
        options={"train_share": 0.7},
        settings={"CrossFeedbackBMF": {**_NETWORK, "batch_size": 100, "item_batch_size": 100}},
        note="The paper shows curves over 100 passes and prints no values, nor the width of its "
        "hidden layer.",
    )
)
