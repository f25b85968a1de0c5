"""Words and numbers for people."""

from __future__ import annotations

from contextlib import suppress

from dse.errors import SpecError


def part_name(part: str) -> str:
    """Return a part as its vendor spells it, as it stands where that is not known.

    >>> part_name("xc7a200tfbg6762"), part_name("xc7a200t")
    ('xc7a200tfbg676-2', 'xc7a200t')
    """
    from dse.parts import vendor_part

    with suppress(SpecError):
        return vendor_part(part)
    return part


def clock(seconds: float | None) -> str:
    """Return a running time.

    >>> clock(372), clock(4000), clock(None)
    ('06:12', '1:06:40', '-')
    """
    if seconds is None:
        return "-"
    minutes, rest = divmod(int(max(0.0, seconds)), 60)
    return f"{minutes:02d}:{rest:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def span(seconds: float) -> str:
    """Return a length of time in the unit that fits.

    >>> span(42), span(540), span(3720)
    ('42 s', '9 m', '1 h 02 m')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} m" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} m"


def remaining(eta: tuple[float, float] | None, since: float = 0.0) -> str:
    """Return what is left as a range, `?` where nobody can say, `late` beyond all experience.

    >>> remaining((300, 540)), remaining(None), remaining((0, 0)), remaining((30, 60), since=40), remaining((0, 9000))
    ('~5-9 m', '?', 'late', '~0-20 s', '~0-2.5 h')
    >>> remaining((9.8, 10.4))
    '~10 s'
    """
    if eta is None:
        return "?"
    low, high = (max(0.0, bound - since) for bound in eta)
    if high <= 0:
        return "late"
    unit, seconds = ("s", 1) if high < 90 else ("m", 60) if high < 5400 else ("h", 3600)
    shown = [f"{bound / seconds:.{1 if unit == 'h' else 0}f}".removesuffix(".0") for bound in (low, high)]
    return f"~{'-'.join(dict.fromkeys(shown))} {unit}"


def time_of(nanoseconds: float) -> str:
    """Return a time in a unit that fits.

    >>> time_of(180), time_of(33632), time_of(2.5e6)
    ('180\xa0ns', '33.6\xa0µs', '2.5\xa0ms')
    """
    for limit, unit in ((1e6, "ms"), (1e3, "µs")):
        if nanoseconds >= limit:
            return f"{nanoseconds / limit:.3g}\N{NO-BREAK SPACE}{unit}"
    return f"{nanoseconds:.3g}\N{NO-BREAK SPACE}ns"


def memory(size_bytes: int | None) -> str:
    """Return memory in gigabytes or megabytes.

    >>> memory(4509715661), memory(200_000_000), memory(None)
    ('4.2G', '191M', '-')
    """
    if size_bytes is None:
        return "-"
    return f"{size_bytes / 2**30:.1f}G" if size_bytes >= 2**30 else f"{size_bytes / 2**20:.0f}M"


def joined(parts: list[str], width: int, glue: str = " · ") -> str:
    """Return the parts that fit, the first ones before the later; a first part that does not fit is cut.

    >>> joined(["abc", "defghij", "k"], 9), joined(["abcdef"], 4)
    ('abc · k', 'abc…')
    """
    kept: list[str] = []
    for part in parts:
        if part and len(glue.join([*kept, part])) <= width:
            kept.append(part)
    if not kept and parts:
        return parts[0] if len(parts[0]) <= width else parts[0][: max(0, width - 1)] + "…"
    return glue.join(kept)
