"""Benchmarks: what a search needs to find the known optimum of recorded spaces, and how long its parts take."""
