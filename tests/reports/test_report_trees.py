"""Trees of reports: which file counts, which module is which layer, what does not fit together."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dse.design import Fidelity
from dse.errors import ReportError
from dse.reports.result import read_result
from dse.reports.tree import TreeReport, qor_of_tree, read_tree

GOLDEN = Path(__file__).parent / "golden"
VIVADO = "myproject_prj/solution1/syn/report"


def put(root: Path, place: str, golden: str, *replacements: tuple[str, str]) -> Path:
    """Write a golden file (with texts replaced) into a tree."""
    text = (GOLDEN / golden).read_bytes().decode()
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


@pytest.fixture
def vivado(tmp_path: Path) -> Path:
    """An hls4ml project of Vivado HLS 2018.3: a convolution, a ReLU that stands twice, glue."""
    put(tmp_path, f"{VIVADO}/csynth.xml", "vivado_2018.3_dataflow_csynth.xml")
    put(tmp_path, f"{VIVADO}/myproject_csynth.xml", "vivado_2018.3_dataflow_csynth.xml")
    put(tmp_path, f"{VIVADO}/myproject_csynth.rpt", "vivado_2018.3_csynth.rpt")
    put(tmp_path, f"{VIVADO}/relu_config3_s_csynth.xml", "vivado_2018.3_pipelined_csynth.xml", ("relu_2", "relu_config3_s"))
    return tmp_path


@pytest.fixture
def vitis(tmp_path: Path) -> Path:
    """An hls4ml project of Vitis HLS 2023.1: two layers with a module, one inlined."""
    put(tmp_path, f"{VIVADO}/csynth.xml", "vitis_2023.1_csynth.xml")
    put(tmp_path, "firmware/parameters.h", "parameters_dense.h")
    put(tmp_path, "firmware/defines.h", "defines_mixed.h")
    put(tmp_path, "hls4ml_config.yml", "config_mixed.yml")
    return tmp_path


def rows(tree: TreeReport) -> dict[str, float | None]:
    return {row.name: row.qor.lut for row in (*tree.layers, *tree.glue)}


def test_vivado_counts_instances_and_leaves_a_remainder(vivado: Path) -> None:
    tree = read_tree(vivado)
    assert rows(tree) == {"config2": 7858, "config3": 210, "Block_arrayctor_loop": 11}
    relu = tree.layers[1]
    assert (relu.n_instances, relu.qor.latency_cycles_max, relu.qor.ii_cycles_max) == (2, None, None)
    assert any("several instances make up config3" in warning for warning in tree.warnings)
    assert (tree.remainder.lut, tree.remainder.ff, tree.remainder.bram_18k, tree.remainder.uram) == (270, 106, 3, None)
    assert (tree.layers[0].qor.ii_cycles_min, tree.layers[0].qor.latency_cycles_max) == (949, 2917)


@pytest.mark.parametrize(
    "place", [".", "myproject_prj", "myproject_prj/solution1", VIVADO, f"{VIVADO}/csynth.xml", f"{VIVADO}/myproject_csynth.rpt"]
)
def test_any_level_of_a_project_is_read(vivado: Path, place: str) -> None:
    tree = read_tree(vivado / place)
    assert (tree.csynth.top, tree.csynth.total.used.lut) == ("myproject", 8349)


def test_a_unified_component_is_read(tmp_path: Path) -> None:
    put(tmp_path, "net/net/hls/syn/report/csynth.xml", "vitis_2025.1_csynth.xml")
    put(tmp_path, "net/net/hls/syn/report/csynth_design_size.rpt", "vivado_2018.2_export.rpt")
    assert read_tree(tmp_path / "net").csynth.version == "2025.1"


def test_layers_are_named_and_ordered_by_what_was_built(vitis: Path) -> None:
    tree = read_tree(vitis)
    assert rows(tree) == {"fc1": 2100, "fc1_relu": 256}
    assert tree.inlined == ("output",)
    assert [layer.config.reuse_factor for layer in tree.layers if layer.config] == [16, 1]
    assert tree.layers[0].bound == "loop DataPrepare: 16 x II 1"
    assert (tree.remainder.lut, tree.remainder.dsp) == (144, 0)
    qor = qor_of_tree(tree)
    assert [name for name, _ in qor.layers] == ["fc1", "fc1_relu"]
    assert (qor.lut, qor.ii_cycles_max, qor.clock_period_ns) == (2500, 103, 3.647)


@pytest.mark.parametrize("place", ["myproject_prj", "myproject_prj/solution1", f"{VIVADO}/csynth.xml"])
def test_a_part_of_a_project_knows_its_surroundings(vitis: Path, place: str) -> None:
    tree = read_tree(vitis / place)
    assert rows(tree) == {"fc1": 2100, "fc1_relu": 256}
    assert tree.types.default is not None


def test_what_was_asked_for_and_what_was_built_may_differ(vitis: Path) -> None:
    warnings = read_tree(vitis).warnings
    assert any("fc1: hls4ml_config.yml asks for reuse factor 4" in warning and "built with 16" in warning for warning in warnings)
    assert not any("output" in warning for warning in warnings)


def test_a_requested_interval_that_is_not_the_reuse_factor_is_flagged(tmp_path: Path) -> None:
    put(
        tmp_path,
        f"{VIVADO}/csynth.xml",
        "vitis_2021.1_latency_csynth.xml",
        ("<TargetInitiationInterval>2", "<TargetInitiationInterval>100"),
    )
    put(tmp_path, "firmware/parameters.h", "parameters_dense.h")
    assert any("asked for an interval of 100" in warning and "2" in warning for warning in read_tree(tmp_path).warnings)


def test_names_cut_at_80_characters_fall_back_to_what_stands_inside(tmp_path: Path) -> None:
    cut = "pointwise_conv_1d_cl_0_0_0_0_0_1"
    put(tmp_path, f"{VIVADO}/csynth.xml", "vitis_2024.1_csynth.xml",
        ("dense_array_ap_fixed_16u_array_ap_fixed_16_6_5_3_0_8u_config2_s", cut))  # fmt: skip
    assert rows(read_tree(tmp_path)) == {"config2": 2100, "config3": 256}


def test_a_cut_name_inside_a_layer_belongs_to_the_layer(tmp_path: Path) -> None:
    put(tmp_path, f"{VIVADO}/csynth.xml", "vitis_2024.1_csynth.xml",
        ("dense_resource_wrapper_ap_fixed_ap_fixed_config2_s", "dense_resource_rf_gt_nin_rem0_0_0_0_1"))  # fmt: skip
    assert rows(read_tree(tmp_path)) == {"config2": 2100, "config3": 256}


def test_a_top_around_the_top(tmp_path: Path) -> None:
    """`myproject_axi` holds `myproject`: the wrapper is no layer, and its own hardware is in the remainder."""
    text = (GOLDEN / "vitis_2024.1_csynth.xml").read_text()
    head, hierarchy = text.split("<InstancesList>", 1)
    inner, tail = hierarchy.rsplit("</InstancesList>\n        </TopModule>", 1)
    wrapped = (
        f"{head}<InstancesList><Instance><InstName>myproject_U0</InstName><ModuleName>myproject</ModuleName><InstancesList>{inner}"
        f"</InstancesList></Instance></InstancesList></TopModule>{tail}"
    )
    (tmp_path / "csynth.xml").write_text(wrapped)
    assert rows(read_tree(tmp_path)) == {"config2": 2100, "config3": 256}


def test_logic_synthesis_stands_beside_the_estimate(vivado: Path) -> None:
    part = ("xc7z007sclg225-1", "7z007sclg225-1")
    put(vivado, "vivado_synth.rpt", "vivado_2020.1_7series_utilization_synth.rpt", ("7z020clg400-1", part[1]))
    put(vivado, "myproject_prj/solution1/sim/report/myproject_cosim.rpt", "cosim_2019.2_pass.rpt")
    tree = read_tree(vivado)
    assert tree.vsynth is not None
    assert tree.cosim is not None
    assert tree.cosim.latency_cycles.maximum == 5394
    qor = qor_of_tree(tree, Fidelity.VSYNTH)
    assert (qor.lut, qor.bram_18k, qor.uram, qor.latency_cycles_max, qor.layers) == (1526, 5, None, 3004, ())
    assert qor_of_tree(tree).lut == 8349
    with pytest.raises(ReportError, match="impl"):
        qor_of_tree(tree, Fidelity.IMPL)


def test_a_report_of_another_part_is_left_out(vivado: Path) -> None:
    put(vivado, "vivado_synth.rpt", "vivado_2020.1_7series_utilization_synth.rpt")
    tree = read_tree(vivado)
    assert tree.vsynth is None
    assert any("of part 7z020clg400-1" in warning for warning in tree.warnings)


def test_the_freshest_complete_solution_counts(vivado: Path) -> None:
    newer = put(
        vivado, "myproject_prj/solution2/syn/report/csynth.xml", "vivado_2018.3_dataflow_csynth.xml", ("<LUT>8349", "<LUT>7000")
    )
    for file in (vivado / VIVADO).iterdir():
        os.utime(file, (1000, 1000))
    os.utime(newer, (2000, 2000))
    assert read_tree(vivado).csynth.total.used.lut == 7000
    newer.write_text("<profile>")
    os.utime(newer, (2000, 2000))
    assert read_tree(vivado).csynth.total.used.lut == 8349


def test_reports_of_two_builds_in_one_folder(vivado: Path) -> None:
    put(vivado, f"{VIVADO}/myproject_csynth.xml", "vivado_2018.3_dataflow_csynth.xml", ("<LUT>8349", "<LUT>7000"))
    put(vivado, f"{VIVADO}/csynth.xml", "vivado_2018.3_dataflow_csynth.xml", ("<LUT>8349", "<LUT>7000"))
    for name, when in (("myproject_csynth.xml", 9000), ("csynth.xml", 9000), ("myproject_csynth.rpt", 1000)):
        os.utime(vivado / VIVADO / name, (when, when))
    tree = read_tree(vivado)
    assert (tree.csynth.total.used.lut, tree.is_mixed, tree.layers) == (7000, True, ())
    with pytest.raises(ReportError, match="two builds"):
        result(vivado)


def test_several_reports_of_one_top_are_not_guessed_about(tmp_path: Path) -> None:
    put(tmp_path, "one_csynth.rpt", "vivado_2018.3_csynth.rpt")
    put(
        tmp_path,
        "two_csynth.rpt",
        "vivado_2018.3_csynth.rpt",
        ("|Total            |      134|      9|   4852|   8349|", "|Total            |      134|      9|   4852|   8350|"),
    )
    with pytest.raises(ReportError, match="several reports of the top"):
        read_tree(tmp_path)


def test_several_builds_are_not_guessed_about(tmp_path: Path) -> None:
    for name in ("a", "b"):
        put(tmp_path, f"{name}/{VIVADO}/csynth.xml", "vitis_2023.1_csynth.xml")
    with pytest.raises(ReportError, match="2 builds"):
        read_tree(tmp_path)


def test_an_undefined_latency_is_no_observation(tmp_path: Path) -> None:
    put(tmp_path, "csynth.xml", "vitis_2022.2_undef_csynth.xml")
    tree = read_tree(tmp_path)
    assert not tree.is_defined
    assert "no latency" in tree.warnings[0]
    assert qor_of_tree(tree).latency_cycles_max is None


def test_parts_above_the_total_are_flagged(vivado: Path) -> None:
    for name in ("csynth.xml", "myproject_csynth.xml"):
        put(vivado, f"{VIVADO}/{name}", "vivado_2018.3_dataflow_csynth.xml", ("<LUT>8349", "<LUT>8000"))
    put(
        vivado,
        f"{VIVADO}/myproject_csynth.rpt",
        "vivado_2018.3_csynth.rpt",
        ("|      9|   4852|   8349|", "|      9|   4852|   8000|"),
    )
    tree = read_tree(vivado)
    assert any(warning.startswith("LUT: the parts use 8079") for warning in tree.warnings)
    assert tree.remainder.lut is None


def test_xml_without_text_tells_no_layers(vivado: Path) -> None:
    (vivado / VIVADO / "myproject_csynth.rpt").unlink()
    tree = read_tree(vivado)
    assert (tree.csynth.total.used.lut, tree.layers) == (8349, ())
    assert any("which module stands where" in warning for warning in tree.warnings)


def test_text_without_xml_is_enough(vivado: Path) -> None:
    for name in ("csynth.xml", "myproject_csynth.xml"):
        (vivado / VIVADO / name).unlink()
    assert rows(read_tree(vivado)) == {"config2": 7858, "config3": 210, "Block_arrayctor_loop": 11}


def test_links_are_not_followed_and_the_rest_of_a_project_is_not_opened(vivado: Path, tmp_path: Path) -> None:
    put(vivado, "myproject_prj/solution1/.autopilot/db/other_csynth.xml", "vivado_2019.2_csynth.xml")
    (vivado / "loop").symlink_to(vivado, target_is_directory=True)
    assert read_tree(vivado).csynth.top == "myproject"


def result(project: Path, **changes: object) -> TreeReport:
    expected: dict[str, object] = {
        "expected_top": "myproject",
        "expected_part": "xc7z007s-clg225-1",
        "expected_clock_ns": 5.0,
        "newer_than": None,
        **changes,
    }
    return read_result(project, **expected)  # type: ignore[arg-type]


def test_a_result_must_be_the_right_one(vivado: Path) -> None:
    assert result(vivado).csynth.total.used.lut == 8349
    for changes, says in (
        ({"expected_top": "other"}, "of top 'myproject'"),
        ({"expected_part": "xc7z020clg400-1"}, "of part"),
        ({"expected_clock_ns": 4.0}, "clock of 5.0 ns"),
        ({"fidelity": Fidelity.VSYNTH}, "logic synthesis"),
    ):
        with pytest.raises(ReportError, match=says):
            result(vivado, **changes)


def test_a_result_must_be_fresh(vivado: Path) -> None:
    for file in (vivado / VIVADO).iterdir():
        os.utime(file, (5000, 5000))
    assert result(vivado, newer_than=4999.0).csynth.top == "myproject"
    with pytest.raises(ReportError, match="stale"):
        result(vivado, newer_than=5001.0)
    os.utime(vivado / VIVADO / "relu_config3_s_csynth.xml", (10, 10))
    with pytest.raises(ReportError, match="stale"):
        result(vivado, newer_than=4999.0)


def test_modules_of_another_day_are_flagged(vivado: Path) -> None:
    put(vivado, f"{VIVADO}/relu_config3_s_csynth.rpt", "vivado_2016.4_loops_csynth.rpt", ("conv_2d_cl_config2_s", "relu_config3_s"))
    assert not any("another day" in warning for warning in read_tree(vivado).warnings)
    put(
        vivado,
        f"{VIVADO}/relu_config3_s_csynth.rpt",
        "vivado_2016.4_loops_csynth.rpt",
        ("conv_2d_cl_config2_s", "relu_config3_s"),
        ("Mar  2", "Jan  2"),
    )
    assert any("another day than the top's: relu_config3_s" in warning for warning in read_tree(vivado).warnings)


def test_odd_names_of_files(vivado: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dse.commands.report import report

    put(vivado, f"{VIVADO}/été<1,2>_csynth.rpt", "vivado_2016.4_loops_csynth.rpt")
    bad = os.fsencode(vivado / VIVADO) + b"/\xff\x1b]52;c_csynth.xml"
    with open(bad, "wb") as file:  # noqa: PTH123  a name that is no text
        file.write(b"<profile>")
    assert report(vivado, as_json=False) == 0
    assert report(vivado, as_json=True) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_damaged_trees_are_an_error_or_say_the_same(vivado: Path) -> None:
    from random import Random

    random = Random(5)
    files = sorted((vivado / VIVADO).iterdir())
    whole = {file: file.read_bytes() for file in files}
    for _ in range(150):
        file = random.choice(files)
        cut = whole[file][: random.randrange(len(whole[file]))]
        file.write_bytes(cut)
        try:
            tree = read_tree(vivado)
        except ReportError:
            file.write_bytes(whole[file])
            continue
        file.write_bytes(whole[file])
        assert (tree.csynth.total.used.lut, tree.csynth.total.ii_cycles.maximum) == (8349, 2917)
        found = rows(tree)
        assert all(found[name] in (None, lut) for name, lut in (("config2", 7858), ("config3", 210)) if name in found)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="no such file"):
        read_tree(tmp_path / "none")
    with pytest.raises(ReportError, match="no C synthesis report"):
        read_tree(tmp_path)


def test_shared_tree_of_vivado_hls_2018(shared: Path) -> None:
    tree = read_tree(shared / "data" / "reports" / "filipemlins+nas-hls4ml")
    assert tree.csynth.toolchain == "vivado_hls 2018.3"
    assert (tree.csynth.total.used.lut, tree.csynth.total.used.bram_18k) == (8349, 124)
    assert (tree.csynth.total.ii_cycles.minimum, tree.csynth.total.ii_cycles.maximum) == (949549, 2917349)
    assert len(tree.glue) == 13
    assert sum(row.qor.lut or 0 for row in tree.glue) == 8276
    assert (tree.remainder.lut, tree.remainder.bram_18k) == (73, 29)
    assert tree.warnings == ("BRAM: 124 of 100 (124 %): the HLS estimate does not fit the device",)


def test_shared_tree_of_vivado_hls_2020(shared: Path) -> None:
    tree = read_tree(shared / "data" / "reports" / "fastmachinelearning+hls4ml")
    assert rows(tree) == {"config2": 2134, "config3": 256}
    assert tree.vsynth is not None
    assert (tree.csynth.total.used.dsp, tree.vsynth.total.used.dsp) == (73, 66)
    assert (tree.remainder.lut, tree.remainder.ff) == (142, 25)
    assert tree.warnings == ()
