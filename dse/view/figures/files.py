"""A drawing as the content of a file: SVG by our own writer, PDF and PNG inked by matplotlib (extra `plot`)."""

from __future__ import annotations

from pathlib import PurePath

from dse.errors import SpecError
from dse.view.figures import svg
from dse.view.figures.drawing import Drawing

ENDINGS = (".svg", ".pdf", ".png")


def encode(drawing: Drawing, name: str) -> bytes:
    """Return the content of a file of that name; its ending says which format.

    Raises:
        SpecError: another ending, or matplotlib is not installed.
    """
    ending = PurePath(name).suffix.lower()
    if ending == ".svg":
        return svg.standalone(drawing).encode()
    if ending not in ENDINGS:
        raise SpecError(f"{name}: got ending {ending!r}, expected one of {', '.join(ENDINGS)}")
    try:
        from dse.view.figures.ink import ink
    except ImportError:
        raise SpecError(f"{name}: {ending} needs matplotlib. Install dse[plot], or write an .svg.") from None
    return ink(drawing, ending[1:])
