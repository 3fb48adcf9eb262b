"""A searcher for Ray Tune of which every suggestion fits the budget of a space."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from ray.tune.search import Searcher

from sizer.spaces.search import Search
from sizer.spaces.space import Space


class SpaceSearcher(Searcher):
    """Suggests networks of a space, every one within its budget, under the key `network`."""

    def __init__(self, space: Space, metric: str, mode: str, search: Search) -> None:
        super().__init__(metric=metric, mode=mode)
        self.space = space
        self._search = search
        self._running: dict[str, dict[str, Any]] = {}

    def suggest(self, trial_id: str) -> dict[str, Any]:
        """Return a network, as `sizer.count` takes it."""
        self._running[trial_id] = self._search.ask()
        return {"network": self._running[trial_id]}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Remember how good a network was."""
        network = self._running.pop(trial_id, None)
        if network is not None and result and not error and self.metric in result:
            self._search.tell(network, result[self.metric])

    def save(self, checkpoint_path: str) -> None:
        """Write what is known."""
        state = (self._search._told, self._search._asked, self._running)
        Path(checkpoint_path).write_bytes(pickle.dumps(state))

    def restore(self, checkpoint_path: str) -> None:
        """Go on from what was written."""
        state = pickle.loads(Path(checkpoint_path).read_bytes())
        self._search._told, self._search._asked, self._running = state
