"""Exact allocation of one choice per layer: the reference solver, and faster exact ones for special cases."""
