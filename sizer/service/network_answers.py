"""Questions about networks become answers: bodies are checked before anything in them is multiplied out.

It is read by the server, for the count of one plain network, and by the processes that answer questions, for everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sizer.errors import Fault, InputError
from sizer.networks.blocks.counting import ModelCount
from sizer.networks.budgets import column_problem
from sizer.networks.counting import did_you_mean, normalise
from sizer.networks.fields import FIELDS
from sizer.questions.batch import count_in_pieces, count_quickly
from sizer.questions.fits import are_within, budget_bounds, is_within
from sizer.service.bodies import as_json, parse_json
from sizer.service.refusals import RefusedError
from sizer.sweepfile.sweep import Bound

LIMITS = ("body_values", "networks", "list_values", "shown_values", "digits", "answer_bytes")
"""The limits of `Settings` that are looked at here."""
_OWN_CELLS = 100
"""What cell types of one's own count as, in such values."""
_OF_A_BLOCK = 4
"""What a block of a model counts as, in such values."""
_IN_A_BLOCK = 20
"""Values in a block beyond which each counts."""
_MOST_REPEATED = 2_000
"""Repetitions of a group that are counted; more are refused when the model is read."""
_DEEPEST = 60
"""Blocks within blocks that are looked into; more are refused likewise."""
_KNOWN = (*FIELDS, "cell_types")
_MOST_FIELDS = 2 * len(_KNOWN)
"""Fields of which each is looked at; who gives more is told how many there are."""
_MOST_BOUNDS = 20
"""In a budget."""
_PLAIN_DIGITS = 20
"""What a number may have without being counted among the long ones."""
_PIECE = 2_000
"""Networks that are counted before their counts are written."""


def answer_to(about: str, body: bytes, limits: Mapping[str, int]) -> tuple[bytes, int]:
    """Return the answer to a question, as JSON, and how many networks were counted for it.

    Args:
        about: the last word of its address.
        body: as it was sent.
        limits: those of `LIMITS`.

    Raises:
        InputError: the body has faults.
        RefusedError: it is no JSON, or more than is answered.
    """
    if about == "model":
        return as_json(_model(body, limits)), 0
    asked = parse_json(body, limits["body_values"])
    if about == "count":
        return _count(asked, limits)
    return as_json(_SHOWN[about](asked, limits)), 0


def plain_network(body: Any) -> Mapping[str, Any] | None:
    """Return a body that asks for the count of one network whose every value is one; None for any other."""
    if not isinstance(body, dict) or len(body) > 2:
        return None
    network = body.get("network")
    if not isinstance(network, dict) or len(network) > _MOST_FIELDS:
        return None
    if any(isinstance(value, (list, dict)) for value in network.values()):
        return None
    return body


def counted(body: Any, limits: Mapping[str, int]) -> dict[str, Any]:
    """Return the count of one network, and whether it fits the budget where there is one.

    Raises:
        InputError: the body, the network or the budget has faults.
        RefusedError: it is more than one call may ask for.
    """
    asked = _checked_body(body, ("network", "budget"))
    _check_effort([asked["network"]], limits["list_values"], limits["digits"])
    _check_budget(asked.get("budget"))
    found = count_quickly(asked["network"])
    bounds = _bounds(asked.get("budget"), found.column_problem if isinstance(found, ModelCount) else None)
    columns = found.columns()
    shown: dict[str, Any] = {
        "weights": columns["weights"],
        "parts": found.parts,
        **{name: value for name, value in columns.items() if name not in {"weights", *found.parts}},
        "configuration": found.configuration,
    }
    if found.notes:
        shown["notes"] = list(found.notes)
    if isinstance(found, ModelCount):
        shown["clocks"] = list(found.clocks)
        shown["macs"] = {name: str(number) for name, number in found.macs.items()}
    if bounds is not None:
        shown["fits"] = all(is_within(columns[bound.column], bound) for bound in bounds)
    return shown


