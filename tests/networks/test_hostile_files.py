"""Files made to harm: nothing of them runs, nothing expands, nothing outside them is opened; each gives one message."""

from __future__ import annotations

import io
import json
import zipfile

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dse.design import Network
from dse.errors import NetworkError
from dse.networks import archive, read, read_network, weights

SENTINEL = "__import__('pathlib').Path('sentinel').touch()"


def odd_layers(make):
    """Layers that bring code, by name."""
    custom = make.layer("Dense", "odd", units=2)
    return {
        "Lambda": make.layer("Lambda", "odd", function={"class_name": "__lambda__", "config": {"code": SENTINEL}}),
        "Lambda of Keras 2": make.layer("Lambda", "odd", function=[SENTINEL, None, None], function_type="lambda"),
        "saved model": make.layer("TFSMLayer", "odd", filepath="/etc"),
        "foreign module": {**custom, "module": "os"},
        "module that only begins like Keras": {**custom, "module": "keras_evil.layers"},
        "registered class": {**custom, "registered_name": "Custom>Dense"},
        "custom class": {**custom, "class_name": "Custom>Dense"},
        "activation of one's own": make.dense(
            "odd", 2, {"module": "builtins", "class_name": "function", "config": "run", "registered_name": "function"}
        ),
        "initializer of one's own": make.dense(
            "odd",
            2,
            kernel_initializer={"module": "subprocess", "class_name": "run", "config": {"args": "id"}, "registered_name": None},
        ),
        "lambda in an activation": make.dense("odd", 2, {"class_name": "__lambda__", "config": {"value": SENTINEL}}),
    }


@pytest.mark.parametrize(
    "which",
    [
        "Lambda",
        "Lambda of Keras 2",
        "saved model",
        "foreign module",
        "module that only begins like Keras",
        "registered class",
        "custom class",
        "activation of one's own",
        "initializer of one's own",
        "lambda in an activation",
    ],
)
@pytest.mark.parametrize("suffix", ["json", "h5", "keras"])
def test_code_is_refused_and_never_runs(files, make, monkeypatch, which, suffix):
    monkeypatch.chdir(files.folder)
    document = make.sequential(make.start(4), make.dense("fc", 4), odd_layers(make)[which])
    path = getattr(files, suffix)(document)
    with pytest.raises(NetworkError, match=r"allow_code|expected one that hls4ml builds"):
        read_network(path)
    assert not (files.folder / "sentinel").exists()


def test_code_in_the_training_part_counts_too(files, make):
    document = {**make.small, "compile_config": {"loss": {"class_name": "__lambda__", "config": {"value": SENTINEL}}}}
    with pytest.raises(NetworkError, match="__lambda__"):
        read_network(files.json(document))
    ours = {"module": "my_losses", "class_name": "function", "config": "my_loss", "registered_name": "function"}
    assert read_network(files.json({**make.small, "compile_config": {"loss": ours}})).layers


def test_allowed_code_is_read_but_not_run(files, make, monkeypatch):
    monkeypatch.chdir(files.folder)
    known = make.layer("Lambda", "odd", function=[SENTINEL, None, None], output_shape=[4])
    path = files.json(make.sequential(make.start(4), known, make.dense("fc", 2)))
    network = read_network(path, allow_code=True)
    assert network.layer("odd").kind == "custom"
    assert network.layer("fc").n_in == 4
    assert not (files.folder / "sentinel").exists()
    unknown = make.layer("Lambda", "odd", function=[SENTINEL, None, None])
    with pytest.raises(NetworkError, match="does not say its output_shape"):
        read_network(files.json(make.sequential(make.start(4), unknown, make.dense("fc", 2))), allow_code=True)


def test_zip_bomb(files):
    bomb = b"[" + b" " * 30_000_000 + b"]"
    with pytest.raises(NetworkError, match="more than is sensible"):
        read_network(files.keras(bomb, compression=zipfile.ZIP_DEFLATED))
    with pytest.raises(NetworkError, match="more than is sensible"):
        read_network(files.keras(weights=bytes(30_000_000), compression=zipfile.ZIP_DEFLATED))


