"""A run's rows and its account go in, and one XLSX file of four sheets comes out, the same bytes for the same run.

Begin with `workbook`, which puts the rows of `sheet_rows` into a frame that XlsxWriter makes. `summary_sheet`,
`sweep_sheet` and `calculator_sheet` are the other sheets; the last one counts by formulas that `calculator` derives.
"""
