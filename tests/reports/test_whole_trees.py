"""Kinds of faults that whole trees of public builds showed: which report is the design's, which module is whose, what is a copy.

Every tree is written by hand; what the tree must give is said beside it.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from reports.report_texts import PART, exported, kernels, module, parameters, utilization

from dse.commands.import_reports import import_reports
from dse.corpus import read_corpus
from dse.design import Fidelity
from dse.errors import CorpusError, ReportError
from dse.reports.config_yaml import Wanted
from dse.reports.file_sets import DirectoryFiles
from dse.reports.kinds import parse_report
from dse.reports.records import CosimReport
from dse.reports.result import read_result
from dse.reports.tree import TreeReport, qor_of_tree, read_tree

SOLUTION = "myproject_prj/solution1"
REPORTS = f"{SOLUTION}/syn/report"
DEFINES = "typedef ap_fixed<16,6> model_default_t;\ntypedef ap_fixed<16,6> weight2_t;\n"
ONE_LAYER = parameters((2, "fc1", "dense_config", "16", "8"))
FC1 = "dense_latency_ap_fixed_16_6_5_3_0_ap_fixed_16_6_5_3_0_config2_s"


def write(root: Path, place: str, text: str, when: float | None = None) -> Path:
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if when is not None:
        os.utime(path, (when, when))
    return path


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A project of one dense layer; top `myproject`, 1,000 LUT."""
    write(tmp_path, f"{REPORTS}/myproject_csynth.rpt", module("myproject", 1000, instances={"grp_fc1": (FC1, 900)}))
    write(tmp_path, f"{REPORTS}/{FC1}_csynth.rpt", module(FC1, 900))
    write(tmp_path, "firmware/parameters.h", ONE_LAYER)
    write(tmp_path, "firmware/defines.h", DEFINES)
    return tmp_path


def said(tree: TreeReport, words: str) -> list[str]:
    return [warning for warning in tree.warnings if words in warning]


def imported(root: Path, to: Path) -> dict[str, list[float | None]]:
    """Import a tree; return the LUTs of the designs of each fidelity."""
    import_reports(root, to, as_json=True)
    found: dict[str, list[float | None]] = {}
    for design in read_corpus(to).designs:
        found.setdefault(design.fidelity.value, []).append(getattr(design.outcome, "lut", None))
    return found


# F: export_design's folders


@pytest.mark.parametrize("language", ["verilog", "vhdl"])
def test_reports_of_an_exported_design_are_found(build: Path, language: str) -> None:
    write(build, f"{SOLUTION}/impl/{language}/report/myproject_utilization_synth.rpt", utilization("bd_0_wrapper", 700))
    write(
        build,
        f"{SOLUTION}/impl/{language}/report/myproject_utilization_routed.rpt",
        utilization("bd_0_wrapper", 650, state="Fully Placed"),
    )
    write(
        build, f"{SOLUTION}/syn/{language}/myproject_utilization_synth.rpt", utilization("myproject", 1)
    )  # RTL's folder: not looked into
    tree = read_tree(build)
    assert (tree.vsynth and tree.vsynth.total.used.lut, tree.impl and tree.impl.total.used.lut) == (700, 650)
    assert tree.warnings == ()


@pytest.mark.parametrize("place", [f"{SOLUTION}/impl/report/verilog/export_{{}}.rpt", "reports/hls_impl_{}.rpt"])
def test_the_export_reports_of_vitis_are_read(build: Path, place: str) -> None:
    write(build, place.format("syn"), exported("RTL Synthesis", 773, 2.503))
    write(build, place.format("impl" if "export" in place else "pnr"), exported("Place & Route", 745, 3.28))
    tree = read_tree(build)
    assert qor_of_tree(tree, Fidelity.VSYNTH).lut == 773
    placed = qor_of_tree(tree, Fidelity.IMPL)
    assert (placed.lut, placed.dsp, placed.bram_18k, placed.clock_period_ns) == (745, 4, 7, 3.28)
    assert tree.vsynth is not None
    assert (tree.vsynth.version, tree.vsynth.total.clock_estimated_ns, tree.warnings) == ("2023.2", 2.503, ())


