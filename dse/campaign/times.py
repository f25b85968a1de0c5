"""Moments as text: UTC, to the millisecond, so that they sort and compare on every machine."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> str:
    """Return the moment, e.g. `2026-03-01T12:00:00.000Z`."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
