"""Models in files from which nothing is executed."""

from skrec.persistence._files import load_model, save_model

__all__ = ["load_model", "save_model"]
