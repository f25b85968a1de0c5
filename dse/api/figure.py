"""A figure that shows itself in a notebook."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import Any

from dse.store.fsops import write_atomically


class Figure:
    """A figure of a campaign; shows itself in a notebook, without JavaScript."""

    def __init__(self, drawing: Any) -> None:
        self._drawing = drawing

    @property
    def svg(self) -> str:
        """The figure as SVG text."""
        from dse.view.figures.svg import standalone

        return standalone(self._drawing)

    def save(self, path: str | Path) -> None:
        """Write the figure; the ending says how: .svg, or with matplotlib .pdf and .png.

        Raises:
            SpecError: another ending, or no matplotlib.
        """
        from dse.view.figures.files import encode

        write_atomically(Path(path), encode(self._drawing, Path(path).name))

    def _repr_html_(self) -> str:
        # as a picture, so that the styles of one figure never reach another one or the notebook
        data = base64.b64encode(self.svg.encode()).decode()
        title = escape(f"{self._drawing.title}. {self._drawing.description}", quote=True)
        return f'<img alt="{title}" style="max-width:100%" src="data:image/svg+xml;base64,{data}">'
