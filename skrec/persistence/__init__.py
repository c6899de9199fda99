"""Models in files from which nothing is executed, and in those that another runtime runs."""

from skrec.persistence._files import load_model, save_model
from skrec.persistence._onnx import export_onnx

__all__ = ["export_onnx", "load_model", "save_model"]
