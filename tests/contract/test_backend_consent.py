"""H04: what a backend says needs no consent (`never_run`) is run by nobody, whatever it holds; all other texts are asked about."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import backend_cases
import pytest

from dse.consent import backend_commands
from dse.design import Job
from dse.errors import DseError
from dse.registry import kinds, load
from dse.synth_backends.base import HARMLESS, Closes, Site

TURNS = 6  # enough for a job to be handed over; what is never run shows nothing however long one waits


def texts(options: type[Any]) -> Iterator[tuple[str, type[Any] | None, Any]]:
    """(key, class of the entries that hold it if it is nested, field) of every key that can hold a text of the campaign's own."""
    hints = get_type_hints(options)
    for field in fields(options):
        for part in get_args(hints[field.name]):
            if is_dataclass(part) and isinstance(part, type):
                yield from ((field.name, part, inner) for _, _, inner in texts(part))
        if hints[field.name] in (str, tuple[str, ...]):
            yield field.name, None, field


def filled(kind: str, key: str, entry: type[Any] | None, field: Any, text: str) -> Any:
    """The backend's options with one text set; DseError where they refuse it."""
    options = load("synth_backends", kind).Options
    required = {own.name: "given" for own in fields(options) if own.default is MISSING and own.default_factory is MISSING}
    if entry is not None:
        return options(**{**required, key: (entry(**{field.name: text}),)})
    value: Any = (text,) if get_type_hints(options)[key] == tuple[str, ...] else text
    return options(**{**required, key: value})


KEYS = [(kind, *found) for kind in kinds("synth_backends") for found in texts(load("synth_backends", kind).Options)]
IDS = [f"{kind}-{key}" for kind, key, _, _ in KEYS]


@pytest.mark.parametrize(("kind", "key", "entry", "field"), KEYS, ids=IDS)
def test_a_text_is_asked_about_unless_the_backend_says_otherwise(kind: str, key: str, entry: Any, field: Any) -> None:
    asked = backend_commands(filled(kind, key, entry, field, "sh"))
    assert bool(asked) == (field.metadata.get(HARMLESS, ()) is not None)
    assert all("sh" in command.words for command in asked)


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What appears if a hostile text is run; the tools and a network host that is not there are found without the campaign's help."""
    kit = backend_cases._execution("execution_kit")
    tools = kit.fake_tools.install(tmp_path / "tools", {})
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    return tmp_path / "canary"


def hostile(canary: Path) -> list[str]:
    script, config = canary.with_name("theirs.sh"), canary.with_name("ssh_config")
    script.write_text(f"#!/bin/sh\ntouch {canary}\n")
    script.chmod(0o755)
    config.write_text(f"Host *\n  ProxyCommand touch {canary}\n")
    return [
        str(script),
        str(config),
        f"$(touch {canary})",
        f"x; touch {canary}",
        f"-oProxyCommand=touch {canary}",
        f"x\ntouch {canary}",
    ]


def try_out(kind: str, options: Any, root: Path) -> None:
    """Build the backend and let it work for a while; whatever it refuses is fine."""
    kit = backend_cases._execution("execution_kit")
    if kind == "ssh" and not options.hosts:
        options = replace(options, hosts=(load("synth_backends", "ssh").RemoteHost("nowhere.invalid"),))
    if kind == "slurm" and options.work != ".dse":
        options = replace(options, login="nowhere.invalid")
    at = Site(kit.NETWORK, kit.TARGET, root / "toy.json", root / "work", "consent", slots=2)
    backend = None
    with suppress(DseError):
        backend = load("synth_backends", kind).create(options, at)
        if hasattr(backend, "projects"):
            backend.jobs.projects = kit.StubSource()
        job = replace(kit.job_for(1, 1), fidelity=backend.fidelity, basis=backend.basis)
        assert isinstance(job, Job)
        for _ in range(TURNS):
            backend.advance((job,))
            time.sleep(0.05)
        backend.advance(())
    if isinstance(backend, Closes):
        backend.close()


# `environment` is the engine's, the same for all that run a tool: once is enough.
SHARED = {f"{kind}-environment" for kind in ("ssh", "slurm")}
NEVER_RUN = [
    (found, name)
    for found, name in zip(KEYS, IDS, strict=True)
    if found[3].metadata.get(HARMLESS, ()) is None and name not in SHARED
]


@pytest.mark.parametrize(("kind", "key", "entry", "field"), [found for found, _ in NEVER_RUN], ids=[name for _, name in NEVER_RUN])
def test_what_needs_no_consent_is_never_run(kind: str, key: str, entry: Any, field: Any, canary: Path, tmp_path: Path) -> None:
    for number, text in enumerate(hostile(canary)):
        with suppress(DseError):
            try_out(kind, filled(kind, key, entry, field, text), tmp_path / str(number))
        assert not canary.exists(), text


@pytest.mark.parametrize(("kind", "key"), [("local", "tool"), ("local", "setup"), ("ssh", "ssh_config")])
def test_the_canary_sings(kind: str, key: str, canary: Path, tmp_path: Path) -> None:
    """The check above notices keys that are run."""
    (found,) = (field for k, name, entry, field in KEYS if (k, name, entry) == (kind, key, None))
    for number, text in enumerate(hostile(canary)):
        with suppress(DseError):
            try_out(kind, filled(kind, key, None, found, text), tmp_path / str(number))
    assert canary.exists()
