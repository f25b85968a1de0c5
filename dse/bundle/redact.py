"""What may be given away must not tell on whose machine a design was found: no home folder, host, user or licence server."""

from __future__ import annotations

import getpass
import re
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress

_FILE = r"(?:[\w.+@~%=,-]|(?<=\w)'(?=\w))"
_PATH = re.compile(rf"(?<!http:)(?<!https:)(?<![\w/.<~])(?:/+|~[\w.-]*/)(?:{_FILE}+/)+({_FILE}*)")
_LICENCE = re.compile(r"\b\d{2,5}@([\w.-]*\w)")
_ADDRESS = re.compile(r"\b[\w.+-]+@[\w-][\w.-]*\w|\b\d{1,3}(?:\.\d{1,3}){3}\b")

# Where texts of tools name a user or a host: home folders, the head of an HLS log, an SSH client's complaints.
_USERS = (r"/(?:home|Users|users?|afs/[\w.]+/users?)/(?:\w/)?([\w.+-]+)", r"~(\w[\w.-]*)/", r"\buser '([\w.-]+)'")
_HOSTS = (r"\bhost '([\w.-]+)'", r"\bto host ([\w.-]+) port")
_NOBODY = frozenset(("root", "admin", "user", "users", "runner", "localhost"))  # names that everybody has
_SHORTEST = 3


def redact(text: str, *hosts: str) -> str:
    """Return a sentence without absolute paths (their last name stays), host and user names, addresses and licence servers.

    >>> redact("reports in /home/ada/dse/work/reports.jsonl on lab3, licence 2100@lic.example.org", "lab3")
    'reports in .../reports.jsonl on <host>, licence <licence server>'
    """
    return redactor([text], hosts)(text)


def redactor(texts: Iterable[str], hosts: Iterable[str] = ()) -> Callable[[str], str]:
    """Return what redacts any piece of the texts: a name that one of them gives away as a user's or host's is hidden in all."""
    whole = "\n".join(texts)
    users = {name for pattern in _USERS for name in re.findall(pattern, whole)}
    with suppress(OSError, KeyError):  # an account without a name
        users.add(getpass.getuser())
    machines = {socket.gethostname(), *hosts, *(name for pattern in _HOSTS for name in re.findall(pattern, whole))}
    machines |= {name for name in _LICENCE.findall(whole) if not name.replace(".", "").isdigit()}
    logins = {name.partition("@")[0] for name in machines if "@" in name}
    machines = {name.rpartition("@")[2] for name in machines}
    names = [_words(machines | {name.partition(".")[0] for name in machines}, r"(?:\.[\w-]+)*"), _words(users | logins, "")]

    def hide(text: str) -> str:
        text = _LICENCE.sub("<licence server>", text)
        text = _PATH.sub(r".../\1", text)
        for pattern, word in zip(names, ("<host>", "<user>"), strict=True):
            text = pattern.sub(word, text) if pattern else text
        return _ADDRESS.sub("<address>", text)

    return hide


def _words(names: Iterable[str], rest: str) -> re.Pattern[str] | None:
    told = sorted((re.escape(n) for n in names if len(n) >= _SHORTEST and n not in _NOBODY), key=len, reverse=True)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(told)})(?![\w-]){rest}", re.IGNORECASE) if told else None
