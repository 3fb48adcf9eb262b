"""The inverse question: which width gives 10M? One field of a network is searched for the largest value in a budget.

the words of the question -> a course of values -> a search along it -> the answer, in values and words
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from sizer.answer import Shown, Table
from sizer.errors import Fault, InputError, quoted
from sizer.layout import share_words
from sizer.networks.blocks.declared import Declared, declare
from sizer.networks.budgets import column_problem, read_size, split_bound
from sizer.networks.columns import COUNTED
from sizer.networks.counting import Count, did_you_mean, normalise, with_own_types
from sizer.networks.fields import FIELDS
from sizer.parameters import checked
from sizer.questions.course import Course, CourseSearch, VariedNetwork
from sizer.questions.varied_models import VariedModel, known_columns, place_problem, places_of

_RATIO = re.compile(r"[0-9]{1,40}(/[0-9]{1,40}|\.[0-9]{1,40})?", re.ASCII)

Outcome = Literal["found", "nothing", "unchanged", "unlimited", "refused"]


@dataclass(frozen=True)
class Candidate:
    """One value of what varies, with its count."""

    values: dict[str, int]
    """The field that varies and those that move with it."""
    counted: int
    """The column that the budget bounds."""
    count: Count
    """The whole count of the network."""

    def as_json(self) -> dict[str, Any]:
        """Return the candidate as `--json` shows it."""
        return {"values": self.values, "counted": self.counted, "weights": self.count.weights}


@dataclass(frozen=True, repr=False)
class Fit(Shown):
    """The largest value that is within a budget, and the next one over it."""

    fields: dict[str, Any]
    """The network as it was given, without what varies."""
    vary: tuple[str, ...]
    """The field that is searched, then those that move with it."""
    column: str
    """The counted column that the budget bounds."""
    budget: int
    """The most that is within it."""
    outcome: Outcome
    """`found`; `nothing` fits; the column is `unchanged` by what varies; `unlimited`, since the column stays the same
    from some value on; `refused`, whatever the value."""
    largest: Candidate | None = None
    """The largest valid value within the budget; None unless found."""
    next_over: Candidate | None = None
    """The smallest valid value above the largest, or the smallest of all where nothing fits; it is over the budget.
    None where every larger value is refused."""
    smallest: Candidate | None = None
    """What counts least; only where nothing fits, or where the column is the same for every value."""
    note: str = ""
    """What a person must know beside the values; empty where they say it all."""
    refused_field: str = ""
    """The field that a person would change where the network is refused."""
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Of a model of blocks: the fields that tell it from others that were asked with it."""

    def _in_a_line(self) -> str:
        if self.largest is None:
            return self.note or f"nothing is within {self.budget:,} {self.column}"
        found = ", ".join(f"{name} {value:,}" for name, value in self.largest.values.items())
        return f"{found}: {self.largest.counted:,} of {self.budget:,} {self.column}"

    def _as_table(self) -> Table:
        rows = {"largest": self.largest, "next": self.next_over, "smallest": self.smallest}
        header = ("which", *self.vary, self.column, "of_budget")
        return header, [
            (which, *one.values.values(), one.counted, one.counted / self.budget if self.budget else None)
            for which, one in rows.items()
            if one is not None
        ]

    def _as_text(self) -> str:
        from sizer.questions.fitted import fit_screen

        return fit_screen(self)

    def _as_shown_table(self) -> tuple[str, Table, Sequence[str]]:
        header, rows = self._as_table()
        shown = [(*row[:-1], share_words(row[-2], self.budget) if row[-2] <= self.budget else "over") for row in rows]
        heading = self._in_a_line() if self.largest is None else self.largest.count._heading()
        return heading, (header, shown), (self.note,) if self.note else ()

    def as_json(self) -> dict[str, Any]:
        """Return the answer as `--json` shows it."""
        found = {"largest": self.largest, "next": self.next_over, "smallest": self.smallest}
        return {
            "fields": self.fields,
            **({"settings": self.settings} if self.settings else {}),
            "outcome": self.outcome,
            **{name: one.as_json() if one else None for name, one in found.items()},
            "note": self.note or None,
        }


