"""
Train what the server loads
===========================

Fit a model to likes, and write its file and that of the titles beside it::

    python examples/serve/train.py --data ml-100k --model EASE --output model.safetensors
"""

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd

from skrec import (
    EASERecommender,
    InteractionEncoder,
    MultVAERecommender,
    WMFRecommender,
    save_model,
)
from skrec.datasets import fetch_movielens, make_interactions

MODELS = {
    "EASE": (EASERecommender, {"l2": 200.0}),
    "WMF": (WMFRecommender, {"random_state": 0}),
    "MultVAE": (MultVAERecommender, {"random_state": 0, "verbose": 1}),
}
LIKED = 4  # the least rating that counts


def load(name: str, seed: int) -> tuple[pd.DataFrame, dict[Any, str]]:
    """Return a table of raw ids and ratings, and the titles of the items."""
    if name.startswith("ml-"):
        data = fetch_movielens(name.removeprefix("ml-"))
        return data.frame, dict(zip(data.item_frame["item"], data.item_frame["title"]))
    data = make_interactions(900, 200, 30_000, ratings=True, random_state=seed)
    pairs = data.interactions
    users, items = [f"u{row}" for row in pairs.user], [f"B{column}" for column in pairs.item]
    titles = {f"B{column}": title.title() for column, title in enumerate(data.item_names)}
    return pd.DataFrame({"user": users, "item": items, "rating": pairs.value}), titles


def write(model: Any, titles: dict[Any, str], path: Path) -> None:
    """Write both files, each in one step; the titles first, so that no item is without."""
    beside = path.with_suffix(".titles.json")
    new = beside.with_suffix(".new")
    new.write_text(json.dumps([*titles.items()]), "utf-8")
    new.replace(beside)
    save_model(model, path)  # with the raw ids, which the model has kept


def main() -> None:
    """Run the training from a command line."""
    parser = argparse.ArgumentParser(description="Train a model, and write what the server loads.")
    parser.add_argument("--data", choices=["ml-100k", "ml-1m", "made-up"], default="ml-100k")
    parser.add_argument("--model", choices=MODELS, default="EASE")
    parser.add_argument("--epochs", type=int, help="of WMF and MultVAE; default: their own")
    parser.add_argument("--seed", type=int, default=0, help="of made-up data; default: 0")
    parser.add_argument("--output", default="model.safetensors", help="default: model.safetensors")
    options = parser.parse_args()
    if options.epochs is not None and options.model == "EASE":
        parser.error("--epochs is for WMF and MultVAE; EASE has none")
    table, titles = load(options.data, options.seed)
    likes = InteractionEncoder().fit_transform(table[table["rating"] >= LIKED])
    make, parameters = MODELS[options.model]
    if options.epochs is not None:
        parameters = {**parameters, "max_epochs": options.epochs}
    path = Path(options.output)
    write(make(**parameters).fit(likes), titles, path)
    print(f"{path}: {options.model} of {likes}, {path.stat().st_size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
