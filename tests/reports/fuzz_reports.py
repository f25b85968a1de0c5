"""Fuzz every parser with mutated golden files: it returns a record or raises ReportError, and every number stands in the text.

    python tests/reports/fuzz_reports.py --inputs 100000 [--seed 1] [--parser csynth_xml]

Prints one line a parser: inputs, records, refusals, wrong numbers, other exceptions, inputs a second. Exit code 1 if anything was wrong.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from random import Random

from dse.errors import ReportError
from dse.reports.config_yaml import parse_config_yaml
from dse.reports.cosim_rpt import parse_cosim_rpt
from dse.reports.csynth_rpt import parse_csynth_rpt
from dse.reports.csynth_xml import parse_csynth_xml
from dse.reports.defines_h import parse_defines_h
from dse.reports.export_rpt import parse_export_rpt
from dse.reports.kinds import parse_report
from dse.reports.parameters_h import parse_parameters_h
from dse.reports.summary_rpt import parse_summary_rpt
from dse.reports.timing_rpt import parse_timing_rpt
from dse.reports.utilization_rpt import parse_utilization_rpt

GOLDEN = Path(__file__).parent / "golden"

# parser -> which golden files are its seeds
PARSERS: dict[str, tuple[Callable[[str], object], str]] = {
    "csynth_xml": (parse_csynth_xml, "*_csynth.xml"),
    "csynth_rpt": (parse_csynth_rpt, "*_csynth.rpt"),
    "summary_rpt": (parse_summary_rpt, "*_summary.rpt"),
    "cosim_rpt": (parse_cosim_rpt, "cosim_*.rpt"),
    "utilization_rpt": (parse_utilization_rpt, "*_utilization_*.rpt"),
    "export_rpt": (parse_export_rpt, "*_export.rpt"),
    "timing_rpt": (parse_timing_rpt, "*_timing_*.rpt"),
    "parameters_h": (parse_parameters_h, "parameters_*.h"),
    "defines_h": (parse_defines_h, "defines_*.h"),
    "config_yaml": (parse_config_yaml, "config_*.yml"),
    "any": (lambda text: parse_report(text, "file"), "*.*"),
}

_ODD = (
    "undef", "?", "-", "~0", "<0.01", "0 ~ 35", "35 ~ 0", "4294967295", "4294967296", "1099511627776", "-1", "1e400", "nan", "inf",
    "1.5", "60.5", "60.25", "0x10", "1_000", "1,526", "٣", "９", " ", "", "9" * 30, "100 (54%)", "7 (~0%)", "NA", "N/A", "5.00 ns",
    "3.245 us", "12.0 sec", "\x00", "\x1b[31m", "\ufeff", "\ud800", "|", "+---+", "\r", "\n", "<range><min>1</min><max>2</max></range>",
    "</LUT>", "<LUT>7</LUT>", "<!DOCTYPE a>", "&amp;", "&x;", "<![CDATA[7]]>", "<!--", "ap_fixed<16,6>", "};", "struct config2 {",
)  # fmt: skip
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")


@dataclass
class Tally:
    """What came out of one parser."""

    inputs: int = 0
    records: int = 0
    refusals: int = 0
    wrong: int = 0
    crashes: int = 0
    seconds: float = 0.0
    first: str = ""


def mutate(text: str, random: Random, others: list[str]) -> str:
    """Return a text with one to four things done to it."""
    for _ in range(random.randint(1, 4)):
        if not text:
            return random.choice(others)
        at = random.randrange(len(text))
        length = min(len(text) - at, int(random.paretovariate(0.7)))
        match random.randrange(9):
            case 0:
                text = text[:at] + chr(ord(text[at]) ^ (1 << random.randrange(7))) + text[at + 1 :]
            case 1:
                text = text[:at] + text[at + length :]
            case 2:
                text = text[: at + length] + text[at : at + length] + text[at + length :]
            case 3:
                text = text[:at]
            case 4:
                other = random.choice(others)
                cut = random.randrange(len(other) + 1)
                text = text[:at] + other[cut : cut + length] + text[at:]
            case 5 | 6:
                found = list(_NUMBER.finditer(text))
                if found:
                    one = random.choice(found)
                    text = text[: one.start()] + random.choice(_ODD) + text[one.end() :]
            case 7:
                text = text[:at] + random.choice(_ODD) + text[at:]
            case _:
                lines = text.split("\n")
                a, b = random.randrange(len(lines)), random.randrange(len(lines))
                lines[a], lines[b] = lines[b], lines[a]
                text = "\n".join(lines)
    return text


def numbers_in(value: object, name: str = "") -> Iterator[tuple[str, float]]:
    """Yield (field, number) for every number in a record."""
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from numbers_in(getattr(value, field.name), field.name)
    elif isinstance(value, tuple):
        for item in value:
            yield from numbers_in(item, name)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield name, value


def stands_in(name: str, number: float, written: set[float]) -> bool:
    """Whether a number stands in the text, or follows from one by the rules of the formats."""
    value = abs(float(number))
    if name == "depth" or value == 0 or value in written:
        return True
    if name == "bram_18k" and value / 2 in written:
        return True
    if name.endswith("_ns"):
        if any(round(value / unit, 9) in written for unit in (1e3, 1e6, 1e9, 1e-3)):
            return True
        return name == "clock_estimated_ns" and any(round(abs(value - one), 6) in written for one in written)
    return False


def fuzz(name: str, inputs: int, seed: int) -> Tally:
    """Try one parser."""
    parse, pattern = PARSERS[name]
    random = Random(f"{seed}/{name}")
    seeds = [path.read_bytes().decode() for path in sorted(GOLDEN.glob(pattern))]
    everything = [path.read_bytes().decode() for path in sorted(GOLDEN.iterdir())]
    tally, started = Tally(), time.perf_counter()
    for _ in range(inputs):
        text = mutate(random.choice(seeds if random.random() < 0.95 else everything), random, everything)
        tally.inputs += 1
        try:
            found = parse(text)
        except ReportError:
            tally.refusals += 1
            continue
        except Exception as error:
            tally.crashes += 1
            tally.first = tally.first or f"{type(error).__name__}: {error} for {text[:200]!r}"
            continue
        tally.records += 1
        written = {float(token) for token in _NUMBER.findall(text) if len(token) < 300}
        wrong = [(field, number) for field, number in numbers_in(found) if not stands_in(field, number, written)]
        if wrong:
            tally.wrong += 1
            tally.first = tally.first or f"{wrong[:3]} in {text[:200]!r}"
    tally.seconds = time.perf_counter() - started
    return tally


def main() -> int:
    """Fuzz from the command line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--inputs", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--parser", choices=sorted(PARSERS))
    given = options.parse_args()
    bad = 0
    for name in [given.parser] if given.parser else PARSERS:
        tally = fuzz(name, given.inputs, given.seed)
        bad += tally.wrong + tally.crashes
        rate = tally.inputs / max(tally.seconds, 1e-9)
        print(
            f"{name:16} {tally.inputs:>8} inputs {tally.records:>8} records {tally.refusals:>8} refusals "
            f"{tally.wrong:>3} wrong {tally.crashes:>3} crashes {rate:>7.0f}/s {tally.first}",
            flush=True,
        )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
