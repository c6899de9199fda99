"""The files themselves: their format, mapping, and writing that leaves a whole file or none."""

import json
import os
import pickle
import resource
import signal
import struct
import subprocess
import sys
from multiprocessing import get_context

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from skrec import EASERecommender, MultVAERecommender, load_model, save_model
from skrec.persistence import _container
from skrec.persistence._container import read_file, write_file
from skrec.persistence._json import from_json, to_json
from skrec.testing import make_estimator
from skrec.testing._data import quick, scores_of, tiny

EASE = make_estimator(EASERecommender)
KINDS = ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?"]


def arrays():
    """Return a strategy of arrays of all kinds, in any order of memory."""
    dtypes = st.sampled_from(KINDS).map(np.dtype)
    shapes = npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)
    plain = dtypes.flatmap(lambda dtype: npst.arrays(dtype, shapes))
    return plain.flatmap(lambda a: st.sampled_from([a, a.T, a[::2] if a.ndim else a]))


@settings(max_examples=50, deadline=None)
@given(found=st.dictionaries(st.text(max_size=8), arrays(), max_size=4))
def test_arrays_come_back_to_the_last_bit(found, tmp_path_factory):
    path = str(tmp_path_factory.getbasetemp() / "arrays")
    text, named = to_json({f"x{key}": value for key, value in found.items()})
    write_file(path, {"text": text}, named)
    for mapped in (True, False):
        texts, read = read_file(path, mapped)
        back = from_json(texts["text"], read)
        for key, value in found.items():
            other = back[f"x{key}"]
            assert (other.dtype, other.shape) == (value.dtype, value.shape)
            assert other.tobytes() == value.tobytes()
            turned = value.flags.f_contiguous and not value.flags.c_contiguous
            assert not turned or other.flags.f_contiguous
            assert other.flags.writeable


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_plain_values_come_back(value):
    assert repr(from_json(*to_json({"value": value}))["value"]) == repr(value)


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "?"])
def test_numbers_of_numpy_come_back(kind):
    number = np.dtype(kind).type(7)
    back = from_json(*to_json([number, np.bool_(True), np.float32(np.nan)]))
    assert (type(back[0]), back[0]) == (type(number), number)
    assert type(back[1]) is np.bool_
    assert np.isnan(back[2])


def test_the_format_is_that_of_safetensors(tmp_path):
    """A reader written from the description of the format finds all arrays, without holes."""
    save_model(make_estimator(EASERecommender).fit(tiny(EASE)), tmp_path / "model")
    content = (tmp_path / "model").read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    metadata = header.pop("__metadata__")
    assert all(isinstance(text, str) for text in metadata.values())
    sizes, end = {"F64": 8, "F32": 4, "I64": 8, "I32": 4, "U8": 1}, 0
    for entry in header.values():
        begin, stop = entry["data_offsets"]
        assert begin == end
        assert stop - begin == sizes[entry["dtype"]] * np.prod(entry["shape"], dtype=int)
        end = stop
    assert end == len(data)
    assert header["fitted._weights_"]["shape"] == [20, 20]
    weights = header["fitted._weights_"]["data_offsets"]
    assert (8 + length + weights[0]) % 64 == 0


