"""Runs commands in a terminal of its own and prints what a person would see, for cog to place in the documents."""

from __future__ import annotations

import itertools
import json
import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import cog

sys.path.append(str(Path(__file__).resolve().parent.parent / "benchmarks"))
from measuring import in_words

ROOT = Path(__file__).resolve().parent.parent
_COLUMNS = 160


def terminal_output(command: str) -> str:
    """Return what a command prints on a terminal that is wide enough."""
    words = shlex.split(command)
    if words[0] == "sizer":
        words[0] = str(Path(sys.executable).with_name("sizer"))
    controller, terminal = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(_COLUMNS), "LINES": "50", "TERM": "dumb", "NO_COLOR": "1"}
    process = subprocess.Popen(words, stdin=terminal, stdout=terminal, stderr=terminal, cwd=ROOT, env=environment)
    os.close(terminal)
    printed = b""
    while True:
        try:
            piece = os.read(controller, 65536)
        except OSError:
            break
        if not piece:
            break
        printed += piece
    process.wait()
    os.close(controller)
    return printed.decode().replace("\r\n", "\n")


def screen(command: str) -> None:
    """Place a command and what it prints; times are left out, since they differ from run to run."""
    text = re.sub(r" {2,}\d+\.\d s$", "", terminal_output(command), flags=re.MULTILINE).rstrip()
    cog.outl(f"\n```console\n$ {command}\n{text}\n```\n")


def file(path: str, language: str) -> None:
    """Place a file."""
    cog.outl(f"\n```{language}\n{(ROOT / path).read_text().rstrip()}\n```\n")


def benchmark(path: str) -> None:
    """Place the figures of a benchmark, with the machine they were measured on."""
    found = json.loads((ROOT / path).read_text())
    best = found["ways"][found["reference"]]["per_second"]
    with_memory = any("memory" in figures for figures in found["ways"].values())
    rows = [
        [
            name,
            f"{figures['configurations']:,}",
            f"{figures['seconds']:.2f} s",
            *([f"{figures['memory'] / 1e6:,.0f} MB"] if with_memory else []),
            f"{figures['per_second']:,.0f}",
            "" if name == found["reference"] else in_words(best / figures["per_second"]),
        ]
        for name, figures in found["ways"].items()
    ]
    memory = ["peak memory"] if with_memory else []
    table(["way", "configurations", "time", *memory, "per second", f"rate against {found['reference']}"], rows)
    machine = found["machine"]
    cog.outl(f"Measured on {machine['processor']}, {machine['cores']} cores, Python {machine['python']}.\n")


def in_short(path: str, link: str) -> None:
    """Place a benchmark of counting in one sentence, with a link to the rest."""
    ways = json.loads((ROOT / path).read_text())["ways"]
    ours, theirs = ways["sizer, 10^8 configurations, 2 threads"], ways["pandas cross join"]
    cog.outl(
        f"\nA grid of {ours['configurations']:,} configurations is counted and filtered in {ours['seconds']:.2f} s on two cores,"
        f" {in_words(theirs['per_second'] / ours['per_second'])}\nthan a pandas cross join. [Benchmarks]({link}) says how this was measured, and has more figures.\n"
    )


def verification(path: str) -> None:
    """Place what checking a table against its manifest costs."""
    found = json.loads((ROOT / path).read_text())
    figures = found["verification"]
    rows = found["ways"][found["reference"]]["configurations"]
    cog.outl(
        f"For the {figures['files']} files of these {rows:,} rows, {figures['bytes'] / 1e6:.1f} MB, that takes"
        f" {figures['seconds'] * 1000:.0f} ms,\n{figures['share']:.1%} of the time of the question.\n"
    )


