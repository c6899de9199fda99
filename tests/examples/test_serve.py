"""The server of the examples: its answers, and with ``-m engine`` a process that is asked."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection
from importlib import import_module
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

import skrec
from skrec import (
    EASERecommender,
    InteractionEncoder,
    MultVAERecommender,
    load_model,
    recommend_frame,
    save_model,
)

pytest.importorskip("fastapi", reason="the extra serve")
uvicorn = pytest.importorskip("uvicorn", reason="the extra serve")

ROOT = Path(__file__).parents[2]
HERE = ROOT / "examples" / "serve"
DOCKERFILE = HERE / "Dockerfile"
MODULES = ("serve", "app", "lists", "train")


@pytest.fixture(scope="module", autouse=True)
def example():
    """Import the files of the example by their names, as they import each other."""
    sys.path.insert(0, str(HERE))
    yield
    sys.path.remove(str(HERE))
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def table():
    likes, titles = import_module("train").load("made-up", 0)
    return likes[likes["rating"] >= 4], titles


@pytest.fixture(scope="module")
def models(table):
    """Return two models of the same interactions that do not agree."""
    likes = InteractionEncoder().fit_transform(table[0])
    return [EASERecommender(l2=l2).fit(likes) for l2 in (1.0, 10_000.0)]


@pytest.fixture
def path(tmp_path, models, table):
    import_module("train").write(models[0], table[1], tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


@pytest.fixture
def served(path):
    return import_module("lists").Served(path)


@pytest.fixture(scope="module")
def who():
    return import_module("lists").Who


def ids(answer):
    return [item.item for item in answer.recommendations]


def test_a_known_user_has_the_list_of_the_model(served, who, models, table):
    (answer,) = served.answer([who(user="u7")], 5)
    wanted = recommend_frame(models[0], ["u7"], n_items=5, titles=table[1])
    assert ids(answer) == [*wanted["item"]]
    assert [item.title for item in answer.recommendations] == [*wanted["title"]]
    assert [item.score for item in answer.recommendations] == pytest.approx([*wanted["score"]])


def test_a_new_user_has_the_list_of_her_history(served, who, models):
    items = ["B9", "B2", "B55", "B2"]  # one of them twice
    (answer,) = served.answer([who(items=items)], 5)
    history = {"user": [0] * 3, "item": items[:3]}
    assert ids(answer) == [*recommend_frame(models[0], X=history, n_items=5)["item"]]
    assert answer.unknown == []


def test_unknown_ids_are_named_and_left_out(served, who):
    users = [who(items=["B9", "no", 9]), who(items=["B9"]), who(user="nobody"), who(items=["no"])]
    some, same, nobody, nothing = served.answer(users, 5)
    assert ids(some) == ids(same) != []
    assert (some.unknown, same.unknown) == (["no", 9], [])
    assert (nobody.unknown, nothing.unknown) == (["nobody"], ["no"])
    assert ids(nobody) == ids(nothing) == []


@pytest.mark.parametrize("make", [EASERecommender, MultVAERecommender])
def test_answers_of_a_batch_are_those_of_single_questions(tmp_path, table, who, make):
    few = {} if make is EASERecommender else {"max_epochs": 1, "random_state": 0}
    path = tmp_path / "model.safetensors"
    save_model(make(**few).fit(InteractionEncoder().fit_transform(table[0])), path)
    served = import_module("lists").Served(path)
    users = [who(user="u7"), who(items=["B3", "B4"]), who(user="u1"), who(items=["B5", "no"])]
    together, alone = served.answer(users, 3), [served.answer([each], 3)[0] for each in users]
    assert [ids(answer) for answer in together] == [ids(answer) for answer in alone]
    assert all(len(ids(answer)) == 3 for answer in alone)


def test_more_items_than_there_are(served, who):
    (answer,) = served.answer([who(items=["B9"])], 1000)
    assert len(set(ids(answer))) == len(ids(answer)) == len(served.ids) - 1


def test_without_training_data_new_users_are_answered(path, models, who):
    save_model(models[0], path, training_data=False)
    served = import_module("lists").Served(path)
    known, new = served.answer([who(user="u7"), who(items=["B9"])], 5)
    assert (known.unknown, ids(known)) == (["u7"], [])
    assert len(ids(new)) == 5


def test_without_a_file_of_titles_there_are_none(path, who):
    path.with_suffix(".titles.json").unlink()
    (answer,) = import_module("lists").Served(path).answer([who(user="u7")], 1)
    assert answer.recommendations[0].title is None


def test_a_model_without_raw_ids_is_refused(path):
    save_model(EASERecommender().fit(np.eye(3)), path)
    with pytest.raises(ValueError, match="fit it to Interactions of a table"):
        import_module("lists").Served(path)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "give user"),
        ({"user": "u1", "items": ["B1"]}, "give user"),
        ({"items": []}, "at least 1 item"),
        ({"user": 1.5}, "valid integer"),
        ({"user": True}, "valid integer"),
        ({"items": "B1"}, "valid list"),
        ({"user": "u1", "n": 0}, "greater than or equal to 1"),
        ({"user": "u1", "n": 10**6}, "less than or equal to 1000"),
        ({"usr": "u1"}, "not permitted"),
    ],
)
def test_wrong_bodies_are_refused(body, message):
    with pytest.raises(ValueError, match=message):
        import_module("lists").Question(**body)


def test_a_broken_newer_file_leaves_the_old_model(path, models, who):
    server = import_module("app").Server(path)
    before = server.now.answer([who(user="u7")], 5)
    replace(path, path.read_bytes()[:-100])
    server.reload()
    assert server.now.answer([who(user="u7")], 5) == before
    assert re.search("newer file is not used: .* it must be whole", server.health()["problem"])
    path.unlink()
    server.reload()
    assert "there is no" in server.health()["problem"]
    save_model(models[1], path)
    server.reload()
    assert server.now.answer([who(user="u7")], 5) != before
    assert (server.health()["status"], server.health()["problem"]) == ("ok", None)


def replace(path, content):
    """Put a file in the place of another one, in one step."""
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.replace(path)


def test_a_short_answer_is_sent_at_once():
    made = import_module("serve").bind_socket(uvicorn.Config("app", host="127.0.0.1", port=0))
    with made:
        assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_workers_say_that_they_live_before_they_import_numpy():
    code = "import serve, sys; print({'numpy', 'skrec', 'fastapi'} & {*sys.modules})"
    call = [sys.executable, "-c", code]
    known = environment(PYTHONPATH=str(HERE))
    done = subprocess.run(call, env=known, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def instructions():
    text = DOCKERFILE.read_text("utf-8")
    return [line.split(maxsplit=1) for line in text.splitlines() if line and line[0] != "#"]


def test_the_dockerfile_copies_what_is_there():
    found = instructions()
    assert found[0] == ["FROM", "python:3.11-slim"]
    copied = [shlex.split(rest)[:-1] for name, rest in found if name == "COPY"]
    assert [each for part in copied for each in part if not (ROOT / each).exists()] == []
    assert {f"examples/serve/{name}.py" for name in ("serve", "app", "lists")} <= set(
        chain(*copied)
    )
    assert [name for name, _ in found].index("USER") < [name for name, _ in found].index("CMD")
    assert any(name == "HEALTHCHECK" for name, _ in found)


def test_the_gallery_leaves_the_folder_out():
    assert not [*HERE.glob("README.rst"), *HERE.glob("README.txt"), *HERE.glob("plot_*")]


class Asked:
    """A server that runs, and a way to ask it."""

    def __init__(self, process, port, log):
        self.process, self.port, self.log = process, port, log

    def __call__(self, where, body=None, raw=None):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        data = raw if raw is not None else None if body is None else json.dumps(body)
        head = {"Content-Type": "application/json"}
        connection.request("GET" if data is None else "POST", where, data, head)
        answer = connection.getresponse()
        status, content = answer.status, json.loads(answer.read())
        connection.close()
        return status, content

    def is_up(self):
        try:
            return self("/health")[0] == 200
        except OSError:
            assert self.process.poll() is None, self.log.read_text("utf-8")
            return False

    def until(self, condition, seconds=60):
        """Wait until something holds."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.log.read_text("utf-8")
            time.sleep(0.1)


