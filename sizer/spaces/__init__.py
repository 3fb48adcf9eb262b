"""Spaces of networks, from 10^6 to 10^30 of them: counted, numbered, drawn and searched exactly under a budget.

decisions   a chain of decisions: what each option costs and what is decided next
tables      how many ways to go on there are, for every room that may be left
walk        prefixes near the start, tables below: count, rank and the configurations of ranks
layers      what a layer adds, for every layer below it, derived from the cell's table
space       the questions that a person asks; plain: the same of a sweep in which no layer has fields of its own
"""