@checked
def fit(
    fields: Mapping[str, Any],
    *,
    vary: str,
    budget: str | int,
    step: int = 1,
    round_to: int | None = None,
    cell_types: Mapping[str, Any] | None = None,
    block_types: Mapping[str, Any] | None = None,
) -> Fit:
    """Return the largest value of one field that keeps a network within a budget, and the first value over it.

    Both are exact, at any size: the next valid value above the largest is over the budget. If the count is not
    monotone (no projection may count more than a narrow one), the largest value within the budget is the answer.

    Args:
        fields: the network as `sizer.count` takes it, without what varies; or a model of blocks, in which what varies may
            have a value, which is ignored.
        vary: a count field (`"cells"`), and others that follow it as an exact fraction
            (`"cells,recurrent_projection=1/4"`). A value whose fraction is not whole is skipped, unless
            `round_to` is given. In a model of blocks a size of a block: `"encoder.cells"`.
        budget: the maximum: weights (`"10M"`, `10_000_000`) or any counted column (`"int8_bytes=2MB"`).
        step: only multiples of it are tried.
        round_to: fractions are rounded to the nearest multiple of it, ties up, and are at least that.
        cell_types: cell types of your own, as for `sizer.count`.
        block_types: block types of your own, likewise.

    Raises:
        InputError: a field is unknown, missing, of the wrong kind or out of range, the question makes no sense, or the
            convention refuses the network whatever the value.

    Example:
        Graves' network of five layers, 21.3M weights in the paper, has 700 cells:

        >>> graves = {"convention": "graves2013", "cell_type": "lstm", "inputs": 205, "outputs": 205, "layers": 5}
        >>> found = fit(graves | {"skip_connections": True}, vary="cells", budget=21_252_205)
        >>> found.largest.values, found.largest.counted, found.next_over.values
        ({'cells': 700}, 21252205, {'cells': 701})
    """
    if "blocks" in fields:
        return fit_model(
            declare(fields, cell_types, block_types), vary=vary, budget=budget, step=step, round_to=round_to
        )
    fields = with_own_types(fields, cell_types)
    found = _fit(fields, _question([fields], vary, budget, step, round_to))
    if found.outcome == "refused":
        raise InputError([_refusal(found)])
    return found


def fit_model(asked: Declared, *, vary: str, budget: str | int, step: int = 1, round_to: int | None = None) -> Fit:
    """Return the same of a model of blocks.

    Args:
        asked: the model, with the types that the person defines.
        vary: as in `fit`.
        budget: as in `fit`.
        step: as in `fit`.
        round_to: as in `fit`.

    Raises:
        InputError: as `fit` says.
    """
    wording = _wording_of_model(asked, vary, budget, step, round_to)
    if not wording.search.starts and wording.search.legs:
        raise InputError(Fault("", 0, 0, path, message) for path, message in wording.refusals())
    return wording.fit()


def fit_each_model(
    asked: Declared,
    lists: Mapping[str, Sequence[Any]],
    *,
    vary: str,
    budget: str | int,
    step: int = 1,
    round_to: int | None = None,
) -> tuple[Fit, ...]:
    """Return one answer for each of several models that differ in some fields of their blocks.

    Args:
        asked: the model, with the types that the person defines.
        lists: field of a block -> its values; each makes a model of its own, together with each value of the others.
        vary: as in `fit`.
        budget: as in `fit`.
        step: as in `fit`.
        round_to: as in `fit`.

    Raises:
        InputError: as `fit` says; models that are refused are answers, unless it is all of them.
    """
    places = places_of(asked)
    varied = [part.partition("=")[0].strip() for part in vary.split(",")]
    problems = [(name, place_problem(name, places, of_sizes=False)) for name in lists]
    problems += [(name, "is what varies; leave it out") for name in lists if name in varied]
    problems += [(name, "is an empty list, which gives no model") for name, values in lists.items() if not values]
    faults = [Fault("", 0, 0, "set", f"{name}: {message}") for name, message in problems if message]
    if faults:
        raise InputError(faults)
    found = []
    first: list[tuple[str, str]] = []
    for values in itertools.product(*lists.values()):
        settings = dict(zip(lists, values, strict=True))
        one = VariedModel(asked, places, "weights").model(settings)
        wording = _wording_of_model(one, vary, budget, step, round_to)
        answer = dataclasses.replace(wording.fit(), settings=settings)
        if answer.outcome == "refused" and wording.search.legs:
            first = first or wording.refusals()
        found.append(answer)
    if first and all(one.outcome == "refused" for one in found):
        raise InputError(Fault("", 0, 0, path, message) for path, message in first)
    return tuple(found)


def _wording_of_model(asked: Declared, vary: str, budget: str | int, step: int, round_to: int | None) -> _FitWording:
    places = places_of(asked)
    known = _Known(lambda name: place_problem(name, places), known_columns(asked))
    question = _question_of(known, vary, budget, step, round_to)
    varied = VariedModel(asked, {name: places[name] for name in question.course.names}, question.column)
    return _FitWording(dict(asked.model), CourseSearch(varied, question.course), question.budget)


