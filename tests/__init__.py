"""Tests. `oracles` holds what the counts are compared with."""
