"""How toolkits name the tensors of one layer of cells: each layout a row, a pattern and what its words mean.

A name matches from its start to its end, with dots for whatever separates its parts. Named groups:

    at      where the cell stands: the module, scope or layer
    word    what the tensor is, looked up in the layout's words
    gate    which gate, where each gate has tensors of its own
    layer   the layer's number, where the name has it
    back    there, and not empty: the backward direction
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from sizer.files.contents import StoredTensor

Role = Literal[
    "input", "recurrent", "joined", "bias", "peepholes", "projection", "projection_bias", "norm", "cell_norm", "other"
]
"""What a piece is: `joined` is a matrix on the input and on what recurs, side by side."""
Order = Literal["out_in", "in_out", "either"]
"""Which of a matrix's two sizes is what it makes."""


@dataclass(frozen=True)
class NamedTensor:
    """One tensor of one layer and direction."""

    tensor: StoredTensor
    role: Role
    gate: str = ""
    word: str = ""
    """What its name calls it."""
    part: tuple[int, ...] | None = None
    """Its shape, where it is a part of its tensor; None where it is all of it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its sizes."""
        return self.tensor.shape if self.part is None else self.part

    @property
    def size(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class CellPlace:
    """Where one layer and direction of cells stands."""

    at: str
    layer: int | None = None
    """Where the names number the layers of one module."""
    back: bool = False


@dataclass(frozen=True)
class Layout:
    """How one toolkit names the tensors of its cells."""

    name: str
    pattern: re.Pattern[str]
    words: Mapping[str, Role]
    order: Order
    convention: str | None
    """Whose rules such a file follows; None: the names do not say."""
    hinted: bool = False
    """Whether such names are common, so that one of `HINTS` must stand somewhere in them."""
    cell_type: str | None = None
    """The cell that alone is named so."""
    formats: tuple[str, ...] = ()
    """The formats that have such names; empty: any."""
    biased: bool = False
    """Whether the last column of each matrix is its bias."""
    cell: re.Pattern[str] | None = None
    """What the last part of the place must be, where a dense layer has such tensors too; None: anything."""
    needs: tuple[Role, ...] = ()
    """What must be there beside the matrices."""
    a_layer: int = 0
    """Where words are running numbers: how many tensors a layer has."""
    by_turns: bool = False
    """Whether the layers of a bidirectional stack are numbered by turns: forwards, backwards, layer after layer."""


LONGEST_NAME = 500
"""Characters of a name that is still looked at for what it says."""
HINTS = re.compile(
    r"(layer_?norm_?(basic_)?lstm|ln_?lstm|cifg|couple\w*lstm|m_?lstm|lstm|ligru|li_gru|gru|mgu|janet|sru|qrnn|(simple|basic|vanilla)_?rnn|rnn|recurrent|elman)",
    re.IGNORECASE,
)
"""Words that say that something is a recurrent cell."""


def _layout(
    name: str,
    pattern: str,
    words: Mapping[str, Role],
    order: Order,
    convention: str | None = None,
    *,
    hinted: bool = False,
    cell_type: str | None = None,
    formats: tuple[str, ...] = (),
    biased: bool = False,
    cell: re.Pattern[str] | None = None,
    needs: tuple[Role, ...] = (),
    a_layer: int = 0,
    by_turns: bool = False,
) -> Layout:
    return Layout(
        *(name, re.compile(pattern), words, order, convention, hinted, cell_type, formats),
        *(biased, cell, needs, a_layer, by_turns),
    )


_JOINED_CELL = re.compile(
    r"(?:.*_)?(?:basic|layer_?norm|coupled_input_forget_gate|time_freq|cudnn_compatible|vanilla)?_?(?:lstm|rnn|gru)_?(?:block_?)?(?:fused_?)?(?:cell)?(?:_v2)?(?:_\d+)?",
    re.IGNORECASE,
)
_AT = r"(?:(?P<at>.*?)\.)?"
_ENDS: dict[str, bool] = {
    **dict.fromkeys(("weight", "linear_params", "LinearParams", "params", "Params", "kernel", "W", "w"), False),
    **dict.fromkeys(("bias", "bias_params", "BiasParams", "b"), True),
}
"""Whether the last part of a name says that a tensor is a bias."""


def _with_ends(words: Mapping[str, Role]) -> dict[str, Role]:
    """Return words with what may stand behind them: of a module's matrix, or of its bias."""
    found: dict[str, Role] = dict(words)
    for word, role in words.items():
        for end, is_bias in _ENDS.items():
            found[f"{word}.{end}"] = ("projection_bias" if role == "projection" else "bias") if is_bias else role
    return found


_KALDI = _with_ends(
    {
        **dict.fromkeys(("W_all", *(f"W_{gate}.xr" for gate in "ifoc")), "joined"),
        **dict.fromkeys((f"W{gate}xr" for gate in "ifoc"), "joined"),
        **dict.fromkeys((f"W_{gate}_xr" for gate in "ifoc"), "joined"),
        **dict.fromkeys(("lstm_nonlin", *(f"{w}{gate}c" for w in "Ww" for gate in "ifo")), "peepholes"),
        **dict.fromkeys((f"{w}_{gate}{dot}c" for w in "Ww" for gate in "ifo" for dot in ("", "_", ".")), "peepholes"),
        **dict.fromkeys(("W_rp", "W_r", "W_m", "Wrp", "W-m"), "projection"),
    }
)
_LINEAR = {
    **_with_ends(
        {
            **dict.fromkeys(("input_linearity", "i2h", "x2h", "ih", "xh", "fc_ih", "W_ih", "lin_ih", "w"), "input"),
            **dict.fromkeys(("upward", "input_proj"), "input"),
            **dict.fromkeys(("state_linearity", "h2h", "hh", "fc_hh", "W_hh", "lin_hh", "u"), "recurrent"),
            **dict.fromkeys(("lateral", "hidden_proj"), "recurrent"),
            "state_projection": "projection",
        }
    ),
    "norm.weight": "norm",
    "norm.bias": "norm",
}
_CORE_ML: dict[str, Role] = {
    **dict.fromkeys(("WeightMatrix", "weightMatrix"), "input"),
    **dict.fromkeys(("RecursionMatrix", "recursionMatrix"), "recurrent"),
    **dict.fromkeys(("BiasVector", "biasVector"), "bias"),
    **dict.fromkeys(("PeepholeVector", "peepholeVector"), "peepholes"),
}
_ONE_AFTER_ANOTHER: tuple[Role, ...] = ("input", "recurrent", "bias")
"""The tensors of one gate, where they are numbered."""
_MATRIX_WORDS = ("W", "w", "weight", "kernel")
_MLSTM_MATRICES: dict[str, Role] = {
    "wx": "input",
    "wh": "recurrent",
    "b": "bias",
    **dict.fromkeys(("wmx", "wmh", "gx", "gh", "gmx", "gmh"), "other"),
}
LAYOUTS: tuple[Layout, ...] = (
    _layout(
        "Tesseract",
        _AT + r"(?P<gate>cell|input_gate|forget_gate|output_gate)(?P<word>)",
        {"": "joined"},
        "out_in",
        cell_type="lstm",
        formats=("tesseract lstm",),
        biased=True,
    ),
    _layout(
        "Core ML",
        r"(?P<at>.*)\.(?P<gate>[a-z]+Gate|blockInput|)(?P<word>(?:W|w)eightMatrix|(?:R|r)ecursionMatrix|(?:B|b)iasVector|(?:P|p)eepholeVector)",
        _CORE_ML,
        "out_in",
        formats=("coreml",),
    ),
    _layout(
        "SRU",
        _AT + r"rnn_lst\.(?P<layer>\d{1,9})\.(?P<word>weight|weight_c|bias)",
        {"weight": "input", "weight_c": "peepholes", "bias": "bias"},
        "in_out",
        "pytorch",
        cell_type="sru",
    ),
    *(
        _layout(
            f"DyNet, {kind}",
            rf"(?P<at>(?:.*\.)?{kind}-builder)(?:_(?P<builder>\d{{1,9}}))?\._(?P<word>\d{{1,9}})",
            {"0": "input", "1": "recurrent", "2": "bias"},
            "out_in",
            cell_type=cell_type,
            formats=("dynet text",),
            a_layer=gates,
        )
        for kind, cell_type, gates in (
            ("(?:compact-)?vanilla-lstm", "lstm", 3),
            ("gru", "gru", 9),
            ("simple-rnn", "rnn", 3),
        )
    ),
    _layout(
        "Equinox",
        _AT + r"(?P<word>weight_ih|weight_hh|bias|bias_n)",
        {"weight_ih": "input", "weight_hh": "recurrent", "bias": "bias", "bias_n": "bias"},
        "out_in",
        None,
        needs=("bias",),
    ),
    _layout(
        "PyTorch",
        _AT
        + r"(?:parametrizations\.)?(?P<word>weight_ih|weight_hh|weight_hr|bias_ih|bias_hh|layernorm_[ihc]\.(?:weight|bias))"
        r"(?:_?l(?P<layer>\d{1,9}))?(?P<back>_reverse)?(?:_raw|_v|\.original1)?",
        {
            **{"weight_ih": "input", "weight_hh": "recurrent", "weight_hr": "projection"},
            **{"bias_ih": "bias", "bias_hh": "bias"},
            "layernorm_i.weight": "norm",
            "layernorm_i.bias": "norm",
            "layernorm_h.weight": "norm",
            "layernorm_h.bias": "norm",
            "layernorm_c.weight": "cell_norm",
            "layernorm_c.bias": "cell_norm",
        },
        "out_in",
        "pytorch",
    ),
    _layout(
        "PyTorch, quantised",
        r"(?P<at>.*)\._all_weight_values\.(?P<layer>\d{1,9})\.param\."
        r"(?P<word>0\.1\.[01]|0\.4\.[01]\.0\.0|1\.0\.[01]|4\.0\.[01]\.0)",
        # As a table of states has it, and as TorchScript does.
        {
            **dict.fromkeys(("0.4.0.0.0", "4.0.0.0"), "input"),
            **dict.fromkeys(("0.4.1.0.0", "4.0.1.0"), "recurrent"),
            **dict.fromkeys(("0.1.0", "0.1.1", "1.0.0", "1.0.1"), "bias"),
        },
        "out_in",
        "pytorch",
        by_turns=True,
    ),
    _layout(
        "PyTorch, quantised cells",
        _AT + r"(?P<word>_packed_weight_(?:ih|hh)\.0\.[01])",
        {
            "_packed_weight_ih.0.0": "input",
            "_packed_weight_hh.0.0": "recurrent",
            "_packed_weight_ih.0.1": "bias",
            "_packed_weight_hh.0.1": "bias",
        },
        "out_in",
        "pytorch",
    ),
    _layout(
        "PyTorch, shortened",
        r"(?P<at>.*?)[._]?(?P<word>[wW]_ih|[wW]_hh|b_ih|b_hh)(?:_l(?P<layer>\d{1,9}))?(?P<back>_reverse)?",
        {
            **dict.fromkeys(("w_ih", "W_ih"), "input"),
            **dict.fromkeys(("w_hh", "W_hh"), "recurrent"),
            **dict.fromkeys(("b_ih", "b_hh"), "bias"),
        },
        "out_in",
        "pytorch",
        needs=("bias",),
    ),
    _layout(
        "Paddle",
        _AT + r"(?P<word>[wb]_[01])",
        {"w_0": "input", "w_1": "recurrent", "b_0": "bias", "b_1": "bias"},
        "out_in",
        "pytorch",
        hinted=True,
    ),
    _layout(
        "Keras",
        _AT + r"(?P<word>kernel|recurrent_kernel|bias|(?:input|forget|output)_gate_peephole_weights)",
        {
            **{"kernel": "input", "recurrent_kernel": "recurrent", "bias": "bias"},
            **dict.fromkeys((f"{gate}_gate_peephole_weights" for gate in ("input", "forget", "output")), "peepholes"),
        },
        "in_out",
        "keras",
    ),
    _layout(
        "Keras 3",
        _AT + r"(?:cell\.)?_?vars\.(?P<word>[012])",
        {"0": "input", "1": "recurrent", "2": "bias"},
        "in_out",
        "keras",
    ),
    _layout(
        "MXNet",
        r"(?P<at>.*?)_?(?:(?P<side>[lr])(?P<layer>\d{1,9})_)?(?P<word>i2h_weight|h2h_weight|h2r_weight|i2h_bias|h2h_bias)",
        {
            "i2h_weight": "input",
            "h2h_weight": "recurrent",
            "h2r_weight": "projection",
            "i2h_bias": "bias",
            "h2h_bias": "bias",
        },
        "out_in",
        "pytorch",
    ),
    _layout(
        "Flax",
        _AT + r"(?P<word>[ih])(?P<gate>[ifgorzn]?)_?\.(?P<of>kernel|bias)",
        {"i.kernel": "input", "h.kernel": "recurrent", "i.bias": "bias", "h.bias": "bias"},
        "in_out",
        "flax",
    ),
    _layout(
        "Flax NNX",
        _AT + r"(?P<word>dense_[ih])\.(?P<of>kernel|bias)(?:\.value)?",
        {
            "dense_i.kernel": "input",
            "dense_h.kernel": "recurrent",
            "dense_i.bias": "bias",
            "dense_h.bias": "bias",
        },
        "in_out",
        "flax",
    ),
    _layout(
        "TensorFlow 1, gates",
        _AT + r"(?P<gate>[Gg]ates|[Cc]andidate)\.(?:[Ll]inear\.)?(?P<word>kernel|weights|Matrix|bias|biases|Bias)",
        {
            **dict.fromkeys(("kernel", "weights", "Matrix"), "joined"),
            **dict.fromkeys(("bias", "biases", "Bias"), "bias"),
        },
        "in_out",
        "tensorflow1",
        hinted=True,
        cell_type="gru",
    ),
    _layout(
        "TensorFlow 1, gates of cuDNN",
        _AT
        + r"(?P<gate>gates|candidate)\.(?:(?P<word>kernel|bias)|(?P<side_word>(?:input|hidden)_projection\.(?:kernel|bias)))",
        {
            "kernel": "joined",
            "bias": "bias",
            "input_projection.kernel": "input",
            "hidden_projection.kernel": "recurrent",
            "input_projection.bias": "bias",
            "hidden_projection.bias": "bias",
        },
        "in_out",
        "pytorch",
        hinted=True,
        cell_type="gru",
    ),
    _layout(
        "TensorFlow 1, layer-normalised",
        _AT
        + r"(?:(?P<word>kernel|bias)|(?P<side_word>(?:input|transform|forget|output)\.(?:gamma|beta)|state\.(?:gamma|beta)))",
        {
            "kernel": "joined",
            "bias": "bias",
            **dict.fromkeys(
                (f"{gate}.{of}" for gate in ("input", "transform", "forget", "output") for of in ("gamma", "beta")),
                "norm",
            ),
            "state.gamma": "cell_norm",
            "state.beta": "cell_norm",
        },
        "in_out",
        "tensorflow1",
        hinted=True,
        needs=("norm",),
        cell_type="layer_norm_lstm",
    ),
    _layout(
        "TensorFlow 1",
        _AT
        + r"(?:[Ll]inear\.)?(?P<word>kernel|weights|W|W_0|Matrix|bias|biases|B|Bias|[wW]_[fioFIO]_diag|projection\.(?:kernel|weights)|W_P|W_P_0|projection\.bias)",
        {
            **dict.fromkeys(("kernel", "weights", "W", "W_0", "Matrix"), "joined"),
            **dict.fromkeys(("bias", "biases", "B", "Bias"), "bias"),
            **dict.fromkeys((f"{w}_{gate}_diag" for w in "wW" for gate in "fioFIO"), "peepholes"),
            **dict.fromkeys(("projection.kernel", "projection.weights", "W_P", "W_P_0"), "projection"),
            "projection.bias": "projection_bias",
        },
        "in_out",
        "tensorflow1",
        cell=_JOINED_CELL,
    ),
    _layout(
        "Haiku, joined",
        _AT + r"linear\.(?P<word>w|b)",
        {"w": "joined", "b": "bias"},
        "in_out",
        "keras",
        hinted=True,
        cell_type="lstm",
    ),
    _layout(
        "Multiplicative LSTM",
        r"(?P<at>.*?)[._]?(?P<word>wmx|wmh|gmx|gmh|wx|wh|gx|gh|b)",
        _MLSTM_MATRICES,
        "in_out",
        None,
        hinted=True,
        cell_type="mlstm",
    ),
    _layout(
        "Lasagne",
        r"(?P<at>.*?)[._]?(?:W_(?P<word>in|hid|cell)_to_|(?P<bias>b)_)(?P<gate>ingate|forgetgate|cell|outgate|updategate|resetgate|hidden_update)",
        {"in": "input", "hid": "recurrent", "cell": "peepholes", "b": "bias"},
        "in_out",
        None,
    ),
    _layout(
        "Lasagne, plain",
        _AT + r"(?P<word>input_to_hidden|hidden_to_hidden)\.(?P<of>W|w|b)",
        {
            "input_to_hidden.W": "input",
            "hidden_to_hidden.W": "recurrent",
            "input_to_hidden.w": "input",
            "hidden_to_hidden.w": "recurrent",
            "input_to_hidden.b": "bias",
            "hidden_to_hidden.b": "bias",
        },
        "in_out",
        None,
    ),
    _layout(
        "Kaldi nnet3",
        _AT + r"(?P<word>W_all|W_rp|W_r|W_m|Wrp|lstm_nonlin|[Ww]_?[ifoc][._]?xr|[Ww]_?[ifo][._]?c)"
        r"(?:\.(?P<of>weight|linear_params|LinearParams|params|Params|bias|bias_params|BiasParams))?",
        _KALDI,
        "out_in",
        "kaldi_nnet3",
    ),
    _layout(
        "Kaldi nnet1",
        _AT + r"(?P<word>w_gifo_x|w_gifo_r|bias|peephole_[ifo]_c|w_r_m)",
        {
            "w_gifo_x": "input",
            "w_gifo_r": "recurrent",
            "bias": "bias",
            "w_r_m": "projection",
            **dict.fromkeys(("peephole_i_c", "peephole_f_c", "peephole_o_c"), "peepholes"),
        },
        "out_in",
        "kaldi_nnet1",
    ),
    _layout(
        "Keras 1",
        r"(?P<at>.*?)[._](?P<word>[WUbV])_(?P<gate>[ifcozrh])",
        {"W": "input", "U": "recurrent", "b": "bias", "V": "peepholes"},
        "in_out",
        "tensorflow1",
    ),
    *(
        _layout(
            f"Keras 0, {gates} gates",
            r"(?P<at>(?:.*\.)?layer_\d{1,9})\.param_(?P<word>\d{1,2})",
            {str(3 * gate + place): role for gate in range(gates) for place, role in enumerate(_ONE_AFTER_ANOTHER)},
            "in_out",
            None,
            formats=("keras h5", "hdf5"),
        )
        for gates in (4, 3)
    ),
    *(
        _layout(
            f"Chainer, {gates} gates in numbers",
            r"(?P<at>.*)\.(?P<layer>\d{1,9})\.(?P<word>[wb]\d)",
            {
                **{f"w{gate}": "input" for gate in range(gates)},
                **{f"w{gates + gate}": "recurrent" for gate in range(gates)},
                **{f"b{gate}": "bias" for gate in range(2 * gates)},
            },
            "out_in",
            "pytorch",
            cell_type=cell_type,
            by_turns=True,
        )
        for cell_type, gates in (("lstm", 4), ("gru", 3))
    ),
    _layout(
        "Chainer, gates of a GRU",
        _AT + r"(?P<word>[WU])(?:_(?P<gate>[rz]))?\.(?P<of>W|b)",
        {"W.W": "input", "U.W": "recurrent", "W.b": "bias", "U.b": "bias"},
        "out_in",
        None,
        cell_type="gru",
        needs=("bias",),
    ),
    _layout(
        "Burn",
        _AT + r"(?P<gate>[a-z]+_gate)\.(?P<word>input_transform|hidden_transform)\.(?P<of>weight|bias)",
        {
            "input_transform.weight": "input",
            "hidden_transform.weight": "recurrent",
            "input_transform.bias": "bias",
            "hidden_transform.bias": "bias",
        },
        "either",
        "pytorch",
    ),
    _layout(
        "Caffe2",
        _AT + r"(?P<word>i2h_w|i2h_b|gates_t_w|gates_t_b)",
        {"i2h_w": "input", "gates_t_w": "recurrent", "i2h_b": "bias", "gates_t_b": "bias"},
        "out_in",
        "pytorch",
    ),
    _layout(
        "OCRopus",
        _AT + r"(?P<word>WG[IFO]|WCI|W[IFO]P)",
        {
            **dict.fromkeys(("WGI", "WGF", "WGO", "WCI"), "joined"),
            **dict.fromkeys(("WIP", "WFP", "WOP"), "peepholes"),
        },
        "out_in",
        None,
        cell_type="lstm",
        biased=True,
    ),
    _layout(
        "Gate by gate, letters behind the side",
        r"(?P<at>.*?)(?:^|[._])(?P<word>(?:[Ww]|weight|kernel)_?[ih]|(?:b|bias)_?[ih]?)_?(?P<gate>[ifgcozrn])",
        {
            **{f"{word}{dash}i": "input" for word in _MATRIX_WORDS for dash in ("", "_")},
            **{f"{word}{dash}h": "recurrent" for word in _MATRIX_WORDS for dash in ("", "_")},
            **{
                f"{word}{dash}{side}": "bias" for word in ("b", "bias") for dash in ("", "_") for side in ("", "i", "h")
            },
        },
        "either",
        None,
    ),
    _layout(
        "Gate by gate, letters",
        r"(?P<at>.*?)(?:^|[._])(?P<word>[WUb])_?(?P<gate>[ifcogzrhn])",
        {"W": "input", "U": "recurrent", "b": "bias"},
        "either",
        None,
    ),
    _layout(
        "A GRU in two pieces",
        r"(?P<at>.*?)(?:^|[._])(?P<word>[WUb])(?P<gate>x?)",
        {"W": "input", "U": "recurrent", "b": "bias"},
        "in_out",
        None,
        cell_type="gru",
    ),
    _layout(
        "Gate by gate",
        _AT
        + r"(?P<gate>input_?gate|forget_?gate|cell(?:_gate)?|candidate|output_?gate|reset_?gate|update_?gate|[ifcogzrnh]_gate)\."
        r"(?P<word>weights|W|kernel|weight_ih|recurrent_weights|U|R|recurrent_kernel|weight_hh|bias|b|peephole_weights|peepholes)",
        {
            **dict.fromkeys(("weights", "W", "kernel", "weight_ih"), "input"),
            **dict.fromkeys(("recurrent_weights", "U", "R", "recurrent_kernel", "weight_hh"), "recurrent"),
            **dict.fromkeys(("bias", "b"), "bias"),
            **dict.fromkeys(("peephole_weights", "peepholes"), "peepholes"),
        },
        "in_out",
        None,
    ),
    _layout(
        "Linear layers on the input and on the state",
        _AT
        + r"(?P<word>input_linearity|state_linearity|state_projection|i2h|x2h|h2h|ih|hh|xh|fc_ih|fc_hh|W_ih|W_hh|lin_ih|lin_hh|"
        r"w|u|upward|lateral|input_proj|hidden_proj|norm)\.(?P<of>weight|bias|kernel|W|b|w)",
        _LINEAR,
        "out_in",
        None,
    ),
    _layout(
        "Numbered",
        r"(?P<at>.*?)[._](?P<word>[012])",
        {"0": "input", "1": "recurrent", "2": "bias"},
        "either",
        None,
        hinted=True,
    ),
    _layout(
        "Words",
        r"(?P<at>.*?)[._]?(?P<word>weights|recurrent_weights|input_weights|W_?x|W_?h|w_?x|w_?h|W_xh|W_hh|W_ih|w_xh|w_hh|w_ih|"
        r"W_re|Wxh|Whh|Wih|W|U|R|w|u|r|w_i|bias|b|b_h|bh|bhn|b_ih|b_hh|peephole_weights|p)",
        {
            **dict.fromkeys(
                ("weights", "input_weights", "Wx", "W_x", "wx", "w_x", "W_xh", "w_xh", "W_ih", "w_ih", "Wxh", "Wih"),
                "input",
            ),
            **dict.fromkeys(("W", "w", "w_i"), "input"),
            **dict.fromkeys(
                ("recurrent_weights", "Wh", "W_h", "wh", "w_h", "W_hh", "w_hh", "Whh", "W_re"), "recurrent"
            ),
            **dict.fromkeys(("U", "u", "R", "r"), "recurrent"),
            **dict.fromkeys(("bias", "b", "b_h", "bh", "bhn", "b_ih", "b_hh"), "bias"),
            **dict.fromkeys(("peephole_weights", "p"), "peepholes"),
        },
        "either",
        None,
    ),
)
"""In the order in which they are tried; what one has explained is not shown to the next."""


def pieces_of(layout: Layout, tensors: Iterable[StoredTensor], form: str = "") -> dict[CellPlace, list[NamedTensor]]:
    """Return the pieces that a layout's names tell, by where they stand; in the order of the tensors.

    Args:
        layout: one of `LAYOUTS`.
        tensors: those that are looked at.
        form: the format that they stand in.
    """
    found: dict[CellPlace, list[NamedTensor]] = {}
    if layout.formats and form not in layout.formats:
        return found
    for tensor in tensors:
        match = layout.pattern.fullmatch(dotted(tensor.name)) if len(tensor.name) <= LONGEST_NAME else None
        if match is None:
            continue
        named = match.groupdict()
        word = named.get("word") or named.get("side_word") or named.get("bias") or ""
        place = _place(named)
        if layout.a_layer:
            place, word = _of_builder(layout, named)
        role = layout.words.get(f"{word}.{named['of']}") if named.get("of") else layout.words.get(word)
        if role is None or (layout.hinted and not HINTS.search(tensor.name)):
            continue
        if layout.cell is not None and not layout.cell.fullmatch(place.at.rpartition(".")[2]):
            continue
        gate = named.get("gate") or ""
        pieces = found.setdefault(place, [])
        if layout.biased and len(tensor.shape) == 2 and tensor.shape[1] > 1:
            made, read = tensor.shape
            pieces.append(NamedTensor(tensor, role, gate, word, (made, read - 1)))
            pieces.append(NamedTensor(tensor, "bias", gate, word, (made,)))
        else:
            pieces.append(NamedTensor(tensor, role, gate, word))
    return _by_turns(found) if layout.by_turns else found


def _by_turns(found: Mapping[CellPlace, list[NamedTensor]]) -> dict[CellPlace, list[NamedTensor]]:
    """Return pieces with the directions told apart that one running number counts.

    Two that read the same width are two directions where a layer above reads both, or where neither can read the other.
    """
    read = {place: next((one.shape[-1] for one in pieces if one.role == "input"), 0) for place, pieces in found.items()}
    cells = {
        place: next((one.shape[-1] for one in pieces if one.role == "recurrent"), 0) for place, pieces in found.items()
    }
    turned = {}
    for place, pieces in found.items():
        first, second, third = (CellPlace(place.at, number) for number in range(3))
        both = second in read and read[first] == read[second]
        if both and (read[third] == 2 * cells[first] if third in read else read[second] != cells[first]):
            place = CellPlace(place.at, (place.layer or 0) // 2, bool((place.layer or 0) % 2))
        turned[place] = pieces
    return turned


def _place(named: Mapping[str, str | None]) -> CellPlace:
    layer = named.get("layer")
    back = bool(named.get("back")) or named.get("side") == "r"
    return CellPlace(named.get("at") or "", int(layer) if layer is not None else None, back)


def _of_builder(layout: Layout, named: Mapping[str, str | None]) -> tuple[CellPlace, str]:
    """Return the place, and which tensor of a layer it is, where a builder numbers the tensors of its layers.

    The builders of a bidirectional one stand in it by turns: forwards, backwards, layer after layer.
    """
    number, builder = int(named["word"] or 0), int(named.get("builder") or 0)
    layer, which = divmod(number, layout.a_layer)
    at = named["at"] or ""
    if re.search(r"(^|\.)birnn[^.]*\.[^.]*$", at):
        return CellPlace(at.rpartition(".")[0], builder // 2, builder % 2 == 1), str(which % 3)
    return CellPlace(f"{at}_{builder}" if builder else at, layer, False), str(which % 3)


def dotted(name: str) -> str:
    """Return a tensor's name with a dot wherever its parts are separated, without a graph's output number or a checkpoint's end.

    Example:
        >>> dotted("rnn/lstm_cell/kernel:0")
        'rnn.lstm_cell.kernel'
    """
    return re.sub(r"[/|\\:]+", ".", re.sub(r":\d+$|/\.ATTRIBUTES/VARIABLE_VALUE$", "", name)).strip(".")
