"""Memoised evaluations: key -> Evaluation, shared by all campaigns at once.

An entry is a directory `<2 hex>/<key>/` of `evaluation.json`, attachments (`layers.jsonl`: the measured layers, for others to learn
from) and `manifest.json` (SHA-256 of every file). It is written beside its place and renamed into it; the first writer wins. Every
read checks the digests: a damaged entry is moved to `quarantine/`, reported once, and counts as a miss. What a digest cannot tell is
whether its author was honest: share a cache only with people whose numbers you would use.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from dse.errors import CacheConflict, CacheError, CorruptEntry, NewerEntry
from dse.qor import DESIGN_FACTS, Evaluation, Failure, Learned
from dse.store import fsops
from dse.store.codec import read_evaluation
from dse.store.index import Index
from dse.wire import dump_json, load_json, to_json

SCHEMA = "dse.evaluation/2"
LAYERS = "layers.jsonl"  # attachment: the measured layers, one record a line
READABLE = ("dse.evaluation/1", SCHEMA)
MAX_BYTES = 64 * 2**20


def is_cacheable(evaluation: Evaluation) -> bool:
    """Whether an evaluation is a fact about its point, worth remembering; a training that was cut short is none."""
    outcome = evaluation.outcome
    if isinstance(outcome, Learned):
        return outcome.ended not in ("hopeless", "time")
    return not isinstance(outcome, Failure) or outcome.kind in DESIGN_FACTS


class Cache:
    """The store under one root directory; any number of processes may use it at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.warnings: list[str] = []
        self._claims: dict[str, int] = {}
        self._index = Index(root / "index")

    def get(self, key: str) -> Evaluation | None:
        """Return what is stored, None on a miss.

        A damaged entry is quarantined, one of a newer `dse` is left alone; both are noted in `warnings`, and are a miss.
        """
        try:
            return self.read(key)
        except NewerEntry as error:
            self.warnings.append(f"{error} The point will be evaluated again.")
            return None
        except CorruptEntry as error:
            self.warnings.append(f"{error} Moved to {self.set_aside(key)}; the point will be evaluated again.")
            return None

    def read(self, key: str) -> Evaluation | None:
        """Like `get`, but raise CorruptEntry or NewerEntry and leave the entry where it is."""
        content = self._content(key)
        if content is None:
            return None
        try:
            evaluation = read_evaluation(load_json(content["evaluation.json"]))
            if evaluation.key != key:
                raise ValueError(f"it holds the key {evaluation.key[:12]}…")
        except (ValueError, KeyError, AttributeError) as error:
            raise CorruptEntry(f"cache entry {self._place(key)}: damaged: {error}.") from error
        return evaluation

    def attachment(self, key: str, name: str) -> bytes | None:
        """Return an attachment of an entry, None if the entry has none of that name or is damaged."""
        try:
            return (self._content(key) or {}).get(name)
        except (CorruptEntry, NewerEntry):
            return None

    def _content(self, key: str) -> dict[str, bytes] | None:
        place = self._place(key)
        if not os.path.lexists(place):
            return None
        try:
            manifest = load_json(_read(place / "manifest.json"))
            if _is_newer(manifest["schema"]):
                raise NewerEntry(f"cache entry {place}: written by a newer dse (schema {manifest['schema']}); left as it is.")
            if manifest["schema"] not in READABLE or not all(re.fullmatch(r"[a-z_.]+", name) for name in manifest["files"]):
                raise ValueError("the manifest is not ours")
            content = {name: _read(place / name) for name in manifest["files"]}
            if manifest["files"] != {name: _sha256(text) for name, text in content.items()}:
                raise ValueError("the content does not match its checksum")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorruptEntry(f"cache entry {place}: damaged: {error}.") from error
        return content

    def put(self, evaluation: Evaluation, attachments: Mapping[str, bytes] | None = None) -> None:
        """Remember an evaluation, and files that belong to it, for good.

        Raises:
            CacheConflict: the same key is there with a different outcome; the stored one stays.
            CacheError, DiskFull: nothing was written.
        """
        place = self._place(evaluation.key)
        self._refuse_links(place.parent)
        files = {**(attachments or {}), "evaluation.json": dump_json(to_json(evaluation)).encode()}
        digests = {name: _sha256(content) for name, content in files.items()}
        files["manifest.json"] = dump_json({"schema": SCHEMA, "files": digests}).encode()
        if fsops.place_directory(place, files):
            self._index.add(evaluation.key, files.get(LAYERS, b""))
            return
        stored = self.get(evaluation.key)
        if stored is None:
            fsops.place_directory(place, files)
        elif stored.outcome != evaluation.outcome:
            raise CacheConflict(
                f"cache entry {place}: the same key has a different outcome"
                f" (stored by {stored.provenance.made_by or 'an import'}, {stored.provenance.finished_at})."
                " One of the two tools or machines is not what it says; see `dse cache check`."
            )

    def claim(self, key: str) -> bool:
        """Claim the right to evaluate a key; False while another process holds it. A claim ends with its process."""
        if key in self._claims:
            return True
        place = self.root / "claims"
        self._refuse_links(place)
        try:
            place.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(place / key, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise CacheError(
                f"{place}: cannot be written: {error.strerror}. Check who owns the folder, or set [campaign] cache to another one."
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._claims[key] = descriptor
        return True

    def release(self, key: str) -> None:
        """Give a claim back; unknown keys are fine."""
        descriptor = self._claims.pop(key, None)
        if descriptor is not None:
            with suppress(OSError):
                (self.root / "claims" / key).unlink()
            os.close(descriptor)

    def release_all(self) -> None:
        """Give all claims back."""
        for key in tuple(self._claims):
            self.release(key)

    def keys(self) -> Iterator[str]:
        """Iterate over the keys of all entries, damaged ones too, in alphabetical order."""
        for number in range(256):
            with suppress(FileNotFoundError, NotADirectoryError):
                with os.scandir(self.root / f"{number:02x}") as entries:
                    names = [entry.name for entry in entries]
                yield from sorted(name for name in names if re.fullmatch(r"[0-9a-f]{64}", name))

    def newest(self, regime: str, kinds: Collection[str], n_layers: int) -> tuple[str, ...]:
        """Return the newest entries of a regime (`dse.store.index`) that hold layers of these kinds, until they hold so many layers."""
        for key in self._index.missing(self.keys()):
            with suppress(OSError, ValueError):
                place = self._place(key) / LAYERS
                self._index.add(key, _read(place) if place.exists() else b"")
        return self._index.newest(regime, kinds, n_layers)

    def _refuse_links(self, folder: Path) -> None:
        for place in (self.root, folder):
            if place.is_symlink():
                raise CacheError(
                    f"{place}: a symbolic link, which is not followed. Set [campaign] cache to the folder that you mean, {place.resolve()}."
                )

    def _place(self, key: str) -> Path:
        if not re.fullmatch(r"[0-9a-f]{64}", key):
            raise CacheError(f"not a cache key: {key!r}")
        return self.root / key[:2] / key

    def set_aside(self, key: str) -> Path:
        """Move an entry out of the way, deleting nothing; return where it is now."""
        target = self.root / "quarantine" / f"{key}-{time.time_ns()}"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._place(key).rename(target)
        except OSError as error:
            raise CacheError(f"cache entry {self._place(key)}: cannot be moved away: {error.strerror}.") from error
        return target


def _is_newer(schema: object) -> bool:
    match = re.fullmatch(r"dse\.evaluation/([0-9]{1,6})", str(schema))
    return match is not None and int(match[1]) > int(SCHEMA.rpartition("/")[2])


def _read(path: Path) -> bytes:
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path.name} is larger than {MAX_BYTES >> 20} MiB")
    return path.read_bytes()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
