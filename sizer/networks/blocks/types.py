"""The block types of whole models: each has a table of weight tensors, an output width and the steps at which it runs.

Cell types are the tables of one block type, `recurrent`. A shape names the block's fields, and

    read            its input width (channels x height)
    channels_read   its input channels, if it keeps channels and height; otherwise the same as `read`
    height, height_read   the heights of its output and its input; 1 unless there is a 2-D convolution before it
    query, memory   the widths of an attention's query and memory

`a/b` is a quotient that must be whole. The kind of a field says whether it is a size (a whole number; counts are
polynomials in it) or a shape (each combination is a structure of its own).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from sizer.networks.tensors import Tensor

FieldKind = Literal[
    "size", "sizes", "shape", "flag", "flags", "word", "name", "names", "pair", "padding", "groups", "tensors"
]
"""`size`: a count that can be swept as one; `sizes`, `flags`: one, or a list with one per layer; `shape`: a whole number;
`pair`: a number or [time, height]; `groups`: a number or `all`; `name`, `names`: of blocks or tensors."""


COMMON = ("type", "from", "combine", "shared", "frozen", "convention")
"""Fields that every block may have."""


@dataclass(frozen=True)
class BlockField:
    """One field of a block type."""

    name: str
    kind: FieldKind
    description: str
    default: Any = None
    """None: it must be given, or `description` says what decides."""
    required: bool = False
    minimum: int = 1
    maximum: int | None = None
    words: tuple[str, ...] = ()
    """What a `word` or `names` field takes, unless these are names of blocks."""


@dataclass(frozen=True)
class BlockType:
    """One kind of block."""

    name: str
    title: str
    fields: tuple[BlockField, ...]
    tensors: tuple[Tensor, ...] = ()
    hands_up: str = "read"
    """Its output channels: a dimension, a quotient of two, or a product (`a*b`)."""
    told: bool = False
    """Whether its fields set its output width, whatever it reads."""
    keeps_height: bool = False
    """Whether its output has channels and height; otherwise it is one flat width."""
    steps: str = ""
    """The field that divides its steps; with `*` in front, that multiplies them."""
    source: str = ""
    reads: bool = True
    """Whether it must read something."""
    state: tuple[str, ...] = ()
    """What it carries from step to step, besides what a cell's table says."""
    own: bool = False
    """Whether it is defined by the user."""
    broken: bool = False
    """Whether its definition has faults: its blocks are known, but have no further faults reported."""
    by_field: dict[str, BlockField] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the fields by name."""
        object.__setattr__(self, "by_field", {one.name: one for one in self.fields})


def _size(name: str, description: str, default: int | None = None, minimum: int = 1) -> BlockField:
    return BlockField(name, "size", description, default, required=default is None, minimum=minimum)


def _flag(name: str, description: str, default: bool | None = False) -> BlockField:
    return BlockField(name, "flag", description, default)


def _vector(name: str, *shape: str | int, when: str | None = None) -> Tensor:
    return Tensor(name, "bias_weights", shape, when=when)


_LAYERS = _size("layers", "Number of layers.", 1)
_WIDTH = _size("width", "Output width.")
_BIAS = BlockField("bias", "flag", "Whether it has a bias. By default the convention decides.")
_PIECES = BlockField(
    "pieces", "shape", "Output units combined into one: 2 for a gated linear unit, more for maxout.", 1
)
_NORM = BlockField("norm", "word", "A normalisation of its output.", words=("layer", "batch"))
_GROUPS = BlockField(
    "groups", "groups", "Number of groups, each of which reads a part of the channels; `all`: one group per channel.", 1
)
_STRIDE = BlockField("stride", "pair", "Input steps per output step.", 1)
_NORM_BEHIND = (
    Tensor("norm_gains", "bias_weights", ("channels_up",), when="normed"),
    Tensor("norm_shifts", "bias_weights", ("channels_up",), when="normed"),
    Tensor("norm_means", "bias_weights", ("channels_up",), when="buffered", buffer=True),
    Tensor("norm_variances", "bias_weights", ("channels_up",), when="buffered", buffer=True),
)

INPUT = BlockType(
    "input",
    "Input",
    (
        BlockField("inputs", "size", "Values in one frame."),
        BlockField("channels", "size", "Channels of an image.", 1),
        BlockField("height", "shape", "Height of an image.", 1),
        BlockField("clock", "name", "Name of the clock that it starts.", "frames"),
    ),
    hands_up="channels",
    told=True,
    keeps_height=True,
    reads=False,
)
EMBEDDING = BlockType(
    "embedding",
    "Embedding",
    (
        _size("vocabulary", "Number of symbols."),
        _size("embedding", "Width of the vector of a symbol."),
        BlockField("clock", "name", "Name of the clock that it starts.", "frames"),
    ),
    (Tensor("table", "embedding_weights", ("vocabulary", "embedding")),),
    hands_up="embedding",
    told=True,
    reads=False,
)
DENSE = BlockType(
    "dense",
    "Dense layer over one step, or over several consecutive steps",
    (
        _WIDTH,
        _size("context", "Number of consecutive steps that it reads at once.", 1),
        BlockField("groups", "shape", "Number of groups, each of which reads a part of the values.", 1),
        _PIECES,
        BlockField("stride", "shape", "Input steps per output step.", 1),
        _BIAS,
        _NORM,
        BlockField("tied", "name", "The embedding whose table it uses as its kernel."),
    ),
    (
        Tensor("kernel", "dense_weights", ("context", "read/groups", "width"), matrix=True, shared_when="tied"),
        _vector("bias", "width", when="bias"),
        *_NORM_BEHIND,
    ),
    hands_up="width/pieces",
    told=True,
    steps="stride",
)
CONVOLUTION = BlockType(
    "convolution",
    "Convolution along time, or along time and height",
    (
        _size("channels", "Output channels."),
        BlockField("kernel", "pair", "Kernel size in steps; [steps, height] for a 2-D convolution.", required=True),
        _STRIDE,
        BlockField("padding", "padding", "`same`, `valid`, a number, or one per dimension.", "same"),
        _GROUPS,
        _PIECES,
        _flag(
            "transposed", "Whether it is a transposed convolution, which multiplies the steps instead of dividing them."
        ),
        BlockField("output_padding", "pair", "Steps that a transposed convolution adds at the end.", 0, minimum=0),
        _BIAS,
        _NORM,
    ),
    (
        Tensor(
            "kernel",
            "convolution_weights",
            ("kernel_time", "kernel_height", "channels_read/groups", "channels"),
            matrix=True,
            area="height_multiplied",
            at="multiplied",
        ),
        _vector("bias", "channels", when="bias"),
        *_NORM_BEHIND,
    ),
    hands_up="channels/pieces",
    keeps_height=True,
)
CONVOLUTIONAL_LSTM = BlockType(
    "convolutional_lstm",
    "LSTM whose matrices are convolutions along time and height",
    (
        _size("channels", "Channels of the state, and output channels."),
        BlockField("kernel", "pair", "Kernel size, [steps, height].", required=True),
        _STRIDE,
        BlockField(
            "padding", "padding", "Padding of the input; the state is padded so that it keeps its size.", "same"
        ),
        _LAYERS,
        _BIAS,
    ),
    (
        Tensor(
            "input_weights",
            "input_weights",
            (4, "kernel_time", "kernel_height", "fed_channels", "channels"),
            matrix=True,
            area="height",
        ),
        Tensor(
            "recurrent_weights",
            "recurrent_weights",
            (4, "kernel_time", "kernel_height", "channels", "channels"),
            matrix=True,
            area="height",
        ),
        _vector("bias", 4, "channels", when="bias"),
    ),
    hands_up="channels",
    keeps_height=True,
    source="Shi et al. 2015, arXiv:1506.04214; keras.layers.ConvLSTM1D, ConvLSTM2D",
)
POOLING = BlockType(
    "pooling",
    "Pooling along time and height, or over the whole sequence",
    (
        BlockField("kernel", "pair", "Kernel size in steps. By default the same as the stride."),
        BlockField("stride", "pair", "Input steps per output step. By default the same as the kernel."),
        BlockField("padding", "padding", "`same`, `valid`, a number, or one per dimension.", "valid"),
        _flag("ceil", "Whether heights are rounded up."),
        BlockField("over", "word", "`time`: pools the whole sequence into one step.", words=("time",)),
    ),
    hands_up="channels_read",
    keeps_height=True,
)
NORM = BlockType(
    "norm",
    "Normalisation",
    (
        BlockField("norm", "word", "Kind of normalisation.", "layer", words=("layer", "batch")),
        BlockField(
            "over",
            "word",
            "Whether each channel has a gain, or each value.",
            "channels",
            words=("channels", "width"),
        ),
    ),
    _NORM_BEHIND,
    hands_up="channels_read",
    keeps_height=True,
)
RECURRENT = BlockType(
    "recurrent",
    "Recurrent layers, of any cell type",
    (
        BlockField("cell_type", "word", "Cell type; a list has one for each layer.", "lstm"),
        BlockField("layers", "size", "Number of layers; a list of widths sets it.", 1),
        BlockField("cells", "sizes", "Cells in each layer and direction.", required=True),
        BlockField(
            "recurrent_projection",
            "sizes",
            "Width of the projection that is fed back and passed on; 0: none.",
            0,
            minimum=0,
        ),
        BlockField(
            "nonrecurrent_projection", "sizes", "Width of the projection that is only passed on; 0: none.", 0, minimum=0
        ),
        BlockField("bottleneck", "size", "Width of the bottleneck in front of the gates; lstmb only.", 0, minimum=0),
        BlockField("window", "size", "Frames that each step reads; qrnn only.", 1),
        BlockField("bidirectional", "flags", "Whether each layer also runs backwards in time.", False),
        _flag("skip_connections", "Whether the input feeds every layer, and every layer feeds the output."),
        _flag("summed_directions", "Whether the outputs of the two directions are added instead of joined."),
        _flag("only_recurrent_up", "Whether only the recurrent projection feeds the layers above."),
        _flag("peepholes", "Whether the gates read the cells. By default the convention decides.", None),
        _BIAS,
        BlockField(
            "bias_vectors", "shape", "Bias vectors per gate. By default the convention decides.", minimum=0, maximum=2
        ),
        _flag("projection_bias", "Whether the projection has a bias. By default the convention decides.", None),
        BlockField("subsample", "sizes", "Steps of a layer per step of the layer above.", 1),
        BlockField(
            "subsample_how",
            "word",
            "Whether steps are skipped, or stacked into one wider step.",
            "skip",
            words=("skip", "stack"),
        ),
    ),
    told=True,
)
ATTENTION_KINDS = ("additive", "location", "general", "dot", "multihead", "local")
ATTENTION = BlockType(
    "attention",
    "Attention of a query over a memory",
    (
        BlockField(
            "query", "name", "The block that gives the query. Without it, the attention has the steps of `clock`."
        ),
        BlockField("memory", "name", "The block that it attends to.", required=True),
        BlockField("clock", "name", "Name of its clock, if it has no query.", "labels"),
        BlockField("kind", "word", "Kind of attention.", "additive", words=ATTENTION_KINDS),
        BlockField("width", "size", "Width to which query and memory are projected."),
        BlockField("heads", "size", "Number of heads.", 1),
        BlockField("biases", "names", "Names of the tensors that have a bias.", ()),
        BlockField("value", "size", "Output width. By default the width of the memory."),
        BlockField("project_query", "flag", "Whether the query has a matrix. By default yes, unless the kind is dot."),
        BlockField(
            "project_memory", "flag", "Whether the memory has a matrix. By default yes, unless the kind is dot."
        ),
        BlockField(
            "feedback", "size", "Width of the fed-back attention weights of earlier steps; 0: none.", 0, minimum=0
        ),
        BlockField("fertility", "size", "Width of the fertility of the memory; 0: none.", 0, minimum=0),
        BlockField(
            "location_kernel", "size", "Kernel size of the convolution over earlier attention weights, in steps."
        ),
        BlockField("location_channels", "size", "Channels of that convolution."),
        BlockField(
            "location_inputs",
            "size",
            "Input channels of that convolution: 1, or 2 with the sum of all earlier attention weights.",
            1,
        ),
        BlockField("value_width", "size", "Width of the values of all heads together. By default `width`."),
        BlockField("key", "size", "Width of a key; local only."),
        BlockField("values", "size", "Width of a value; local only."),
        BlockField("window", "size", "Number of steps that it attends to; local only."),
    ),
    hands_up="value",
    reads=False,
)


def _attention(name: str, shape: tuple[int | str, ...], at: str, when: str | None = None) -> Tensor:
    return Tensor(name, "attention_weights", shape, matrix=True, at=at, when=when)


_ADDITIVE = (
    _attention("query", ("query", "width"), "query", "project_query"),
    _attention("memory", ("memory", "width"), "memory", "project_memory"),
    _attention("score", ("width", "heads"), "pair"),
    _attention("feedback", ("feedback", "width"), "pair"),
    _attention("fertility", ("memory", "fertility"), "memory"),
)
ATTENTION_TENSORS: dict[str, tuple[Tensor, ...]] = {
    "additive": _ADDITIVE,
    "location": (
        *_ADDITIVE,
        _attention("location_kernel", ("location_kernel", "location_inputs", "location_channels"), "pair"),
        _attention("location", ("location_channels", "width"), "pair"),
    ),
    "general": (_attention("query", ("query", "memory"), "query"),),
    "dot": _ADDITIVE[:2],
    "multihead": (
        _attention("query", ("query", "width"), "query"),
        _attention("memory", ("memory", "width"), "memory"),
        _attention("value", ("memory", "value_width"), "memory"),
        _attention("output", ("value_width", "value"), "query"),
    ),
    "local": (_attention("kernel", ("query", "heads", "local"), "query"),),
}
"""By kind. A tensor's bias is as wide as the tensor's output."""
ATTENTION_NEEDS: dict[str, tuple[str, ...]] = {
    "additive": ("width",),
    "location": ("width", "location_kernel", "location_channels"),
    "general": (),
    "dot": (),
    "multihead": ("width",),
    "local": ("key", "values", "window", "value"),
}
TRANSFORMER = BlockType(
    "transformer",
    "Transformer layers",
    (
        _WIDTH,
        _size("feed_forward", "Inner width of the feed-forward part."),
        _LAYERS,
        BlockField("attends", "names", "Blocks that each layer also attends to.", ()),
        BlockField("positions", "word", "Position encoding with weights.", words=("relative",)),
        _BIAS,
        BlockField("attention_bias", "flag", "Whether the attentions have biases. By default the same as `bias`."),
        _flag("final_norm", "Whether there is a normalisation after the last layer."),
    ),
    (
        Tensor("attention", "attention_weights", (4, "width", "width"), matrix=True),
        _vector("attention_biases", 4, "width", when="attention_bias"),
        Tensor("positions", "attention_weights", ("width", "width"), matrix=True, when="relative"),
        _vector("position_biases", 2, "width", when="relative"),
        Tensor("feed_forward", "dense_weights", (2, "width", "feed_forward"), matrix=True),
        _vector("feed_forward_bias", "feed_forward", when="bias"),
        _vector("feed_forward_output_bias", "width", when="bias"),
        _vector("norms", 4, "width"),
    ),
    hands_up="width",
    told=True,
    source="Vaswani et al. 2017, arXiv:1706.03762; torch.nn.TransformerEncoderLayer, TransformerDecoderLayer",
)
FINAL_NORM = _vector("final_norm", 2, "width")
"""After the last transformer layer, if there is one."""
ATTENDS = (
    Tensor("memory_query_and_output", "attention_weights", (2, "width", "width"), matrix=True),
    Tensor("memory_keys_and_values", "attention_weights", (2, "memory", "width"), matrix=True, at="memory"),
    _vector("memory_biases", 4, "width", when="attention_bias"),
    _vector("memory_norm", 2, "width"),
)
"""What a transformer layer has in addition for each memory that it attends to."""
CONFORMER = BlockType(
    "conformer",
    "Conformer layers",
    (
        _WIDTH,
        _size("kernel", "Kernel size of the convolution, in steps."),
        BlockField("feed_forward", "size", "Inner width of the feed-forward parts. By default 4 x width."),
        _LAYERS,
        _flag("attention_bias", "Whether the attention's matrices have biases.", True),
    ),
    (
        Tensor("feed_forwards", "dense_weights", (4, "width", "feed_forward"), matrix=True),
        _vector("feed_forward_biases", 2, "feed_forward"),
        _vector("feed_forward_output_biases", 2, "width"),
        Tensor("attention", "attention_weights", (4, "width", "width"), matrix=True),
        _vector("attention_biases", 4, "width", when="attention_bias"),
        Tensor("positions", "attention_weights", ("width", "width"), matrix=True),
        _vector("position_biases", 2, "width"),
        Tensor("pointwise", "convolution_weights", (3, "width", "width"), matrix=True),
        _vector("pointwise_biases", 3, "width"),
        Tensor("depthwise", "convolution_weights", ("kernel", "width"), matrix=True),
        _vector("depthwise_bias", "width"),
        _vector("batch_norm", 2, "width"),
        _vector("norms", 10, "width"),
    ),
    hands_up="width",
    told=True,
    source="Gulati et al. 2020, arXiv:2005.08100",
)
HIGHWAY = BlockType(
    "highway",
    "Highway layers",
    (_WIDTH, _LAYERS),
    (Tensor("kernel", "dense_weights", (2, "width", "width"), matrix=True), _vector("bias", 2, "width")),
    hands_up="width",
    told=True,
    source="Srivastava et al. 2015, arXiv:1505.00387",
)
CRF = BlockType(
    "crf",
    "Conditional random field",
    (
        BlockField(
            "ends",
            "size",
            "2 if both the start and the end of a sequence have scores, 1 if one of them has, 0 if neither.",
            0,
            minimum=0,
        ),
    ),
    (Tensor("transitions", "other_weights", ("read", "read")), Tensor("ends", "other_weights", ("ends", "read"))),
)
JOIN = BlockType("join", "Joins its sources", ())
SPLICE = BlockType(
    "splice",
    "Joins consecutive steps into one",
    (BlockField("frames", "size", "Number of steps.", required=True),),
    hands_up="read*frames",
)
SUBSAMPLE = BlockType(
    "subsample",
    "Keeps fewer steps",
    (
        BlockField("factor", "shape", "Input steps per output step.", required=True),
        BlockField(
            "how", "word", "Whether steps are skipped, or stacked into one wider step.", "skip", words=("skip", "stack")
        ),
    ),
    hands_up="read*stacked",
    steps="factor",
)
SPLIT = BlockType(
    "split",
    "Splits each step into several consecutive steps",
    (BlockField("parts", "shape", "Number of parts.", required=True),),
    hands_up="read/parts",
    steps="*parts",
)
WEIGHTS = BlockType(
    "weights",
    "Tensors given by name and shape",
    (
        BlockField("tensors", "tensors", "Names and shapes.", required=True),
        _flag("matrix", "Whether each weight is one multiply-accumulate per step."),
        BlockField("width", "size", "Output width, if it reads nothing."),
    ),
    reads=False,
)
GROUP = BlockType(
    "group",
    "A chain of blocks, repeated",
    (
        BlockField("repeat", "shape", "Number of repetitions.", 1),
        BlockField("blocks", "tensors", "The blocks that are repeated.", required=True),
    ),
)

BLOCK_TYPES: dict[str, BlockType] = {
    block_type.name: block_type
    for block_type in (
        INPUT, EMBEDDING, DENSE, CONVOLUTION, CONVOLUTIONAL_LSTM, POOLING, NORM, RECURRENT, ATTENTION, TRANSFORMER,
        CONFORMER, HIGHWAY, CRF, JOIN, SPLICE, SUBSAMPLE, SPLIT, WEIGHTS, GROUP,
    )
}  # fmt: skip