def comparisons(path: str) -> None:
    """Place several comparisons of one benchmark, with the machine they were measured on."""
    found = json.loads((ROOT / path).read_text())
    for comparison in found["comparisons"]:
        best = comparison["ways"][comparison["reference"]]["per_second"]
        rows = [
            [
                name,
                f"{figures['configurations']:,}",
                f"{figures['seconds']:.2f} s",
                f"{figures['bytes'] / 1e6:,.1f} MB" if "bytes" in figures else "",
                "" if name == comparison["reference"] else in_words(best / figures["per_second"]),
            ]
            for name, figures in comparison["ways"].items()
        ]
        cog.outl(f"\n{comparison['title']}:")
        table(["way", "rows", "time", "file", f"rate against {comparison['reference']}"], rows)
    machine = found["machine"]
    cog.outl(f"Measured on {machine['processor']}, {machine['cores']} cores, Python {machine['python']}.\n")


def memory_benchmark(path: str) -> None:
    """Place the memory and time of dense runs, with the machine they were measured on."""
    found = json.loads((ROOT / path).read_text())
    rows = [
        [
            f"{figures['configurations']:,}",
            f"{figures['seconds']:.1f} s",
            f"{figures['peak_bytes'] / 1e6:.0f} MB",
            f"{figures['files']:,}",
            f"{figures['file_bytes'] / 1e6:,.1f} MB",
        ]
        for figures in found["runs"]
    ]
    table(["configurations, all kept", "time", "peak memory", "files", "bytes written"], rows)
    machine = found["machine"]
    cog.outl(f"Measured on {machine['processor']}, {machine['cores']} cores, Python {machine['python']}.\n")


def dry_runs(path: str) -> None:
    """Place what dry runs of large grids answer, and after how long, with the machine they were measured on."""
    found = json.loads((ROOT / path).read_text())
    rows = [
        [
            run["on_top"],
            f"{run['plain']['configurations']:.1e}",
            *(_answer(run[way]) for way in ("plain", "tied", "two_budgets")),
        ]
        for run in found["runs"]
    ]
    titles = ["answer", "with projections tied to cells", "with a state of at most 5,000"]
    table(["on top", "configurations", *titles], rows)
    machine = found["machine"]
    cog.outl(f"Measured on {machine['processor']}, {machine['cores']} cores, Python {machine['python']}.\n")


def _answer(figures: dict[str, Any]) -> str:
    """Return how exact an answer is, and when it is there."""
    apart = figures["at_most"] / figures["at_least"] - 1
    return f"{'exact' if figures['exact'] else f'within {apart:.1%}'}, {figures['seconds']:.1f} s"


def on_paper(cluster: str, memory: str) -> None:
    """Place what a dense run of 10^12 on 100 workers would take, by the rates that were measured."""
    rate = json.loads((ROOT / cluster).read_text())["ways"]["Dask, 1 worker"]["per_second"]
    largest = json.loads((ROOT / memory).read_text())["runs"][-1]
    size, workers, files = 10**12, 100, 10_000
    row_bytes = largest["file_bytes"] / largest["configurations"]
    minutes, part_seconds = size / workers / rate / 60, size / files / rate
    cog.outl(
        f"\nOn paper: a run of 10^12 configurations that are all kept, on 100 such workers of one core each, is 10,000\n"
        f"parts of 10^8 rows. At the rate of one worker above that is {part_seconds:.0f} seconds a part and {minutes:.0f} minutes in all, at\n"
        f"{row_bytes:.2f} bytes a row {size * row_bytes / 1e9:,.0f} GB in 10,000 files of {size / files * row_bytes / 1e6:.0f} MB, and {size / workers * row_bytes / (minutes * 60) / 1e6:.2f} MB/s that each worker\n"
        f"writes to the shared folder. The scheduler is asked for a part {files / (minutes * 60):.0f} times a second; it manages hundreds. That is on\n"
        f"paper: nothing larger than two workers has been run here.\n"
    )


def table(header: list[str], rows: list[list[str]]) -> None:
    """Place a table."""
    lines = [header, ["---"] * len(header), *rows]
    cog.outl(
        "\n" + "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"
    )


