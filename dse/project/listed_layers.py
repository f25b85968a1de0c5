"""A network listed as layers and sizes (`.toml`) -> an equivalent Keras model, for the simple kinds."""

from __future__ import annotations

from typing import Any

from dse.design import Network
from dse.errors import NetworkError


def build_listed(network: Network) -> Any:
    raise NetworkError(f"network {network.name}: lists layers only. Save a Keras model of it to generate projects.")