def _count(body: Any, limits: Mapping[str, int]) -> tuple[bytes, int]:
    """Return the counts of one network or many, in the form in which they were given, and how many they are."""
    if isinstance(body, dict) and "network" in body:
        return as_json(counted(body, limits)), 1
    if isinstance(body, list):
        body = {"networks": body}
    columnar = isinstance(body, dict) and isinstance(body.get("columns"), dict)
    if not columnar and not (isinstance(body, dict) and isinstance(body.get("networks"), list)):
        message = 'the body has "network" (one), "networks" (a list), or "columns" (field by field, a list each)'
        raise InputError([Fault("", 0, 0, "", message)])
    form = "columns" if columnar else "networks"
    many = _length(body["columns"]) if columnar else len(body["networks"])
    if many > limits["networks"]:
        raise RefusedError(413, f"{many:,} networks are more than the {limits['networks']:,} that one call may have")
    _check_keys(body, (form, "budget"), f"beside {form}; known: budget")
    _check_budget(body.get("budget"))
    within = _within(
        body.get("budget"), not columnar and any("blocks" in one for one in body["networks"] if isinstance(one, dict))
    )
    if columnar:
        _check_columns(body["columns"], many, limits)
    else:
        _check_networks(body["networks"], limits)
    networks: Iterable[dict[str, Any]] = _rows(body["columns"]) if columnar else body["networks"]
    try:
        return _written(count_in_pieces(networks, _PIECE), within, columnar, limits["answer_bytes"]), many
    except _BudgetError as problem:
        raise InputError(problem.faults) from None
    except InputError as problem:
        raise InputError(Fault("", 0, 0, form + fault.path, fault.message) for fault in problem.faults) from None


class _BudgetError(InputError):
    """A budget that does not suit one of several models."""


def _within(budget: Any, models: bool) -> Callable[[Mapping[str, int]], bool] | None:
    """Return what says whether counts are within a budget; None where there is none.

    Args:
        budget: as it was sent.
        models: whether there are models of blocks among the networks, each of which has columns of its own.

    Raises:
        InputError: it has faults.
    """
    if budget is None:
        return None
    if not models:
        bounds = _bounds(budget) or ()
        return lambda row: are_within(row, bounds)

    def within(row: Mapping[str, int]) -> bool:
        try:
            return are_within(row, _bounds(budget, lambda column: column_problem(column, known=row)) or ())
        except InputError as problem:
            raise _BudgetError(problem.faults) from None

    return within


def _written(
    pieces: Iterable[list[dict[str, int]]],
    within: Callable[[Mapping[str, int]], bool] | None,
    columnar: bool,
    most: int,
) -> bytes:
    """Return counts as JSON, written piece by piece: their numbers may be far larger than those of the body.

    Raises:
        RefusedError: they are longer than what is sent.
    """
    columns: dict[str, list[bytes]] = {}
    counts: list[bytes] = []
    size = 0
    for rows in pieces:
        if within is not None:
            rows = [{**row, "fits": within(row)} for row in rows]
        if columnar:
            texts = {name: as_json([row[name] for row in rows])[1:-1] for name in rows[0]}
            for name, text in texts.items():
                columns.setdefault(name, []).append(text)
            size += sum(map(len, texts.values()))
        else:
            counts.append(as_json(rows)[1:-1])
            size += len(counts[-1])
        if size > most:
            raise RefusedError(413, f"the answer has more than the {most:,} bytes that are allowed")
    if columnar:
        lists = [b"%b:[%b]" % (as_json(name), b",".join(texts)) for name, texts in columns.items()]
        return b'{"columns":{%b}}' % b",".join(lists)
    return b'{"counts":[%b]}' % b",".join(counts)


def _compare(body: Any, limits: Mapping[str, int]) -> dict[str, Any]:
    from sizer.questions.comparison import compare
    from sizer.questions.reconciliation import reconcile

    asked = _shown_body(body, ("network", "claim"), limits)
    if asked.get("claim") is not None:
        return reconcile(asked["network"], asked["claim"]).as_json()
    return {"readings": [reading.as_json() for reading in compare(asked["network"])]}


def _explain(body: Any, limits: Mapping[str, int]) -> dict[str, Any]:
    from sizer.questions.breakdown import explain

    return explain(_shown_body(body, ("network",), limits)["network"]).as_json()


def _model(text: bytes, limits: Mapping[str, int]) -> dict[str, Any]:
    """Return a model of blocks in YAML, block by block; faults have places in the text."""
    from sizer.questions.model_breakdown import explain_model
    from sizer.sweepfile.model_file import parse_model

    def look_at(model: Mapping[str, Any]) -> None:
        _check_effort([model], limits["shown_values"], limits["digits"])

    return explain_model(parse_model(text, "model", look_at).asked).as_json()


def _fit(body: Any, limits: Mapping[str, int]) -> dict[str, Any]:
    from sizer.questions.fitting import fit

    found = _shown_body(body, ("network", "vary", "budget", "step", "round_to"), limits)
    asked = {name: found[name] for name in ("vary", "budget", "step", "round_to") if found.get(name) is not None}
    _check_types(asked, {"vary": str, "budget": (str, int), "step": int, "round_to": int}, ("vary", "budget"))
    return fit(found["network"], **asked).as_json()


def _code(body: Any, limits: Mapping[str, int]) -> dict[str, Any]:
    from sizer.frameworks.code import WRITERS, write_code

    asked = _shown_body(body, ("network", "to"), limits)
    if asked.get("to") not in list(WRITERS):
        raise InputError([Fault("", 0, 0, "to", f"is one of {', '.join(WRITERS)}")])
    return {"code": write_code(asked["network"], asked["to"])}


