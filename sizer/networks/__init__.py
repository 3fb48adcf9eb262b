"""The idea of the house: a mapping of fields becomes a wired `Network`, from which every count follows. Plain Python.

    tensors, cells, custom_cells    a cell type is a table of weight tensors over named dimensions
    conventions                     whose rules say which of them a network has, and what is refused
    fields                          what describes a network
    network                         a network is wired: groups of tensors with their dimensions. Begin here
    counting, formula               it is read, checked and counted, or its count is put into words
    blocks                          whole models of named blocks become such groups too

Sizes may be any of `sizer.numbers`: the wiring never asks which.
"""