def environment(**more):
    known = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": known, **more}


@pytest.fixture(params=[1, 2], ids=["one worker", "two workers"])
def ask(request, path, tmp_path):
    """Start the server by the command of the Dockerfile, on a port that is free."""
    command = json.loads(dict(instructions())["CMD"])
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    given = {"--port": port, "--host": "127.0.0.1", "--workers": request.param}
    for name, value in given.items():
        command[command.index(name) + 1] = str(value)
    log = tmp_path / "log"
    with open(log, "wb") as file:
        process = subprocess.Popen(
            [sys.executable, str(HERE / Path(command[1]).name), *command[2:]],
            env=environment(SKREC_MODEL=str(path), OMP_NUM_THREADS="1"),
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    asked = Asked(process, port, log)
    try:
        asked.until(asked.is_up, 120)
        yield asked
    finally:
        process.terminate()
        process.wait(30)
    written = log.read_text("utf-8")
    assert "Traceback" not in written, written


@pytest.mark.engine
def test_a_server_answers(ask, models, table):
    assert ask("/health")[1] | {"written": 0} == {
        "status": "ok", "problem": None, "model": "EASERecommender", "written": 0,
        "users": 900, "items": 200, "skrec": skrec.__version__,
    }  # fmt: skip
    status, answer = ask("/recommend", {"user": "u7", "n": 3})
    wanted = recommend_frame(models[0], ["u7"], n_items=3, titles=table[1])
    assert status == 200
    assert [each["item"] for each in answer["recommendations"]] == [*wanted["item"]]
    assert [each["title"] for each in answer["recommendations"]] == [*wanted["title"]]
    status, answer = ask("/recommend", {"items": ["B9", "no"]})
    assert (status, answer["unknown"], len(answer["recommendations"])) == (200, ["no"], 10)
    users = [{"user": "u7"}, {"items": ["B9"]}, {"user": "nobody"}]
    status, answers = ask("/recommend/batch", {"users": users, "n": 3})
    assert (status, [len(each["recommendations"]) for each in answers]) == (200, [3, 3, 0])
    for where, body in (("", {"user": "nobody"}), ("/batch", {"users": users[2:]})):
        status, answer = ask(f"/recommend{where}", body)
        assert (status, "no id is known: ['nobody']" in answer["detail"]) == (404, True)


@pytest.mark.engine
def test_a_server_says_what_is_wrong_with_a_body(ask):
    for body, words in [
        ({}, "body: give user, the id of a known user, or items"),
        ({"user": "u7", "n": 0}, "body.n: Input should be greater than or equal to 1"),
        ({"user": "u7", "k": 3}, "body.k: Extra inputs are not permitted"),
    ]:
        status, answer = ask("/recommend", body)
        assert (status, answer["detail"][: len(words)]) == (422, words)
    for raw in ("{", "\xff", "[]", "NaN"):
        status, answer = ask("/recommend", raw=raw.encode("latin-1"))
        assert 400 <= status < 500, answer
        assert isinstance(answer["detail"], str)
    assert ask("/recommend/batch", {"users": []})[0] == 422
    assert ask("/nowhere")[0] == 404


@pytest.mark.engine
def test_a_newer_file_is_taken_between_two_requests(ask, path, models):
    wanted = [[*recommend_frame(m, ["u7"], n_items=10)["item"]] for m in models]
    assert wanted[0] != wanted[1]
    seen, failed, stop = [], [], threading.Event()

    def client():
        while not stop.is_set():
            try:
                status, answer = ask("/recommend", {"user": "u7"})
                assert status == 200
                seen.append(wanted.index([each["item"] for each in answer["recommendations"]]))
            except Exception as error:
                failed.append(error)

    clients = [threading.Thread(target=client) for _ in range(4)]
    for each in clients:
        each.start()
    for model in (models[1], models[0], models[1]):
        before = len(seen)
        save_model(model, path)
        want = models.index(model)
        ask.until(lambda: len(seen) > before + 40 and set(seen[-40:]) == {want})  # noqa: B023
    stop.set()
    for each in clients:
        each.join()
    assert failed == []
    assert set(seen) == {0, 1}


@pytest.mark.engine
def test_a_server_goes_on_after_a_broken_file(ask, path, models):
    before = ask("/recommend", {"user": "u7"})
    whole = path.read_bytes()
    replace(path, whole[:-1] + bytes([whole[-1] ^ 1]))
    ask.until(lambda: all(ask("/health")[1]["status"] == "stale" for _ in range(10)))
    assert "the file was changed" in ask("/health")[1]["problem"]
    assert ask("/recommend", {"user": "u7"}) == before
    save_model(models[1], path)
    ask.until(lambda: all(ask("/health")[1]["status"] == "ok" for _ in range(10)))
    assert ask("/recommend", {"user": "u7"}) != before


@pytest.mark.engine
def test_what_is_trained_is_served(tmp_path):
    path = tmp_path / "model.safetensors"
    command = ["--data", "made-up", "--model", "MultVAE", "--epochs", "1", "--output", str(path)]
    call = [sys.executable, str(HERE / "train.py"), *command]
    done = subprocess.run(call, env=environment(), capture_output=True, text=True, check=True)
    assert "MultVAE of <" in done.stdout
    served = import_module("lists").Served(path)
    assert type(served.model) is type(load_model(path)) is MultVAERecommender
    assert len(served.titles) > 100


@pytest.mark.engine
def test_a_server_without_a_model_does_not_start(tmp_path):
    call = [sys.executable, str(HERE / "serve.py"), "--model", str(tmp_path / "none")]
    done = subprocess.run(call, env=environment(), capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert re.search("--model or SKREC_MODEL must be a file that is there; got .*none", done.stderr)