def commands() -> None:
    """Place every command with its arguments and options, by what a person wants to do."""
    import typer.main

    from sizer.cli.app import app
    from sizer.networks.fields import FIELDS

    group = typer.main.get_command(app)
    fields = {f"--{name.replace('_', '-')}" for name in FIELDS}
    panel = ""
    for name, command in group.commands.items():
        if command.rich_help_panel != panel:
            panel = command.rich_help_panel
            cog.outl(f"\n### {panel}")
        words = [line.strip() for line in (command.help or "").splitlines()]
        said = " ".join(itertools.takewhile(bool, words))
        cog.outl(f"\n#### `sizer {name}`\n\n{said}\n")
        cog.outl("".join(f"    {word}\n" for word in words if word.startswith("sizer ")))
        rows, has_fields = [], False
        for parameter in command.params:
            flags = [*parameter.opts, *parameter.secondary_opts]
            if fields & {*flags}:
                has_fields = True
            elif "--help" not in flags:
                shown = parameter.metavar or ""
                text = f"`{' / '.join(flags)}{f' {shown}' if shown and parameter.param_type_name == 'option' else ''}`"
                if parameter.param_type_name == "argument":
                    text = f"`{shown or parameter.name}`"
                rows.append([text, parameter.help or ""])
        table(["argument or option", "meaning"], rows)
        if has_fields:
            cog.outl(
                "And an option for each field of a network, with hyphens: `--cell-type`, `--layers`, `--cells` ...\n"
            )


def columns() -> None:
    """Place every column of the tables."""
    from sizer.networks.columns import COLUMNS
    from sizer.networks.fields import FIELDS

    rows = [
        [
            "`id`",
            "whole number",
            "A configuration's place in the grid, from 0; the last axis of the file is the fastest.",
        ]
    ]
    kinds = {"count": "whole number", "boolean": "`true` or `false`", "choice": "word"}
    rows += [
        [f"`{name}`", kinds[field.kind], field.description] for name, field in FIELDS.items() if name not in COLUMNS
    ]
    rows += [[f"`{name}`", "whole number, counted", column.meaning] for name, column in COLUMNS.items()]
    table(["column", "holds", "meaning"], rows)


def limits() -> None:
    """Place what a server puts up with."""
    from sizer.service.settings import Limits

    found = Limits()
    closed = "the connection is closed"
    rows = [
        ["networks in one call of `/v1/count`", f"{found.networks:,}", "413"],
        [
            f"values in lists (one for each layer) in one call; where a network is shown, {found.shown_values:,}",
            f"{found.list_values:,}",
            "413",
        ],
        ["bytes of a body that holds networks", f"{found.count_bytes:,}", "413"],
        ["values in it", f"{found.body_values:,}", "413"],
        ["digits, together, of numbers that have more than 20", f"{found.digits:,}", "413"],
        ["bytes of a sweep, and of a question about one network", f"{found.sweep_bytes:,}", "413"],
        ["bytes of an answer that is no file", f"{found.answer_bytes:,}", "413"],
        ["bytes of bodies and answers that are held at once", f"{found.held_bytes:,}", "429"],
        ["configurations of a job", f"{found.configurations:,}", "422"],
        ["rows of a page", f"{found.page_rows:,}", "422"],
        ["characters of a condition", "2,000", "422"],
        ["jobs that wait", f"{found.jobs_waiting:,}", "429"],
        ["jobs that run at once, each on every core", f"{found.jobs_at_once:,}", "the others wait"],
        ["dry runs that wait, and as many questions about networks", f"{found.questions_waiting:,}", "429"],
        ["clients that follow progress", f"{found.streams:,}", "429"],
        ["CSV downloads at once", f"{found.downloads:,}", "429"],
        ["seconds that a dry run or a question about networks may take", f"{found.question_seconds:g}", "503"],
        ["bytes of memory that it may take, on Linux", f"{found.question_bytes:,}", "503"],
        ["connections at once", f"{found.connections:,}", "the longest idle is closed; where none is, 503"],
        ["bytes of a request's head", f"{found.head_bytes:,}", "431"],
        ["headers", f"{found.headers:,}", "431"],
        ["seconds in which a head must arrive", f"{found.head_seconds:g}", "408"],
        ["seconds in which a body must arrive", f"{found.body_seconds:g}", "408"],
        ["seconds that a connection is kept for a next request", f"{found.idle_seconds:g}", closed],
        ["seconds in which a client takes nothing of its answer", f"{found.stalled_seconds:g}", closed],
    ]
    table(["at most", "", "past it"], rows)


