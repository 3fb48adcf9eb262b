"""Tables that are there and a question go in, and rows come out: sorted, grouped, as pages, as files for others.

Begin with `results`, which opens tables of whatever format, then `query`, which becomes one statement of SQL by way of
`selection` and `sql`. `answers` writes what comes out, `paging` gives a page of it and `exports` hands it to a tuner.
"""