def test_zip_that_lies_about_its_size(files):
    path = files.keras("{" + " " * 100_000 + "}", compression=zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    size = (100_002).to_bytes(4, "little")
    assert data.count(size) == 2
    with pytest.raises(NetworkError):
        read_network(files.bytes(bytes(data).replace(size, (10).to_bytes(4, "little")), "lies.keras"))


def test_zip_with_a_member_twice(files, make):
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = files.keras(**{"config.json": "{}"})
    with pytest.raises(NetworkError, match="repeated members"):
        read_network(path)


@pytest.mark.parametrize(
    "link",
    [h5py.ExternalLink("/etc/passwd", "/"), h5py.ExternalLink("other.h5", "/model_weights"), h5py.SoftLink("/model_weights/fc1")],
)
def test_links_that_lead_elsewhere(files, link):
    def change(file):
        file["model_weights/away"] = link

    with pytest.raises(NetworkError, match="leads elsewhere"):
        read_network(files.h5(change=change))


def test_data_stored_outside(files):
    (files.folder / "secret").write_bytes(bytes(64))

    def external(file):
        file["model_weights"].create_dataset("w", (16,), "f4", external=[(str(files.folder / "secret"), 0, 64)])

    with pytest.raises(NetworkError, match="outside the file"):
        read_network(files.h5(change=external))

    def virtual(file):
        layout = h5py.VirtualLayout((4, 8), "f4")
        layout[:] = h5py.VirtualSource("other.h5", "data", (4, 8))
        file["model_weights"].create_virtual_dataset("v", layout)

    with pytest.raises(NetworkError, match="outside the file"):
        read_network(files.h5(change=virtual, name="virtual.h5"))


def test_array_far_larger_than_the_file(files):
    def change(file):
        file["model_weights"].create_dataset("w", (2**40,), "f4", chunks=(1024,))

    with pytest.raises(NetworkError, match="declared"):
        read_network(files.h5(change=change))


def test_compressed_array_bomb(files):
    def change(file):
        file["model_weights"].create_dataset("w", data=np.zeros(8_000_000, "f4"), chunks=(1_000_000,), compression="gzip")

    with pytest.raises(NetworkError, match="declared"):
        read_network(files.h5(change=change))


def test_objects_instead_of_numbers(files):
    def change(file):
        file["model_weights"].create_dataset("w", data="text", dtype=h5py.string_dtype())

    with pytest.raises(NetworkError, match="expected numbers"):
        read_network(files.h5(change=change))


def test_cycle_of_groups_ends(files):
    def change(file):
        file["model_weights/again"] = file["model_weights"]  # a hard link to its own parent

    with pytest.raises(NetworkError, match="more HDF5 objects"):
        read_network(files.h5(change=change))


def test_weights_alone_are_not_a_network(files):
    with pytest.raises(NetworkError, match="weights alone"):
        read_network(files.h5(None))


def test_deep_documents(files):
    for text in ("[" * 100_000 + "]" * 100_000, '{"config":' * 50_000 + "1" + "}" * 50_000, "[" * 300 + "]" * 300):
        with pytest.raises(NetworkError):
            read_network(files.json(text))


def test_networks_within_networks_end(files, make):
    document = make.small
    for _ in range(30):
        document = make.sequential(make.start(4), document)
    with pytest.raises(NetworkError, match="deep"):
        read_network(files.json(document))


@pytest.mark.parametrize("size", [10**400, -1, 0, 2**70, 1.5, "4", True, None, [4], {}, float("inf")])
def test_impossible_sizes(files, make, size):
    with pytest.raises(NetworkError):
        read_network(files.json(make.sequential(make.start(size), make.dense("fc", 4))))
    if size != [4]:  # a list of one size is that size
        with pytest.raises(NetworkError):
            read_network(files.json(make.sequential(make.start(4), make.dense("fc", size))))


def test_too_large_a_file(files, make, monkeypatch):
    path = files.json(make.small)
    monkeypatch.setitem(read.MAXIMUM_BYTES, ".json", path.stat().st_size)
    assert read_network(path).layers
    monkeypatch.setitem(read.MAXIMUM_BYTES, ".json", path.stat().st_size - 1)
    with pytest.raises(NetworkError, match="expected at most"):
        read_network(path)


def test_too_many_weights(files, monkeypatch):
    with files.h5().open("rb") as file:
        monkeypatch.setattr(weights, "MAXIMUM_WEIGHTS_BYTES", 191)
        with pytest.raises(NetworkError, match="weights of more than"):
            weights.read_hdf5(file, "model_weights")
        monkeypatch.setattr(weights, "MAXIMUM_WEIGHTS_BYTES", 192)
        assert weights.read_hdf5(file, "model_weights")[1]


def test_a_reader_that_hangs_or_crashes_is_the_files_fault(files, monkeypatch):
    path = files.h5()
    monkeypatch.setattr(archive, "READ_SECONDS", 0.0)
    with pytest.raises(NetworkError, match="did not end within 0 s"):
        read_network(path)
    monkeypatch.undo()
    monkeypatch.setattr(archive.sys, "executable", "/bin/false")
    with pytest.raises(NetworkError, match="ended with status 1"):
        read_network(path)


def test_files_that_are_none(files):
    with pytest.raises(NetworkError, match="no such file"):
        read_network(files.folder / "gone.json")
    (files.folder / "folder.json").mkdir()
    with pytest.raises(NetworkError, match="no such file"):
        read_network(files.folder / "folder.json")
    with pytest.raises(NetworkError, match="empty"):
        read_network(files.bytes(b"", "net.h5"))
    with pytest.raises(NetworkError, match=r"cannot read \.onnx"):
        read_network(files.bytes(b"x", "net.onnx"))


def outcome(path):
    """Return what reading gives; anything else than a network or a NetworkError fails the test."""
    try:
        return read_network(path)
    except NetworkError as error:
        return error


ANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@ANY
@given(st.binary(max_size=300), st.sampled_from([".json", ".toml", ".h5", ".keras"]))
def test_any_bytes(files, data, suffix):
    assert isinstance(outcome(files.bytes(data, f"net{suffix}")), NetworkError)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["Dense", "Sequential", "Functional"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["class_name", "config", "name", "layers", "units"]), inner)
    ),
    max_leaves=8,
)


