"""Searches for other people's tools, of which every suggestion fits; Optuna and Ray are imported only when asked for."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sizer.errors import RunError
from sizer.extras import install_command
from sizer.parameters import checked
from sizer.spaces.search import Search
from sizer.spaces.space import Space
from sizer.spaces.space import space as space_of
from sizer.sweepfile.sweep import Sweep

if TYPE_CHECKING:
    from sizer.spaces.optuna_search import SpaceSampler
    from sizer.spaces.ray_search import SpaceSearcher


@checked
def optuna_sampler(
    space: Space | str | os.PathLike[str] | Mapping[str, Any] | Sweep,
    seed: int = 0,
    *,
    others: Any = None,
    **search: Any,
) -> SpaceSampler:
    """Return a sampler for Optuna of which every trial's network is within the budget of a space.

    Its parameters are those of a table: `layers`, `cells.1`, `cells.2` ...; `.suggest(trial)` asks for all of them and
    returns the network. The first trials are uniform among all networks that fit, later ones neighbours of the best. It
    works with pruners, and with storages that several processes share, since all it knows are the study's trials.

    Args:
        space: with its budget; or what `sizer.space` takes.
        seed: decides the networks, together with the trial's number.
        others: the sampler of parameters that are not the space's; None: a random one with this seed.
        search: `first`, `parents` and `explore`, as `Search` takes them.

    Raises:
        RunError: Optuna is not installed.
    """
    with _installed("optuna"):
        from optuna.samplers import RandomSampler

        from sizer.spaces.optuna_search import SpaceSampler

    space = space if isinstance(space, Space) else space_of(space)
    return SpaceSampler(space, Search(space, seed, **search), others or RandomSampler(seed=seed))


@checked
def ray_searcher(
    space: Space | str | os.PathLike[str] | Mapping[str, Any] | Sweep,
    metric: str,
    mode: str = "min",
    *,
    seed: int = 0,
    **search: Any,
) -> SpaceSearcher:
    """Return a searcher for Ray Tune of which every network, `config["network"]`, is within the budget of a space.

    Args:
        space: with its budget; or what `sizer.space` takes.
        metric: what the trainable reports.
        mode: `min` or `max`.
        seed: decides the networks.
        search: `first`, `parents` and `explore`, as `Search` takes them.

    Raises:
        RunError: Ray is not installed.
    """
    with _installed("ray"):
        from sizer.spaces.ray_search import SpaceSearcher

    space = space if isinstance(space, Space) else space_of(space)
    return SpaceSearcher(space, metric, mode, Search(space, seed, maximise=mode == "max", **search))


@contextlib.contextmanager
def _installed(package: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as problem:
        if (problem.name or "").partition(".")[0] != package:
            raise
        raise RunError(f"{package} is not installed: {install_command('search')}") from None
