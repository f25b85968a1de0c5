"""Kinds are found by file name and checked against their room's contract."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

from dse import registry
from dse.errors import DseError, NetworkError, SpecError


@pytest.fixture
def outsider(monkeypatch):
    """Offer a module under a kind's name, as another package would."""

    def offer(room, kind, **members):
        module = ModuleType("outsider_of_dse")
        for name, member in members.items():
            setattr(module, name, member)
        monkeypatch.setitem(sys.modules, "outsider_of_dse", module)
        point = EntryPoint(kind, "outsider_of_dse", f"dse.{room}")
        monkeypatch.setattr(registry, "_offered", lambda: (point,))

    registry.load.cache_clear()
    registry._layer_kinds.cache_clear()
    yield offer
    registry.load.cache_clear()
    registry._layer_kinds.cache_clear()


def test_layers_are_found_by_file():
    assert {"conv", "dense", "depthwise", "pooling", "recurrent"} <= set(registry.kinds("layers"))
    assert registry.layer_kind("dense").matrices is registry.load("layers", "dense").matrices
    with pytest.raises(NetworkError, match="'dence'"):
        registry.layer_kind("dence")


def test_unknown_kind_names_those_there_are():
    with pytest.raises(SpecError, match="conv, dense, depthwise"):
        registry.load("layers", "attention")
    with pytest.raises(DseError, match="no room"):
        registry.kinds("kitchen")


def test_an_outsider_is_loaded(outsider):
    outsider("search", "mine", Options=object, create=object)
    assert "mine" in registry.kinds("search")
    assert registry.load("search", "mine").Options is object


def test_an_outsider_without_the_contract_is_an_error(outsider):
    outsider("search", "mine", Options=object)
    with pytest.raises(DseError, match="lacks create"):
        registry.load("search", "mine")


def test_a_kind_offered_twice_is_an_error(outsider):
    outsider("layers", "dense")
    with pytest.raises(DseError, match="offered twice"):
        registry.kinds("layers")


def test_a_kind_with_matrices_says_what_is_legal(outsider):
    outsider("layers", "mine", KINDS=("mine",), matrices=object)
    with pytest.raises(DseError, match="lacks multiplications, legal"):
        registry.layer_kind("mine")


def test_a_layer_kind_claimed_twice_is_an_error(outsider):
    same = {"matrices": object, "multiplications": object, "legal": object}
    outsider("layers", "mine", KINDS=("lstm",), **same)
    with pytest.raises(DseError, match="'lstm'"):
        registry.layer_kind("dense")
