"""The conventions: whose rules say which biases, peepholes and projections a network has, and what they refuse.

The same words name different networks in different toolkits. A convention is one row of rules; the shapes
themselves stand in `cells`. Rules are tested on the fields of one network or on arrays of them alike.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from sizer.networks.cells import BACK_OF_ENVELOPE_LSTM, CELL_TYPES, LAYER_NORM_LSTM, CellType
from sizer.networks.fields import FIELDS
from sizer.networks.tensors import Number

Given = Mapping[str, Any]
"""Fields as given: counts and booleans (or arrays of them), None where the convention decides."""


NO_OWN: Mapping[str, CellType] = MappingProxyType({})
"""No cell types of a person's own."""


@dataclass(frozen=True)
class Rule:
    """One reason why a convention, or any network at all, refuses a configuration."""

    reason: str
    """Why, in words that stand in summaries, faults and comparisons."""
    field: str
    """The field that a person would change."""
    refuses: Callable[[Given], Number]
    """True (or an array of truths) where the configuration is refused."""
    other_field: str = ""
    """The field that a person would change where they have not given the first one."""
    of_values: bool = False
    """Whether it compares widths on the way, of which the ends of fields say nothing."""

    def blamed(self, given: Given) -> str:
        """Return the field of one network that a person would change."""
        return self.other_field if self.other_field and not given.get(self.field) else self.field


@dataclass(frozen=True)
class Convention:
    """How one toolkit, paper or habit counts."""

    name: str
    title: str
    bias_vectors: Mapping[str, int]
    """Bias vectors per gate by cell type; a cell type that is missing does not exist there."""
    peepholes: Literal["if asked", "default", "always", "never"]
    projections: tuple[str, ...]
    """The projections an LSTM can have there."""
    projection_bias: bool
    output_bias: bool
    source: str
    lstm_rules: tuple[Rule, ...] = ()
    """What it refuses of the projections of a cell that can have a recurrent one, in order."""
    rules: tuple[Rule, ...] = ()
    """What it refuses of any network, in order."""
    cells: Mapping[str, CellType] = field(default_factory=dict)
    """Tables of tensors that differ from the common ones."""
    candidate_bias: bool = False
    """Whether a GRU has one more bias vector, on its candidate's recurrent half."""
    matrices_only: bool = False
    """Whether gains, diagonals and other vectors that no field asks for are left out of the count."""
    one_cell_only: bool = False
    """Whether it is a formula for one cell type, which says nothing of cells that a person defines."""
    note: str = ""
    """What a person who compares should know."""

    def cell(self, cell_type: str) -> CellType:
        """Return the table of tensors of a cell type."""
        return self.cells.get(cell_type) or CELL_TYPES[cell_type]

    def as_json(self) -> dict[str, Any]:
        """Return the convention as `--json` shows it."""
        refused = [rule.reason for cell_type in self.bias_vectors for rule in rules_for(self, self.cell(cell_type))]
        return {
            "convention": self.name,
            "title": self.title,
            "bias_vectors": dict(self.bias_vectors),
            "candidate_bias": self.candidate_bias,
            "peepholes": self.peepholes,
            "projections": list(self.projections),
            "projection_bias": self.projection_bias,
            "output_bias": self.output_bias,
            "refused": [reason for reason in dict.fromkeys(refused) if reason.startswith(f"{self.name} ")],
            "note": self.note or None,
            "source": self.source,
        }

    def has_peepholes(self, cell: CellType) -> bool:
        """Return whether a cell has peepholes where nothing is said about them."""
        return self.peepholes in {"default", "always"} and "peepholes" in cell.fields

    def has_projection_bias(self, cell: CellType) -> bool:
        """Return whether a cell's projection has a bias where nothing is said about it."""
        biased = self.projection_bias or (cell.biased_projection and not self.matrices_only)
        return biased and "projection_bias" in cell.fields

    def bias_vectors_of(self, cell: CellType) -> int:
        """Return the bias vectors per gate where nothing is said about them; a person's own cell has an LSTM's."""
        return self.bias_vectors["lstm"] if cell.own else self.bias_vectors.get(cell.name, 0)


