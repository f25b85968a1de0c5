"""The commands by name: where the function of each is, and what `--help` says of it. Naming a command imports nothing."""

from __future__ import annotations

from typing import NamedTuple


class Command(NamedTuple):
    """A command: `module:function` within `dse.commands`, and its help. The function returns the exit code."""

    function: str
    help: str


class Group(NamedTuple):
    """Commands under one name."""

    help: str
    commands: dict[str, Command]


COMMANDS: dict[str, Command | Group] = {
    "init": Command("init:init", "Write a commented campaign to start from. Nothing that exists is touched."),
    "check": Command("check:check", "Show all errors of a campaign file, or of an architecture search, at once."),
    "plan": Command("plan:plan", "Show what would run next and at most; start nothing."),
    "run": Command("run:run_campaign", "Start a campaign, or go on with it. It is the same command every time."),
    "status": Command("status:status", "Show trials, the best design so far, and the certificate."),
    "front": Command("front:front", "Show the Pareto front."),
    "page": Command("page:write_page", "Write the campaign as one HTML file, or one of its figures."),
    "compare": Command("compare:compare", "Put campaigns side by side. Columns: unoptimised, the best of each, homogeneous."),
    "bundle": Command(
        "bundle:bundle",
        "Write a design as a folder that builds without dse. It holds hls4ml settings, model, expected results, a check.",
    ),
    "export": Command("export:export", "Write the trials for other programs."),
    "logs": Command("logs:logs", "Show what the tool printed."),
    "cancel": Command("cancel:cancel", "End a job, or all that run; the campaign can go on later."),
    "estimate": Command(
        "estimate:estimate",
        "Say what a network would cost, per layer and as a whole, with bands. No tool is run; --front shows all designs worth it.",
    ),
    "legal": Command(
        "legal:legal",
        "Show a network's layers and their legal reuse factors. Also their multiplications, and what narrows the choice.",
    ),
    "report": Command(
        "report:report",
        "Show what the tools reported of a build. Totals and layers, the HLS estimate beside logic synthesis.",
    ),
    "import": Command("import_reports:import_reports", "Add recorded builds to a corpus for replay and training."),
    "doctor": Command("doctor:doctor", "Say whether this machine, and a campaign's hosts, are ready."),
    "completion": Command(
        "completion:completion",
        'Print what your shell needs to complete dse. In your ~/.bashrc: eval "$(dse completion bash)".',
    ),
    "cache": Group(
        "Look after the store of results.",
        {"check": Command("cache:check", "Read every entry and say which are damaged; change nothing.")},
    ),
    "surrogate": Group(
        "Look into what the search believes.",
        {
            "evaluate": Command(
                "surrogate:evaluate",
                "Show how well each surrogate predicts shapes that it has not seen: every shape is left out in turn, never a row.",
            )
        },
    ),
    "nas": Group(
        "Search network architectures, and deploy the best.",
        {
            "run": Command("nas:nas_run", "Start an architecture search, or go on with it. It is the same command every time."),
            "status": Command("nas:nas_status", "Show all candidates and the front."),
            "front": Command("nas:nas_front", "Show the Pareto front."),
            "deploy": Command("nas:nas_deploy", "Run a campaign for every network of the front, on any backend."),
        },
    ),
    "bench": Group(
        "Measure searches on spaces whose optimum is known.",
        {
            "sample-efficiency": Command("bench:efficiency", "Count syntheses to the true optimum, and to the certificate."),
            "table4": Command("bench:table4", "Do the same on N-TORC's Table IV, taken as if measured: 1e11 points, rugged."),
            "pareto": Command("bench:pareto", "Show how much of the true front is uncovered after so many syntheses."),
            "allocation": Command("bench:allocation", "Solve N-TORC's Table IV exactly, by chance and by annealing."),
            "overhead": Command("bench:overhead", "Time what a search itself costs per result."),
        },
    ),
}
