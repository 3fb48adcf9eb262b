"""One network or many: count, compare, explain, fit, code, and what the service knows of conventions and sweep files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sizer.errors import Fault, InputError
from sizer.grids.batch import count_batch, count_quickly
from sizer.grids.fits import budget_bounds, is_within
from sizer.networks.breakdown import explain
from sizer.networks.comparison import compare
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.counting import did_you_mean
from sizer.service import described
from sizer.service.bodies import parse_json, read_body
from sizer.service.faults import RefusedError, answer, answered, on_anything
from sizer.service.state import State
from sizer.sweepfile.sweep import Bound

COUNT_PATH = "/v1/count"
COUNT_ROUTE = SimpleNamespace(path=COUNT_PATH)
_MOST_EFFORT = 100_000
"""Values in lists, one for each layer, that one call may hold: a network of such lists takes some 60 microseconds a layer."""
_MOST_SHOWN = 2_000
"""The same of calls that show a network part by part, or under every convention."""
_OWN_CELLS = 100
"""What cell types of one's own count as, in such values."""


def router(state: State) -> APIRouter:
    """Return the addresses of questions about networks."""
    found = APIRouter(prefix="/v1", tags=["networks"])
    limits = state.settings.limits

    async def body_of(request: Request, known: Sequence[str]) -> dict[str, Any]:
        raw = await read_body(request, request.receive, limits.sweep_bytes, limits.body_seconds)
        body = checked_body(parse_json(raw), known)
        _check_effort([body["network"]], _MOST_SHOWN)
        return body

    @found.post("/count", **described.COUNT)
    async def count(request: Request) -> Response:
        return await count_answer(state, request, request.receive)

    @found.post("/compare", **described.COMPARE)
    async def compare_(request: Request) -> Response:
        body = await body_of(request, ("network", "claim"))
        if body.get("claim") is None:
            readings = await run_in_threadpool(compare, body["network"])
            return answer({"readings": [reading.as_json() for reading in readings]})
        asked = {"about": "claim", "network": body["network"], "claim": body["claim"]}
        return answer(state.answer(await state.helpers.ask(asked)))

    @found.post("/explain", **described.EXPLAIN)
    async def explain_(request: Request) -> Response:
        body = await body_of(request, ("network",))
        return answer((await run_in_threadpool(explain, body["network"])).as_json())

    @found.post("/fit", **described.FIT)
    async def fit_(request: Request) -> Response:
        from sizer.networks.fitting import fit

        body = await body_of(request, ("network", "vary", "budget", "step", "round_to"))
        asked = {name: body[name] for name in ("vary", "budget", "step", "round_to") if body.get(name) is not None}
        _check_types(asked, {"vary": str, "budget": (str, int), "step": int, "round_to": int}, ("vary", "budget"))
        return answer((await run_in_threadpool(fit, body["network"], **asked)).as_json())

    @found.post("/code", **described.CODE)
    async def code(request: Request) -> Response:
        from sizer.frameworks.code import WRITERS, write_code

        body = await body_of(request, ("network", "to"))
        if body.get("to") not in list(WRITERS):
            raise InputError([Fault("", 0, 0, "to", f"is one of {', '.join(WRITERS)}")])
        return answer({"code": await run_in_threadpool(write_code, body["network"], body["to"])})

    @found.get("/conventions", **described.CONVENTIONS)
    async def conventions() -> Response:
        return answer({"conventions": [convention.as_json() for convention in CONVENTIONS.values()]})

    @found.get("/schema", **described.SCHEMA)
    async def schema() -> Response:
        from sizer.sweepfile.schema import schema_text

        return Response(schema_text(), media_type="application/schema+json")

    return found


async def count_answer(state: State, request: HTTPConnection, receive: Receive) -> Response:
    """Return the answer to `/v1/count`."""
    limits = state.settings.limits
    body = parse_json(await read_body(request, receive, limits.count_bytes, limits.body_seconds))
    if isinstance(body, dict) and "network" in body:
        one = checked_body(body, ("network", "budget"))
        if _check_effort([one["network"]]):
            found = await run_in_threadpool(counted, one)
        else:
            found = counted(one)
        state.metrics.networks.inc()
        return answer(found)
    many = _size(body)
    if many > limits.networks:
        raise RefusedError(413, f"{many:,} networks are more than the {limits.networks:,} that one call counts")
    async with state.querying():
        response = await run_in_threadpool(_counted_batch, body)
    state.metrics.networks.inc(many)
    return response


