"""What a shim writes: documents that appear at once, and a log that never outgrows its bound.

Also runs on other hosts, where Python may be as old as 3.6: standard library only, no newer syntax.
"""

import json
import os
from pathlib import Path


def write_json(path: Path, value: "dict[str, object]", durable: bool = False) -> None:
    """Write a document so that a reader sees the old or the new one, never a part."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8") as file:
        json.dump(value, file)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    partial.replace(path)


class Log:
    """A log with a bound: the first half of it as it came, of the rest the newest quarter or two."""

    def __init__(self, directory: Path, limit_bytes: int) -> None:
        self.files = [directory / "log", directory / "log.1", directory / "log.2"]
        self.limits = [limit_bytes // 2, limit_bytes // 4]
        self.total = self.in_file = 0
        self.file = self.files[0].open("ab", buffering=0)
        self.in_tail = False

    def write(self, chunk: bytes) -> None:
        """Append what the tool printed; what does not fit pushes out what is neither head nor newest."""
        self.total += len(chunk)
        while chunk:
            room = self.limits[self.in_tail] - self.in_file
            if room <= 0:
                self._turn()
                continue
            self.file.write(chunk[:room])
            self.in_file += min(room, len(chunk))
            chunk = chunk[room:]

    def _turn(self) -> None:
        self.file.close()
        if self.in_tail:  # log.2 is the newest, log.1 the one before
            self.files[2].replace(self.files[1])
        self.file = self.files[2].open("wb", buffering=0)
        self.in_tail, self.in_file = True, 0