def service(rates: str, soak: str) -> None:
    """Place how fast a server counts, and what came of a soak, with the machine they were measured on."""
    found, long = json.loads((ROOT / rates).read_text()), json.loads((ROOT / soak).read_text())
    cog.outl(
        f"One network a call, {found['clients']} clients: {found['count_per_second']:,} a second, where a bare FastAPI"
        f" endpoint that returns a constant answers {found['bare_per_second']:,} in the same run. A list of"
        f" {found['batch_networks']:,} networks takes {found['batch_seconds']:.2f} s there and back,"
        f" {found['batch_to_count_batch']:.1f} times what `sizer.count_batch` takes in Python, and"
        f" {1 / found['batch_to_count']:.0f} times less than a loop of `sizer.count`; field by field"
        f" {found['columns_seconds']:.2f} s. ({found['machine']}.)\n"
    )
    cog.outl(
        f"{long['minutes']:g} minutes of mixed load: {long['answers']:,} answers, {long['jobs']} jobs of which none was"
        f" lost, {long['workers_killed']} workers killed; memory of the server and its helpers"
        f" {long['memory_mb_second_quarter']} MB in the second quarter and {long['memory_mb_last_quarter']} MB in the last."
        f" ({long['machine']}.)\n"
    )


def page(path: str) -> None:
    """Place how soon a server answers and how long rows of a large result take, with the machine."""
    found = json.loads((ROOT / path).read_text())
    cog.outl(
        f"The server answers {found['start_seconds']:.1f} s after it is started; the page paints {found['paint_ms']} ms after"
        f" it is asked for, and has counted its sweep after {found['counted_ms']} ms. Of a result of {found['rows']:,} rows,"
        f" sorted by weights, the first page takes {found['first_page_seconds']:.1f} s, one in the middle"
        f" {found['middle_page_seconds']:.1f} s, the last {found['last_page_seconds']:.1f} s, the first within a budget"
        f" {found['budget_page_seconds']:.1f} s, and a plot {found['plot_seconds']:.1f} s. ({found['machine']}.)\n"
    )


def block_types() -> None:
    """Place the reference of block types, made from their rows."""
    from sizer.networks.blocks.types import ATTENTION_TENSORS, BLOCK_TYPES

    for one in BLOCK_TYPES.values():
        cog.outl(f"\n### `{one.name}`\n\n{one.title}.\n")
        for field in one.fields:
            default = "" if field.default in (None, ()) else f" ({str(field.default).lower()})"
            words = f"; {', '.join(f'`{word}`' for word in field.words)}" if field.words else ""
            required = " Required." if field.required else ""
            cog.outl(f"- `{field.name}`{default}: {field.description.rstrip('.')}{words}.{required}")
        for kind, tensors in ATTENTION_TENSORS.items() if one.name == "attention" else [("", one.tensors)]:
            _tensors(tensors, f"Tensors of kind `{kind}`" if kind else "Tensors")
        ends = [words for words in (_handed_up(one), _steps_of(one)) if words]
        if ends:
            cog.outl(f"\n{' '.join(ends)}")
        if one.source:
            cog.outl(f"\nSource: {one.source}.")


_HANDED_UP = {
    "input": "`inputs`, or `channels` x `height`",
    "recurrent": "that of its last layer, both directions included",
    "attention": "`value`, or the memory's width",
    "join": "the sum of its input widths, or one of them if they are added or multiplied",
    "group": "that of its last block",
}
"""Types whose output width is not a dimension."""
_DECIDED = {
    "recurrent": "Each layer and direction has the tensors of its cell type.",
    "weights": "It has the tensors that you give (`other_weights`).",
    "transformer": "For each block in `attends` there are also matrices of 2 x width x width and 2 x memory x width, biases of 4 x width, and a norm of 2 x width.",
}
"""What the table of a type does not say."""