def fit_each(
    fields: Mapping[str, Any], *, vary: str, budget: str | int, step: int = 1, round_to: int | None = None
) -> tuple[Fit, ...]:
    """Return one answer per network, where a list of values stands for several networks.

    Args:
        fields: as `fit` takes them, but a list is no list per layer: each of its values makes a network of its own,
            together with each value of the other lists; the last list is the fastest.
        vary: as in `fit`.
        budget: as in `fit`.
        step: as in `fit`.
        round_to: as in `fit`.

    Raises:
        InputError: as `fit` says; networks that a convention refuses are answers, unless it is all of them.

    Example:
        >>> network = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": [1, 2]}
        >>> [found.largest.values["cells"] for found in fit_each(network, vary="cells", budget=12_926_976)]
        [1757, 1024]
    """
    lists = {name: value if isinstance(value, (list, tuple)) else [value] for name, value in fields.items()}
    networks = [dict(zip(lists, values, strict=True)) for values in itertools.product(*lists.values())]
    question = _question(networks, vary, budget, step, round_to)
    found = []
    faults: dict[Fault, None] = {}
    for network in networks:
        try:
            found.append(_fit(network, question))
        except InputError as problem:
            faults.update(dict.fromkeys(problem.faults))
    if not faults and all(one.outcome == "refused" for one in found):
        faults.update(dict.fromkeys(_refusal(one) for one in found[:1]))
    if faults or not found:
        raise InputError(faults or [Fault("", 0, 0, "", "an empty list gives no network")])
    return tuple(found)


def _refusal(found: Fit) -> Fault:
    return Fault("", 0, 0, found.refused_field, found.note)


@dataclass(frozen=True)
class _Question:
    """What is asked, of one network or of several."""

    course: Course
    column: str
    budget: int


def _question(
    networks: Iterable[Mapping[str, Any]], vary: str, budget: str | int, step: int, round_to: int | None
) -> _Question:
    """Return the question, or raise its faults together with those of the fields it is asked of."""
    try:
        return _question_of(_PLAIN, vary, budget, step, round_to)
    except InputError as problem:
        # What is missing cannot be said before it is known what varies.
        said = (fault for network in networks for fault in normalise(network)[1] if network.get(fault[0]) is not None)
        more = [Fault("", 0, 0, path, message) for path, message in dict.fromkeys(said)]
        raise InputError([*problem.faults, *more]) from None


@dataclass(frozen=True)
class _Known:
    """What can vary, and what a budget may bound."""

    problem: Callable[[str], str]
    """What to say of a name that cannot vary."""
    columns: tuple[str, ...]


def _question_of(known: _Known, vary: str, budget: str | int, step: int, round_to: int | None) -> _Question:
    problems: list[tuple[str, str]] = []
    names, ratios = _read_vary(vary, known, problems)
    column, most = _read_budget(budget, known, problems)
    for name, value in (("step", step), ("round_to", round_to)):
        if value is not None and value < 1:
            problems.append((name, f"{value} is below the minimum, 1"))
    if round_to is not None and len(names) == 1:
        problems.append(("round_to", "rounds what moves with another field, such as cells,recurrent_projection=1/4"))
    if problems:
        raise InputError(Fault("", 0, 0, path, message) for path, message in problems)
    whole = [] if round_to else [ratio.denominator for ratio in ratios.values()]
    return _Question(Course(names[0], ratios, round_to, math.lcm(step, *whole)), column, most)


def _field_problem(name: str) -> str:
    """Return what to say of a field of a network that cannot be searched; nothing where it can."""
    known = [name for name, field in FIELDS.items() if field.kind == "count"]
    if name in known:
        return ""
    hint = did_you_mean(name, known) or f"; one of {', '.join(known)}"
    what = "is not a count, and only a count can be searched" if name in FIELDS else f"names no field{hint}"
    return f"{quoted(name)} {what}"


_PLAIN = _Known(_field_problem, COUNTED)


def _read_vary(vary: str, known: _Known, problems: list[tuple[str, str]]) -> tuple[list[str], dict[str, Fraction]]:
    names: list[str] = []
    ratios: dict[str, Fraction] = {}
    for position, item in enumerate(vary.split(",")):
        name, equals, text = (part.strip() for part in item.partition("="))
        name = name.replace("-", "_")
        if problem := known.problem(name):
            problems.append(("vary", problem))
        elif name in names:
            problems.append(("vary", f"{quoted(name)} is there twice"))
        elif bool(equals) != bool(position):
            problems.append(
                (
                    "vary",
                    f"{quoted(item.strip())} moves with {names[0]}, so it needs a fraction, such as {name}=1/4"
                    if position
                    else f"{quoted(item.strip())} is searched, so it takes no value; give the budget alone",
                )
            )
        elif equals and not (_RATIO.fullmatch(text) and _fraction(text)):
            problems.append(("vary", f"{quoted(text)} is not a fraction above 0; write 1/4, 0.25 or 2"))
        elif equals:
            ratios[name] = Fraction(text)
        names.append(name)
    return names, ratios


def _fraction(text: str) -> Fraction | None:
    """Return the fraction that is written, None where it divides by zero."""
    return Fraction(text) if Fraction(text.partition("/")[2] or 1) else None


