"""What every framework answers: which networks it can build, what it makes of them, and our tensors in its names."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sizer.errors import Fault, InputError
from sizer.extras import install_command
from sizer.frameworks.equivalents import Equivalent, Place, Shape
from sizer.frameworks.plan import Plan, Refusal
from sizer.networks.network import Network

MOST_LAYERS = 1000
"""Of a network that is built; a deeper one is a matter of minutes and shows nothing more."""


@dataclass(frozen=True)
class Built:
    """What a framework made of a network."""

    tensors: dict[str, Shape]
    """Every parameter by name; one that two layers share stands in both places."""
    weights: int
    """Scalars in all of them, shared ones once."""


@dataclass(frozen=True)
class Framework:
    """One framework as something to compare with."""

    name: str
    """As it is said on the command line."""
    title: str
    how: str
    """How it is built, in words for the report."""
    packages: tuple[str, ...]
    """What is imported, the framework itself last."""
    conventions: Mapping[str, frozenset[str] | None]
    """Conventions that are this framework's own, with the cell types for which they are (None: all)."""
    refusals: Callable[[Network], list[Refusal]]
    """Why it cannot build a network."""
    most_values: int
    """The most scalars that one tensor can have there."""
    most_width: int | None
    """The widest dimension there; None where the scalars are the only bound."""
    equivalents: Callable[[Plan], tuple[Mapping[str, Equivalent], Place]]
    build: Callable[[Plan], Built]
    prepare: Callable[[], None] = lambda: None
    """What must be said before it is imported."""

    def compares(self, convention: str, cell_type: str) -> bool:
        """Return whether a convention is this framework's own for a cell type."""
        if convention not in self.conventions:
            return False
        cell_types = self.conventions[convention]
        return cell_types is None or cell_type in cell_types

    def version(self) -> str:
        """Return the version that is installed.

        Raises:
            InputError: the framework cannot be imported.
        """
        try:
            self.prepare()
            for package in self.packages:
                importlib.import_module(package)
        except ImportError as problem:
            message = f"{self.title} cannot be imported ({problem}); {install_command('frameworks')}"
            raise InputError([Fault("", 0, 0, "framework", message)]) from None
        return str(importlib.metadata.version(self.packages[-1].partition(".")[0]))
