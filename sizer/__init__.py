"""Sizer counts the weights of recurrent networks exactly: one network, or a sweep of a hundred million.

    count         one network, from a mapping of its fields
    count_batch   many networks, in microseconds each
    explain       the same, tensor by tensor, with the formula
    compare       the same words under every convention
    reconcile     which readings of a network give a stated figure
    fit           which width keeps a network within a budget
    fits          whether a network is within a budget, in microseconds
    load_sweep    a YAML sweep file, checked
    run_sweep     a sweep, enumerated and filtered, as tables and as a pandas frame
    space         a sweep of widths per layer: counted, drawn and searched exactly
    Client        the same, answered by a server (`sizer serve`)
    look          what stands in a model file, or in a model that lives in memory
    query         tables of runs, filtered, sorted and grouped, as a pandas frame

Importing this package imports neither NumPy nor pandas; `load_sweep` and `run_sweep` bring what they need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sizer.errors import Fault, InputError, RunError, SizerError
from sizer.networks.counting import Count, count
from sizer.questions.breakdown import Breakdown, explain
from sizer.questions.comparison import compare

if TYPE_CHECKING:
    from sizer.client import Client
    from sizer.networks.blocks.counting import ModelCount
    from sizer.questions.answers import Reconciliation
    from sizer.questions.batch import count_batch
    from sizer.questions.fits import fits
    from sizer.questions.fitting import Fit, fit
    from sizer.questions.reconciliation import reconcile
    from sizer.recovery.looking import Look, look
    from sizer.runs.run import Run, run_sweep
    from sizer.spaces.samplers import optuna_sampler, ray_searcher
    from sizer.spaces.search import Search
    from sizer.spaces.space import Space, space
    from sizer.sweepfile.load import load_sweep
    from sizer.sweepfile.sweep import Sweep
    from sizer.tables.asked.query import query

__version__ = "0.1.0"

__all__ = [
    "Breakdown",
    "Client",
    "Count",
    "Fault",
    "Fit",
    "InputError",
    "Look",
    "ModelCount",
    "Reconciliation",
    "Run",
    "RunError",
    "Search",
    "SizerError",
    "Space",
    "Sweep",
    "compare",
    "count",
    "count_batch",
    "explain",
    "fit",
    "fits",
    "load_sweep",
    "look",
    "optuna_sampler",
    "query",
    "ray_searcher",
    "reconcile",
    "run_sweep",
    "space",
]

_LATER = {
    "Client": "sizer.client",
    "ModelCount": "sizer.networks.blocks.counting",
    "Reconciliation": "sizer.questions.answers",
    "reconcile": "sizer.questions.reconciliation",
    "Fit": "sizer.questions.fitting",
    "fit": "sizer.questions.fitting",
    "count_batch": "sizer.questions.batch",
    "fits": "sizer.questions.fits",
    "Space": "sizer.spaces.space",
    "Search": "sizer.spaces.search",
    "optuna_sampler": "sizer.spaces.samplers",
    "ray_searcher": "sizer.spaces.samplers",
    "space": "sizer.spaces.space",
    "Look": "sizer.recovery.looking",
    "look": "sizer.recovery.looking",
    "load_sweep": "sizer.sweepfile.load",
    "Sweep": "sizer.sweepfile.sweep",
    "Run": "sizer.runs.run",
    "run_sweep": "sizer.runs.run",
    "query": "sizer.tables.asked.query",
}


def __getattr__(name: str) -> Any:
    """Import what is heavy only when it is asked for."""
    if name not in _LATER:
        raise AttributeError(f"module 'sizer' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LATER[name]), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted([*__all__, "__version__"])
