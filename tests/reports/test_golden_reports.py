"""Every golden file, number by number. The files are small and made by hand in the tools' grammar."""

from __future__ import annotations

from pathlib import Path

import pytest

from dse.design import Fidelity
from dse.errors import ReportError
from dse.reports.kinds import parse_report
from dse.reports.parameters_h import parse_parameters_h
from dse.reports.records import CosimReport, Span, ToolReport

GOLDEN = Path(__file__).parent / "golden"


def golden(name: str) -> ToolReport:
    report = parse_report((GOLDEN / name).read_bytes().decode(), name)
    assert isinstance(report, ToolReport)
    return report


def cosim(name: str) -> CosimReport:
    report = parse_report((GOLDEN / name).read_bytes().decode(), name)
    assert isinstance(report, CosimReport)
    return report


# file -> tool, top, part, (lut, ff, dsp, bram, uram), (available ...), latency, interval, (target, uncertainty, estimated)
CSYNTH = {
    "vivado_2016.4_csynth.xml": (
        "vivado_hls 2016.4", "bnn_top", "xc7k325tffg9002", (4902, 2811, 4, 33, None), (203800, 407600, 840, 890, None),
        (None, None), (None, None), (10.0, 1.25, 8.62),
    ),
    "vivado_2018.3_dataflow_csynth.xml": (
        "vivado_hls 2018.3", "myproject", "xc7z007sclg2251", (8349, 4852, 9, 134, None), (14400, 28800, 66, 100, None),
        (1521, 3004), (949, 2917), (5.0, 0.62, 4.231),
    ),
    "vivado_2018.3_pipelined_csynth.xml": (
        "vivado_hls 2018.3", "relu_2", "xc7z007sclg2251", (105, 67, 0, 0, None), (14400, 28800, 66, 100, None),
        (1, 1), (1, 1), (5.0, 0.62, 2.702),
    ),
    "vivado_2019.2_csynth.xml": (
        "vivado_hls 2019.2", "Encoder", "xcvu9pflgb21042i", (64927, 43849, 1068, 602, 0), (1182240, 2364480, 6840, 4320, 960),
        (949548, 1945292), (949548, 1945292), (5.0, 0.62, 4.366),
    ),
    "vivado_2020.1_resource_csynth.xml": (
        "vivado_hls 2020.1", "dense_resource_ap_fixed_ap_fixed_config2_s", "xc7z020clg4001", (2134, 7860, 657, 0, 0),
        (53200, 106400, 220, 280, 0), (7, 7), (4, 4), (5.0, 0.62, 4.049),
    ),
    "vitis_2021.1_latency_csynth.xml": (
        "vitis_hls 2021.1", "myproject", "xc7z007sclg2252", (28553, 24123, 177, 16, 0), (14400, 28800, 66, 100, 0),
        (38, 38), (2, 2), (3.33, 0.42, 3.236),
    ),
    **{
        f"vitis_{version}_csynth.xml": (
            f"vitis_hls {version}", "myproject", "xczu9egffvb11562e", (2500, 1700, 16, 6, 0), (274080, 548160, 2520, 1824, 0),
            (128, 131), (100, 103), (5.0, 1.35, 3.647),
        )
        for version in ("2020.2", "2021.1", "2023.1", "2024.1", "2025.1")
    },
    "vitis_2022.2_undef_csynth.xml": (
        "vitis_hls 2022.2", "myproject", "xczu9egffvb11562e", (2500, 1700, 16, 6, 0), (274080, 548160, 2520, 1824, 0),
        (None, None), (None, None), (5.0, 1.35, 3.647),
    ),
    "vivado_2016.4_loops_csynth.rpt": (
        "vivado_hls 2016.4", "conv_2d_cl_config2_s", "xc7k325tffg9002", (4902, 2811, 4, 33, None),
        (203800, 407600, 840, 890, None), (None, None), (None, None), (10.0, 1.25, 8.62),
    ),
    "vivado_2018.3_csynth.rpt": (
        "vivado_hls 2018.3", "myproject", "xc7z007sclg2251", (8349, 4852, 9, 134, None), (14400, 28800, 66, 100, None),
        (1521, 3004), (949, 2917), (5.0, 0.62, 4.231),
    ),
    "vivado_2019.2_slr_csynth.rpt": (
        "vivado_hls 2019.2", "myproject", "xcvu9pflgb21042i", (2532, 7969, 73, 12, 8), (1182240, 2364480, 6840, 4320, 960),
        (649, 751), (600, 700), (5.0, 0.62, 4.366),
    ),
    "vitis_2024.1_csynth.rpt": (
        "vitis_hls 2024.1", "myproject", "xcvu9pflgb21042i", (2532, 7969, 73, 12, 8), (1182240, 2364480, 6840, 4320, 960),
        (649, 751), (600, 700), (5.0, 0.62, 4.366),
    ),
}  # fmt: skip


