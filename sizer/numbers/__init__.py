"""Kinds of number that a network is wired with; none of them knows what a network is.

The wiring of `sizer.networks` uses `+`, `*` and comparisons alone, so the lines that count one network on ints and a batch
on arrays also give a polynomial, an interval over a box, an inequality, a formula in words or in a spreadsheet, and the
course of a count as a width grows: what goes in is one of these numbers, and what comes out is the count as one. Begin with
`polynomial`.
"""
