"""`firmware/parameters.h` of an hls4ml project: what was built, layer by layer.

This is what the compiler saw, so it decides; the YAML beside it and the directory's name only say what somebody asked for.

    // fc1
    struct config2 : nnet::dense_config {
        static const unsigned n_in = 16;
        static const unsigned strategy = nnet::resource;
        static const unsigned reuse_factor = 4;
    };

`configN` is the layer of index N. `relu_configN` is an activation. `configN_mult` is a convolution's kernel; `configN_1` and `configN_2` are
the two matrices of a recurrent layer, whose reuse factors may differ. Up to hls4ml 0.6 sizes are names: `n_in = N_INPUT_1_1;`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dse.errors import ReportError
from dse.reports.text import lines_of

MAX_LAYERS = 10_000
MAX_MACROS = 8  # names behind names

_NAME = re.compile(r"//\s*([A-Za-z_][A-Za-z0-9_]{0,127})\s*$")
_STRUCT = re.compile(
    r"struct\s+([A-Za-z0-9_]*?)config([0-9]{1,6})((?:_[A-Za-z0-9_]+)?)\s*(?::\s*(?:public\s+)?(?:nnet::)?(\w+))?\s*(?:\{|$)"
)
_CONSTANT = re.compile(r"static\s+const(?:expr)?\s+(?:unsigned|int|bool|unsigned int)\s+(\w+)\s*=\s*([^;]{1,200});")
_MACRO = re.compile(
    r"^(?:[ \t]{0,20}#[ \t]{0,9}define[ \t]{1,20}|(?:static )?const(?:expr)? (?:unsigned|int|size_t|auto|unsigned int) )"
    r"([A-Za-z_]\w{0,127})(?:[ \t]{1,80}|[ \t]{0,9}=[ \t]{0,9})\(?([A-Za-z_]\w{0,127}|[0-9]{1,12})\)?[ \t]{0,80}(?:;|\r|//|/\*|$)",
    re.MULTILINE,
)
_INTEGER = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class LayerConfig:
    """One layer as it was built.

    Attributes:
        index: N of `configN`.
        name: hls4ml's name of the layer; "" where the file does not say (before hls4ml 0.2).
        base: what the struct derives from, e.g. `dense_config`; "" where it derives from nothing.
        function: what stands before `config` for an activation, e.g. `relu`; else "".
        reuse_factor: effective; None for a layer that has none.
        reuse_factor_recurrent: of the second matrix of a recurrent layer; None for others.
        strategy: `latency`, `resource`, ...; "" where the layer has none.
        io_type: `io_parallel` or `io_stream`; "" where not said.
        sizes: all whole numbers of the struct, by name.
    """

    index: int
    name: str = ""
    base: str = ""
    function: str = ""
    reuse_factor: int | None = None
    reuse_factor_recurrent: int | None = None
    strategy: str = ""
    io_type: str = ""
    sizes: tuple[tuple[str, int], ...] = ()

    def size(self, name: str) -> int | None:
        """Return one whole number of the struct, None if it has no such constant."""
        return dict(self.sizes).get(name)


@dataclass(slots=True)
class _Struct:
    name: str
    function: str
    suffix: str
    base: str
    line: int
    values: dict[str, str]


def parse_parameters_h(text: str, file: str = "parameters.h", defines: str = "") -> tuple[LayerConfig, ...]:
    """Read the layers in the file's order.

    Args:
        defines: text of `defines.h`: up to hls4ml 0.6 sizes are macros there. Numbers and names of other macros are resolved, nothing
            is computed.

    Raises:
        ReportError: if no struct `configN` is there, one is cut off, or one index is built twice.
    """
    structs = _structs(text, file, {**macros_of(defines), **macros_of(text)})
    if "#ifndef PARAMETERS_H_" in text and "#endif" not in text:
        raise ReportError("no #endif: truncated", file=file)
    if not structs:
        raise ReportError("no struct configN. Not hls4ml's parameters.h, or truncated.", file=file)
    return tuple(_layer(index, members, file) for index, members in structs.items())


def macros_of(text: str) -> dict[str, str]:
    """Return what `#define` and plain constants give names to, by name: a number or another name.

    >>> macros_of("#define N_INPUT_1_1 16\\n#define N_SAME N_INPUT_1_1 // as wide")
    {'N_INPUT_1_1': '16', 'N_SAME': 'N_INPUT_1_1'}
    """
    return {match[1]: match[2] for match in _MACRO.finditer(text[: 2**22])}


def _resolved(value: str, macros: Mapping[str, str]) -> str:
    for _ in range(MAX_MACROS):
        if value not in macros:
            break
        value = macros[value]
    return value


def _structs(text: str, file: str, macros: Mapping[str, str]) -> dict[int, list[_Struct]]:
    found: dict[int, list[_Struct]] = {}
    name, current = "", None
    for number, line in enumerate(lines_of(text, file), 1):
        bare = line.strip()
        if current is None:
            if match := _NAME.match(bare):
                name = match[1]
            elif match := _STRUCT.match(bare):
                current = _Struct(name, match[1].strip("_"), match[3], match[4] or "", number, {})
                found.setdefault(int(match[2]), []).append(current)
                if len(found) > MAX_LAYERS:
                    raise ReportError(f"more than {MAX_LAYERS} layers", file=file, line=number)
                if "};" in bare:
                    current = None
        elif bare.startswith("};"):
            current = None
        elif match := _CONSTANT.search(bare):
            current.values[match[1]] = _resolved(match[2].strip(), macros)
    if current is not None:
        raise ReportError("a struct is cut off", file=file, line=current.line)
    return found


def _layer(index: int, members: list[_Struct], file: str) -> LayerConfig:
    plain = [struct for struct in members if not struct.function and not struct.suffix]
    named = [struct for struct in members if struct.function and not struct.suffix]
    if len(plain) > 1:
        raise ReportError(f"config{index} is built twice", file=file, line=plain[1].line)
    if not plain and (not named or any(not struct.function for struct in members)):
        return LayerConfig(index, members[0].name)  # only parts of a layer: cut off, or a layer that is not known here
    main = plain[0] if plain else named[0]
    by_suffix = {struct.suffix: struct for struct in members if not struct.function}
    kernels = [by_suffix[suffix] for suffix in ("_mult", "_1", "_pointwise_mult", "_depthwise_mult") if suffix in by_suffix]
    strategy = _enumerator(main, "strategy") or next((word for struct in kernels if (word := _enumerator(struct, "strategy"))), "")
    io_type = _enumerator(main, "io_type")
    if not strategy and io_type in ("latency", "resource"):
        strategy = io_type  # hls4ml writes a recurrent layer's strategy under the name io_type
    reuse = _whole(main, "reuse_factor")
    if reuse is None:
        reuse = next((number for struct in kernels if (number := _whole(struct, "reuse_factor")) is not None), None)
    recurrent = by_suffix.get("_2") if "_1" in by_suffix else None
    return LayerConfig(
        index=index,
        name=main.name,
        base=main.base,
        function=main.function,
        reuse_factor=reuse,
        reuse_factor_recurrent=_whole(recurrent, "reuse_factor") if recurrent else None,
        strategy=strategy,
        io_type=io_type if io_type.startswith("io_") else "",
        sizes=tuple((key, int(value)) for key, value in main.values.items() if _INTEGER.fullmatch(value)),
    )


def _enumerator(struct: _Struct, name: str) -> str:
    value = struct.values.get(name, "")
    return value.removeprefix("nnet::") if value.startswith("nnet::") else ""


def _whole(struct: _Struct, name: str) -> int | None:
    value = struct.values.get(name, "")
    return int(value) if _INTEGER.fullmatch(value) else None
