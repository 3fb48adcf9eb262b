"""The sweeps that `sizer init` writes: a starter with every part of the format once, or one of the shipped models."""

from __future__ import annotations

import enum
from importlib.resources import files
from pathlib import Path


class Template(enum.Enum):
    """A shipped sweep of a whole model."""

    RNNT = "rnnt"
    LAS = "las"
    KALDI_TDNN_LSTM = "kaldi_tdnn_lstm"
    KEYWORDS = "keywords"
    AWD_LSTM = "awd_lstm"
    CONFORMER_TRANSDUCER = "conformer_transducer"


EXAMPLES = (*(template.value for template in Template), "speech", "widths")
"""Example sweeps that are shown as examples: whole models, a network of layers, a space of widths per layer."""


def template_text(template: Template) -> str:
    """Return a shipped sweep of a whole model."""
    return example_text(template.value)


def example_text(example: str) -> str:
    """Return a shipped sweep: the wheel's copy, or the repository's in an editable install.

    Args:
        example: one of `EXAMPLES`.
    """
    name = f"{example}.yaml"
    packaged = files("sizer") / "sweeps" / name
    text = packaged.read_text("utf-8") if packaged.is_file() else (_REPOSITORY / name).read_text("utf-8")
    # What an editor looks for beside the repository's sweeps stands nowhere else.
    return text.partition("\n")[2].removeprefix("#\n") if text.startswith(_FOR_EDITORS) else text


_REPOSITORY = Path(__file__).parents[2] / "sweeps"
_FOR_EDITORS = "# yaml-language-server:"
STARTER = """\
# A sweep: which recurrent networks fit a budget? Run it with:  sizer run FILE
sizer: 1                                # version of this format
name: starter                           # names the tables: results/starter.csv ...
description: LSTM layers behind 80 features, under 5M weights

model:                                  # fields that stay the same
  convention: pytorch                   # whose rules count; `sizer conventions` lists them
  cell_type: lstm                       # lstm, gru or rnn
  inputs: 80                            # width of an input frame
  outputs: 32                           # width of the output layer; 0 = none
  # bidirectional: true
  # skip_connections: true              # the raw input feeds every layer, every layer the output
  # vocabulary: 10K                     # an embedding in front: leave `inputs` out
  # embedding: 256
  # other_weights: 1.5M                 # the rest of the model

grid:                                   # fields that vary; every combination is a configuration
  layers: [1, 2, 3, 4]                  # a list
  cells: {from: 128, to: 1024, step: 64}           # both ends included
  recurrent_projection: {of: cells, ratio: [1/4, 1/2], round_to: 8}    # a part of another field

where:                                  # every one must hold
  - recurrent_projection < cells

budget:                                 # bounds on counted columns, both ends included
  weights: {max: 5M}
  # int8_bytes: {max: 4MiB}

output:
  formats: [csv, parquet]
  columns: default                      # default, all, or a list of names
"""
