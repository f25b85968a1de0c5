"""Which host may take a job now, and if none, why."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from dse.execution.host_state import HostState
from dse.execution.record import Record
from dse.execution.settings import GIB, ToolOptions

FULL, LOOKING = "slots", "looking for the tool"
ALONE = "memory: a job that ran out of it runs alone"
ORDINARY = (FULL, LOOKING)


def choose_host(
    record: Record, records: Collection[Record], hosts: Sequence[HostState], options: ToolOptions, n_slots: int
) -> tuple[HostState | None, str]:
    """Return the host with the most free slots, or None and the reason; a reason in `ORDINARY` needs no telling."""
    on_hosts = [other for other in records if other.is_on_host]
    if len(on_hosts) >= min(n_slots, options.licences or n_slots):
        return None, FULL
    reasons: list[str] = []
    best: HostState | None = None
    most_free = 0
    for host in hosts:
        here = [other for other in on_hosts if other.host == host.name]
        why = why_not(record, host, here, hosts, options)
        free = host.place.slots - len(here)
        if why:
            reasons.append(why)
        elif free > most_free:
            best, most_free = host, free
    telling = [reason for reason in reasons if reason not in ORDINARY]
    return best, (telling or reasons or [FULL])[0]


def why_not(record: Record, host: HostState, here: Sequence[Record], hosts: Sequence[HostState], options: ToolOptions) -> str:
    """Say why a job may not start at a host now; "" if it may.

    Args:
        here: the jobs that take its slots.
    """
    if host.error is not None:
        return str(host.error)
    if host.tool is None or host.silent_since is not None:
        return host.silence or LOOKING
    if len(here) >= host.place.slots:
        return FULL
    if host.free_disk is not None and host.free_disk < options.disk_reserve_gb * GIB:
        return f"disk: {host.name} has {host.free_disk / GIB:.1f} GiB free, the reserve is {options.disk_reserve_gb:g} GiB"
    why = _why_no_memory(record, host, here, options.memory_bytes() or 0)
    if why:
        return why
    if here and (record.alone or any(other.alone for other in here)):
        return ALONE
    # Tried again elsewhere, even if that means waiting for a slot there.
    return FULL if host.name == record.avoid and any(other is not host and other.is_fit for other in hosts) else ""


def _why_no_memory(record: Record, host: HostState, here: Sequence[Record], limit: int) -> str:
    needed = 0 if record.alone else limit  # the second try of one that ran out of memory gets what there is
    if host.free_memory is None or not needed:
        return ""
    used = [((other.sighting and other.sighting.memory_bytes) or 0, int(limit * other.memory_factor)) for other in here]
    free = host.free_memory - sum(max(0, may_use - uses) for uses, may_use in used)  # what they may still take is not free
    if free >= needed:
        return ""
    return f"memory: {host.name} has {free / GIB:.1f} GiB to spare, a job may need {needed / GIB:.1f} GiB"
