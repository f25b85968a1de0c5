"""The table `== Interface` of a module's report: how many values go in and come out.

|data_0_V_read   |  in |   16|   ap_none  |        data_0_V_read      |    scalar    |      one port for each value, or
|data_V_dout     |  in |  256|   ap_fifo  |           data_V          |    pointer   |      one port as wide as all of them
|ap_return_0     | out |   16| ap_ctrl_hs | dense_latency_0_0_0_0_1   | return value |
|res_0_V         | out |   16|   ap_vld   |           res_0_V         |    pointer   |
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from dse.errors import ReportError
from dse.reports.records import Ports
from dse.reports.tables import is_border, read_table
from dse.reports.text import Where

_VALUE = re.compile(r"(?:data|input|x|p_read|in)_?([0-9]{0,6})(?:_V)?(?:_read|_dout|_i)?")
_RESULT = re.compile(r"(?:ap_return|res|output|out)_?([0-9]{0,6})(?:_V)?(?:_din|_o)?")


def ports_of(lines: Sequence[str], start: int, where: Where) -> Ports:
    """Read the interface table at or after a line; nothing is known where there is none, or its ports are streams or memories."""
    heading = next((index for index in range(start, len(lines)) if lines[index].startswith("== Interface")), None)
    if heading is None or not any(is_border(line) for line in lines[heading : heading + 12]):
        return Ports()
    try:
        table, _ = read_table(lines, heading, where.at("Interface"))
    except ReportError:  # it decides nothing of the numbers; a report cut off here is as good
        return Ports()
    columns = [table.find(name) for name in ("RTL Ports", "Dir", "Bits")]
    inputs: dict[int | None, int] = {}
    outputs: dict[int | None, int] = {}
    for row in table.rows:
        name, direction, bits = ("" if index is None else row[index].strip() for index in columns)
        found, values = (_VALUE.fullmatch(name), inputs) if direction == "in" else (_RESULT.fullmatch(name), outputs)
        if found is not None and bits.isdigit():
            values[int(found[1]) if found[1] else None] = int(bits)
    (n_in, bits_in), (n_out, bits_out) = _values(inputs), _values(outputs)
    return Ports(n_in, n_out, bits_in, bits_out)


def _values(bits: Mapping[int | None, int]) -> tuple[int | None, int | None]:
    """Return (number of values, None) where each has a port (unused ones in between have none), (None, bits) for one wide port."""
    numbered = [index for index in bits if index is not None]
    if numbered:  # of `p_read, p_read1, p_read2` the first has no number
        return max(numbered) + 1, None
    return (None, bits[None]) if bits else (None, None)
