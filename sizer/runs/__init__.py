"""Sweeps, grids and tables are joined: a sweep goes in, its tables and their manifest come out, whole or not at all.

    run         `run_sweep` and what it returns. Begin here
    walk, dry   rows and account of a sweep, walked or pruned; what a run would give, nothing written
    making, manifest, work, changes     tables are made in a work folder, and carry where they come from
    parts, workers, cluster             ranges of ids, each a file: on every core, or on other machines

Nothing here decides a configuration or encodes a row.
"""