_SHOWN = {"compare": _compare, "explain": _explain, "fit": _fit, "code": _code}


def _shown_body(body: Any, known: Sequence[str], limits: Mapping[str, int]) -> dict[str, Any]:
    asked = _checked_body(body, known)
    _check_effort([asked["network"]], limits["shown_values"], limits["digits"])
    return asked


def _checked_body(body: Any, known: Sequence[str]) -> dict[str, Any]:
    """Return a body that is a mapping of known keys, with a network's fields.

    Raises:
        InputError: it is not.
    """
    if not isinstance(body, dict):
        raise InputError([Fault("", 0, 0, "", f"the body is not a JSON object; it has {' and '.join(known)}")])
    faults = _key_faults(body, known)
    if "network" not in body:
        faults.append(Fault("", 0, 0, "network", "is missing"))
    elif not isinstance(body["network"], dict):
        faults.append(Fault("", 0, 0, "network", "is not an object of fields"))
    elif len(body["network"]) > _MOST_FIELDS:
        faults.append(_too_many_fields("network", body["network"]))
    if faults:
        raise InputError(faults)
    return body


def _check_keys(body: Mapping[str, Any], known: Sequence[str], words: str) -> None:
    """Check that a body has no other keys.

    Raises:
        InputError: it has.
    """
    faults = _key_faults(body, known, words)
    if faults:
        raise InputError(faults)


def _key_faults(body: Mapping[str, Any], known: Sequence[str], words: str = "") -> list[Fault]:
    if len(body) > _MOST_FIELDS:
        return [Fault("", 0, 0, "", f"the body has {len(body):,} keys; known: {', '.join(known)}")]
    return [
        Fault("", 0, 0, key, f"no key of that name{_instead(key, known, words)}") for key in body if key not in known
    ]


def _instead(key: str, known: Sequence[str], words: str) -> str:
    return f" {words}" if words else did_you_mean(key, known) or f"; known: {', '.join(known)}"


def _too_many_fields(path: str, found: Mapping[str, Any]) -> Fault:
    return Fault("", 0, 0, path, f"has {len(found):,} fields; a network has at most {len(_KNOWN)}")


def _check_networks(networks: Sequence[Any], limits: Mapping[str, int]) -> None:
    """Check that each of a list is a network of a sensible size.

    Raises:
        InputError: one is none; the first hundred of them.
        RefusedError: all together are more than one call may ask for.
    """
    faults = []
    for place, network in enumerate(networks):
        if not isinstance(network, dict):
            faults.append(Fault("", 0, 0, f"networks[{place}]", "is not an object of fields"))
        elif len(network) > _MOST_FIELDS:
            faults.append(_too_many_fields(f"networks[{place}]", network))
        if len(faults) == 100:
            break
    if faults:
        raise InputError(faults)
    _check_effort(networks, limits["list_values"], limits["digits"])


def _check_columns(columns: Mapping[str, Any], many: int, limits: Mapping[str, int]) -> None:
    """Check what networks that are given field by field have in common, once for all of them.

    Raises:
        InputError: the lists have different lengths, a field is unknown or missing, or a value of every network's is wrong.
        RefusedError: all together are more than one call may ask for.
    """
    if len(columns) > _MOST_FIELDS:
        raise InputError([_too_many_fields("columns", columns)])
    lists = {name: value for name, value in columns.items() if isinstance(value, list)}
    lengths = {name: len(value) for name, value in lists.items()}
    if len(set(lengths.values())) > 1:
        longest = max(lengths.values())
        raise InputError(
            Fault("", 0, 0, f"columns.{name}", f"has {length:,} values where another has {longest:,}")
            for name, length in lengths.items()
            if length < longest
        )
    same = {name: value for name, value in columns.items() if name not in lists}
    _check_amounts(
        sum(map(_effort, same.values())) * many + sum(_effort(one) for values in lists.values() for one in values),
        sum(map(_digits, same.values())) * many + sum(_digits(one) for values in lists.values() for one in values),
        limits["list_values"],
        limits["digits"],
    )
    if not many:
        return
    unknown = [name for name in lists if name not in _KNOWN]
    _, problems = normalise({**same, **dict.fromkeys(unknown)})
    # What a list gives is looked at network by network; and a cell type may be one that is defined in a list.
    told = {name for name in lists if name in _KNOWN} | ({"cell_type"} if "cell_types" in lists else set())
    faults = [Fault("", 0, 0, f"columns.{name}", message) for name, message in problems if name not in told]
    if faults:
        raise InputError(faults)


