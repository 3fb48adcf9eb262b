"""Runs: the places that join sweeps, grids and tables; in one process, in several, or on a cluster."""
