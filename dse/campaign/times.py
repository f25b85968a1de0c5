"""Moments as text: UTC, to the millisecond, so that they sort and compare on every machine."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> str:
    """Return the moment, e.g. `2026-03-01T12:00:00.000Z`."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def seconds_since(moment: str) -> float:
    """Return how long ago a moment was, never less than 0.

    >>> seconds_since("2026-03-01T12:00:00.000Z") > 0, seconds_since("9999-01-01T00:00:00.000Z")
    (True, 0.0)
    """
    return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds())
