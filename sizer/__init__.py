"""Sizer counts the weights of recurrent networks exactly: one network, or a sweep of a hundred million.

    count         one network, from a mapping of its fields
    count_batch   many networks, in microseconds each
    explain       the same, tensor by tensor, with the formula
    compare       the same words under every convention
    reconcile     which readings of a network give a stated figure
    fit           which width keeps a network within a budget
    fits          whether a network is within a budget, in microseconds
    load_sweep    a YAML sweep file, checked
    run_sweep     a sweep, enumerated and filtered, as tables, as a pandas frame and as Arrow
    dry_run       how many a run would keep, without writing
    space         a sweep of widths per layer: counted, drawn and searched exactly
    Client        the same, answered by a server (`sizer serve`)
    look          what stands in a model file, or in a model that lives in memory
    query         tables of runs, filtered, sorted and grouped, as a pandas frame
    plot, report  pictures and a page of them
    export        their rows, as search tools read them
    code          a module of PyTorch or Keras that builds one network
    verify        a sample of a sweep, compared with a framework tensor by tensor

Importing this package imports neither NumPy nor pandas; `load_sweep` and `run_sweep` bring what they need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sizer.errors import Fault, InputError, RunError, SizerError
from sizer.networks.counting import Count, count
from sizer.questions.breakdown import Breakdown, explain
from sizer.questions.comparison import compare
from sizer.version import __version__ as __version__

if TYPE_CHECKING:
    from sizer.client import Client
    from sizer.frameworks.blocks.compared_models import ModelVerification
    from sizer.frameworks.code import code
    from sizer.networks.blocks.counting import ModelCount
    from sizer.questions.answers import Reconciliation
    from sizer.questions.batch import count_batch
    from sizer.questions.fits import fits
    from sizer.questions.fitting import Fit, fit
    from sizer.questions.reconciliation import reconcile
    from sizer.recovery.looking import Look, look
    from sizer.runs.run import DryRun, Run, dry_run, run_sweep
    from sizer.spaces.samplers import optuna_sampler, ray_searcher
    from sizer.spaces.search import Search
    from sizer.spaces.space import Space, space
    from sizer.sweepfile.load import load_sweep
    from sizer.sweepfile.sweep import Sweep
    from sizer.tables.asked.exports import export
    from sizer.tables.asked.query import query
    from sizer.tables.shown.pictures import plot, report
    from sizer.verification import Verification, verify


__all__ = [
    "Breakdown",
    "Client",
    "Count",
    "DryRun",
    "Fault",
    "Fit",
    "InputError",
    "Look",
    "ModelCount",
    "ModelVerification",
    "Reconciliation",
    "Run",
    "RunError",
    "Search",
    "SizerError",
    "Space",
    "Sweep",
    "Verification",
    "code",
    "compare",
    "count",
    "count_batch",
    "dry_run",
    "explain",
    "export",
    "fit",
    "fits",
    "load_sweep",
    "look",
    "optuna_sampler",
    "plot",
    "query",
    "ray_searcher",
    "reconcile",
    "report",
    "run_sweep",
    "space",
    "verify",
]

_LATER = {
    "Client": "sizer.client",
    "ModelCount": "sizer.networks.blocks.counting",
    "ModelVerification": "sizer.frameworks.blocks.compared_models",
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
    "DryRun": "sizer.runs.run",
    "Run": "sizer.runs.run",
    "dry_run": "sizer.runs.run",
    "run_sweep": "sizer.runs.run",
    "code": "sizer.frameworks.code",
    "export": "sizer.tables.asked.exports",
    "plot": "sizer.tables.shown.pictures",
    "query": "sizer.tables.asked.query",
    "report": "sizer.tables.shown.pictures",
    "Verification": "sizer.verification",
    "verify": "sizer.verification",
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
