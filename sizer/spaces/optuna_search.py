"""A sampler for Optuna of which every trial fits the budget of a space.

A trial's network is chosen whole when the trial begins; whatever the objective asks for of it is answered from that
choice, layer by layer, and only as many layers as it has. Everything else is left to another sampler.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

from sizer.errors import Fault, InputError
from sizer.spaces.search import (
    Search,
    flattened,
    gathered,
    names_of_layers,
    parameters,
    steps_of_values,
    value_of,
)
from sizer.spaces.space import Space

if TYPE_CHECKING:
    from optuna.distributions import CategoricalChoiceType

_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


class SpaceSampler(BaseSampler):
    """Suggests networks of a space, every one within its budget."""

    def __init__(self, space: Space, search: Search, others: BaseSampler) -> None:
        self.space = space
        self._search = search
        self._others = others
        self._parameters = parameters(space)
        self._chosen: dict[int, dict[str, Any]] = {}
        self._known: dict[tuple[int, int], tuple[float, Mapping[str, Any]] | None] = {}

    def suggest(self, trial: Trial) -> dict[str, Any]:
        """Return a trial's network, as `sizer.count` takes it, having asked the trial for each of its parameters."""
        asked: dict[str, Any] = {}
        for name in self._parameters:
            if name in self.space.once:
                asked[name] = _ask(trial, name, self._parameters[name])
        by_field = [names_of_layers(self.space, field, asked) for field in self.space.layered]
        # Layer by layer, as they stand in a network.
        for name in filter(None, itertools.chain(*itertools.zip_longest(*by_field))):
            asked[name] = _ask(trial, name, self._parameters[name])
        found = gathered(self.space, asked)
        assert found is not None
        return found

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return what the other sampler looks at together."""
        found = self._others.infer_relative_search_space(study, trial)
        return {name: one for name, one in found.items() if name not in self._parameters}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the other sampler's values."""
        return self._others.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return a parameter of the trial's network, or the other sampler's value.

        Raises:
            InputError: the network has no such layer, or the objective does not take its value.
        """
        if param_name not in self._parameters:
            return self._others.sample_independent(study, trial, param_name, param_distribution)
        chosen = self._of(study, trial)
        if param_name not in chosen:
            message = (
                f"this trial's network has no {param_name}: suggest layers first, and only the fields of those layers"
            )
            raise InputError([Fault("", 0, 0, param_name, message)])
        value = chosen[param_name]
        if not param_distribution._contains(param_distribution.to_internal_repr(value)):
            message = f"the space gives {value}, which the study does not allow here; restrict the space to values that it allows"
            raise InputError([Fault("", 0, 0, param_name, message)])
        return value

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Pass a trial's beginning on."""
        self._others.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Forget a trial's network, which the storage knows."""
        self._chosen.pop(trial.number, None)
        self._others.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        """Let the other sampler begin anew; networks depend on the seed and the trial's number alone."""
        self._others.reseed_rng()

    def _of(self, study: Study, trial: FrozenTrial) -> Mapping[str, Any]:
        if trial.number not in self._chosen:
            fixed = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
            own = {
                name: [value_of(self.space, name, value)] for name, value in fixed.items() if name in self._parameters
            }
            if own:
                # Some were decided by the person who put the trial in the queue.
                configuration = self.space.restrict(own).sample(1, seed=trial.number)[0]
            else:
                configuration = self._search.ask(trial.number, self._told(study))
            self._chosen[trial.number] = flattened(self.space, configuration)
        return self._chosen[trial.number]

    def _told(self, study: Study) -> list[tuple[float, Mapping[str, Any]]]:
        if len(study.directions) > 1:
            return []  # networks of several objectives are drawn uniformly
        sign = -1 if study.direction == StudyDirection.MAXIMIZE else 1
        for trial in study.get_trials(deepcopy=False, states=_FINISHED):
            key = (study._study_id, trial.number)
            if key not in self._known:  # what is finished stays as it is
                value = trial.value if trial.value is not None else _last(trial)
                configuration = None if value is None else self._network(trial)
                self._known[key] = None if value is None or configuration is None else (sign * value, configuration)
        return [one for (number, _), one in self._known.items() if number == study._study_id and one is not None]

    def _network(self, trial: FrozenTrial) -> dict[str, Any] | None:
        """Return the network of a finished trial; None where it is none of this space, which may have been another before."""
        try:
            return gathered(self.space, trial.params)
        except InputError:
            return None


def _last(trial: FrozenTrial) -> float | None:
    """Return what a pruned trial had come to."""
    return trial.intermediate_values[trial.last_step] if trial.last_step is not None else None


def _ask(trial: Trial, name: str, values: Sequence[CategoricalChoiceType]) -> Any:
    steps = steps_of_values(values)
    if steps is None:
        return trial.suggest_categorical(name, list(values))
    return trial.suggest_int(name, steps.start, steps.last, step=steps.step)
