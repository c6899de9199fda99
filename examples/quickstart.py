"""
Quickstart
==========

Train Mult-VAE on interactions, compare it with popularity and EASE on users that none of them has
seen, and recommend to one of them.

Without data it runs on synthetic interactions with known taste clusters::

    python examples/quickstart.py
    python examples/quickstart.py --data plays.csv
    python examples/quickstart.py --data ml-1m --output ml-1m.png
"""

import argparse
import math
import os
import warnings
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from skrec import EASERecommender, MultVAERecommender, PopularityRecommender
from skrec.datasets import (
    fetch_amazon_music,
    fetch_gowalla,
    fetch_movielens,
    load_interactions,
    make_interactions,
)
from skrec.exceptions import SkrecWarning
from skrec.metrics import make_ranking_scorer
from skrec.model_selection import StrongGeneralization
from skrec.preprocessing import binarize, k_core
from skrec.utils import split_rows

DATA_SETS = {
    "ml-100k": lambda: fetch_movielens("100k"),
    "ml-1m": lambda: fetch_movielens("1m"),
    "gowalla": fetch_gowalla,
    "amazon-music": fetch_amazon_music,
}
OF_FILES = ("user", "item", "rating", "timestamp", "sep", "encoding")  # options of one's own file
METRICS = ["ndcg@100", "recall@20"]

MIN_INTERACTIONS = 5  # of a user
MIN_USERS = 20
MAX_CELLS = 200_000_000  # users x items, above which users are drawn
CELLS_OF_TRAINING = 1_000_000_000  # users x items x epochs, a minute or so on two cores
MAX_ITEMS_OF_EASE = 12_000  # EASE inverts an items x items matrix
L2_OF_EASE = (50, 200, 500, 1000)


def main(argv=None):
    """Run the quickstart from a command line."""
    parser = make_parser()
    options = parser.parse_args(argv)
    try:
        check(options)
        X, titles = load(options)
        X, titles = select(X, titles, options)
    except (ImportError, OSError, ValueError) as error:  # before anything is trained
        parser.error(str(error))
    train, valid, test = hold_out_users(X, options.seed)
    models = fit_all(train, valid, options)
    print_table(models, test)
    print_recommendations(models["Mult-VAE"], test, titles)
    plot_learning_curve(models["Mult-VAE"], options.output)


def check(options):
    """Raise where options do not go together, or where the learning curve cannot be written."""
    given = [f"--{name}" for name in OF_FILES if getattr(options, name) is not None]
    own = options.data is not None and options.data not in DATA_SETS
    if given and not own:
        raise ValueError(f"{', '.join(given)} are for a file of yours; give it with --data")
    if own and not Path(options.data).expanduser().exists():
        names = ", ".join(DATA_SETS)
        raise ValueError(f"--data must be a file, or one of {names}; got {options.data!r}")
    path = Path(options.output)
    if not math.isfinite(options.threshold):
        raise ValueError(f"--threshold must be a finite number; got {options.threshold}")
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"--output must be a file in a folder that is there; got {path}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ValueError(f"--output must be a file that can be written; got {path}")
    check_kind(path)


def check_kind(path):
    """Raise where matplotlib is there and does not write files of such a name."""
    try:
        from matplotlib.backend_bases import FigureCanvasBase
    except ImportError:
        return
    kinds = sorted(FigureCanvasBase.get_supported_filetypes())
    if path.suffix and path.suffix[1:].lower() not in kinds:
        raise ValueError(f"--output must end in one of {', '.join(kinds)}; got {path}")


def load(options):
    """Return a matrix of users x items, 1 for what a user likes, and the items' names."""
    if options.data is None:
        data = make_interactions(random_state=options.seed)
        return data.X, data.item_names
    if options.data in DATA_SETS:
        data = DATA_SETS[options.data]()
    else:
        chosen = {name: getattr(options, name) for name in OF_FILES}
        if options.sep is not None:
            chosen["sep"] = options.sep.replace("\\t", "\t")  # as a shell hands it on
        data = load_interactions(options.data, **chosen)
    X = data.interactions.tocsr()
    if "rating" in data.frame:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SkrecWarning)  # too little is an error further on
            X = binarize(X, options.threshold)
    return X, data.encoder.item_ids_ if data.item_names is None else data.item_names