def numbers(usage: object) -> tuple[float | None, ...]:
    return tuple(getattr(usage, name) for name in ("lut", "ff", "dsp", "bram_18k", "uram"))


@pytest.mark.parametrize("name", CSYNTH)
def test_c_synthesis(name: str) -> None:
    tool, top, part, used, available, latency, interval, clock = CSYNTH[name]
    report = golden(name)
    total = report.total
    assert (report.toolchain, report.top, report.part, report.fidelity) == (tool, top, part, Fidelity.CSYNTH)
    assert numbers(total.used) == used
    assert numbers(total.available) == available
    assert total.latency_cycles == Span(*latency)
    assert total.ii_cycles == Span(*interval)
    assert (total.clock_target_ns, total.clock_uncertainty_ns, total.clock_estimated_ns) == clock


def test_a_requested_interval_of_all_ones_is_unset() -> None:
    assert golden("vivado_2018.3_pipelined_csynth.xml").total.ii_target_cycles is None
    assert golden("vitis_2021.1_latency_csynth.xml").total.ii_target_cycles == 2
    assert golden("vivado_2020.1_resource_csynth.xml").total.pipeline_type.startswith("loop rewind")


def test_an_interval_of_0_beside_an_undefined_latency_is_unknown() -> None:
    text = (GOLDEN / "vitis_2022.2_undef_csynth.xml").read_text()
    assert "<Interval-min>0</Interval-min>" in text
    assert golden("vitis_2022.2_undef_csynth.xml").total.ii_cycles == Span(None, None)


def test_loops_of_xml_keep_ranges_and_nesting() -> None:
    outer, inner = golden("vivado_2019.2_csynth.xml").total.loops
    assert (outer.name, outer.depth, outer.trip_count, outer.latency_cycles) == (
        "HeightLoop",
        0,
        Span(29, 29),
        Span(949547, 1945291),
    )
    assert (inner.name, inner.depth, inner.latency_cycles, inner.ii_cycles) == ("Loop1.1", 1, Span(24, 24), Span(3, 3))


def test_loops_of_text_keep_ranges_and_nesting() -> None:
    height, width, filt = golden("vivado_2016.4_loops_csynth.rpt").total.loops
    assert (height.name, height.depth, height.trip_count, height.iteration_cycles) == (
        "HeightLoop", 0, Span(None, None), Span(32743, 67079),
    )  # fmt: skip
    assert (width.depth, width.latency_cycles, width.is_pipelined) == (1, Span(32741, 67077), False)
    assert (filt.depth, filt.ii_cycles, filt.ii_target_cycles, filt.is_pipelined) == (2, Span(3, 3), 1, True)


