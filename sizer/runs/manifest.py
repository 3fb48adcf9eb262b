"""What a result says of itself: the provenance in every table, and the manifest beside the tables.

Nothing here depends on the time, the host, the number of workers, or on having been resumed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sizer.grids.account import Account
from sizer.sweepfile.sweep import Sweep
from sizer.tables.stored.files import Digest
from sizer.tables.written.streams import Form
from sizer.version import __version__

OF_OTHER_TABLES = frozenset({"formats", "csv_dialect", "gzip"})
"""What an order says of the tables that are made from the parts: parts serve all of them."""


def provenance(sweep: Sweep) -> dict[str, Any]:
    """Return what a table says of itself."""
    return {
        "sizer": __version__,
        "name": sweep.name,
        "sweep_sha256": sweep.sha256,
        "sweep": sweep.text,
        "conventions": list(_conventions(sweep)),
        "budget": {bound.column: {"min": bound.minimum, "max": bound.maximum} for bound in sweep.budget},
        "where": [expression.text for expression in sweep.where],
    }


def metadata(sweep: Sweep) -> dict[str, str]:
    """Return the provenance as a table's metadata."""
    return {"sizer": json.dumps(provenance(sweep))}


def _conventions(sweep: Sweep) -> tuple[str, ...]:
    """Return the conventions that the sweep names, in the order of first appearance."""
    found: dict[str, None] = {}
    for grid in sweep.grids:
        if "convention" in grid.fixed:
            found[str(grid.fixed["convention"])] = None
        if grid.model is not None:
            for outline in grid.outlines():
                found.update(dict.fromkeys(outline.conventions))
        for axis in grid.axes:
            for column in axis.columns:
                if column.field == "convention":
                    found.update(dict.fromkeys(str(value) for value in getattr(column, "values", ())))
    return tuple(found)


def order(sweep: Sweep, keep: int | None, sort: str, form: Form) -> dict[str, Any]:
    """Return all that decides a run's bytes: two runs with the same order end with the same tables."""
    return {
        **provenance(sweep),
        "columns": list(sweep.columns),
        "formats": list(sweep.formats),
        "parquet_encoding": form.parquet_encoding,
        **({"csv_dialect": form.csv_dialect, "gzip": form.gzip} if form != Form(form.parquet_encoding) else {}),
        **({} if keep is None else {"keep": keep, "sort": sort}),
    }


def form_of(ordered: Mapping[str, Any]) -> Form:
    """Return how an order's tables are written."""
    return Form(ordered["parquet_encoding"], ordered.get("csv_dialect", "standard"), ordered.get("gzip", False))


def digest_of(ordered: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what decides the parts of an order's table, in hexadecimal; they serve every format."""
    return hashlib.sha256(
        _as_bytes({key: value for key, value in ordered.items() if key not in OF_OTHER_TABLES})
    ).hexdigest()


def manifest(ordered: Mapping[str, Any], account: Account, files: Mapping[str, Digest]) -> dict[str, Any]:
    """Return a run's manifest.

    Args:
        ordered: from `order`.
        account: where every configuration went.
        files: each file's name within the folder and its digest.
    """
    written = {} if "keep" not in ordered else {"written": min(ordered["keep"], account.kept)}
    return {
        **ordered,
        **account.as_json(),
        **written,
        "files": {name: digest.sha256 for name, digest in files.items()},
        "bytes": {name: digest.bytes for name, digest in files.items()},
    }


def account_in(content: Mapping[str, Any]) -> Account | None:
    """Return the account in a manifest, or None where it says none."""
    try:
        return Account.from_json(content)
    except (LookupError, TypeError, ValueError, AttributeError):
        return None


def _as_bytes(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
