"""N-TORC's recipe (Singh et al., FCCM 2025): forests trained once, one exact allocation on what they predict, no verification.

The forests see the records of elsewhere only; the one design that comes out is synthesised so that it can be compared, and nothing is
learned from it. Where nothing keeps the limits as predicted the search says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from dse import registry
from dse.allocation.exact import allocate
from dse.errors import InfeasibleError
from dse.search import _blackbox as box
from dse.search._ask import ask
from dse.search._tables import build
from dse.search.base import Advice, Proposal, Searcher, View


@dataclass(frozen=True, slots=True)
class Options:
    """`surrogate`: what predicts; by default forests on N-TORC's four raw features."""

    surrogate: str = "ntorc"


def create(options: Options) -> Searcher:
    """Return the search."""
    return Ntorc(options)


@dataclass(frozen=True, slots=True)
class Ntorc:
    options: Options

    def propose(self, view: View, n: int) -> Advice:
        """Return the one design, then stop."""
        if view.pending:
            return Advice()
        if view.finished:
            return Advice(stop="predicted once and never corrected: that is this recipe")
        recipe = registry.load("surrogates", self.options.surrogate).Options()
        bare = replace(view, finished=(), pending=())
        tables = build(bare, self.options.surrogate, recipe, 0.9)
        asked = ask(bare, tables)
        if missing := asked.needs(tables):
            return Advice(stop=f"no record tells of {', '.join(missing)}", notes=tables.notes)
        try:
            found = allocate(asked.problem(tables.mean, tables.glue))
        except InfeasibleError as error:
            return Advice(stop=f"as predicted: {error}", notes=tables.notes)
        reason = "the best design as forests predict that were trained once"
        proposals = (Proposal(box.point(view, found.choices), "ntorc", reason),) if n > 0 else ()
        return Advice(proposals, notes=tables.notes)
