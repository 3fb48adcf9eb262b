"""Rows of the engine go in, and come out as Arrow batches, pandas frames, CSV and Parquet files.

Begin with `batches`, where rows become tables of equal size; `csv` and `parquet` write them one after the other, and
`writers` drives several of these at once. `streams` says into what, and in which form.
"""
