"""Searches that need Optuna say so where it is missing."""

from __future__ import annotations

import pytest

from dse.errors import SpecError
from dse.registry import load


@pytest.mark.parametrize("kind", ["tpe", "nsga2"])
def test_a_missing_optuna_is_one_message(kind, monkeypatch):
    module = load("search", kind)
    monkeypatch.setattr("dse.search._optuna.find_spec", lambda name: None)
    with pytest.raises(SpecError, match=rf'mode "{kind}": Optuna is not installed\. Next: pip install'):
        module.create(module.Options())
