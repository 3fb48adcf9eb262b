"""Tables that are there go in, and pictures come out: a plot as SVG, PNG or HTML, or one page that works with no network.

Begin with `plots`; `report` puts plots, the rows and the parts of each (`breakdowns`) into a page, whose own script and
style are in `page/`.
"""
