"""The plan of a project: found again, and trusted only while the project is as it was written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.design import (
    IO_TYPES,
    STRATEGIES,
    DesignPoint,
    Fidelity,
    Job,
    Layer,
    LayerChoice,
    Network,
    Precision,
    Target,
    Toolchain,
    normalise_part,
)
from dse.errors import ConversionError, SpecError
from dse.parts import vendor_part
from dse.project.plan import BuiltLayer, ProjectPlan, content_digest, load_plan
from dse.wire import from_json, to_json


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "firmware" / "weights").mkdir(parents=True)
    (tmp_path / "firmware" / "parameters.h").write_text("struct config2;")
    (tmp_path / "firmware" / "weights" / "w2.h").write_text("1, 2")
    (tmp_path / "project.tcl").write_text("set part x")
    (tmp_path / "build_lib.sh").write_text("stamp 1")
    layers = (BuiltLayer(2, "fc1", "fc1", "Dense", "resource", 4), BuiltLayer(3, "fc1_relu", "fc1", "Activation"))
    ProjectPlan(tmp_path, content_digest(tmp_path), "myproject", layers, "1.3.0", ("a note",)).save()
    return tmp_path


def test_plan_is_found_again(project: Path) -> None:
    plan = load_plan(project)
    assert plan.layer_names() == {2: "fc1", 3: "fc1"}
    assert [layer.name for layer in plan.built_from("fc1")] == ["fc1", "fc1_relu"]
    assert plan.built_from("gone") == ()
    assert plan.notes == ("a note",)
    assert plan.directory == project


@pytest.mark.parametrize("name", ["firmware/parameters.h", "firmware/weights/w2.h", "project.tcl", "firmware/new.h"])
def test_changed_content_is_noticed(project: Path, name: str) -> None:
    (project / name).write_text("changed")
    with pytest.raises(ConversionError, match="was changed"):
        load_plan(project)


def test_what_the_tool_does_not_read_may_change(project: Path) -> None:
    (project / "build_lib.sh").write_text("stamp 2")
    (project / "build_opt.tcl").write_text("array set opt {csim 0}")
    assert load_plan(project).top == "myproject"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"digest": 1, "top": 2, "layers": [{}]}'])
def test_broken_plan_is_no_plan(project: Path, text: str) -> None:
    (project / "dse_plan.json").write_text(text)
    with pytest.raises(ConversionError, match="no complete project"):
        load_plan(project)


def test_directory_without_plan(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="no complete project"):
        load_plan(tmp_path)


@pytest.mark.parametrize(
    "part",
    [
        "xc7a200tfbg676-2",
        "xc7z020clg400-1",
        "xc7z007sclg225-1",
        "xc7k325tffg900-2L",
        "xcu250-figd2104-2L-e",
        "xczu7ev-ffvc1156-2-e",
        "xcku115-flva2104-1-i",
        "xcvu9p-flga2104-2L-e",
        "xcvu13p-flga2577-2-e",
        "xck26-sfvc784-2LV-c",
        "xck26-sfvc784-2LVI-i",
        "xcvc1902-vsva2197-2MP-e-S",
        "xcve2802-vsvh1760-2MP-e-S-es1",
        "xcau25p-ffvb676-2-e",
        "xczu29dr-ffvf1760-2-e",
        "xc7s50csga324-1",
        "xc7a35ticsg324-1L",
        "xc7z030sbg485-1",
    ],
)
def test_vendor_spelling_comes_back(part: str) -> None:
    assert vendor_part(normalise_part(part)) == part


@pytest.mark.parametrize("part", ["xc7a200t", "xcu250", "xc7a200tfbg676", "xc9z999clg1-1"])
def test_part_without_package_or_device_is_refused(part: str) -> None:
    with pytest.raises(SpecError):
        vendor_part(part)


names = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)
precisions = st.builds(Precision, st.integers(1, 64), st.integers(-4, 20), st.booleans())
attributes = st.one_of(st.integers(-9, 9), st.text(max_size=5), st.booleans())


@st.composite
def jobs(draw: st.DrawFn) -> Job:
    layers = []
    for name in draw(st.lists(names, min_size=1, max_size=4, unique=True)):
        given_attributes = tuple(sorted(draw(st.dictionaries(names, attributes, max_size=3)).items(), key=lambda pair: pair[0]))
        layers.append(Layer(name, "dense", draw(st.integers(1, 99)), draw(st.integers(1, 99)), 1, 0, (), (3,), given_attributes))
    choice = st.builds(LayerChoice, st.integers(1, 4096), st.sampled_from(STRATEGIES), st.none() | precisions)
    point = DesignPoint(tuple((layer.name, draw(choice)) for layer in layers))
    target = Target(
        "xcu250figd21042le",
        draw(st.floats(0.1, 100)),
        draw(st.sampled_from(IO_TYPES)),
        draw(precisions),
        Toolchain("vitis_hls", "2023.2"),
        clock_uncertainty_percent=draw(st.none() | st.floats(0, 50)),
    )
    return Job(Network("net", tuple(layers), "ab" * 32), point, target, draw(st.sampled_from(Fidelity)), draw(names))


@given(jobs())
def test_a_job_survives_the_way_to_a_worker(job: Job) -> None:
    returned = from_json(Job, json.loads(json.dumps(to_json(job))))
    assert returned == job
    assert returned.key == job.key