@pytest.mark.parametrize("version", ["2020.2", "2021.1", "2023.1", "2024.1", "2025.1"])
def test_vitis_tells_modules_and_hierarchy(version: str) -> None:
    report = golden(f"vitis_{version}_csynth.xml")
    by_name = {module.name: module for module in report.modules}
    dense = by_name["dense_array_ap_fixed_16u_array_ap_fixed_16_6_5_3_0_8u_config2_s"]
    assert numbers(dense.used) == (2100, 1500, 16, 2, 0)
    assert numbers(dense.available) == (274080, 548160, 2520, 1824, 0)
    assert (dense.latency_cycles, dense.ii_cycles) == (Span(100, 103), Span(100, 103))
    assert [loop.name for loop in dense.loops] == ["DataPrepare"]
    assert dense.issue == ("II Violation" if version in ("2024.1", "2025.1") else "")
    assert by_name["dense_resource_wrapper_ap_fixed_ap_fixed_config2_s"].ii_target_cycles is None
    relu = by_name["relu_array_ap_fixed_8u_relu_config3_s"]
    assert (relu.latency_cycles, relu.ii_cycles) == (Span(0, None), Span(None, None))
    assert [(instance.module[:12], len(instance.path)) for instance in report.instances] == [
        ("dense_array_", 1), ("dense_resour", 2), ("relu_array_a", 1),
    ]  # fmt: skip


def test_text_tells_instances_with_area_and_time() -> None:
    report = golden("vivado_2018.3_csynth.rpt")
    conv = report.instances[0]
    assert (conv.name, conv.module) == ("conv_2d_cl_config2_U0", "conv_2d_cl_config2_s")
    assert (conv.used.lut, conv.used.bram_18k, conv.used.uram) == (7858, 131, None)
    assert (conv.latency_cycles, conv.ii_cycles) == (Span(949, 2917), Span(949, 2917))
    assert sorted(instance.module for instance in report.instances).count("relu_config3_s") == 2


@pytest.mark.parametrize("version", ["2023.2", "2025.1"])
def test_the_summary_tree(version: str) -> None:
    report = golden(f"vitis_{version}_summary.rpt")
    assert numbers(report.total.used) == (145061, 36198, 18, 58, 0)
    assert (report.total.latency_cycles, report.total.ii_cycles) == (Span(2374, 2374), Span(2356, 2356))
    assert report.total.pipeline_type == "dataflow"
    by_name = {module.name: module for module in report.modules}
    assert list(by_name) == [
        "myproject", "conv_2d_cl_array_config2_s", "compute_output_buffer_2d_config2_s", "softmax_array_softmax_config21_s",
        "pixel_pack_config30_s",
    ]  # fmt: skip
    assert by_name["compute_output_buffer_2d_config2_s"].ii_cycles == Span(2, 9)
    softmax = by_name["softmax_array_softmax_config21_s"]
    assert (softmax.slack_ns, softmax.issue, softmax.latency_cycles) == (-0.32, "Timing", Span(None, None))
    assert by_name["pixel_pack_config30_s"].ii_cycles == Span(None, None)
    (loop,) = by_name["conv_2d_cl_array_config2_s"].loops
    assert (loop.trip_count, loop.ii_cycles, loop.latency_cycles) == (Span(784, 784), Span(3, 3), Span(2353, 2353))
    assert [instance.path for instance in report.instances][1] == (
        "conv_2d_cl_array_config2_s", "compute_output_buffer_2d_config2_s",
    )  # fmt: skip


def test_a_small_summary() -> None:
    report = golden("vitis_2020.2_summary.rpt")
    assert numbers(report.total.used) == (1870, 976, 0, 3, 0)
    assert (report.total.slack_ns, len(report.total.loops), report.instances) == (-0.87, 1, ())