def _check_effort(networks: Iterable[Any], most_values: int, most_digits: int) -> None:
    """Check how much of networks is worked out value by value.

    Raises:
        RefusedError: it is more than one call may ask for.
    """
    effort = digits = 0
    for network in networks:
        if "blocks" in network:
            effort += _effort_of_blocks(network["blocks"])
            digits += _all_digits(network)
            continue
        for value in network.values():
            if type(value) is not int or value.bit_length() > 64:
                effort += _effort(value)
                digits += _digits(value)
    _check_amounts(effort, digits, most_values, most_digits)


def _check_amounts(values: int, digits: int, most_values: int, most_digits: int) -> None:
    if values > most_values:
        raise RefusedError(413, f"the networks have {values:,} values in lists; this call may have {most_values:,}")
    if digits > most_digits:
        message = f"the networks have {digits:,} digits in numbers of more than {_PLAIN_DIGITS}; this call may have {most_digits:,}"
        raise RefusedError(413, message)


def _effort_of_blocks(blocks: Any, deep: int = 0) -> int:
    """Return how much is worked out of the blocks of a model: what stands in each, as often as its group repeats it."""
    found = 0
    for block in blocks.values() if isinstance(blocks, dict) and deep < _DEEPEST else ():
        if not isinstance(block, dict):
            continue
        leaves = sum(_leaves(value) for name, value in block.items() if name != "blocks")
        own = _OF_A_BLOCK + max(leaves - _IN_A_BLOCK, 0)
        if block.get("subsample", 1) != 1 and isinstance(block.get("layers"), int):
            own += min(abs(block["layers"]), _MOST_REPEATED)  # each of them is told apart
        if "blocks" in block:
            repeat = block.get("repeat", 1)
            times = min(abs(repeat), _MOST_REPEATED) if isinstance(repeat, int) else _MOST_REPEATED
            own += times * _effort_of_blocks(block["blocks"], deep + 1)
        found += own
    return found


def _leaves(value: Any) -> int:
    """Return how many values stand in a value."""
    found, waiting = 0, [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, (list, dict)):
            waiting.extend(one.values() if isinstance(one, dict) else one)
        found += 1
    return found


def _all_digits(network: Mapping[str, Any]) -> int:
    found, waiting = 0, list(network.values())
    while waiting:
        one = waiting.pop()
        if isinstance(one, (list, dict)):
            waiting.extend(one.values() if isinstance(one, dict) else one)
        else:
            found += _digits(one)
    return found


def _effort(value: Any) -> int:
    if isinstance(value, list):
        return len(value)
    return _OWN_CELLS if isinstance(value, dict) else 0


def _digits(value: Any) -> int:
    """Return about how many digits a whole number has; 0 for any that one is not surprised by."""
    if isinstance(value, list):
        return sum(map(_digits, value))
    if not isinstance(value, int):
        return 0
    found = value.bit_length() * 3 // 10
    return found if found > _PLAIN_DIGITS else 0


def _check_types(asked: Mapping[str, Any], kinds: Mapping[str, Any], required: Iterable[str]) -> None:
    faults = [Fault("", 0, 0, name, "is missing") for name in required if name not in asked]
    for name, value in asked.items():
        if not isinstance(value, kinds[name]) or isinstance(value, bool):
            faults.append(Fault("", 0, 0, name, "has the wrong type"))
    if faults:
        raise InputError(faults)


def _check_budget(budget: Any) -> None:
    """Check that a budget has the form of one, before anything is counted.

    Raises:
        InputError: it has not.
    """
    if budget is None:
        return
    if not isinstance(budget, (str, int, list, dict)) or isinstance(budget, bool):
        raise InputError([Fault("", 0, 0, "budget", "is a size such as 10M, a list of bounds, or bounds by column")])
    if isinstance(budget, (list, dict)) and len(budget) > _MOST_BOUNDS:
        message = f"has {len(budget):,} bounds; there may be {_MOST_BOUNDS}"
        raise InputError([Fault("", 0, 0, "budget", message)])


def _bounds(budget: Any, problem_of: Callable[[str], str] | None = None) -> tuple[Bound, ...] | None:
    return None if budget is None else budget_bounds(budget, problem_of)


def _length(columns: Mapping[str, Any]) -> int:
    """Return how many networks columns give."""
    return max((len(value) for value in columns.values() if isinstance(value, list)), default=1)


def _rows(columns: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the networks that lists of values, side by side, give; a value that is no list is every network's."""
    lists = {name: value for name, value in columns.items() if isinstance(value, list)}
    same = {name: value for name, value in columns.items() if name not in lists}
    if not lists:
        yield same
    for values in zip(*lists.values(), strict=True):
        yield {**same, **dict(zip(lists, values, strict=True))}
