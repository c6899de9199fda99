"""
Lists over HTTP
===============

Load a model that ``train.py`` has written, and answer with titles. When a newer file takes the
place of the old one, the server goes over to it between two requests. ``serve.py`` runs it.
"""

import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from lists import Answer, Question, Questions, Served, stamp_of

import skrec

LOOK_EVERY = 1.0  # seconds between two looks for a newer file


class Server:
    """The model that answers now. A request takes it once, and keeps it to its end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = Served(path)
        self.problem: str | None = None

    def watch(self, stop: threading.Event) -> None:
        """Look for a newer file until told to stop."""
        seen = self.now.stamp
        while not stop.wait(LOOK_EVERY):
            if (stamp := stamp_of(self.path)) != seen:
                seen = stamp
                self.reload()

    def reload(self) -> None:
        """Go over to a newer file; from one that is broken nothing is taken."""
        try:
            self.now = Served(self.path)
            self.problem = None
        except Exception as error:  # whatever is wrong, the model of now goes on
            self.problem = f"a newer file is not used: {error}"

    def health(self) -> dict[str, Any]:
        """Return what answers now, and what is wrong with a newer file."""
        now = self.now
        return {
            "status": "ok" if self.problem is None else "stale",
            "problem": self.problem,
            "model": type(now.model).__name__,
            "written": datetime.fromtimestamp(now.written, UTC),
            "users": len(now.rows),
            "items": len(now.ids),
            "skrec": skrec.__version__,
        }


def create_app(path: str | None = None) -> FastAPI:
    """Return the application, for ``uvicorn --factory app:create_app``."""
    server = Server(Path(path or os.environ["SKREC_MODEL"]))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        stop = threading.Event()
        threading.Thread(target=server.watch, args=[stop], daemon=True).start()
        yield
        stop.set()

    app = FastAPI(title="Recommendations", version=skrec.__version__, lifespan=lifespan)

    # To hand a list to another thread costs more than most lists do; many lists are worth it.
    @app.post("/recommend")
    async def recommend(question: Question) -> Answer:
        return found(server.now.answer([question], question.n))[0]

    @app.post("/recommend/batch")
    def recommend_batch(questions: Questions) -> list[Answer]:
        return found(server.now.answer(questions.users, questions.n))

    @app.get("/health")
    async def health() -> dict[str, Any]:
        return server.health()

    @app.exception_handler(RequestValidationError)
    async def refuse(request: Any, error: RequestValidationError) -> JSONResponse:
        return JSONResponse({"detail": sentence(error)}, 422)

    return app


def sentence(error: RequestValidationError) -> str:
    """Return what is wrong with a body, by the place where it is."""
    wrong = [(".".join(map(str, each["loc"])), each["msg"]) for each in error.errors()]
    return "; ".join(f"{place}: {what.removeprefix('Value error, ')}" for place, what in wrong)


def found(answers: list[Answer]) -> list[Answer]:
    """Return answers, after a check that an id of theirs is known."""
    if any(answer.recommendations or not answer.unknown for answer in answers):
        return answers
    ids = [each for answer in answers for each in answer.unknown][:5]
    raise HTTPException(404, f"no id is known: {ids}. Give the items of a new user, as trained on")