@pytest.mark.parametrize(
    ("name", "fidelity", "part", "used", "available"),
    [
        ("vivado_2020.1_7series_utilization_synth.rpt", Fidelity.VSYNTH, "xc7z020clg4001",
         (1526, 2428, 66, 5, None), (53200, 106400, 220, 280, None)),
        ("vivado_2018.2_ultrascale_utilization_synth.rpt", Fidelity.VSYNTH, "xcvu9pflgb21042",
         (60776, 49540, 2996, 121, 3), (1182240, 2364480, 6840, 4320, 960)),
        ("vivado_2024.1_prohibited_utilization_routed.rpt", Fidelity.IMPL, "xck26sfvc7842lvc",
         (8565, 9012, 467, 24, 0), (117120, 234240, 1248, 288, 64)),
        ("vivado_2018.2_export.rpt", Fidelity.VSYNTH, "xcvu9pflgb21042i", (130031, 108200, 4962, 121, 0), (None,) * 5),
        ("vivado_2024.1_impl_export.rpt", Fidelity.IMPL, "xczu48drffvg15172e", (340, 279, 26, 0, 1), (None,) * 5),
    ],
)  # fmt: skip
def test_logic_synthesis_counts_block_ram_in_halves(
    name: str, fidelity: Fidelity, part: str, used: tuple[float | None, ...], available: tuple[float | None, ...]
) -> None:
    report = golden(name)
    assert (report.fidelity, report.part) == (fidelity, part)
    assert numbers(report.total.used) == used
    assert numbers(report.total.available) == available


def test_timing() -> None:
    assert golden("vivado_2018.2_export.rpt").total.clock_estimated_ns == 3.907
    assert golden("vivado_2024.1_impl_export.rpt").total.clock_estimated_ns == 4.363
    met = golden("vivado_2023.2_timing_summary.rpt").total
    assert (met.clock_target_ns, met.slack_ns, met.clock_estimated_ns) == (5.0, 1.093, 3.907)
    violated = golden("vivado_2023.2_violated_timing_summary.rpt").total
    assert (violated.slack_ns, violated.clock_estimated_ns) == (-0.412, 5.412)
    free = golden("vivado_2023.2_unconstrained_timing_summary.rpt")
    assert (free.total.slack_ns, free.total.clock_estimated_ns, free.part) == (None, None, "xc7z020clg4001")


def test_cosim() -> None:
    old = cosim("cosim_2019.2_pass.rpt")
    assert (old.status, old.latency_cycles, old.latency_average_cycles) == ("Pass", Span(2790, 5394), 5089)
    assert (old.ii_cycles, old.total_cycles) == (Span(732, 2593), None)
    new = cosim("cosim_2023.2_pass.rpt")
    assert (new.language, new.ii_cycles, new.total_cycles) == ("Verilog", Span(2354, 2354), 7131)
    once = cosim("cosim_2022.1_one_transaction.rpt")
    assert (once.latency_cycles, once.ii_cycles) == (Span(54265, 54265), Span(None, None))
    failed = cosim("cosim_2020.1_fail.rpt")
    assert (failed.status, failed.latency_cycles) == ("Fail", Span(None, None))