def _tensors(tensors: Any, title: str) -> None:
    there = [tensor for tensor in tensors if not tensor.buffer]
    if there:
        cog.outl(
            f"\n| {title.lower() if title == 'Tensors' else title} | shape | part | present |\n| --- | --- | --- | --- |"
        )
    for tensor in there:
        shape = " x ".join(map(str, tensor.shape))
        cog.outl(
            f"| {tensor.name} | {shape} | `{tensor.part}` | {f'if `{tensor.when}`' if tensor.when else 'always'} |"
        )


def _handed_up(one: Any) -> str:
    decided = f"{_DECIDED[one.name]} " if one.name in _DECIDED else ""
    if one.keeps_height and one.name not in _HANDED_UP:
        return f"{decided}Output channels: `{one.hands_up}`; the output keeps a height."
    return f"{decided}Output width: {_HANDED_UP.get(one.name, f'`{one.hands_up}`')}."


def _steps_of(one: Any) -> str:
    if one.name == "group":
        return ""
    if one.name == "attention":
        return "Steps: those of its query, or of `clock`."
    if one.name == "pooling":
        return "Steps: divided by the stride; over `time` there is one per sequence."
    if one.name == "recurrent":
        return "Steps: divided by `subsample`, layer by layer."
    if one.name in ("convolution", "convolutional_lstm"):
        other = "; multiplied by it, if the convolution is transposed" if one.name == "convolution" else ""
        return f"Steps: divided by the stride{other}."
    if one.name in ("input", "embedding"):
        return "Steps: those of `clock`" + ("." if one.name == "input" else ", or those of its input.")
    if not one.steps:
        return "Steps: those of its input."
    verb = "multiplied" if one.steps.startswith("*") else "divided"
    return f"Steps: {verb} by `{one.steps.lstrip('*')}`."


def attacks(path: str) -> None:
    """Place the figures of the storms of hostile input: how many were tried, and how they ended."""
    found = json.loads((ROOT / path).read_text())
    cog.outl("\n| storm | tried | ended |\n| --- | --- | --- |")
    for name, storm in found.items():
        ended = ", ".join(f"{outcome} {number:,}" for outcome, number in storm["outcomes"].items())
        cog.outl(f"| {name} | {storm['tried']:,} | {ended} |")
    cog.outl("")


def looked(path: str) -> None:
    """Place what looking at a model file takes, beside the frameworks that load it, for the largest file of each kind."""
    rows = json.loads((ROOT / path).read_text())["rows"]
    largest = {row["file"]: row["megabytes"] for row in sorted(rows, key=lambda row: row["megabytes"])}
    cog.outl("\n| file | MB | what reads it | milliseconds | memory at most, MB |\n| --- | --- | --- | --- | --- |")
    for row in rows:
        if row["megabytes"] == largest[row["file"]] and "failed" not in row:
            milliseconds = 1000 * row["seconds"]
            shown = f"{milliseconds:,.0f}" if milliseconds >= 10 else f"{milliseconds:.1f}"
            cog.outl(
                f"| {row['file']} | {row['megabytes']:,.0f} | {row['way']} | {shown} | {row['megabytes_peak']:,.0f} |"
            )
    cog.outl("")


def public_names() -> None:
    """Place what makes the site's page of the Python library: every public name, by what it is."""
    import sizer

    found = {name: getattr(sizer, name) for name in sizer.__all__}
    faults = {name for name, value in found.items() if isinstance(value, type) and issubclass(value, Exception)}
    faults |= {"Fault"} & found.keys()
    classes = {name for name, value in found.items() if isinstance(value, type)} - faults
    headed = {"Functions": found.keys() - classes - faults, "Classes": classes, "Faults": faults}
    for heading, names in headed.items():
        cog.outl(f"\n## {heading}")
        for name in sorted(names):
            directive = "autoclass" if name in classes | faults else "autofunction"
            members = ":members:\n" if name in classes | faults else ""
            cog.outl(f"\n```{{eval-rst}}\n.. {directive}:: sizer.{name}\n{'   ' + members if members else ''}```")
    cog.outl("")
