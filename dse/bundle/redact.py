"""What a bundle must not tell: where on whose machine the design was found."""

from __future__ import annotations

import re
import socket

_PATH = re.compile(r"(?<![\w/.:<])/(?:[\w.+@~%-]+/)+([\w.+@~%-]*)")
_LICENCE = re.compile(r"\b\d{2,5}@[\w.-]+")


def redact(text: str, *hosts: str) -> str:
    """Return a sentence without absolute paths (their last name stays), host names and licence servers.

    >>> redact("reports in /home/ada/dse/work/reports.jsonl on lab3, licence 2100@lic.example.org", "lab3")
    'reports in .../reports.jsonl on <host>, licence <licence server>'
    """
    text = _LICENCE.sub("<licence server>", text)
    text = _PATH.sub(r".../\1", text)
    for host in {socket.gethostname(), *hosts}:
        if len(host) > 2:
            text = re.sub(rf"(?<![\w-]){re.escape(host)}(?![\w-])", "<host>", text)
    return text