def cell_of(fields: Given, cell_types: Mapping[str, CellType] = NO_OWN) -> CellType:
    """Return the table of tensors of a network's cell type: the person's own, the convention's or the common one.

    Args:
        fields: `convention` and `cell_type` as words.
        cell_types: those that the person defines, by name.
    """
    own = cell_types.get(fields["cell_type"])
    return own or CONVENTIONS[fields["convention"]].cell(fields["cell_type"])


def _no_field(convention: str, name: str) -> Rule:
    return Rule(f"{convention} has no {name}", name, lambda given: given[name] > 0)


def _no_projections(convention: str) -> tuple[Rule, ...]:
    return (
        Rule(
            f"{convention} has no projections", "recurrent_projection", lambda given: given["recurrent_projection"] > 0
        ),
        Rule(
            f"{convention} has no projections",
            "nonrecurrent_projection",
            lambda given: given["nonrecurrent_projection"] > 0,
        ),
    )


def _no_override(convention: str, name: str) -> Rule:
    return Rule(f"{convention} has no {name}", name, lambda given: (given[name] is not None) & _positive(given[name]))


def _positive(value: Number, absent: int = 0) -> Number:
    return False if value is None else value > absent


CONVENTIONS: dict[str, Convention] = {
    convention.name: convention
    for convention in (
        Convention(
            name="textbook",
            title="matrices only, peepholes if asked",
            bias_vectors=dict.fromkeys(CELL_TYPES, 0),
            peepholes="if asked",
            projections=("recurrent_projection", "nonrecurrent_projection"),
            projection_bias=False,
            output_bias=False,
            matrices_only=True,
            source="the matrices of Hochreiter & Schmidhuber 1997, Cho et al. 2014, Elman 1990, and of each cell's own paper",
        ),
        Convention(
            name="sak2014",
            title="no biases, peepholes",
            bias_vectors={"lstm": 0, "gru": 0, "rnn": 0},
            peepholes="default",
            projections=("recurrent_projection", "nonrecurrent_projection"),
            projection_bias=False,
            output_bias=False,
            source="Sak, Senior & Beaufays 2014, arXiv:1402.1128",
        ),
        Convention(
            name="graves2013",
            title="one bias vector, peepholes",
            bias_vectors={"lstm": 1, "gru": 1, "rnn": 1},
            peepholes="default",
            projections=("recurrent_projection", "nonrecurrent_projection"),
            projection_bias=False,
            output_bias=True,
            source="Graves 2013, arXiv:1308.0850",
        ),
        Convention(
            name="pytorch",
            title="two bias vectors (cuDNN's layout)",
            bias_vectors={
                **{"lstm": 2, "gru": 2, "rnn": 2},
                **{"layer_norm_lstm": 2, "split_layer_norm_lstm": 2, "rnnp": 2},
                **{"ligru": 1, "sru": 1, "qrnn": 1},
            },
            peepholes="never",
            projections=("recurrent_projection",),
            projection_bias=False,
            output_bias=True,
            source="torch.nn.LSTM, GRU, RNN (weight_ih, weight_hh, bias_ih, bias_hh, weight_hr); cuDNN; libraries on top of it for the cells that it has not",
            lstm_rules=(
                Rule(
                    "pytorch needs recurrent_projection < cells",
                    "recurrent_projection",
                    lambda given: given["recurrent_projection"] >= given["cells"],
                ),
                _no_field("pytorch", "nonrecurrent_projection"),
            ),
        ),
        Convention(
            name="keras",
            title="one bias vector, two in a GRU (reset_after)",
            bias_vectors={"lstm": 1, "gru": 2, "rnn": 1},
            peepholes="never",
            projections=(),
            projection_bias=False,
            output_bias=True,
            source="keras.layers.LSTM, GRU (reset_after=True), SimpleRNN",
            lstm_rules=_no_projections("keras"),
        ),
        Convention(
            name="tensorflow1",
            title="one bias vector, peepholes if asked",
            bias_vectors={
                **{"lstm": 1, "gru": 1, "rnn": 1},
                **{"cifg_lstm": 1, "layer_norm_lstm": 0, "split_layer_norm_lstm": 1, "janet": 1},
            },
            peepholes="if asked",
            projections=("recurrent_projection",),
            projection_bias=False,
            output_bias=True,
            source="tf.nn.rnn_cell.LSTMCell (use_peepholes, num_proj), GRUCell, BasicRNNCell; tf.contrib.rnn; Haste; the code of the paper on JANET",
            cells={
                # LayerNormBasicLSTMCell has no num_proj.
                "layer_norm_lstm": dataclasses.replace(
                    LAYER_NORM_LSTM, fields=LAYER_NORM_LSTM.fields - {"recurrent_projection"}
                )
            },
            lstm_rules=(_no_field("tensorflow1", "nonrecurrent_projection"),),
        ),
        Convention(
            name="kaldi_nnet3",
            title="one bias vector, peepholes, biased projections",
            bias_vectors={"lstm": 1, "gru": 1, "lstmb": 1, "pgru": 1, "opgru": 1},
            peepholes="always",
            projections=("recurrent_projection", "nonrecurrent_projection"),
            projection_bias=True,
            output_bias=True,
            source="Kaldi nnet3 xconfig lstm-layer, lstmp-layer (W_rp with bias), gru-layer, lstmb-layer, pgru-layer, opgru-layer",
            lstm_rules=(
                Rule(
                    "kaldi_nnet3 needs recurrent_projection + nonrecurrent_projection <= cells",
                    "recurrent_projection",
                    lambda given: given["recurrent_projection"] + given["nonrecurrent_projection"] > given["cells"],
                    "nonrecurrent_projection",
                ),
                Rule(
                    "kaldi_nnet3 needs a nonrecurrent_projection beside a recurrent_projection",
                    "nonrecurrent_projection",
                    lambda given: (given["recurrent_projection"] > 0) & (given["nonrecurrent_projection"] == 0),
                ),
                Rule(
                    "kaldi_nnet3 needs a recurrent_projection beside a nonrecurrent_projection",
                    "nonrecurrent_projection",
                    lambda given: (given["nonrecurrent_projection"] > 0) & (given["recurrent_projection"] == 0),
                ),
            ),
        ),
        Convention(
            name="kaldi_nnet1",
            title="one bias vector, peepholes, always projected",
            bias_vectors={"lstm": 1},
            peepholes="always",
            projections=("recurrent_projection",),
            projection_bias=False,
            output_bias=True,
            source="Kaldi nnet1 LstmProjected (formerly LstmProjectedStreams)",
            lstm_rules=(
                Rule(
                    "kaldi_nnet1 needs a recurrent_projection",
                    "recurrent_projection",
                    lambda given: given["recurrent_projection"] == 0,
                ),
                _no_field("kaldi_nnet1", "nonrecurrent_projection"),
            ),
        ),
        Convention(
            name="flax",
            title="one bias vector, 3 + 1 in a GRU",
            bias_vectors={"lstm": 1, "gru": 1, "rnn": 1, "mgu": 1},
            peepholes="never",
            projections=(),
            projection_bias=False,
            output_bias=True,
            source="flax.linen OptimizedLSTMCell, GRUCell (3 input biases and one on the candidate), SimpleCell, MGUCell (as GRUCell)",
            lstm_rules=_no_projections("flax"),
            candidate_bias=True,
        ),
        Convention(
            name="back_of_envelope",
            title="the closed form in circulation, an approximation",
            bias_vectors={"lstm": 0},
            peepholes="always",
            projections=("recurrent_projection", "nonrecurrent_projection"),
            projection_bias=False,
            output_bias=False,
            source="the closed form that circulates on question-and-answer sites",
            cells={"lstm": BACK_OF_ENVELOPE_LSTM},
            one_cell_only=True,
            lstm_rules=(
                Rule(
                    "back_of_envelope needs a recurrent_projection beside a nonrecurrent_projection",
                    "nonrecurrent_projection",
                    lambda given: (given["nonrecurrent_projection"] > 0) & (given["recurrent_projection"] == 0),
                ),
            ),
            rules=(
                *(
                    _no_field("back_of_envelope", name)
                    for name in ("bidirectional", "skip_connections", "only_recurrent_up", "vocabulary", "embedding")
                ),
                *(
                    _no_override("back_of_envelope", name)
                    for name in ("bias_vectors", "projection_bias", "output_bias")
                ),
            ),
            note="an approximation: raw input at every layer, no matrix for the non-recurrent projection",
        ),
    )
}


