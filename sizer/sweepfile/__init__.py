"""A YAML sweep file becomes a frozen `Sweep`, or every one of its faults with its place.

    text -> yamltext (data with places) -> schema (shapes and words) -> axes, expressions -> load (a Sweep) -> limits

Begin with `load`, and with `sweep` for what comes out. Importing this floor brings in neither NumPy nor pandas, and
jsonschema only when a file is checked.
"""

from sizer.sweepfile.load import apply_options, load_sweep, parse_sweep

__all__ = ["apply_options", "load_sweep", "parse_sweep"]
