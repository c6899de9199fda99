"""Files that are broken, or made to do harm: one clear error each, and nothing is executed."""

import json
import os
import pickle
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skrec import (
    BPRMFRanker,
    CalibratedRecommender,
    EASERecommender,
    GMFClassifier,
    Interactions,
    ItemKNNRecommender,
    UserKNNRecommender,
    load_model,
    save_model,
)
from skrec.exceptions import PersistenceError
from skrec.persistence._container import read_file, write_file
from skrec.testing import make_estimator
from skrec.testing._data import quick, scores_of, tiny

EASE = make_estimator(EASERecommender)
FORGED = {
    "ease": EASE,
    "knn": make_estimator(ItemKNNRecommender),
    "users": make_estimator(UserKNNRecommender),
    "bpr": quick(make_estimator(BPRMFRanker), warm_start=True),
    "gmf": quick(make_estimator(GMFClassifier)),
    "calibrated": CalibratedRecommender(EASE, method="isotonic"),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return the path of a file of each model."""
    folder = tmp_path_factory.mktemp("saved")
    for name, estimator in FORGED.items():
        save_model(estimator.fit(tiny(EASE)), folder / name)
    return folder


def forge(path, change, to):
    """Write a file with another document and other arrays, and with the right checksum."""
    texts, arrays = read_file(str(path), False)
    document = json.loads(texts["model"])
    change(document, arrays)
    write_file(str(to), {**texts, "model": json.dumps(document)}, arrays)
    return to


def put(*path, value):
    """Return a change of the document."""

    def change(document, arrays):
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = value

    return change


def array(name, function):
    """Return a change of an array."""

    def change(document, arrays):
        arrays[name] = function(arrays[name])

    return change


def extra(document, arrays):
    arrays["/etc/passwd"] = np.zeros(3)


CHANGES = {
    "unknown class": (put("class", value="os.system"), "must be an estimator of skrec; got 'os.sy"),
    "an object of Python": (put("class", value="BaseRecommender"), "must be an estimator of skrec"),
    "no class at all": (put("class", value=["EASERecommender"]), "must be an estimator of skrec"),
    "unknown key": (put("code", value="print(1)"), "must have the keys"),
    "unknown parameter": (put("parameters", "evil", value=1), "must have parameters among"),
    "nowhere to write to": (put("parameters", "checkpoint", value="/etc"), "parameters among"),
    "parameter out of range": (put("parameters", "l2", value=-1), "The 'l2' parameter"),
    "parameter of no kind": (put("parameters", "l2", value={"pickle": "x"}), "must be one of"),
    "unknown attribute": (
        put("fitted", "recommend", value=1),
        r"has no attributes \['recommend'\]",
    ),
    "attribute of another kind": (put("fitted", "l2_", value="x"), "l2_ must be a number; got 'x'"),
    "link of another kind": (put("fitted", "link_", "kind", value="Popen"), "must be one of"),
    "no array": (put("fitted", "_weights_", value={"$array": "/etc/passwd"}), "it has no array"),
    "array of nobody": (extra, r"belong to nothing: \['/etc/passwd'\]"),
    "other shape": (
        array("fitted._weights_", lambda a: a[:-1]),
        r"of shape \(20, 20\); got an arr",
    ),
    "other dtype": (
        array("fitted._weights_", lambda a: a.astype(int)),
        "must be an array of float",
    ),
    "index too large": (
        array("fitted.interactions_.indices", lambda a: a + 1000),
        "indices must be integers from 0 to 19",
    ),
    "negative index": (
        array("fitted.interactions_.indices", lambda a: a - 5),
        "indices must be integers from 0 to 19",
    ),
    "falling rows": (
        array("fitted.interactions_.indptr", lambda a: np.r_[a[:1], a[-2:0:-1], a[-1:]]),
        "ends of rows that rise",
    ),
    "rows beyond the end": (
        array("fitted.interactions_.indptr", lambda a: np.r_[a[:-1], a[-1:] + 10**6]),
        "ends of rows that rise",
    ),
    "other size": (
        put("fitted", "interactions_", "shape", value=[30, 10**9]),
        "must be a matrix of shape",
    ),
    "missing": (
        lambda document, arrays: document["fitted"].pop("n_features_in_"),
        "lacks the attributes",
    ),
    "half a sparse matrix": (
        lambda document, arrays: document["fitted"]["interactions_"].pop("shape"),
        "must be the parts of a sparse matrix",
    ),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_swapped_members(kind, saved, tmp_path):
    change, message = CHANGES[kind]
    path = forge(saved / "ease", change, tmp_path / "forged")
    with pytest.raises(PersistenceError, match=message) as caught:
        load_model(path)
    assert str(path) in str(caught.value)


def anything():
    """Return a strategy of what may stand in a document."""
    plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    kinds = st.sampled_from(["$array", "$number", "$float", "list", "tuple", "dict", "kind"])
    nested = st.recursive(
        plain,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(kinds, inner, max_size=2),
        max_leaves=4,
    )
    return nested.map(lambda value: json.loads(json.dumps(value)))


def places(tree, before=()):
    """List the places of a document."""
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
    found = []
    for key, value in pairs:
        found.append((*before, key))
        found += places(value, (*before, key)) if isinstance(value, dict | list) else []
    return found


def damaged(array, how):
    """Return an array with another shape, dtype or other values."""
    numbers = array.dtype.kind in "iu" and array.size
    ways = {
        "flat": lambda: array.reshape(-1),
        "shorter": lambda: array[:-1] if array.ndim else array,
        "longer": lambda: np.concatenate([array, array[:1]]) if array.ndim else array,
        "floats": lambda: array.astype(np.float64),
        "integers": lambda: np.zeros(array.shape, np.int64),
        "bytes": lambda: np.zeros(array.shape, np.uint8),
        "large": lambda: array + array.dtype.type(2**30) if numbers else array,
        "negative": lambda: -array - array.dtype.type(1) if numbers else array,
        "turned": lambda: array[::-1].copy() if array.ndim else array,
        "number": lambda: np.array(3),
    }
    return ways[how]()


WAYS = ["flat", "shorter", "longer", "floats", "integers", "bytes", "large", "negative", "turned"]


@pytest.mark.filterwarnings("ignore")  # of numbers that no fit would give
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_forged_file_does_more_than_raise(saved, data, tmp_path_factory):
    """A forged file is refused, or gives a model that answers or raises an error of Python."""
    name = data.draw(st.sampled_from(sorted(FORGED)))

    def change(document, arrays):
        if data.draw(st.booleans()):
            place = data.draw(st.sampled_from(places(document)))
            put(*place, value=data.draw(anything()))(document, arrays)
        else:
            member = data.draw(st.sampled_from(sorted(arrays)))
            arrays[member] = damaged(arrays[member], data.draw(st.sampled_from([*WAYS, "number"])))

    path = forge(saved / name, change, tmp_path_factory.getbasetemp() / "forged")
    try:
        model = load_model(path)
    except PersistenceError:
        return
    try:
        scores_of(model)
    except (ValueError, RuntimeError, TypeError, AttributeError, LookupError, ArithmeticError):
        return  # all that matters is that the process is there


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_flipped_and_missing_bytes_are_found(saved, data, tmp_path_factory):
    content = bytearray((saved / "ease").read_bytes())
    if data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= data.draw(st.integers(1, 255))
    else:
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    path = tmp_path_factory.getbasetemp() / "broken"
    path.write_bytes(content)
    with pytest.raises(PersistenceError, match="cannot be loaded: "):
        load_model(path, mmap=data.draw(st.booleans()))


class Harm:
    """What a pickle can do."""

    def __reduce__(self):
        return os.mkdir, (os.environ["SKREC_HARM"],)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_not_opened(protocol, tmp_path, monkeypatch):
    monkeypatch.setenv("SKREC_HARM", str(tmp_path / "harm"))
    path = tmp_path / "model"
    path.write_bytes(pickle.dumps(Harm(), protocol))
    with pytest.raises(
        PersistenceError, match="pickle" if protocol > 1 else "not a file that save"
    ):
        load_model(path)
    assert not (tmp_path / "harm").exists()


HEADERS = {
    "empty": (b"", "not a file that save_model has written"),
    "short": (b"abc", "not a file that save_model has written"),
    "text": (b"user,item,rating\n1,2,3\n", "not a file that save_model has written"),
    "huge header": (struct.pack("<Q", 2**40) + b"{" * 100, "at most 100,000,000 bytes"),
    "longer than the file": (struct.pack("<Q", 1000) + b"{}", "must be whole"),
    "no JSON": (struct.pack("<Q", 8) + b"{'a': 1}", "its header must be JSON"),
    "deep": (struct.pack("<Q", 90_000) + b'{"a":' * 18_000, "its header must be JSON"),
    "twice": (struct.pack("<Q", 14) + b'{"a":1, "a":2}', "a key comes twice"),
    "no metadata": (struct.pack("<Q", 2) + b"{}", "__metadata__"),
}


@pytest.mark.parametrize("kind", HEADERS)
def test_headers(kind, tmp_path):
    content, message = HEADERS[kind]
    (tmp_path / "model").write_bytes(content)
    for mmap in (True, False):
        with pytest.raises(PersistenceError, match=message):
            load_model(tmp_path / "model", mmap=mmap)


def header_of(entries):
    """Return a file with a header and 64 bytes of arrays."""
    header = json.dumps({"__metadata__": {}, **entries}).encode()
    header += b" " * (-(8 + len(header)) % 64)
    return struct.pack("<Q", len(header)) + header + bytes(64)


def entry(dtype="F32", shape=(16,), offsets=(0, 64)):
    return {"dtype": dtype, "shape": [*shape], "data_offsets": [*offsets]}


ENTRIES = {
    "unknown dtype": (entry("PY"), "must have a dtype of"),
    "negative size": (entry(shape=(-16,)), "must have numbers for its place"),
    "size that overflows": (entry(shape=(2**61, 2**61, 0)), "must take the bytes that follow"),
    "other size": (entry(shape=(15,)), "must take the bytes that follow"),
    "hole": (entry(shape=(15,), offsets=(4, 64)), "must take the bytes that follow"),
    "beyond the end": (entry(shape=(32,), offsets=(0, 128)), "must be whole"),
    "rest": (entry(shape=(8,), offsets=(0, 32)), "32 bytes at its end belong to no array"),
    "text for a size": (entry(shape=("16",)), "must have numbers for its place"),
    "no entry": ("x", "must have dtype, shape and data_offsets"),
}


@pytest.mark.parametrize("kind", ENTRIES)
def test_entries(kind, tmp_path):
    given, message = ENTRIES[kind]
    (tmp_path / "model").write_bytes(header_of({"a": given}))
    with pytest.raises(PersistenceError, match=message):
        load_model(tmp_path / "model")


def test_a_file_of_a_newer_format_says_who_writes_it(saved, tmp_path):
    texts, arrays = read_file(str(saved / "ease"), False)
    about = {**json.loads(texts["skrec"]), "format": 2, "skrec": "9.1"}
    write_file(str(tmp_path / "new"), {**texts, "skrec": json.dumps(about)}, arrays)
    with pytest.raises(PersistenceError, match=r"format 2, written by skrec 9.1; .* update skrec"):
        load_model(tmp_path / "new")


def test_a_file_of_others_in_the_same_format(tmp_path):
    write_file(str(tmp_path / "other"), {"format": "pt"}, {"weight": np.zeros((2, 2))})
    with pytest.raises(PersistenceError, match="not a file that save_model has written"):
        load_model(tmp_path / "other")


def test_paths(tmp_path):
    with pytest.raises(IsADirectoryError, match=r"path must be a file .*; got a folder"):
        load_model(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"path must be a file .*; there is no"):
        load_model(tmp_path / "none")
    with pytest.raises(ValueError, match="mmap must be"):
        load_model(tmp_path, mmap="r")


def test_interactions_among_the_parameters_are_checked(tmp_path):
    X = tiny(EASE)
    item = int(np.argmin(X[2].toarray()))  # one that the user lacks
    pair = Interactions.from_arrays([2], [item], frame=X.shape)
    save_model(
        quick(make_estimator(GMFClassifier), validation_data=pair).fit(X), tmp_path / "model"
    )
    same = load_model(tmp_path / "model").validation_data
    assert (same.frame, same.item.tolist()) == (X.shape, [item])
    name = "parameters.validation_data.interactions.item"
    forge(tmp_path / "model", array(name, lambda a: a + 1000), tmp_path / "forged")
    with pytest.raises(PersistenceError, match="validation_data must be interactions"):
        load_model(tmp_path / "forged")
