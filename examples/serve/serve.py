"""
Serve recommendations
=====================

Run the application of ``app.py`` in one process or more::

    python examples/serve/serve.py --model model.safetensors --port 8000 --workers 2

Workers import this file before they can say that they live, so it imports nothing that takes long.
"""

import argparse
import os
import socket
from pathlib import Path
from typing import Any

try:
    import uvicorn
except ImportError as error:
    raise ImportError(
        "the server needs FastAPI: pip install 'sklearn-recommenders[serve]'"
    ) from error


def bind_socket(config: Any, bind: Any = uvicorn.Config.bind_socket) -> socket.socket:
    """Return the socket of several workers, which sends a short answer at once.

    Without this each one waits 40 ms for the client: https://github.com/Kludex/uvicorn/issues/3149
    """
    made = bind(config)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def main() -> None:
    """Run the server from a command line."""
    parser = argparse.ArgumentParser(description="Serve recommendations over HTTP.")
    parser.add_argument("--model", help="file that train.py has written; default: $SKREC_MODEL")
    parser.add_argument("--host", default="127.0.0.1", help="default: 127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="default: 8000")
    parser.add_argument("--workers", type=int, default=1, help="processes; default: 1")
    options = parser.parse_args()
    path = options.model or os.environ.get("SKREC_MODEL")
    if path is None or not Path(path).exists():
        parser.error(f"--model or SKREC_MODEL must be a file that is there; got {path}")
    os.environ["SKREC_MODEL"] = str(Path(path).resolve())
    # before NumPy is imported: requests share the cores, a single one is too small to be divided
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    uvicorn.Config.bind_socket = bind_socket  # type: ignore[method-assign]
    uvicorn.run(
        "app:create_app",
        factory=True,
        app_dir=str(Path(__file__).parent),
        host=options.host,
        port=options.port,
        workers=options.workers,
        access_log=False,
    )


if __name__ == "__main__":
    main()
