"""Explore: learn tables per layer from every synthesis, allocate exactly on them, and stop when even an optimist sees nothing better.

One synthesis measures one choice of every layer at once, so a design is worth trying for two reasons: it may be the best, and it
tells of every layer a choice that nobody has measured. Each step solves the allocation exactly on three versions of the tables:
  mean        the best design as believed; unless seen before it is the first candidate,
  optimistic  lower bounds at the asked confidence. If even their best unseen design cannot beat the verified incumbent by more than
              the tolerance, the search is over: that is the certificate. Otherwise this design is the next candidate,
  draws       one posterior sample each (Thompson sampling), for the further slots of a batch.
If a candidate would measure too few new choices, a *sweep* is built instead: each layer takes the unmeasured choice whose optimistic
value, at the dual prices of the limits, is lowest. So a space whose widest layer has C choices is known after about C syntheses,
however many points it has and however rugged it is.

Pending points count as known at their believed means. Several objectives: see `dse.search._fronts`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal

from dse import registry
from dse.errors import SpecError
from dse.search import _fronts, _single
from dse.search._ask import ask
from dse.search._tables import build
from dse.search.base import Advice, Proposal, Searcher, View

Probes = Literal["none", "staggered", "ends"]

_BLIND = 3  # so many trials without a number of an objective, and the search gives up


@dataclass(frozen=True, slots=True)
class Options:
    """What a campaign may set.

    Attributes:
        surrogate: kind of surrogate.
        surrogate_options: its keys, as pairs.
        tolerance: stop when nothing can be better by more than this share.
        confidence: of the bounds behind the certificate.
        probes: designs to start with: none (the best as believed), two that are staggered, or the smallest and the largest.
        limit_probability: how likely a believed best design must keep each limit to be tried.
        new_share: a candidate that measures less than this share of what a sweep would is put off for a sweep.
        transfer: learn from the layers that other campaigns with the same cache have measured.
    """

    surrogate: str = "adaptive"
    tolerance: float = 0.01
    confidence: float = 0.95
    probes: Probes = "none"
    limit_probability: float = 0.5
    new_share: float = 0.5
    transfer: bool = True
    surrogate_options: tuple[tuple[str, Any], ...] = field(default=())

    @property
    def rules(self) -> _single.Rules:
        """What decides a turn."""
        return _single.Rules(self.tolerance, self.confidence, self.limit_probability, self.new_share)

    def __post_init__(self) -> None:
        for name in ("confidence", "limit_probability"):
            if not 0 < getattr(self, name) < 1:
                raise SpecError(f"[search].{name}: got {getattr(self, name)!r}, expected a number between 0 and 1.")
        for name in ("tolerance", "new_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise SpecError(f"[search].{name}: got {getattr(self, name)!r}, expected a number from 0 to 1.")
        if self.probes not in ("none", "staggered", "ends"):
            raise SpecError(f'[search].probes: got {self.probes!r}, expected "none", "staggered" or "ends".')
        if self.surrogate not in registry.kinds("surrogates"):
            known = ", ".join(registry.kinds("surrogates"))
            raise SpecError(f"[search].surrogate: got {self.surrogate!r}, expected one of {known}.")


def create(options: Options) -> Searcher:
    """Return the search.

    Raises:
        SpecError: the surrogate has no such option, or the value has the wrong type.
    """
    _recipe(options)
    return Explorer(options)


def _recipe(options: Options) -> Any:
    """Return the surrogate's own options."""
    kind = registry.load("surrogates", options.surrogate).Options
    defaults: dict[str, Any] = {entry.name: entry.default for entry in fields(kind)}
    chosen = {}
    for name, value in options.surrogate_options:
        if name not in defaults:
            known = ", ".join(sorted(defaults)) or "none"
            raise SpecError(f"[search].surrogate_options: got {name!r}, expected one of {known} for {options.surrogate}.")
        try:
            chosen[name] = type(defaults[name])(value)  # a choice of words is an enum there and a text here
        except ValueError as error:
            raise SpecError(f"[search].surrogate_options: {name} is {value!r}: {error}.") from error
    return kind(**chosen)


@dataclass(frozen=True, slots=True)
class Explorer:
    """The search as a pure function of the view."""

    options: Options

    def propose(self, view: View, n: int) -> Advice:
        """Return the most telling designs, or the certificate that ends the search."""
        if len(view.seen) >= view.space.size:
            return Advice(stop="every point of the space has been tried") if not view.pending else Advice()
        probes = [point for point in _probes(self.options.probes, view) if view.space.point(point) not in view.seen]
        if probes and n > 0:
            texts = "a probe: each layer at another place of its range, so that every synthesis tells most"
            return Advice(tuple(Proposal(view.space.point(point), "probe", texts) for point in probes[:n]))
        tables = build(view, self.options.surrogate, _recipe(self.options), self.options.confidence)
        asked = ask(view, tables)
        blind = asked.needs(tables)
        unknown = [t for t in view.finished if t.qor is not None and view.goal.measures(t.outcome) is None]
        if blind or len(unknown) >= _BLIND:
            missing = ", ".join(blind or sorted({o.metric for o in view.goal.objectives}))
            return Advice(stop=f"no trial and no record tells of {missing}, so nothing can be allocated", notes=tables.notes)
        if len(view.goal.objectives) > 1:
            return _fronts.propose(asked, tables, n, self.options.tolerance, self.options.confidence)
        return _single.Step(self.options.rules, asked, tables).advise(n)


def _probes(kind: Probes, view: View) -> list[tuple[Any, ...]]:
    """Return the designs to start with. Staggered: layers of a kind take different quantiles, the second probe the mirror image."""
    options = view.space.options
    if kind == "none":
        return []
    if kind == "ends":
        return [tuple(option.choices[end] for option in options) for end in (0, -1)]
    first = []
    for option in options:
        peers = [other.layer.name for other in options if other.layer.kind == option.layer.kind]
        share = (peers.index(option.layer.name) + 0.5) / len(peers) if len(peers) > 1 else 0.25
        first.append(min(int(share * len(option.choices)), len(option.choices) - 1))
    second = [len(option.choices) - 1 - index for option, index in zip(options, first, strict=True)]
    return [tuple(option.choices[i] for option, i in zip(options, point, strict=True)) for point in (first, second)]
