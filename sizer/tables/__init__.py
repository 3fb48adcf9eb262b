"""Tables: kept rows go in, and files, answers, pictures and workbooks come out.

    stored      where tables stand, near or far: files that appear whole or not at all, and the manifests beside them
    written     rows of the engine become Arrow batches, pandas frames, CSV and Parquet files
    workbook    a run's rows become an XLSX workbook
    asked       tables that are there answer questions: rows, groups, exports, a page at a time
    shown       tables that are there become plots and one HTML page

Each room takes from those above it alone.
"""
