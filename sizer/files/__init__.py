"""Files that hold a model become the names, shapes and types of the tensors in them, and what the format says of layers.

Nothing of a file is executed, nothing is written, and no weights are read: each reader goes to the headers alone. A
format is known by its content, not by the ending of its name. Begin at `reading.py`; what comes out stands in
`contents.py`; `limits.py` says how much of a hostile file is read before it is refused.
"""