def test_what_was_built() -> None:
    fc1, relu, output = parse_parameters_h((GOLDEN / "parameters_dense.h").read_text())
    assert (fc1.index, fc1.name, fc1.reuse_factor, fc1.strategy, fc1.size("n_out")) == (2, "fc1", 16, "resource", 64)
    assert (relu.name, relu.function, relu.strategy) == ("fc1_relu", "relu", "")
    assert (output.name, output.reuse_factor, output.strategy, output.io_type) == ("output", 2, "latency", "io_parallel")
    conv, lstm = parse_parameters_h((GOLDEN / "parameters_conv_lstm.h").read_text())
    assert (conv.name, conv.base, conv.strategy, conv.reuse_factor, conv.size("out_width")) == (
        "conv1",
        "conv1d_config",
        "resource",
        3,
        14,
    )
    assert (lstm.reuse_factor, lstm.reuse_factor_recurrent, lstm.strategy, lstm.io_type) == (8, 10, "resource", "")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no report"),
        ("hello", "no report"),
        ("<html></html>", "expected <profile>"),
        ("<!DOCTYPE x><profile/>", "DOCTYPE"),
        ("<profile><UserAssignments/></profile>", "TopModelName"),
        ("== Design Size Report", "design size"),
        ("{}", "no report"),
    ],
)
def test_what_is_no_report_says_so(text: str, says: str) -> None:
    with pytest.raises(ReportError, match=says):
        parse_report(text, "file")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("<LUT>8349</LUT>", "<LUT>-5</LUT>", "number of primitives"),
        ("<LUT>8349</LUT>", "<LUT>1e9</LUT>", "number of primitives"),
        ("<LUT>8349</LUT>", "<LUT>1099511627776</LUT>", "less than 2\\^40"),
        ("<LUT>8349</LUT>", "<LUT>٣</LUT>", "number of primitives"),
        ("<LUT>8349</LUT>", "<LUT>8349</LUT><LUT>9</LUT>", "2 elements"),
        ("<LUT>8349</LUT>", "", "incomplete"),
        ("<DSP48E>9</DSP48E>", "<DSP48E>9</DSP48E><DSP>9</DSP>", "both"),
        ("<Worst-caseLatency>3004", "<Worst-caseLatency>3004.5", "clock cycles"),
        ("<Worst-caseLatency>3004", "<Worst-caseLatency>1099511627776", "less than 2\\^40"),
        ("</profile>", "", "well-formed"),
        ("<LUT>8349", "<LUT>83<!-- -->49", "broken by markup"),
        ("<LUT>8349", "<LUT><![CDATA[83]]>49", "broken by markup"),
        ("<LUT>8349", "<LUT>83&#52;9", "broken by markup"),
        ("<LUT>8349", "<LUT>83<?x?>49", "broken by markup"),
        ("<EstimatedClockPeriod>4.231", "<EstimatedClockPeriod>nan", "expected a time"),
    ],
)
def test_an_impossible_number_is_an_error_that_names_its_place(old: str, new: str, says: str) -> None:
    text = (GOLDEN / "vivado_2018.3_dataflow_csynth.xml").read_text()
    assert old in text
    with pytest.raises(ReportError, match=says) as caught:
        parse_report(text.replace(old, new), "myproject_csynth.xml")
    assert caught.value.file == "myproject_csynth.xml"


def test_caps_on_xml() -> None:
    deep = "<profile>" + "<a>" * 64 + "</a>" * 64 + "</profile>"
    with pytest.raises(ReportError, match="deeper"):
        parse_report(deep, "x.xml")
    with pytest.raises(ReportError, match="elements"):
        parse_report("<profile>" + "<a/>" * 1_000_001 + "</profile>", "x.xml")
    with pytest.raises(ReportError, match="characters"):
        parse_report("<profile>" + " " * (64 * 2**20), "x.xml")


@pytest.mark.parametrize("name", sorted(path.name for path in GOLDEN.iterdir() if path.suffix in (".rpt", ".xml")))
def test_line_ends_and_byte_order_mark_do_not_matter(name: str) -> None:
    text = (GOLDEN / name).read_bytes().decode().replace("\r\n", "\n")
    assert parse_report("\ufeff" + text.replace("\n", "\r\n"), name) == parse_report(text, name)


def test_merge_conflict_markers_are_refused() -> None:
    text = (GOLDEN / "vivado_2018.3_csynth.rpt").read_text()
    with pytest.raises(ReportError, match="merge-conflict"):
        parse_report(text.replace("* Product family", "<<<<<<< HEAD\n* Product family"), "x.rpt")


def test_a_report_saved_with_other_output_around_it() -> None:
    """hls4ml's `read_hls_report` prints several reports one after the other; people save that."""
    text = (GOLDEN / "vivado_2018.3_csynth.rpt").read_text()
    around = "Found 1 solution(s) in ./myproject_prj.\n" + text + (GOLDEN / "cosim_2019.2_pass.rpt").read_text()
    assert parse_report(around, "x.rpt") == parse_report(text, "x.rpt")
