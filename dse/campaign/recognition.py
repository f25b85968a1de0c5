"""What kind of file somebody named where a campaign was expected, so that the answer is one sentence and not thirteen errors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dse.errors import SpecError

_NETWORKS = (".keras", ".h5", ".hdf5", ".json", ".onnx", ".pt", ".pth")
_REPORTS = (".rpt", ".xml", ".zip", ".tar", ".gz", ".tgz")
_SETTINGS = (".yml", ".yaml")
_RECORDS = (".jsonl", ".csv", ".parquet")


def is_search(tables: Mapping[str, Any]) -> bool:
    """Whether a file's tables are an architecture search's."""
    return "nas" in tables or "space" in tables


def refuse_other_formats(path: Path) -> None:
    """Raise SpecError for a file that is no TOML by its name; says what it is for."""
    ending = path.suffix.lower()
    if ending in _NETWORKS:
        raise _network(path)
    if ending in _SETTINGS:
        raise SpecError(
            f"{path}: hls4ml settings, not a campaign. `dse init NETWORK` writes a campaign for the network they belong to."
        )
    if ending in _REPORTS:
        raise SpecError(f"{path}: a tool's report or an archive, not a campaign. Show it: dse report {path}")
    if ending in _RECORDS:
        raise SpecError(f'{path}: records, not a campaign. A campaign serves them with `[backend] kind = "replay"` and `corpus`.')


def refuse_other_tables(path: Path, tables: Mapping[str, Any]) -> None:
    """Raise SpecError for TOML that is one of our other files."""
    if is_search(tables):
        raise SpecError(
            f"{path}: an architecture search, not a campaign. Check it: dse check {path} · start it: dse nas run {path}"
        )
    if isinstance(tables.get("layer"), list) and "campaign" not in tables:
        raise _network(path)
    if isinstance(tables.get("network"), list):
        raise SpecError(f"{path}: a list of networks for `dse bench`, not a campaign.")


def _network(path: Path) -> SpecError:
    return SpecError(
        f"{path}: a network, not a campaign. Write a campaign for it: dse init {path} · look at its layers: dse legal {path}"
    )
