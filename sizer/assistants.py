"""What assistants ask over the Model Context Protocol: each tool is a question that the service answers, within its limits.

A call becomes the body of a question, a process of its own answers it (`sizer.service.question_pool`), and faults come
back as a tool's error in the words of the command line. The official SDK is imported here, when it is needed, and
nowhere else.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sizer.errors import Fault, InputError, RunError
from sizer.networks.blocks.types import BLOCK_TYPES
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.counting import CHOICES, did_you_mean
from sizer.service.question_pool import QuestionPool
from sizer.service.refusals import FoundFaultsError, RefusedError
from sizer.service.schemas import SCHEMAS
from sizer.service.settings import Limits
from sizer.version import __version__

if TYPE_CHECKING:
    from mcp.server import ServerRequestContext
    from mcp.types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams, Tool

_ANSWER_BYTES = 2**20
"""Of one answer: an assistant reads all of it."""
_PLACES = 2
"""Questions that are answered at once."""

INSTRUCTIONS = f"""\
Sizer counts the weights of recurrent networks, and of whole models of blocks, exactly. Ask it instead of multiplying.

The same words name different networks in different toolkits, so every network has a convention: whose rules decide which
biases, peepholes and projections there are. Take the one of the toolkit that the network is built with; take textbook
where only the matrices are meant, and say which one you took. Conventions: {", ".join(CONVENTIONS)}.

