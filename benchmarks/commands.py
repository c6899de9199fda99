"""The commands: files of the folders that have a ``main`` and run as ``python -m``."""

import ast
from pathlib import Path

__all__ = ["FOLDERS", "list_commands"]

_HERE = Path(__file__).parent
FOLDERS = {
    "quality": "how good the recommendations are: the papers' tables, tuning, comparisons",
    "claims": "what a paper claims beside its tables, tried out",
    "speed": "time and memory of skrec alone",
    "scale": "several processes, engines, and data larger than memory",
    "serving": "what serving costs: every estimator, and the server of examples/serve under load",
    "peers": "time beside other libraries, each in an environment of its own",
    "fuzz": "what becomes of odd input",
}


def list_commands() -> dict[str, str]:
    """Return the commands, each with the first line of its documentation.

    They are found in the files, so a new command needs no entry and nothing is imported.

    Returns
    -------
    commands : dict of str to str
        By the name that ``python -m`` takes, in the order of `FOLDERS`.
    """
    files = [file for folder in FOLDERS for file in sorted((_HERE / folder).rglob("*.py"))]
    return dict(_describe(file) for file in files if _is_command(file))


def _is_command(file: Path) -> bool:
    if "workers" in file.parts:  # they run in the environments of peers, started by others
        return False
    nodes = ast.parse(file.read_text("utf-8")).body
    functions = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    guards = [ast.unparse(node.test) for node in nodes if isinstance(node, ast.If)]
    return "main" in functions and "__name__ == '__main__'" in guards


def _describe(file: Path) -> tuple[str, str]:
    parts = ("benchmarks", *file.relative_to(_HERE).with_suffix("").parts)
    if parts[-1] == "__main__":  # a package that is a command is described by its own docstring
        parts, file = parts[:-1], file.with_name("__init__.py")
    text = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
    return ".".join(parts), text.partition("\n")[0]
