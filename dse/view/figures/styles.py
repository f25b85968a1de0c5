"""Colors and strokes of all figures, by class name: one table, from which both the style sheet and matplotlib's ink are made."""

from __future__ import annotations

from dataclasses import dataclass

# name: (light, dark). The layers' colors keep 3:1 against their paper and differ for the common kinds of color blindness; where more
# layers than colors are there, colors come again, and order and labels tell the layers apart.
PALETTE: dict[str, tuple[str, str]] = {
    "paper": ("#ffffff", "#161b23"),
    "ink": ("#1b2430", "#e7ebf1"),
    "muted": ("#566272", "#a5b0be"),
    "grid": ("#e3e7ec", "#2b333f"),
    "axis": ("#8994a3", "#6d7989"),
    "accent": ("#0b6e5b", "#57d1b2"),
    "bad": ("#b3382c", "#f08a7f"),
    "predicted": ("#7a5bc4", "#bba6f5"),
    "layer0": ("#2f6db5", "#79abec"),
    "layer1": ("#c96a16", "#f2a65e"),
    "layer2": ("#1f8a6b", "#5fc7a4"),
    "layer3": ("#b23f84", "#e98bc1"),
    "layer4": ("#7359b8", "#b7a2f2"),
    "layer5": ("#96761a", "#dcbc5f"),
    "layer6": ("#2487a0", "#6fcade"),
    "layer7": ("#bb4438", "#f0897e"),
    "layer8": ("#5f6c7b", "#a9b5c4"),
    "layer9": ("#65862b", "#afd071"),
}
N_LAYER_COLORS = 10


@dataclass(frozen=True, slots=True)
class Style:
    """How a class looks; colors are names of `PALETTE`, "" is none. `size` is that of text, in pixels."""

    fill: str = ""
    stroke: str = ""
    width: float = 0.0
    dash: str = ""
    opacity: float = 1.0
    size: float = 0.0
    is_bold: bool = False


STYLES: dict[str, Style] = {
    "label": Style(fill="ink", size=11),
    "tick": Style(fill="muted", size=10),
    "small": Style(fill="muted", size=9),
    "muted": Style(fill="muted", size=11),
    "head": Style(fill="ink", size=12, is_bold=True),
    "grid": Style(stroke="grid", width=1),
    "axis": Style(stroke="axis", width=1),
    "target": Style(stroke="ink", width=1.4, dash="6 4"),
    "limit": Style(stroke="bad", width=1.4, dash="2 3"),
    "limit-text": Style(fill="bad", size=10),
    "hatch": Style(fill="hatch"),
    "cut": Style(stroke="paper", width=3),
    "measured": Style(fill="layer0", stroke="paper", width=1),
    "feasible": Style(fill="layer0", stroke="paper", width=1, opacity=0.55),
    "front-line": Style(stroke="layer0", width=1.4),
    "infeasible": Style(stroke="bad", width=1.6),
    "pending": Style(stroke="muted", width=1.6),
    "predicted": Style(stroke="predicted", width=1.4),
    "predicted-bar": Style(stroke="predicted", width=1, opacity=0.6),
    "inside": Style(fill="layer2", stroke="paper", width=0.8),
    "outside": Style(fill="bad", stroke="paper", width=0.8),
    "chosen": Style(stroke="accent", width=2.4),
    "band": Style(fill="predicted", opacity=0.18),
    "mean": Style(stroke="predicted", width=1.6),
    "interpolant": Style(stroke="layer1", width=1.4),
    "interpolant-before": Style(stroke="layer1", width=1.1, dash="3 3", opacity=0.75),
    "cross": Style(stroke="ink", width=1.7),
    "best": Style(stroke="accent", width=2),
    "gap": Style(stroke="predicted", width=2),
    "spent": Style(fill="layer0"),
    "saved": Style(fill="grid", stroke="axis", width=1),
    "failed": Style(fill="bad"),
    "rest": Style(fill="axis", opacity=0.55),
    **{f"layer{i}": Style(fill=f"layer{i}") for i in range(N_LAYER_COLORS)},
}


def layer_style(index: int) -> str:
    """Return the class of the index-th layer's color."""
    return f"layer{index % N_LAYER_COLORS}"


def variables(dark: bool) -> str:
    """Return the palette as CSS variables."""
    return "".join(f"--{name}:{colors[dark]};" for name, colors in PALETTE.items())


def rules() -> str:
    """Return the style sheet of all classes; colors are variables."""
    return "".join(f".f-{name}{{{_declarations(style)}}}" for name, style in STYLES.items())


def _declarations(style: Style) -> str:
    fill = "url(#hatch)" if style.fill == "hatch" else f"var(--{style.fill})" if style.fill else "none"
    parts = [f"fill:{fill}"]
    if style.stroke:
        parts += [f"stroke:var(--{style.stroke})", f"stroke-width:{style.width:g}"]
    if style.dash:
        parts.append(f"stroke-dasharray:{style.dash}")
    if style.opacity != 1:
        parts.append(f"opacity:{style.opacity:g}")
    if style.size:
        parts.append(f"font:{'600' if style.is_bold else '400'} {style.size:g}px system-ui,sans-serif")
    return ";".join(parts)