def _read_budget(budget: str | int, known: _Known, problems: list[tuple[str, str]]) -> tuple[str, int]:
    column, size = split_bound(str(budget))
    of_a_clock = known is not _PLAIN and column.startswith("macs_per_")  # the model says which there are
    if not of_a_clock and (problem := column_problem(column, known=known.columns)):
        problems.append(("budget", problem))
        return column, 0
    try:
        return column, read_size(size, column)
    except ValueError as unreadable:
        problems.append(("budget", str(unreadable)))
        return column, 0


def _fit(fields: Mapping[str, Any], question: _Question) -> Fit:
    given = {name: value for name, value in fields.items() if value is not None}
    described, problems = normalise({name: value for name, value in given.items() if name not in question.course.names})
    normal = described.fields
    problems = [(path, message) for path, message in problems if path not in question.course.names]
    problems.extend((name, "is what varies; leave it out") for name in question.course.names if name in given)
    if any(isinstance(value, tuple) for value in normal.values()) and "layers" in question.course.names:
        problems.append(("layers", "is set by a list of one value per layer, so it cannot vary"))
    if problems:
        raise InputError(Fault("", 0, 0, path, message) for path, message in problems)
    said = {name: value if name == "cell_types" else normal.get(name, value) for name, value in given.items()}
    return _FitWording(
        said, CourseSearch(VariedNetwork(described, question.column), question.course), question.budget
    ).fit()


class _FitWording:
    """What a search found, put into words."""

    def __init__(self, said: dict[str, Any], search: CourseSearch, budget: int) -> None:
        self.said = said
        self.search = search
        self.budget = budget

    def fit(self) -> Fit:
        """Return the answer."""
        search = self.search
        if not search.starts:
            return self._refused()
        if search.unchanged:
            return self._unchanged(min(search.starts.values()))
        for leg, start in search.starts.items():
            if leg.last is None and leg.constant and search.counted(start) <= self.budget:
                return self._unlimited(start)
        largest = search.last_within(self.budget)
        if largest is None:
            return self._nothing(sorted(search.starts.values()))
        above = search.first_above(largest)
        return self._of(
            "found",
            largest=self._candidate(largest),
            next_over=None if above is None else self._candidate(above),
            note="" if above is not None else f"no larger value is valid: {self._why_not(largest + 1)}",
        )

    def _of(self, outcome: Outcome, **found: Any) -> Fit:
        return Fit(self.said, self.search.course.names, self.search.column, self.budget, outcome, **found)

    def _candidate(self, step: int) -> Candidate:
        values = self.search.course.values(step)
        return Candidate(values, self.search.counted(step), self.search.count(step))

    def _refused(self) -> Fit:
        """Return the reason that every value has, or else that of the first value."""
        search = self.search
        if not search.legs:
            limit = search.above_maximum(search.first_step())[0]
            return self._of("refused", note=_maximum_words(limit), refused_field=limit)
        field, reason = self.refusals()[0]
        return self._of("refused", note=reason, refused_field=field)

    def refusals(self) -> list[tuple[str, str]]:
        """Return the reasons that every value has, or else those of the first value; there is no valid one."""
        reasons = [self.search.refusals(leg.first) for leg in self.search.legs]
        everywhere = [reason for reason in reasons[0] if all(reason in others for others in reasons)]
        return everywhere or reasons[0]

    def _unchanged(self, step: int) -> Fit:
        found = self._candidate(step)
        side = "within" if found.counted <= self.budget else "over"
        said = f"{self.search.course.base} does not change {self.search.column}"
        return self._of(
            "unchanged",
            smallest=found,
            note=f"nothing to search: {said}, which is {found.counted:,} for every valid value, {side} the budget",
        )

    def _unlimited(self, step: int) -> Fit:
        found = self._candidate(step)
        said = f"{self.search.column} stays at {found.counted:,} from {_value_words(found.values)} on"
        return self._of("unlimited", smallest=found, note=f"no upper limit: {said}")

    def _nothing(self, starts: list[int]) -> Fit:
        smallest = self._candidate(min(starts, key=self.search.counted))
        said = f"{smallest.counted:,} {self.search.column}, at {_value_words(smallest.values)}"
        return self._of(
            "nothing",
            next_over=self._candidate(starts[0]),
            smallest=smallest,
            note=f"nothing fits: the smallest count is {said}",
        )

    def _why_not(self, step: int) -> str:
        limits = self.search.above_maximum(step)
        return _maximum_words(limits[0]) if limits else self.search.refusals(step)[0][1]


def _maximum_words(name: str) -> str:
    return f"{FIELDS[name].maximum} is the maximum of {name}"


def _value_words(values: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {value:,}" for name, value in values.items())
