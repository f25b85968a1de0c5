"""Data for architecture search: runs of signals from files or a simulation, split by run, cut into windows."""