def select(X, titles, options):
    """Return fewer users where there are too many, without those with too few interactions."""
    n_users = X.shape[0]
    max_users = options.max_users or max(MAX_CELLS // X.shape[1], MIN_USERS)
    if n_users > max_users:
        print(f"{max_users:,} of {n_users:,} users are drawn (--max-users)")
        X = X[np.sort(np.random.default_rng(options.seed).permutation(n_users)[:max_users])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkrecWarning)  # that nothing is left is an error here
        X, _, columns = k_core(X, user_k=MIN_INTERACTIONS, item_k=1, return_indices=True)
    if X.shape[0] < MIN_USERS:
        raise ValueError(
            f"{X.shape[0]} users have {MIN_INTERACTIONS} interactions or more, too few to go on; "
            f"where there are ratings, those of {options.threshold:g} or more count (--threshold)"
        )
    print(f"{X.shape[0]:,} users, {X.shape[1]:,} items, {X.nnz:,} interactions")
    return X, titles[columns]


def hold_out_users(X, seed):
    """Split the users into those to train, to validate and to test on."""
    n_users = X.shape[0]
    rest, test = draw_users(X, min(500, n_users // 5), seed)
    train, valid = draw_users(rest, min(500, n_users // 10), seed)
    sizes = [f"{part.shape[0]:,} to {what}" for part, what in
             ((train, "train on"), (valid, "validate on"), (test, "test on"))]  # fmt: skip
    print(f"users: {', '.join(sizes)}")
    return train, valid, test


def draw_users(X, n_users, seed):
    """Return the rows that are left, and those that are drawn."""
    splitter = StrongGeneralization(test_users=n_users, random_state=seed)
    left, drawn = next(splitter.split(X))
    return X[left], X[drawn]


def fit_all(train, valid, options):
    """Fit the three systems; the validation users choose EASE's l2 and Mult-VAE's epoch."""
    models = {"ItemPop": PopularityRecommender().fit(train)}
    if train.shape[1] <= MAX_ITEMS_OF_EASE:
        models["EASE"] = fit_ease(train, valid)
    else:
        print(f"EASE is left out: {train.shape[1]:,} items would take too long")
    models["Mult-VAE"] = fit_mult_vae(train, valid, options)
    return models


def fit_ease(train, valid):
    """Fit EASE with the l2 that does best on the validation users."""
    scorer = make_ranking_scorer("ndcg", k=100)
    values = L2_OF_EASE if train.shape[1] <= 5000 else L2_OF_EASE[:2]  # large data are sparse
    fitted = [EASERecommender(l2=l2).fit(train) for l2 in values]
    return max(fitted, key=lambda model: scorer(model, valid))


def fit_mult_vae(train, valid, options):
    """Fit Mult-VAE, and keep the epoch that does best on the validation users."""
    cells = train.shape[0] * train.shape[1]
    model = MultVAERecommender(
        max_epochs=options.epochs or int(np.clip(CELLS_OF_TRAINING // cells, 10, 100)),
        batch_size=100,
        early_stopping=True,
        patience=20,
        validation_data=valid,
        random_state=options.seed,
        verbose=1,
    )
    return model.fit(train)


def print_table(models, test):
    """Print metrics on the test users: 20 % of each one's items are to be found from the rest."""
    scorer = make_ranking_scorer(METRICS)
    values = {name: scorer.per_user(model, test) for name, model in models.items()}
    n_users = len(next(iter(values.values())))
    print(f"\n{n_users} unseen users, mean ± standard error")
    print(f"{'':12}{'NDCG@100':>18}{'Recall@20':>18}")
    for name, table in values.items():
        cells = [f"{table[m].mean():.4f} ± {table[m].sem():.4f}" for m in METRICS]
        print(f"{name:12}" + "".join(f"{cell:>18}" for cell in cells))


def print_recommendations(model, test, titles):
    """Print what the model recommends to an unseen user from a part of the user's items."""
    history, hidden = split_rows(typical_user(test))
    items = model.recommend(history, n_items=10)[0]
    proba = model.predict_proba(history)[0]
    print(f"\nAn unseen user has {history.nnz} items, such as")
    print("\n".join(f"  {titles[item]}" for item in history.indices[:10]))
    print(f"\nTen recommendations (+ is one of {hidden.nnz} items that were hidden)")
    print("predict_proba is an item's share of the user's interactions\n")
    print(f"{'':4}{'predict_proba':>13}  item")
    for item in items[items >= 0]:
        mark = "+" if item in hidden.indices else ""
        print(f"{mark:>3} {proba[item]:13.4f}  {titles[item]}")


def typical_user(X):
    """Return the row of a user with as many items as the median user."""
    lengths = np.diff(X.indptr)
    row = np.argsort(lengths, kind="stable")[len(lengths) // 2]
    return sp.csr_matrix(X[[row]])


def plot_learning_curve(model, path):
    """Plot training loss and validation metric by epoch, if matplotlib is installed."""
    try:
        import matplotlib
    except ImportError:
        print("\nNo learning curve: matplotlib is missing (pip install matplotlib)")
        return
    matplotlib.use("Agg")  # no window, a file only
    from skrec.inspection import TrainingHistoryDisplay

    display = TrainingHistoryDisplay.from_estimator(model)
    display.ax_.set_title(f"Mult-VAE, best in epoch {display.best_epoch}")
    display.figure_.savefig(path, dpi=150, bbox_inches="tight")
    print(f"\nlearning curve: {path}")


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message):
        """Print what is wrong and end with status 2."""
        self.exit(2, f"{self.prog}: error: {message}\n")


def make_parser():
    """Return the parser of the command line."""
    parser = Parser(description="Train Mult-VAE and recommend to unseen users.")
    add = parser.add_argument
    names = f"{', '.join(DATA_SETS)} (in the folder SKREC_DATA, else downloaded)"
    add("--data", help=f"CSV, TSV, Parquet or JSON lines, or one of {names}; default: synthetic")
    add("--user", type=column, help="column of the file; default: a common name")
    add("--item", type=column, help="likewise; a number is a position in a file without header")
    add("--rating", type=optional_column, help="likewise, where there are ratings; none: ignore")
    add("--timestamp", type=optional_column, help="likewise: the latest rating counts")
    add("--sep", help="separator of the file; default: found in its first lines")
    add("--encoding", help="of the file, such as latin-1; default: UTF-8, or UTF-16 with a mark")
    add("--threshold", type=float, default=4, help="smallest rating that counts; default: 4")
    add("--max-users", type=count, help="draw this many users; default: all, fewer of large data")
    add("--epochs", type=count, help="epochs at most; default: 10 to 100, fewer for large data")
    add("--seed", type=seed, default=0, help="seed of draws, weights and batches; default: 0")
    add("--output", default="learning_curve.png", help="default: learning_curve.png")
    return parser


def column(text):
    """Read a column's name or position."""
    return int(text) if text.isdecimal() else text


def optional_column(text):
    """Read a column's name or position, or that there is none."""
    return False if text == "none" else column(text)


def count(text):
    """Read a number of users or epochs."""
    return whole(text, 1)


def seed(text):
    """Read a seed of NumPy's."""
    return whole(text, 0)


def whole(text, least):
    """Read an integer of 32 bits that is not too small."""
    if not text.isdecimal() or not least <= int(text) < 2**32:
        raise argparse.ArgumentTypeError(
            f"must be an integer from {least} to 2**32 - 1; got {text}"
        )
    return int(text)


if __name__ == "__main__":
    main()
