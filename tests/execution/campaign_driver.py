"""`dse`, with small projects in place of hls4ml's and short waits: a whole campaign on the fake tools takes a second or two.

python campaign_driver.py run CAMPAIGN.toml ...        arguments as of `dse`
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from execution_kit import StubSource

from dse import project
from dse.campaign.spec import read_campaign
from dse.cli import main
from dse.execution import retry
from dse.study import loop
from dse.study.assemble import read_state

CAMPAIGN = """
campaign = {{name = "small"}}
network = {{source = "network.toml"}}
target = {{part = "xc7a200tfbg676-2", clock_period_ns = 5.0}}
search = {{mode = "compact"}}
backend = {{kind = "local", tool = "{tool}", slots = 2, grace_seconds = 0.3, disk_reserve_gb = 0, log_mb = 1}}
"""
NETWORK = (
    '[[layer]]\nname = "fc1"\nkind = "dense"\nn_in = 16\nunits = 8\n[[layer]]\nname = "fc2"\nkind = "dense"\nn_in = 8\nunits = 4\n'
)


def write_campaign(folder: Path, tools: Path) -> Path:
    """Write a campaign on the fake tools and return its file."""
    folder.mkdir(exist_ok=True)
    (folder / "network.toml").write_text(NETWORK)
    path = folder / "small.toml"
    path.write_text(CAMPAIGN.format(tool=tools / "vivado_hls"))
    return path


def story(path: Path) -> Any:
    """What a campaign found, without when, where, and in which order."""
    state = read_state(read_campaign(path))
    return state.stop, {trial.point: (trial.status, trial.outcome) for trial in state.trials}


def be_quick() -> None:
    """Put the small projects in place, and wait for nothing for long."""
    loop.TICK_SECONDS = 0.05
    retry.LICENCE_WAIT_SECONDS = (0.2, 0.4)
    project.ProjectGenerator = lambda _n_workers: StubSource()  # type: ignore[assignment,misc]


if __name__ == "__main__":
    be_quick()
    main()