_OPTIONAL = (
    "peepholes",
    "recurrent_projection",
    "nonrecurrent_projection",
    "only_recurrent_up",
    "bottleneck",
    "window",
    "bias_vectors",
    "projection_bias",
)
"""The fields that a cell has or has not, in the order in which their absence is told."""


def rules_for(convention: Convention, cell: CellType) -> tuple[Rule, ...]:
    """Return every rule that a configuration is held to, in the order in which reasons are given.

    First what the convention refuses, then what the cell type does not have, then what is no network anywhere.

    Args:
        convention: whose rules.
        cell: the table of the cells.
    """
    cell_type = cell.name
    missing = convention.one_cell_only if cell.own else cell_type not in convention.bias_vectors
    if missing:
        return (Rule(f"{convention.name} has no {cell_type}", "cell_type", lambda given: True),)
    rules = []
    if "peepholes" in cell.fields:
        if convention.peepholes == "never":
            rules.append(_no_override(convention.name, "peepholes"))
        if convention.peepholes == "always":
            rules.append(
                Rule(
                    f"{convention.name} always has peepholes", "peepholes", lambda given: _is_false(given["peepholes"])
                )
            )
    if "recurrent_projection" in cell.fields:
        rules.extend(convention.lstm_rules)
    rules.extend(convention.rules)
    rules.extend(_absent(cell_type, name) for name in _OPTIONAL if name not in cell.fields)
    rules.extend(
        Rule(f"{cell_type} needs a {name}", name, lambda given, name=name: given[name] == 0)  # type: ignore[misc]
        for name in cell.needs
    )
    return (*rules, *_ANY_NETWORK)


