"""The chosen design as a folder that builds without `dse`: hls4ml settings, the model, what to expect, and a check of both."""

from __future__ import annotations

from dse.bundle.write import Bundle, write_bundle

__all__ = ["Bundle", "write_bundle"]