# D, K: block designs


def test_of_a_block_design_only_the_instance_of_the_top_counts(build: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    runs = "vivado/project_1.runs"
    parts = {
        "design_1_auto_pc_0": 428,
        "design_1_axi_clock_converter_0": 0,
        "design_1_myproject_0_0": 812,
        "design_1_rst_ps7_0": 19,
    }
    for name, lut in parts.items():
        write(build, f"{runs}/{name}_synth_1/{name}_utilization_synth.rpt", utilization(name, lut, ff=lut))
    boxes = tuple(parts)
    write(
        build, f"{runs}/synth_1/design_1_wrapper_utilization_synth.rpt", utilization("design_1_wrapper", 0, ff=0, black_boxes=boxes)
    )
    placed = utilization("design_1_wrapper", 5000, state="Fully Placed")
    write(build, f"{runs}/impl_1/design_1_wrapper_utilization_placed.rpt", placed)
    tree = read_tree(build)
    assert tree.vsynth is not None
    assert (tree.vsynth.top, tree.vsynth.total.used.lut, tree.impl) == ("design_1_myproject_0_0", 812, None)
    (line,) = tree.warnings
    assert line.startswith("5 reports of other designs than myproject: ")
    assert imported(build, tmp_path_factory.mktemp("corpus")) == {"csynth": [1000], "vsynth": [812]}


def test_a_block_design_without_the_top_gives_nothing_to_the_corpus(build: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in ("design_1_auto_pc_0", "design_1_myproject_axi_0_0", "other_myproject_x_0", "myproject_0_bad"):
        write(build, f"runs/{name}_utilization_synth.rpt", utilization(name, 428))
    assert read_tree(build).vsynth is None
    assert imported(build, tmp_path_factory.mktemp("corpus")) == {"csynth": [1000]}


@pytest.mark.parametrize("name", ["bd_0_wrapper", "myproject", "bd_0_hls_inst_0"])
def test_what_holds_nothing_but_black_boxes_is_no_result(build: Path, name: str) -> None:
    run = f"{SOLUTION}/impl/verilog/project.runs/synth_1/{name}_utilization_synth.rpt"
    write(build, run, utilization(name, 0, ff=0, black_boxes=["bd_0_hls_inst_0"]))
    tree = read_tree(build)
    assert tree.vsynth is None
    assert said(tree, "black boxes")
    write(build, run, utilization(name, 0, ff=0))
    assert said(read_tree(build), "0 LUT and 0 FF, which is no result")


@pytest.mark.parametrize(
    ("state", "fidelity"),
    [
        ("Synthesized", Fidelity.VSYNTH),
        ("Fully Placed", Fidelity.IMPL),
        ("Routed", Fidelity.IMPL),
        ("Fully Routed", Fidelity.IMPL),
        ("Physopt postRoute", Fidelity.IMPL),
        ("Optimized", None),
    ],
)
def test_how_far_a_design_had_gone(build: Path, state: str, fidelity: Fidelity | None) -> None:
    text = utilization("myproject", 800, state=state)
    report = parse_report(text, "x_utilization.rpt")
    assert not isinstance(report, CosimReport)
    assert (report.fidelity, report.state) == (fidelity, state)
    write(build, "myproject_utilization_opt.rpt", text)
    tree = read_tree(build)
    assert (tree.vsynth is not None, tree.impl is not None) == (fidelity is Fidelity.VSYNTH, fidelity is Fidelity.IMPL)
    assert bool(said(tree, "in state Optimized")) == (fidelity is None)


def test_the_kernels_of_an_accelerator(build: Path) -> None:
    name = "reports/link/imp/impl_1_kernel_util_routed.rpt"
    text = kernels({"myproject_1": 19247}).replace("xcu55c", "xc7z020")
    write(build, name, text)
    tree = read_tree(build)
    assert tree.impl is not None
    used, available = tree.impl.total.used, tree.impl.total.available
    assert (used.lut, used.ff, used.dsp, used.bram_18k, used.uram) == (19247, 14876, 25, 350, 0)
    assert (available.lut, available.bram_18k) == (1176075, 3632)
    write(build, name, kernels({"myproject_1": 19247, "myproject_2": 19189}))
    tree = read_tree(build)
    assert tree.impl is None
    assert said(tree, "of 2 compute units together")


# C: modules without an index


@pytest.fixture
def specialised(tmp_path: Path) -> Path:
    """Vivado HLS in the latency strategy: names without `configN`; sizes 16 x 8, 8 x 8 and 8 x 4, and a ReLU of 8 twice."""
    cut = "dense_latency_0_0_0_0_0_0_0_0_0_0"
    inside = {"a": (cut, 500), "b": (f"{cut}_1", 300), "c": (f"{cut}_2", 100), "r": ("relu", 40), "s": ("relu_1", 41)}
    write(tmp_path, f"{REPORTS}/myproject_csynth.rpt", module("myproject", 1000, instances=inside))
    for (name, lut), values in zip(inside.values(), ((16, 8), (8, 8), (8, 4), (8, 8), (8, 8)), strict=True):
        write(tmp_path, f"{REPORTS}/{name}_csynth.rpt", module(name, lut, values=values))
    built = [(2, "fc1", "dense_config", "N_INPUT_1_1", "N_LAYER_2"), (3, "relu1", "relu", "N_LAYER_2", "")]
    built += [(4, "fc2", "dense_config", "N_LAYER_2", "N_LAYER_2"), (5, "relu2", "relu", "N_LAYER_2", "")]
    write(tmp_path, "firmware/parameters.h", parameters(*built, (6, "output", "dense_config", "N_LAYER_2", "4")))
    macros = "#define N_INPUT_1_1 16\n#define N_WIDTH 8 // all hidden layers\n#define N_LAYER_2 N_WIDTH\n"
    write(tmp_path, "firmware/defines.h", macros + DEFINES)
    return tmp_path


def test_a_module_is_the_layer_whose_sizes_it_has(specialised: Path) -> None:
    tree = read_tree(specialised)
    assert [(row.name, row.index, row.qor.lut) for row in tree.layers] == [("fc1", 2, 500), ("fc2", 4, 300), ("output", 6, 100)]
    assert [(row.name, row.qor.lut, row.n_instances) for row in tree.groups] == [("relu1, relu2", 81, 2)]
    assert (tree.inlined, tree.glue, tree.remainder.lut) == ((), (), 19)
    assert said(tree, "not told apart: relu1, relu2; together they use 81 LUT")


def test_one_wide_port_tells_the_size_too(specialised: Path) -> None:
    name = "dense_latency_0_0_0_0_0_0_0_0_0_0"
    write(specialised, f"{REPORTS}/{name}_csynth.rpt", module(name, 500, values=(16, 8), wide=256))
    assert read_tree(specialised).layers[0].qor.lut == 500
    write(
        specialised, f"{REPORTS}/{name}_csynth.rpt", module(name, 500, values=(16, 8), wide=240)
    )  # 15 bits: no type of this design
    assert [row.name for row in read_tree(specialised).layers] == ["fc2", "output"]


def test_what_pruning_left_without_ports_is_found_by_exclusion(specialised: Path) -> None:
    """Zero weights take ports away: 14 of 16 inputs and 7 of 8 outputs are left of fc1; 7 and 3 could be either of the others."""
    name = "dense_latency_0_0_0_0_0_0_0_0_0_0"

    def left(suffix: str, lut: int, values: tuple[int, int]) -> None:
        write(specialised, f"{REPORTS}/{name}{suffix}_csynth.rpt", module(name + suffix, lut, values=values))

    left("", 500, (14, 7))
    left("_1", 300, (7, 3))
    left("_2", 100, (7, 3))
    tree = read_tree(specialised)
    assert [(row.name, row.qor.lut) for row in tree.layers] == [("fc1", 500)]
    assert [row.name for row in tree.groups] == ["fc2, output", "relu1, relu2"]
    left("_1", 300, (7, 6))  # more than the output has, and then there is one layer left for the other
    assert [(row.name, row.qor.lut) for row in read_tree(specialised).layers] == [("fc1", 500), ("fc2", 300), ("output", 100)]


def test_layers_of_one_size_are_not_told_apart(specialised: Path) -> None:
    write(specialised, "firmware/defines.h", "#define N_INPUT_1_1 8\n#define N_LAYER_2 8\n" + DEFINES)
    write(specialised, f"{REPORTS}/dense_latency_0_0_0_0_0_0_0_0_0_0_csynth.rpt",
          module("dense_latency_0_0_0_0_0_0_0_0_0_0", 500, values=(8, 8)))  # fmt: skip
    tree = read_tree(specialised)
    assert [row.name for row in tree.layers] == ["output"]
    assert [(row.name, row.qor.lut) for row in tree.groups] == [("fc1, fc2", 800), ("relu1, relu2", 81)]
    assert tree.inlined == ()


def test_a_top_inside_the_top_whose_layers_have_no_index(specialised: Path) -> None:
    around = module("myproject_axi", 1500, instances={"net": ("myproject", 1000), "in": ("Loop_1_proc35", 200)})
    write(specialised, f"{REPORTS}/myproject_axi_csynth.rpt", around)
    tree = read_tree(specialised)
    assert [row.name for row in tree.layers] == ["fc1", "fc2", "output"]
    assert [row.name for row in tree.glue] == ["Loop_1_proc35"]


# H: sizes as macros


def test_sizes_that_are_macros_are_imported(specialised: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    to = tmp_path_factory.mktemp("corpus")
    assert imported(specialised, to) == {"csynth": [1000]}
    layers = {(record.layer.name, record.layer.n_in, record.layer.n_out): record.qor.lut for record in read_corpus(to).layers}
    assert layers == {("fc1", 16, 8): 500, ("fc2", 8, 8): 300, ("output", 8, 4): 100}


def test_macros_that_have_no_number_are_no_size(specialised: Path) -> None:
    for macro in ("N_LAYER_2", "N_A\n#define N_A N_LAYER_2", "(4*2)", "4*2"):
        write(specialised, "firmware/defines.h", f"#define N_INPUT_1_1 16\n#define N_LAYER_2 {macro}\n{DEFINES}")
        assert read_tree(specialised).parameters[0].size("n_out") is None


# A, M: solutions and copies


def test_each_solution_is_a_build_of_its_own(build: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    for file in (build / REPORTS).iterdir():
        os.utime(file, (5000, 5000))
    for solution, lut in (("fast", 2000), ("slow", 1500)):
        write(build, f"myproject_prj/{solution}/syn/report/myproject_csynth.rpt", module("myproject", lut), when=1000 + lut)
    write(build, "vivado_synth.rpt", utilization("myproject", 800))
    tree = read_tree(build)
    assert (tree.csynth.total.used.lut, tree.solution, tree.vsynth is not None) == (1000, SOLUTION, True)
    assert tree.warnings[0].startswith(
        f"3 solutions here: {SOLUTION} is read, the freshest; name another to read it: myproject_prj/fast"
    )
    assert read_tree(build / "myproject_prj/slow").csynth.total.used.lut == 1500
    to = tmp_path_factory.mktemp("corpus")
    found = imported(build, to)
    assert sorted(found["csynth"]) == [1000, 1500, 2000]
    assert found["vsynth"] == [800]  # hls4ml's script reads solution1
    sources = {record.source.split(" · ")[0] for record in read_corpus(to).designs}
    assert sources == {SOLUTION, "myproject_prj/fast", "myproject_prj/slow"}


def test_loose_reports_beside_a_solution_do_not_borrow_its_sources(build: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    write(build, "before_the_fix/myproject_csynth.rpt", module("myproject", 4000))
    assert imported(build, tmp_path_factory.mktemp("corpus")) == {"csynth": [1000]}


def test_copies_that_the_tool_makes_are_one_build(build: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    top = (build / f"{REPORTS}/myproject_csynth.rpt").read_text()
    for place in ("impl/ip/hls_files/k/solution", "impl/misc/hls_files/k/solution", "../ip/hls_files/k/solution"):
        write(build, f"{SOLUTION}/{place}/syn/report/myproject_csynth.rpt", top)
    write(build, "reports/k/hls_reports/myproject_csynth.rpt", top)
    write(build, "my_copy/myproject_csynth.rpt", top)
    tree = read_tree(build)
    assert (tree.solution, tree.warnings, [row.name for row in tree.layers]) == ("", (), ["fc1"])
    assert imported(build, tmp_path_factory.mktemp("corpus")) == {"csynth": [1000]}
    (build / "firmware" / "parameters.h").unlink()
    assert read_tree(build).csynth.total.used.lut == 1000


# E: reports that differ by a few, and many that are left out


def test_a_handful_of_luts_is_one_build(build: Path) -> None:
    xml = (Path(__file__).parent / "golden" / "vitis_2023.1_csynth.xml").read_text()
    root = build / "vitis"
    write(root, "csynth.xml", xml)
    write(root, "myproject_csynth.xml", xml.split("<RTLDesignHierarchy>")[0].split("<ModuleInformation>")[0] + "</profile>"
          if "<RTLDesignHierarchy>" in xml else xml)  # fmt: skip
    for lut, is_one in ((2506, True), (2494, True), (2540, False)):
        write(root, "myproject_csynth.xml", xml.replace("<LUT>2500<", f"<LUT>{lut}<", 1))
        tree = read_tree(root)
        assert (not said(tree, "of another build"), not tree.is_mixed) == (is_one, is_one)


def test_a_clock_utilization_report_is_no_utilization_report(build: Path) -> None:
    write(build, "runs/impl_1/design_1_wrapper_clock_utilization_routed.rpt", "Clock Utilization Report\n")
    assert read_tree(build).warnings == ()


def test_many_left_out_files_are_one_line(build: Path) -> None:
    for number in range(40):
        write(build, f"runs/ip_{number}/design_1_ip_{number}_utilization_synth.rpt", utilization(f"design_1_ip_{number}", 10))
    for number in range(6):
        write(build, f"runs/broken_{number}_utilization_synth.rpt", "garbage")
    warnings = read_tree(build).warnings
    assert sum("40 reports of other designs" in line for line in warnings) == 1
    assert [line for line in warnings if line.startswith("not read")][-1] == "not read: 3 more reports"


# other tools, other worlds


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("build/myproject.fpga.prj/reports/resources/json/summary.ndjson", "Intel oneAPI"),
        ("myproject-fpga.prj/reports/lib/report_data.js", "Quartus"),
        ("Catapult/myproject.v1/cycle.rpt", "vivado_concat_v/utilization_synth.rpt"),
        ("hls_output/reports/summary.results.rpt", "SmartHLS"),
    ],
)
def test_other_tools_are_refused_by_name(tmp_path: Path, place: str, says: str) -> None:
    write(tmp_path, place, "x")
    with pytest.raises(ReportError, match=says):
        read_tree(tmp_path)


def test_the_backend_of_a_project_is_named(tmp_path: Path) -> None:
    write(tmp_path, "hls4ml_config.yml", "Backend: oneAPI\nOutputDir: x\n")
    with pytest.raises(ReportError, match="backend oneAPI"):
        read_tree(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig"])
def test_files_as_windows_saves_them(build: Path, encoding: str) -> None:
    for path in (*(build / REPORTS).iterdir(), build / "firmware/parameters.h"):
        text = path.read_text()
        path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
    write(build, "vivado_synth.rpt", "")
    (build / "vivado_synth.rpt").write_bytes(utilization("myproject", 800).replace("\n", "\r\n").encode(encoding))
    tree = read_tree(build)
    assert (tree.csynth.total.used.lut, [row.name for row in tree.layers]) == (1000, ["fc1"])
    assert tree.vsynth is not None
    assert tree.vsynth.total.used.lut == 800


def test_a_unified_project_of_hls4ml(build: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """hls4ml 1.2 and later, backend VitisUnified: the component lies below `unifiedWorkspace`."""
    component = build / "unifiedWorkspace/myproject/myproject/hls"
    component.parent.mkdir(parents=True)
    (build / SOLUTION).rename(component)
    write(component, "impl/report/verilog/export_impl.rpt", exported("Place & Route", 745, 3.28))
    tree = read_tree(build)
    assert (tree.csynth.total.used.lut, [row.name for row in tree.layers]) == (1000, ["fc1"])
    assert tree.impl is not None
    assert imported(build, tmp_path_factory.mktemp("corpus")) == {"csynth": [1000], "impl": [745]}
    assert [row.name for row in read_tree(component).layers] == ["fc1"]


def test_a_timing_report_goes_with_its_own_step(build: Path) -> None:
    golden = (Path(__file__).parent / "golden" / "vivado_2023.2_timing_summary.rpt").read_text()
    write(build, "vivado_synth.rpt", utilization("myproject", 800))
    text = "\n".join(line for line in golden.splitlines() if "Device" not in line and "Design State" not in line) + "\n"
    write(build, "myproject_timing_summary_synth.rpt", text)
    tree = read_tree(build)
    assert tree.vsynth is not None
    assert (tree.vsynth.total.slack_ns, tree.timing and tree.timing.fidelity) == (
        tree.timing and tree.timing.total.slack_ns,
        Fidelity.VSYNTH,
    )
    (build / "myproject_timing_summary_synth.rpt").rename(build / "myproject_timing_summary_routed.rpt")
    tree = read_tree(build)
    assert tree.vsynth is not None
    assert (tree.vsynth.total.slack_ns, tree.timing and tree.timing.fidelity) == (None, Fidelity.IMPL)


def test_a_list_of_paths_gives_its_worst_slack() -> None:
    path = (
        "Slack ({}) :        {}ns  (required time - arrival time)\n  Path Type:              {} (Max at Slow Process Corner)\n"
        "  Requirement:            5.000ns  (ap_clk rise@5.000ns - ap_clk rise@0.000ns)\n"
    )
    text = (
        "| Design       : myproject\n\nTiming Report\n\n"
        + path.format("VIOLATED", "-0.412", "Setup")
        + path.format("MET", "0.1", "Setup")
    )
    report = parse_report(text + path.format("VIOLATED", "-0.9", "Hold") + "end\n", "post_route_timing.rpt")
    assert not isinstance(report, CosimReport)
    assert (report.total.slack_ns, report.total.clock_estimated_ns, report.top) == (-0.412, 5.412, "myproject")
    with pytest.raises(ReportError, match="report_timing_summary"):
        parse_report("Timing Report\n\n" + path.format("MET", "0.9", "Hold"), "x_timing.rpt")


def test_of_a_large_tree_only_reports_are_opened(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(300):
        for name in ("a.dcp", "runme.log", f"design_1_ip_{number}_clock_utilization_routed.rpt"):
            write(build, f"vivado/x.runs/ip_{number}/{name}", "x")
    opened: list[str] = []
    read = DirectoryFiles.read
    monkeypatch.setattr(DirectoryFiles, "read", lambda self, name: (opened.append(name), read(self, name))[1])
    assert read_tree(build).csynth.total.used.lut == 1000
    assert {name.rpartition("/")[2] for name in opened} == {
        f"{FC1}_csynth.rpt",
        "myproject_csynth.rpt",
        "parameters.h",
        "defines.h",
    }


def test_json_names_what_is_not_told_apart(specialised: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dse.commands.report import report

    report(specialised, as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert [(row["name"], row["qor"]["lut"]) for row in document["not_told_apart"]] == [("relu1, relu2", 81)]
    report(specialised, as_json=False)
    assert "relu1, relu2" in capsys.readouterr().out


def test_types_as_hls4ml_writes_them(build: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Rounding and saturation come with a fifth argument; integers are formats, too."""
    types = "typedef ap_fixed<16,6,AP_RND,AP_SAT,0> model_default_t;\ntypedef ap_int<8> weight2_t;\n"
    write(build, "firmware/defines.h", types)
    to = tmp_path_factory.mktemp("corpus")
    assert imported(build, to) == {"csynth": [1000]}
    (design,) = read_corpus(to).designs
    (layer,) = read_corpus(to).layers
    assert str(design.target.precision) == "ap_fixed<16,6,AP_RND,AP_SAT>"
    assert str(layer.choice.precision) == "ap_fixed<8,8>"


def test_a_configuration_that_is_no_yaml_decides_nothing(build: Path) -> None:
    for text in ("HLSConfig: [", "HLSConfig:\n  LayerName:\n    fc1: 5\n", "a: &a [*a]\n", "[" * 5000, "HLSConfig: !evil x\n"):
        write(build, "hls4ml_config.yml", text)
        assert read_tree(build).wanted in ((), (Wanted("fc1"),))


# sources and reports that do not belong together


def test_of_several_sources_only_those_at_their_own_place_count(build: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A folder of many generated projects, and the reports of one of them beside these."""
    (build / "firmware/parameters.h").rename(build / "kept.h")
    for name in ("wide", "narrow"):
        write(build, f"{name}/firmware/parameters.h", ONE_LAYER)
        write(build, f"{name}/firmware/defines.h", DEFINES)
    tree = read_tree(build)
    assert (tree.parameters, [row.name for row in tree.layers]) == ((), ["config2"])
    assert said(tree, "which of the 2 parameters.h")
    write(build, "firmware/parameters.h", ONE_LAYER)
    assert [row.name for row in read_tree(build).layers] == ["fc1"]


def test_layers_that_the_sources_do_not_know(build: Path, tmp_path: Path) -> None:
    write(build, "firmware/parameters.h", parameters((12, "fc1", "dense_config", "16", "8"), (3, "relu1", "relu", "8", "")))
    tree = read_tree(build)
    assert ([row.name for row in tree.layers], tree.unknown_layers, tree.inlined) == (["config2"], (2,), ())
    assert said(tree, "layers that parameters.h does not know (config2)")
    with pytest.raises(CorpusError, match="of another build"):
        import_reports(build, tmp_path / "corpus", as_json=True)
    with pytest.raises(ReportError, match="of another build"):
        result(build)


def result(project: Path) -> TreeReport:
    return read_result(project, expected_top="myproject", expected_part=PART, expected_clock_ns=5.0, newer_than=None)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("|        9|        9| 45.000 ns", "|        9|        8| 45.000 ns", "minimum 9 is above its maximum 8"),
        ("|    9|    9| function |", "|    0|    0| function |", "an interval of 0 cycles"),
        (
            "|Total  |        0|      0|     200|   1000|    0|",
            "|Total  |        0|      0|     0|   0|    0|",
            "neither LUTs nor FFs",
        ),
    ],
)
def test_impossible_numbers_are_no_result(build: Path, tmp_path: Path, old: str, new: str, says: str) -> None:
    assert result(build).csynth.total.used.lut == 1000
    path = build / f"{REPORTS}/myproject_csynth.rpt"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    if "LUT" not in says:  # what became of a design of which nothing is left is for the judge of a run to say
        with pytest.raises(ReportError, match=says):
            result(build)
    with pytest.raises(CorpusError, match=says):
        import_reports(build, tmp_path / "corpus", as_json=True)


def test_a_version_that_the_tool_leaves_out(build: Path) -> None:
    """Vitis HLS 2025.2 writes `<Version/>`: the tool is known, the version is not, and nothing is recorded for it."""
    xml = (Path(__file__).parent / "golden" / "vitis_2025.1_csynth.xml").read_text()
    write(build, "csynth.xml", re.sub(r"<Version>.*?</Version>", "<Version/>", xml))
    tree = read_tree(build / "csynth.xml")
    assert (tree.csynth.tool, tree.csynth.version, tree.csynth.toolchain) == ("vitis_hls", "", "")