def _absent(cell_type: str, name: str) -> Rule:
    absent = int(FIELDS[name].default or 0)
    return Rule(f"{cell_type} has no {name}", name, lambda given: _positive(given[name], absent))


def _is_false(value: Number) -> Number:
    return False if value is None else value == 0


_ANY_NETWORK = (
    Rule(
        "inputs are missing, and there is no vocabulary",
        "inputs",
        lambda given: (given["inputs"] == 0) & (given["vocabulary"] == 0),
    ),
    Rule(
        "inputs and a vocabulary exclude each other",
        "inputs",
        lambda given: (given["inputs"] > 0) & (given["vocabulary"] > 0),
    ),
    Rule(
        "summed directions need a bidirectional network",
        "summed_directions",
        lambda given: (given["summed_directions"] > 0) & (given["bidirectional"] == 0),
    ),
    Rule(
        "only_recurrent_up needs both projections",
        "only_recurrent_up",
        lambda given: (
            (given["only_recurrent_up"] > 0)
            & ((given["recurrent_projection"] == 0) | (given["nonrecurrent_projection"] == 0))
        ),
    ),
    Rule(
        "a vocabulary needs an embedding",
        "embedding",
        lambda given: (given["vocabulary"] > 0) & (given["embedding"] == 0),
    ),
    Rule(
        "an embedding needs a vocabulary",
        "vocabulary",
        lambda given: (given["embedding"] > 0) & (given["vocabulary"] == 0),
    ),
    Rule(
        "a tied embedding needs a vocabulary",
        "tied_embedding",
        lambda given: (given["tied_embedding"] > 0) & (given["vocabulary"] == 0),
    ),
    Rule(
        "a tied embedding needs outputs = vocabulary",
        "tied_embedding",
        lambda given: (given["tied_embedding"] > 0) & (given["outputs"] != given["vocabulary"]),
    ),
    Rule(
        "a tied embedding needs an output layer fed by exactly `embedding` values",
        "tied_embedding",
        lambda given: (given["tied_embedding"] > 0) & (given["fed"] != given["embedding"]),
    ),
)
