"""The notebook of the first five minutes: its cells, run here, with what a notebook shows of each.

python -m docs.notebook            # say whether docs/notebook.ipynb is what its cells give now
python -m docs.notebook --write    # make it
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

NOTEBOOK = Path(__file__).resolve().parent / "notebook.ipynb"

CELLS: tuple[str, ...] = (
    """# Sizer in five minutes

Exact counts of the weights of recurrent networks. `pip install '.[query]'` in a clone; every answer below is a value that
shows itself here, prints as its command's screen, and has `.frame()`.""",
    """## One network
PyTorch's LSTM, three layers of 1,024 cells on 80 inputs:""",
    """>>> import sizer

network = {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 3, "cells": 1024}
sizer.count(network)""",
    "Tensor by tensor, with the formula:",
    ">>> sizer.explain(network)",
    "The same words mean other networks in other toolkits:",
    """>>> words = {name: value for name, value in network.items() if name != "convention"}
sizer.compare(words)""",
    "Which reading gives a figure that somebody printed?",
    """>>> print(sizer.reconcile(words, "21.3M"))""",
    "The widest one that fits a budget, to the weight:",
    """>>> sizer.fit({name: value for name, value in network.items() if name != "cells"}, vary="cells", budget="10M")""",
    """## A sweep
A mapping is a sweep; a `range` is an axis. How many would a run keep?""",
    """>>> sweep = {
    "name": "lstm",
    "model": {"convention": "pytorch", "cell_type": "lstm", "inputs": 80},
    "grid": {"layers": [1, 2, 3, 4], "cells": range(64, 2049, 32)},
    "budget": {"weights": {"max": "10M"}},
}
sizer.dry_run(sweep)""",
    'The rows without a file, as pandas or as whatever reads Arrow (`polars.DataFrame(run)`, `duckdb.sql("FROM run")`):',
    """>>> run = sizer.run_sweep(sweep, None, keep=5)
run.frame()[["id", "layers", "cells", "weights"]]""",
    "Or as tables in a folder, asked and drawn by the run that wrote them:",
    """>>> run = sizer.run_sweep(sweep, "results")
sizer.query(run, group_by="layers", best="weights", columns="layers,cells,weights")""",
    """>>> import altair

altair.renderers.enable("svg")  # pictures that need no network
sizer.plot(run, width=480)""",
    """## A space
A width for each layer. Those that fit are counted exactly, and drawn uniformly; none is drawn and thrown away.""",
    """>>> space = sizer.space({
    "model": {"convention": "pytorch", "cell_type": "lstm", "inputs": 80, "layers": 4},
    "grid": {"cells": {"per_layer": range(256, 2049, 256)}},
    "budget": {"weights": {"max": "10M"}},
})
space""",
    ">>> space.sample(3, seed=1)",
    """## A model file
What stands in a file, or in a model that lives in memory; here the shapes of a `state_dict`:""",
    """>>> class Shaped:
    def __init__(self, *shape):
        self.shape = shape


sizer.look({
    "rnn.weight_ih_l0": Shaped(512, 80),
    "rnn.weight_hh_l0": Shaped(512, 128),
    "head.weight": Shaped(10, 128),
})""",
    "## Code\nA module that builds exactly this network:",
    """>>> print(sizer.code(network | {"layers": 1, "cells": 64}, "torch"))""",
    """## Faults
All of them at once, each with its place:""",
    """>>> try:
    sizer.run_sweep(sweep | {"budget": {"weight": {"max": "10M"}}, "where": ["layer > 1"]}, None)
except sizer.InputError as problem:
    print(problem)""",
)
"""Text, and code behind `>>> `."""


def notebook() -> dict[str, Any]:
    """Return the notebook, every cell run in a folder of its own that is gone afterwards."""
    names: dict[str, Any] = {}
    cells = []
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for place, cell in enumerate(CELLS):
            is_code = cell.startswith(">>> ")
            source = cell.removeprefix(">>> ")
            made = {
                "cell_type": "code" if is_code else "markdown",
                "id": f"cell-{place}",
                "metadata": {},
                "source": source.splitlines(keepends=True),
            }
            if is_code:
                number = sum(one["cell_type"] == "code" for one in cells) + 1
                made |= {"execution_count": number, "outputs": list(_outputs(source, names, number))}
            cells.append(made)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def _outputs(source: str, names: dict[str, Any], number: int) -> Iterable[dict[str, Any]]:
    """Run a cell, and yield what a notebook shows of it: what it printed, then its last value."""
    body = ast.parse(source).body
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    printed = io.StringIO()
    value = None
    with contextlib.redirect_stdout(printed):
        exec(compile(ast.Module(body, []), "cell", "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    if printed.getvalue():
        yield {"name": "stdout", "output_type": "stream", "text": printed.getvalue().splitlines(keepends=True)}
    if value is not None:
        found = {"data": _data(value), "execution_count": number, "metadata": {}, "output_type": "execute_result"}
        yield found


def _data(value: Any) -> dict[str, Any]:
    if hasattr(value, "_repr_mimebundle_"):
        bundle = value._repr_mimebundle_()
        return dict(bundle[0] if isinstance(bundle, tuple) else bundle)
    found = {"text/plain": repr(value).splitlines(keepends=True)}
    if hasattr(value, "_repr_html_"):
        found["text/html"] = value._repr_html_().splitlines(keepends=True)
    return found


def main(words: Iterable[str]) -> int:
    """Make the notebook, or say whether it is as it would be made."""
    text = json.dumps(notebook(), indent=1, ensure_ascii=False) + "\n"
    if "--write" in words:
        pending = NOTEBOOK.with_suffix(".pending")
        pending.write_text(text, encoding="utf-8")
        Path(pending).replace(NOTEBOOK)
        return 0
    return int(NOTEBOOK.read_text(encoding="utf-8") != text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