def test_safetensors_reads_it(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    model = make_estimator(EASERecommender).fit(tiny(EASE))
    save_model(model, tmp_path / "model")
    found = safetensors.load_file(tmp_path / "model")["fitted._weights_"]
    np.testing.assert_array_equal(found, model._weights_)


# mapping


def test_mapped_arrays_are_views_of_one_mapping(tmp_path):
    save_model(make_estimator(EASERecommender).fit(tiny(EASE)), tmp_path / "model")
    model = load_model(tmp_path / "model", mmap=True)
    bases = []
    for array in (model._weights_, model._diagonal_, model.interactions_.data):
        while isinstance(array.base, np.ndarray):
            array = array.base
        bases.append(array.base)
    assert len({id(base) for base in bases}) == 1


@pytest.mark.parametrize("cls", [EASERecommender, MultVAERecommender])
def test_what_is_written_to_a_mapped_model_stays_out_of_the_file(cls, tmp_path):
    model = quick(make_estimator(cls))
    model.set_params(**{name: True for name in model.get_params() if name == "warm_start"})
    model.fit(tiny(EASE))
    save_model(model, tmp_path / "model")
    before = (tmp_path / "model").read_bytes()
    same = load_model(tmp_path / "model", mmap=True)
    same.fit(tiny(EASE))
    same.interactions_.data[:] = 7
    same = load_model(tmp_path / "model", mmap=True)
    if cls is EASERecommender:
        same._weights_[:] = 0
    else:
        next(same.net_.module_.parameters()).data.zero_()
    assert (tmp_path / "model").read_bytes() == before
    np.testing.assert_array_equal(scores_of(load_model(tmp_path / "model")), scores_of(model))


def test_a_loaded_model_outlives_a_newer_file(tmp_path):
    model = make_estimator(EASERecommender).fit(tiny(EASE))
    save_model(model, tmp_path / "model")
    same = load_model(tmp_path / "model", mmap=True)
    save_model(make_estimator(EASERecommender, l2=900.0).fit(tiny(EASE)), tmp_path / "model")
    np.testing.assert_array_equal(scores_of(same), scores_of(model))


def test_a_mapped_model_can_be_pickled_and_saved(tmp_path):
    model = make_estimator(EASERecommender).fit(tiny(EASE))
    save_model(model, tmp_path / "model")
    same = load_model(tmp_path / "model", mmap=True)
    save_model(same, tmp_path / "model")
    for each in (pickle.loads(pickle.dumps(same)), load_model(tmp_path / "model")):
        np.testing.assert_array_equal(scores_of(each), scores_of(model))


# writing


def _save_with_little_room(path, bytes_left):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write then fails, as on a full disk
    model = make_estimator(EASERecommender).fit(tiny(EASE))
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_left, bytes_left))
    try:
        save_model(model, path)
    except OSError:
        os._exit(7)


@pytest.mark.parametrize("bytes_left", [0, 100, 5000])
def test_a_full_disk_leaves_the_old_file(bytes_left, tmp_path):
    path = tmp_path / "model"
    path.write_bytes(b"as it was")
    process = get_context("fork").Process(target=_save_with_little_room, args=(path, bytes_left))
    process.start()
    process.join(60)
    assert process.exitcode == 7
    assert path.read_bytes() == b"as it was"
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize("error", [OSError("full"), KeyboardInterrupt()])
@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_what_stops_the_writing_leaves_the_old_file(function, error, tmp_path, monkeypatch):
    def stop(*args):
        raise error

    path = tmp_path / "model"
    path.write_bytes(b"as it was")
    monkeypatch.setattr(_container.os, function, stop)
    with pytest.raises(type(error)):
        write_file(str(path), {}, {"a": np.zeros(3)})
    assert path.read_bytes() == b"as it was"
    assert [*tmp_path.iterdir()] == [path]


KILLED = """
import sys, numpy as np
from skrec.persistence._container import write_file
arrays = {"a": np.zeros(50_000_000, np.uint8)}
print("ready", flush=True)
while True:
    write_file(sys.argv[1], {}, arrays)
"""


@pytest.mark.slow
def test_a_killed_write_leaves_a_whole_file(tmp_path):
    path = str(tmp_path / "model")
    write_file(path, {}, {"a": np.zeros(3)})
    for wait in np.linspace(0.01, 0.3, 10):
        command = [sys.executable, "-c", KILLED, path]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(wait)
            process.kill()
        read_file(path, False)


def test_links_and_modes(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there" / "model")
    write_file(str(tmp_path / "link"), {}, {})
    assert (tmp_path / "link").is_symlink()
    assert read_file(str(tmp_path / "there" / "model"), False) == ({}, {})
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "there" / "model").stat().st_mode & 0o777 == 0o666 & ~mask


def test_paths_that_cannot_be_written(tmp_path):
    with pytest.raises(IsADirectoryError, match="path must be the name of a file; got a folder"):
        write_file(str(tmp_path), {}, {})
    with pytest.raises(FileNotFoundError, match="path must lie in a folder that is there"):
        write_file(str(tmp_path / "no" / "model"), {}, {})
    with pytest.raises(TypeError, match="a must be an array of numbers; got dtype complex"):
        write_file(str(tmp_path / "model"), {}, {"a": np.zeros(3, complex)})
    assert [*tmp_path.iterdir()] == []
