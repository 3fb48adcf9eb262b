"""Grids: from a frozen sweep to ids, boxes, broadcast columns, and the configurations that are kept."""