class Quickly:
    """An ASGI application that answers `/v1/count` itself and leaves the rest to another: searches ask it in a loop."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        """Stand before an application."""
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["path"] != COUNT_PATH or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        scope["route"] = COUNT_ROUTE
        try:
            response = await count_answer(self._state, HTTPConnection(scope), receive)
        except Exception as problem:
            found = await answered(problem)
            if found is None:
                await (await on_anything(None, problem))(scope, receive, send)
                raise
            response = found
        await response(scope, receive, send)


def checked_body(body: Any, known: Sequence[str]) -> dict[str, Any]:
    """Return a body that is a mapping of known keys, with a network's fields.

    Raises:
        InputError: it is not.
    """
    if not isinstance(body, dict):
        raise InputError([Fault("", 0, 0, "", f"the body is no JSON object; it has {' and '.join(known)}")])
    faults = [
        Fault("", 0, 0, key, f"no key of that name{did_you_mean(key, known) or '; known: ' + ', '.join(known)}")
        for key in body
        if key not in known
    ]
    if "network" not in body:
        faults.append(Fault("", 0, 0, "network", "is missing"))
    elif not isinstance(body["network"], dict):
        faults.append(Fault("", 0, 0, "network", "is no object of fields"))
    if faults:
        raise InputError(faults)
    return body


def _check_effort(networks: Iterable[Any], most: int = _MOST_EFFORT) -> int:
    """Return how much of networks is worked out value by value.

    Raises:
        RefusedError: it is more than one call may ask for.
    """
    effort = 0
    for network in networks:
        if isinstance(network, dict):
            for value in network.values():
                if isinstance(value, list):
                    effort += len(value)
                elif isinstance(value, dict):
                    effort += _OWN_CELLS
    if effort > most:
        message = f"the networks have {effort:,} values in lists; this call may have {most:,}"
        raise RefusedError(413, message)
    return effort


def _check_types(asked: Mapping[str, Any], kinds: Mapping[str, Any], required: Iterable[str]) -> None:
    faults = [Fault("", 0, 0, name, "is missing") for name in required if name not in asked]
    for name, value in asked.items():
        if not isinstance(value, kinds[name]) or isinstance(value, bool):
            faults.append(Fault("", 0, 0, name, "is not of a kind that is read here"))
    if faults:
        raise InputError(faults)


def counted(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the count of one network, and whether it fits the budget where there is one.

    Raises:
        InputError: the network or the budget has faults.
    """
    bounds = _bounds(body.get("budget"))
    found = count_quickly(body["network"])
    columns = found.columns()
    shown: dict[str, Any] = {
        "weights": columns["weights"],
        "parts": found.parts,
        "macs_per_step": found.macs_per_step,
        "state_size": found.state_size,
        "float32_bytes": columns["float32_bytes"],
        "float16_bytes": columns["float16_bytes"],
        "int8_bytes": columns["int8_bytes"],
        "configuration": found.configuration,
    }
    if bounds is not None:
        shown["fits"] = all(is_within(columns[bound.column], bound) for bound in bounds)
    return shown


def _bounds(budget: Any) -> tuple[Bound, ...] | None:
    if budget is None:
        return None
    if not isinstance(budget, (str, int, list, dict)) or isinstance(budget, bool):
        raise InputError([Fault("", 0, 0, "budget", "is a size such as 10M, a list of bounds, or bounds by column")])
    return budget_bounds(budget)


def _size(body: Any) -> int:
    """Return how many networks a body has.

    Raises:
        InputError: it has none of the forms that are read.
    """
    if isinstance(body, list):
        return len(body)
    if isinstance(body, dict) and isinstance(body.get("networks"), list):
        return len(body["networks"])
    if isinstance(body, dict) and isinstance(body.get("columns"), dict):
        return max((len(value) for value in body["columns"].values() if isinstance(value, list)), default=1)
    message = 'the body has "network" (one), "networks" (a list), or "columns" (field by field, a list each)'
    raise InputError([Fault("", 0, 0, "", message)])


def _counted_batch(body: Any) -> Response:
    """Return the counts of many networks, in the form in which they were given."""
    if isinstance(body, list):
        body = {"networks": body}
    columnar = "columns" in body
    form = "columns" if columnar else "networks"
    unknown = [key for key in body if key not in (form, "budget")]
    if unknown:
        raise InputError(Fault("", 0, 0, key, f"no key of that name beside {form}; known: budget") for key in unknown)
    bounds = _bounds(body.get("budget"))
    networks = _rows(body["columns"]) if columnar else body["networks"]
    _check_effort(networks)
    wrong = [place for place, network in enumerate(networks) if not isinstance(network, dict)][:100]
    if wrong:
        raise InputError(Fault("", 0, 0, f"networks[{place}]", "is no object of fields") for place in wrong)
    try:
        rows = count_batch(networks)
    except InputError as problem:
        raise InputError(Fault("", 0, 0, form + fault.path, fault.message) for fault in problem.faults) from None
    fits = None if bounds is None else [all(is_within(row[bound.column], bound) for bound in bounds) for row in rows]
    if columnar:
        names = rows[0].keys() if rows else ()
        columns: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in names}
        return answer({"columns": columns if fits is None else {**columns, "fits": fits}})
    if fits is not None:
        return answer({"counts": [{**row, "fits": fit} for row, fit in zip(rows, fits, strict=True)]})
    return answer({"counts": rows})


def _rows(columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the networks that lists of values, side by side, give; a value that is no list is every network's.

    Raises:
        InputError: the lists have different lengths.
    """
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
    if not lists:
        return [same]
    return [{**same, **dict(zip(lists, values, strict=True))} for values in zip(*lists.values(), strict=True)]