def places(document, path=()):
    yield path
    items = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def changed(document, path, value):
    if not path:
        return value
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[path[0]] = changed(copy[path[0]], path[1:], value)
    return copy


def rich_network(make):
    return make.functional(
        [
            make.called(make.start(8, 2)),
            make.called(
                make.layer("Conv1D", "conv", filters=2, kernel_size=[3], strides=[1], padding="same", activation="relu"), "inp"
            ),
            make.called(make.layer("MaxPooling1D", "pool", pool_size=[2], strides=[2], padding="valid"), "conv"),
            make.called(make.layer("LSTM", "lstm", units=3, return_sequences=True), "pool"),
            make.called(make.layer("Concatenate", "cat", axis=-1), "lstm", "pool", joined=True),
            make.called(make.layer("Reshape", "flat", target_shape=[-1]), "cat"),
            make.called(make.dense("out", 2), "flat"),
        ],
        ["out"],
    )


@settings(ANY, max_examples=300)
@given(st.data())
def test_any_change_of_a_configuration(files, make, data):
    document = rich_network(make)
    path = data.draw(st.sampled_from(sorted(places(document), key=str)))
    value = data.draw(VALUES)
    assert isinstance(outcome(files.json(changed(document, path, value))), Network | NetworkError)


@settings(ANY, max_examples=30)
@given(st.data())
def test_any_change_of_an_archive(files, make, data):
    good = io.BytesIO()
    with zipfile.ZipFile(good, "w") as archive:
        archive.writestr("config.json", json.dumps(make.small))
        archive.writestr("model.weights.h5", make.weights())
    damaged = bytearray(good.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    damaged = damaged[:cut] if data.draw(st.booleans()) else damaged
    assert isinstance(outcome(files.bytes(bytes(damaged), "net.keras")), Network | NetworkError)


@pytest.mark.slow
@settings(ANY, max_examples=40)
@given(st.randoms(use_true_random=False), st.integers(1, 40))
def test_any_change_of_an_hdf5_file(files, random, n_changes):
    archive.READ_SECONDS, before = 5.0, archive.READ_SECONDS
    damaged = bytearray(files.h5().read_bytes())
    for _ in range(n_changes):
        damaged[random.randrange(8, len(damaged))] = random.randrange(256)
    try:
        assert isinstance(outcome(files.bytes(bytes(damaged), "net.h5")), Network | NetworkError)
    finally:
        archive.READ_SECONDS = before
