"""`dse plan`: what a campaign would do next, and at most; nothing is started."""

from __future__ import annotations

from typing import Any

from dse.campaign.spec import read_campaign
from dse.commands.options import AsJson, CampaignFile, Overrides
from dse.commands.output import console, points, print_json
from dse.search.base import Advice
from dse.store.cache import Cache
from dse.study.assemble import Question, assemble, gone_on, refuse_folder
from dse.study.fold import CampaignState
from dse.study.question import is_search_file
from dse.view.outlook import seconds_left, syntheses_at_most
from dse.view.story import Story, read_story
from dse.view.text import part_name, remaining, span
from dse.wire import to_json


def plan(path: CampaignFile, *, overrides: Overrides = None, as_json: AsJson = False) -> int:
    """Print what `dse run` would do next and at most, and which of it the cache can answer. Nothing is started."""
    if is_search_file(path):
        from dse.commands.searches import plan as of_search

        return of_search(path, overrides=overrides or (), as_json=as_json)
    question = assemble(read_campaign(path, overrides or ()))
    refuse_folder(question)
    story = read_story(question)
    story = Story(question, gone_on(question, story.state), story.events)
    advice = _next(question, story.state)
    document = plan_document(question, story.state, advice)
    if as_json:
        print_json("plan", document)
    else:
        _print(story, document)
    return 0


def plan_document(question: Question, state: CampaignState, advice: Advice) -> dict[str, Any]:
    """Return the document of `dse plan --json`."""
    spec = question.spec
    cache = Cache(spec.cache)
    rows = []
    for point, proposed_by, reason in [
        *((trial.point, trial.proposed_by, trial.reason) for trial in state.pending),
        *((proposal.point, proposal.proposed_by, proposal.reason) for proposal in advice.proposals),
    ]:
        key = question.job(point).key
        cached = cache.get(key) is not None
        rows.append({"point": to_json(point), "proposed_by": proposed_by, "reason": reason, "key": key, "cached": cached})
    seconds = [e.provenance.tool_seconds for _, e in state.evaluations if e.provenance.tool_seconds is not None]
    return {
        "campaign": spec.name,
        "space_size": question.space.size,
        "layers": {option.layer.name: list(option.reuse_factors) for option in question.space.options},
        "syntheses": state.syntheses,
        "syntheses_at_most": syntheses_at_most(question),
        "tool_seconds_each": {"min": min(seconds), "max": max(seconds), "n": len(seconds)} if seconds else None,
        "next": rows,
        "stop_reason": state.stop[1] if state.stop else advice.stop,
    }


def _next(question: Question, state: CampaignState) -> Advice:
    spec = question.spec
    if state.stop is not None and state.stop[0] == "search":
        return Advice(stop=state.stop[1])
    free = max(0, spec.slots - len(state.pending))
    return question.searcher.propose(question.view(state), free)


def _print(story: Story, document: dict[str, Any]) -> None:
    spec, out = story.question.spec, console()
    target = spec.target
    out.print(
        f"{spec.name} · {spec.mode} · {part_name(target.part)} @ {target.clock_period_ns:g} ns · {target.toolchain} · {spec.backend_kind}"
    )
    limits = " ".join(f"{limit.metric} <= {limit.maximum:,.0f}" for limit in spec.limits)
    out.print(f"points      {points(document['space_size']).removesuffix(' points')}" + (f" · limits {limits}" if limits else ""))
    most = document["syntheses_at_most"]
    out.print(f"{story.words.many:11s} {document['syntheses']} so far, {'no bound' if most is None else f'at most {most}'}")
    each, left = document["tool_seconds_each"], seconds_left(story)
    runs = f"{span(each['min'])} to {span(each['max'])} each ({each['n']} past runs)" if each else "? (no past runs)"
    out.print(f"time        {runs}" + (f" -> {remaining(left)} left" if left else ""))
    for row in document["next"]:
        factors = [choice["reuse_factor"] for choice in row["point"].values()]
        cached = f"cached {row['key'][:6]}" if row["cached"] else f"to do, {spec.backend_kind} backend"
        out.print(f"next        {factors}  {row['reason']}  [{cached}]")
    if document["stop_reason"]:
        out.print(f"stopped     {document['stop_reason']}")
    out.print(f"nothing was started.  dse run {spec.path}")
