"""`firmware/defines.h` of an hls4ml project: the number formats that were built.

typedef ap_fixed<16,6> model_default_t;
typedef ap_fixed<16,6> weight2_t;
typedef ap_fixed<16,6,AP_RND,AP_SAT,0> layer4_t;         rounding and saturation, as hls4ml writes them where they were asked for
typedef ap_int<8> weight4_t;                             an integer is a fixed point without places behind the point
typedef nnet::array<ap_fixed<16,6>, 64*1> layer2_t;      no number format, not read
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dse.design import Precision
from dse.errors import SpecError

_TYPE = re.compile(
    r"typedef\s+(ap_u?fixed<\s{0,9}[0-9]{1,4}\s{0,9},\s{0,9}-?[0-9]{1,4}\s{0,9}(?:,\s{0,9}AP_[A-Z_]{1,20}\s{0,9}){0,2}(?:,\s{0,9}0\s{0,9})?>"
    r"|ap_u?int<\s{0,9}[0-9]{1,4}\s{0,9}>)"
    r"\s+([A-Za-z0-9_]{1,100})\s*;"
)
_INT = re.compile(r"ap_(u?)int<\s*([0-9]+)\s*>")
_WEIGHT = re.compile(r"weight([0-9]{1,6})_t|(\w{1,90})_weight_t")


@dataclass(frozen=True, slots=True)
class Types:
    """Number formats as built.

    Attributes:
        default: of the model as a whole; None where the file does not say (since hls4ml 1.0 only where some type is left to it), or
            says something that is no plain fixed point.
        weights: of each layer's weights, by name, or by index N of `configN` as text.
        widths: bits of all number formats of the file.
    """

    default: Precision | None = None
    weights: tuple[tuple[str, Precision], ...] = ()
    widths: frozenset[int] = frozenset()

    def weight(self, index: int, name: str) -> Precision | None:
        """Return the format of a layer's weights, None where it is not known."""
        found = dict(self.weights)
        return found.get(name, found.get(str(index)))


def parse_defines_h(text: str) -> Types:
    """Read the number formats; what is not a plain `ap_fixed` or `ap_ufixed` is left out."""
    found: dict[str, Precision] = {}
    for match in _TYPE.finditer(text[: 2**22]):
        try:
            found[match[2]] = Precision.parse(_INT.sub(r"ap_\1fixed<\2,\2>", match[1]))
        except SpecError:
            continue
    weights = tuple((seen[1] or seen[2], precision) for name, precision in found.items() if (seen := _WEIGHT.fullmatch(name)))
    return Types(found.get("model_default_t"), weights, frozenset(precision.width_bits for precision in found.values()))
