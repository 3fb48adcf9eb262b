"""Whole models: named blocks, one feeding another.

A mapping of blocks goes in, and groups of weight tensors with their dimensions come out, as from a network without
blocks, so that everything else is derived as there. Begin with `types` (the tables), then `reading`, `widths`, `steps`,
`groups` and `wiring`.
"""
