"""`dse` from Python: look at campaigns, run them, or ask for points and tell results in a loop of your own.

Everything here is also `dse.open`, `dse.run` and `dse.ask_tell`. An example that runs anywhere (the figures are estimates):

>>> import tempfile, dse
>>> from pathlib import Path
>>> folder = Path(tempfile.mkdtemp())
>>> _ = (folder / "network.toml").write_text('''
... [[layer]]
... name = "fc1"
... kind = "dense"
... n_in = 16
... units = 8
... [[layer]]
... name = "fc2"
... kind = "dense"
... n_in = 8
... units = 4
... ''')
>>> _ = (folder / "tiny.toml").write_text('''
... campaign = {name = "tiny"}
... network = {source = "network.toml"}
... target = {part = "xc7a200tfbg676-2", clock_period_ns = 5.0}
... search = {mode = "performance"}
... backend = {kind = "estimate"}
... ''')
>>> campaign = dse.run(folder / "tiny.toml")
>>> campaign.is_finished, campaign.incumbent.point["fc1"].reuse_factor
(True, 1)
>>> [str(trial.point) for trial in campaign.trials]
['[1, 1]', '[8, 8]']
>>> [row["number"] for row in campaign.front().rows()]  # or .to_pandas()
[1, 2]
>>> figure = campaign.plot_balance()  # shows itself in a notebook
>>> figure.svg[:4]
'<svg'

What a network would cost, without a campaign (a path, or a Keras model in memory):

>>> found = dse.estimate(folder / "network.toml", part="xc7a35tcpg236-1")
>>> design = found.design(found.homogeneous(4))
>>> design.qor.dsp, design.bounds["dsp"][0] <= 40 <= design.bounds["dsp"][1]
(40.0, True)
>>> len(found.front) > 1  # every design of which none is both faster and smaller
True

The same search with somebody else's evaluations:

>>> loop = dse.ask_tell(folder / "tiny.toml")
>>> (point,) = loop.ask()
>>> point
DesignPoint(choices=(('fc1', LayerChoice(reuse_factor=1, strategy='resource', precision=None...
>>> layer = dse.Qor(lut=900, ff=400, dsp=30, bram_18k=0, latency_cycles_max=9, ii_cycles_max=5)
>>> loop.tell(point, dse.Qor(lut=2000, ff=900, dsp=60, bram_18k=0, latency_cycles_max=18, ii_cycles_max=5,
...                          layers=(("fc1", layer), ("fc2", layer))))
>>> loop.incumbent.point == point
True
"""

from __future__ import annotations

from dse.api.asking import AskTell, ask_tell
from dse.api.estimating import estimate
from dse.api.figure import Figure
from dse.api.results import Results, open_results
from dse.api.running import run
from dse.api.trials import Trials

__all__ = ["AskTell", "Figure", "Results", "Trials", "ask_tell", "estimate", "open_results", "run"]
