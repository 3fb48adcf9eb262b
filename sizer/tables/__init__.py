"""Tables: kept rows as Arrow batches, pandas frames, and files that appear whole or not at all."""