A number from a paper or a log that has to be explained is a claim. An error says what is wrong and what to write instead.
"""


@dataclass(frozen=True)
class _Offer:
    """A tool, and the question that it becomes."""

    about: str
    """As the processes that answer know it."""
    title: str
    description: str
    properties: Mapping[str, Any]
    required: tuple[str, ...]


def _network(about: str = "The fields of a network, as in the tool count.") -> dict[str, Any]:
    """Return the schema of a network; which fields it must have depends on the others, and a fault says so.

    An assistant reads the schemas of all tools, so the fields have their kinds in each, and their texts in one.
    """
    fields = {
        name: {key: value for key, value in schema.items() if key != "description"}
        for name, schema in SCHEMAS["Network"]["properties"].items()
    }
    blocks = {"type": "object", "additionalProperties": {"type": "object"}}
    return {"type": "object", "description": about, "properties": {**fields, "blocks": blocks}}


def _described_network() -> dict[str, Any]:
    """Return the schema of a network with what each field means."""
    found = _network("The fields of a network. Counts may be written as 10K.")
    for name, schema in SCHEMAS["Network"]["properties"].items():
        words = f" One of {', '.join(CHOICES[name])}." if name in CHOICES else ""
        found["properties"][name]["description"] = schema["description"] + words
    found["properties"]["blocks"]["description"] = (
        "A whole model, instead of the fields of a network: named blocks in order, each with its type and fields."
        f" Types: {', '.join(BLOCK_TYPES)}."
    )
    return {**found, "examples": [SCHEMAS["Network"]["example"]]}


_BUDGET = {
    "type": ["string", "integer"],
    "description": "The most there may be: 10M weights, or of another counted column: int8_bytes=2MB, macs_per_step=5M.",
}
_TEXTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_SWEEP = {
    "sweep": {"type": "string", "description": "The text of the sweep file, YAML."},
    "budget": {**_TEXTS, "description": "Bounds beside those of the file: 10M, int8_bytes=2MB."},
    "where": {**_TEXTS, "description": "Conditions that must hold too, such as layers >= 2."},
}
_MOST_DRAWN = 1000
"""Networks that are drawn for one call."""

TOOLS: dict[str, _Offer] = {
    "count": _Offer(
        "count",
        "Count a network",
        "The exact number of weights of one network, its parts, multiply-accumulates a step, state and bytes;"
        " with a budget, whether it fits.",
        {"network": _described_network(), "budget": _BUDGET},
        ("network",),
    ),
    "explain": _Offer(
        "explain",
        "Explain a count",
        "One network tensor by tensor: the shape and weights of each, and the formula.",
        {"network": _network()},
        ("network",),
    ),
    "compare": _Offer(
        "compare",
        "Compare conventions",
        "The same network under every convention, and which tensors make the difference."
        " The network's own convention is left out or ignored.",
        {"network": _network()},
        ("network",),
    ),
    "claim": _Offer(
        "compare",
        "Explain a stated figure",
        "Which conventions and options of a network give a number of weights that somebody states, the least assumed first.",
        {
            "network": _network(),
            "claim": {"type": "string", "description": "The figure as it is stated: 21M, 21.3M or 21,252,205."},
        },
        ("network", "claim"),
    ),
    "fit": _Offer(
        "fit",
        "Fit a budget",
        "The largest value of one field that keeps a network within a budget, and the next one over it.",
        {
            "network": _network("The fields of a network, as in the tool count, without the one that is asked for."),
            "vary": {
                "type": "string",
                "description": "The field to search, such as cells; others may move with it: cells,recurrent_projection=1/4.",
            },
            "budget": _BUDGET,
            "step": {"type": "integer", "minimum": 1, "description": "Try only multiples of this."},
            "round_to": {
                "type": "integer",
                "minimum": 1,
                "description": "Round the fields that follow to the nearest multiple of this; without it they must be whole numbers.",
            },
        },
        ("network", "vary", "budget"),
    ),
    "dry_run": _Offer(
        "sweep",
        "Count a sweep",
        "Check a sweep file and count how many configurations of its grid fit, without writing anything:"
        " how many are kept, over the budget, excluded or not valid, and the largest that fit.",
        _SWEEP,
        ("sweep",),
    ),
    "space": _Offer(
        "space",
        "Count and draw from a space",
        "Of a sweep file, with per_layer axes (each layer has a width of its own) or without: how many networks there are and"
        " how many fit, and some that fit, drawn uniformly. Nothing is written.",
        {
            **_SWEEP,
            "number": {
                "type": "integer",
                "minimum": 0,
                "maximum": _MOST_DRAWN,
                "description": "How many networks to draw; none where it is left out.",
            },
            "seed": {"type": "integer", "minimum": 0, "description": "The same seed gives the same networks."},
        },
        ("sweep",),
    ),
    "look": _Offer(
        "model file",
        "Look into a model file",
        "The networks in a model file on this machine (safetensors, PyTorch, Keras, ONNX, Flax, Kaldi ...), their convention,"
        " and the tensors that Sizer cannot explain. It reads names and shapes, not weights, and executes nothing.",
        {
            "file": {"type": "string", "description": "The path of the file, or of a folder of them."},
            "claim": {
                "type": "string",
                "description": "A stated figure, 21M: which parts of the file give it is answered instead.",
            },
        },
        ("file",),
    ),
}


def serve(seconds: float) -> None:
    """Answer an assistant over standard input and output until it goes away.

    Args:
        seconds: how long one question may take.

    Raises:
        ModuleNotFoundError: the extra `mcp` is not installed.
    """
    asyncio.run(_serve(replace(Limits(), question_seconds=seconds, answer_bytes=_ANSWER_BYTES)))


async def _serve(limits: Limits) -> None:
    from mcp.server import Server
    from mcp.server.stdio import stdio_server
    from mcp.shared.exceptions import MCPError
    from mcp.types import INVALID_PARAMS, CallToolResult, ListToolsResult, TextContent

    pool = QuestionPool(limits, _PLACES)

    async def listed(_: ServerRequestContext, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[_tool(name, tool) for name, tool in TOOLS.items()])

    async def called(_: ServerRequestContext, call: CallToolRequestParams) -> CallToolResult:
        if call.name not in TOOLS:
            raise MCPError(INVALID_PARAMS, f"no tool named '{call.name[:80]}'{did_you_mean(call.name, TOOLS)}")
        try:
            found = await _answer(pool, limits, call.name, call.arguments or {})
        except (InputError, RefusedError, FoundFaultsError, RunError, RuntimeError) as problem:
            return CallToolResult(content=[TextContent(text=_words(problem))], is_error=True)
        text = json.dumps(found, separators=(",", ":"), ensure_ascii=False)
        return CallToolResult(content=[TextContent(text=text)], structured_content=found)

    server: Server[Any] = Server(
        "sizer", version=__version__, instructions=INSTRUCTIONS, on_list_tools=listed, on_call_tool=called
    )
    try:
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())
    finally:
        await pool.close()


def _tool(name: str, question: _Offer) -> Tool:
    from mcp.types import Tool, ToolAnnotations

    return Tool(
        name=name,
        title=question.title,
        description=question.description,
        input_schema={
            "type": "object",
            "properties": dict(question.properties),
            "required": list(question.required),
            "additionalProperties": False,
        },
        annotations=ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False),
    )


async def _answer(pool: QuestionPool, limits: Limits, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to a call.

    Raises:
        InputError: the arguments have faults.
        FoundFaultsError: the network or the sweep has.
        RefusedError: it is more than is answered.
        RunError: it could not be answered.
        RuntimeError: what answers made a mistake.
    """
    tool = TOOLS[name]
    faults = [
        Fault("", 0, 0, key, f"no argument of that name{did_you_mean(key, tool.properties)}")
        for key in arguments
        if key not in tool.properties
    ]
    faults += [Fault("", 0, 0, key, "is missing") for key in tool.required if arguments.get(key) is None]
    question: dict[str, Any] = {"about": tool.about}
    text = ""
    if "sweep" in tool.properties:
        text = arguments.get("sweep", "")
        if not isinstance(text, str):
            faults.append(Fault("", 0, 0, "sweep", "is not the text of a sweep file"))
        for key in ("budget", "where"):
            question[key] = _texts(key, arguments.get(key), faults)
    if tool.about == "sweep":
        question |= {"dry": True, "top": 5}
    if tool.about == "space":
        for key, most in (("number", _MOST_DRAWN), ("seed", None)):
            question[key] = _whole_number(key, arguments.get(key), most, faults)
    if tool.about == "model file":
        for key in ("file", "claim"):
            question[key] = arguments.get(key)
            if question[key] is not None and not isinstance(question[key], str):
                faults.append(Fault("", 0, 0, key, "is not a text"))
    if faults:
        raise InputError(faults)
    # Half a character, which JSON can hold, is a fault of the sweep like any other text that is not UTF-8.
    body = text.encode(errors="surrogatepass") if "sweep" in tool.properties else json.dumps(arguments).encode()
    if len(body) > limits.sweep_bytes:
        raise RefusedError(413, f"the arguments have more than the {limits.sweep_bytes:,} bytes that are allowed")
    found: dict[str, Any] = (await pool.ask(question, body)).parsed()
    # Who asks has the text of the sweep.
    return {key: value for key, value in found.items() if tool.about != "sweep" or key not in {"id", "text"}}


def _texts(key: str, value: Any, faults: list[Fault]) -> list[str]:
    """Return one text or several as a list, and note where they are neither."""
    found = [value] if isinstance(value, str) else [] if value is None else value
    if isinstance(found, list) and all(isinstance(one, str) for one in found):
        return found
    faults.append(Fault("", 0, 0, key, "is neither a text nor a list of texts"))
    return []


def _whole_number(key: str, value: Any, most: int | None, faults: list[Fault]) -> int:
    """Return a whole number, 0 where none is given, and note where it is none or out of bounds."""
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        faults.append(Fault("", 0, 0, key, "is not a whole number, 0 or above"))
    elif most is not None and value > most:
        faults.append(Fault("", 0, 0, key, f"{value:,} is above the maximum, {most:,}"))
    else:
        return value
    return 0


def _words(problem: Exception) -> str:
    """Return what is wrong as the command line says it, one line for each fault."""
    if isinstance(problem, FoundFaultsError):
        return "\n".join(str(Fault(**fault)) for fault in json.loads(problem.content)["faults"])
    if isinstance(problem, (InputError, RefusedError)):
        return "\n".join(map(str, problem.faults))
    return str(problem)
