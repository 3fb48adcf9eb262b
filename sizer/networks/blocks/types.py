"""The block types of whole models: each a table of weight tensors, a width that it hands up and the steps it takes.

One idea with the cell types, which are the tables of one block type, `recurrent`. A shape names the block's fields, and

    read            the width of what it reads (channels x height)
    channels_read   the channels of what it reads where it keeps channels and height, else the same as `read`
    height, height_read   the heights of what it hands up and of what it reads; 1 but behind a 2-D convolution
    query, memory   the widths of what an attention looks from and looks at

`a/b` is a quotient that must be whole. What is a size (a whole number of which counts are polynomials) and what is a
shape (each combination is a structure of its own) is said by the field's kind.
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
"""What every block may say."""


@dataclass(frozen=True)
class BlockField:
    """One field of a block type."""

    name: str
    kind: FieldKind
    description: str
    default: Any = None
    """None: it must be given, or what stands in `description` decides."""
    required: bool = False
    minimum: int = 1
    maximum: int | None = None
    words: tuple[str, ...] = ()
    """What a `word` or `names` field takes, where these are no blocks."""


@dataclass(frozen=True)
class BlockType:
    """One kind of block."""

    name: str
    title: str
    fields: tuple[BlockField, ...]
    tensors: tuple[Tensor, ...] = ()
    hands_up: str = "read"
    """The channels it hands up: a dimension, a quotient of two, or a product (`a*b`)."""
    told: bool = False
    """Whether it is told its width, so that nobody has to ask what it reads."""
    keeps_height: bool = False
    """Whether it hands up channels and height; else all of it is one flat width."""
    steps: str = ""
    """The field by which its steps are divided; `*` in front: multiplied."""
    source: str = ""
    reads: bool = True
    """Whether it has nothing to do with nothing before it."""
    state: tuple[str, ...] = ()
    """What it carries from step to step, beside what a cell's table says."""
    own: bool = False
    """Whether the person who counts defined it."""
    broken: bool = False
    """Whether its definition has faults: blocks of it are known, and nothing more is said of them."""
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


_LAYERS = _size("layers", "Layers, one above the other.", 1)
_WIDTH = _size("width", "Values that it hands up.")
_BIAS = BlockField("bias", "flag", "Whether it has a bias; left out, the convention decides.")
_PIECES = BlockField("pieces", "shape", "Pieces that are made one: 2 for a gated linear unit, more for maxout.", 1)
_NORM = BlockField("norm", "word", "A normalisation behind it, over what it hands up.", words=("layer", "batch"))
_GROUPS = BlockField(
    "groups", "groups", "Groups that read a share of the channels each; `all`: each channel by itself.", 1
)
_STRIDE = BlockField("stride", "pair", "Steps of what it reads for one of its own.", 1)
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
        BlockField("clock", "name", "What its steps are called.", "frames"),
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
        _size("vocabulary", "Symbols."),
        _size("embedding", "Values per symbol."),
        BlockField("clock", "name", "What its steps are called.", "frames"),
    ),
    (Tensor("table", "embedding_weights", ("vocabulary", "embedding")),),
    hands_up="embedding",
    told=True,
    reads=False,
)
DENSE = BlockType(
    "dense",
    "Dense layer, of one step or of several side by side",
    (
        _WIDTH,
        _size("context", "Steps side by side that it reads.", 1),
        BlockField("groups", "shape", "Groups that read a share of the values each.", 1),
        _PIECES,
        BlockField("stride", "shape", "Steps of what it reads for one of its own.", 1),
        _BIAS,
        _NORM,
        BlockField("tied", "name", "The embedding that is its kernel."),
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
        _size("channels", "Channels that it makes."),
        BlockField("kernel", "pair", "Steps that it sees; [steps, height] for a 2-D one.", required=True),
        _STRIDE,
        BlockField("padding", "padding", "`same`, `valid`, a number, or one per dimension.", "same"),
        _GROUPS,
        _PIECES,
        _flag("transposed", "Whether it makes more steps of what it reads instead of fewer."),
        BlockField("output_padding", "pair", "What a transposed one adds at the end.", 0, minimum=0),
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
        _size("channels", "Channels of its state."),
        BlockField("kernel", "pair", "[steps, height] that it sees.", required=True),
        _STRIDE,
        BlockField("padding", "padding", "Of what it reads; its state is padded to stay as large.", "same"),
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
    "Pooling along time and height, or over all of time",
    (
        BlockField("kernel", "pair", "Steps that it sees; left out, the stride."),
        BlockField("stride", "pair", "Steps of what it reads for one of its own; left out, the kernel."),
        BlockField("padding", "padding", "`same`, `valid`, a number, or one per dimension.", "valid"),
        _flag("ceil", "Whether heights are rounded up."),
        BlockField("over", "word", "`time`: one step a sequence.", words=("time",)),
    ),
    hands_up="channels_read",
    keeps_height=True,
)
NORM = BlockType(
    "norm",
    "Normalisation",
    (
        BlockField("norm", "word", "Which.", "layer", words=("layer", "batch")),
        BlockField(
            "over",
            "word",
            "Whether there is one gain a channel, or one a value.",
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
        BlockField("cell_type", "word", "The kind of cell.", "lstm"),
        BlockField("layers", "size", "Layers, one above the other; a list of widths sets it.", 1),
        BlockField("cells", "sizes", "Cells in each layer and direction.", required=True),
        BlockField("recurrent_projection", "sizes", "Width that is fed back and handed up; 0: none.", 0, minimum=0),
        BlockField("nonrecurrent_projection", "sizes", "Width that is handed up alone; 0: none.", 0, minimum=0),
        BlockField("bottleneck", "size", "Width on the way to the gates; lstmb alone.", 0, minimum=0),
        BlockField("window", "size", "Frames that each step sees; qrnn alone.", 1),
        BlockField("bidirectional", "flags", "Whether each layer also reads backwards.", False),
        _flag("skip_connections", "Whether what it reads feeds every layer, and every layer what it hands up."),
        _flag("summed_directions", "Whether two directions are added up instead of joined."),
        _flag("only_recurrent_up", "Whether only the recurrent projection feeds the layers above."),
        _flag("peepholes", "Whether the gates see the cells; left out, the convention decides.", None),
        _BIAS,
        BlockField(
            "bias_vectors", "shape", "Bias vectors per gate; left out, the convention decides.", minimum=0, maximum=2
        ),
        _flag("projection_bias", "Whether the projection has a bias; left out, the convention decides.", None),
        BlockField("subsample", "sizes", "Steps of a layer for one step of what reads it.", 1),
        BlockField(
            "subsample_how",
            "word",
            "Whether steps are left out, or stacked to a wider one.",
            "skip",
            words=("skip", "stack"),
        ),
    ),
    told=True,
)
ATTENTION_KINDS = ("additive", "location", "general", "dot", "multihead", "local")
ATTENTION = BlockType(
    "attention",
    "Attention, from a query at a memory",
    (
        BlockField("query", "name", "The block it looks from; left out, it steps with `clock`."),
        BlockField("memory", "name", "The block it looks at.", required=True),
        BlockField("clock", "name", "What its steps are called where it has no query.", "labels"),
        BlockField("kind", "word", "How what is looked at is chosen.", "additive", words=ATTENTION_KINDS),
        BlockField("width", "size", "Width in which query and memory meet."),
        BlockField("heads", "size", "Heads.", 1),
        BlockField("biases", "names", "The tensors that have a bias.", ()),
        BlockField("value", "size", "Width handed up; left out, the memory's."),
        BlockField("project_query", "flag", "Whether the query has a matrix; left out: all kinds but dot."),
        BlockField("project_memory", "flag", "Whether the memory has a matrix; left out: all kinds but dot."),
        BlockField("feedback", "size", "Width of what is fed back of earlier choices; 0: none.", 0, minimum=0),
        BlockField("fertility", "size", "Values of the memory's fertility; 0: none.", 0, minimum=0),
        BlockField("location_kernel", "size", "Steps that the convolution over earlier choices sees."),
        BlockField("location_channels", "size", "Channels of that convolution."),
        BlockField("location_inputs", "size", "What it reads: 1, or 2 with the sum of all earlier choices.", 1),
        BlockField("value_width", "size", "Width of the values of all heads; left out, `width`."),
        BlockField("key", "size", "Width of a key; local alone."),
        BlockField("values", "size", "Width of a value; local alone."),
        BlockField("window", "size", "Steps it sees; local alone."),
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
"""By kind. A tensor's bias is as wide as what the tensor makes."""
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
        _size("feed_forward", "Width inside the feed-forward part."),
        _LAYERS,
        BlockField("attends", "names", "Blocks that each layer also looks at.", ()),
        BlockField("positions", "word", "Positions that have weights of their own.", words=("relative",)),
        _BIAS,
        BlockField("attention_bias", "flag", "Whether the attentions have biases; left out, as `bias`."),
        _flag("final_norm", "Whether a norm stands behind the last layer."),
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
"""What stands behind the last transformer layer, where it does."""
ATTENDS = (
    Tensor("memory_query_and_output", "attention_weights", (2, "width", "width"), matrix=True),
    Tensor("memory_keys_and_values", "attention_weights", (2, "memory", "width"), matrix=True, at="memory"),
    _vector("memory_biases", 4, "width", when="attention_bias"),
    _vector("memory_norm", 2, "width"),
)
"""What a transformer layer has beside for each memory that it looks at."""
CONFORMER = BlockType(
    "conformer",
    "Conformer layers",
    (
        _WIDTH,
        _size("kernel", "Steps that the convolution sees."),
        BlockField("feed_forward", "size", "Width inside the feed-forward parts; left out, 4 x width."),
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
    (BlockField("ends", "size", "How many of start and end have scores of their own.", 0, minimum=0),),
    (Tensor("transitions", "other_weights", ("read", "read")), Tensor("ends", "other_weights", ("ends", "read"))),
)
JOIN = BlockType("join", "Joins what it reads", ())
SPLICE = BlockType(
    "splice", "Steps side by side", (BlockField("frames", "size", "Steps.", required=True),), hands_up="read*frames"
)
SUBSAMPLE = BlockType(
    "subsample",
    "Fewer steps",
    (
        BlockField("factor", "shape", "Steps of what it reads for one of its own.", required=True),
        BlockField(
            "how", "word", "Whether steps are left out, or stacked to a wider one.", "skip", words=("skip", "stack")
        ),
    ),
    hands_up="read*stacked",
    steps="factor",
)
SPLIT = BlockType(
    "split",
    "Parts of each step, one behind the other",
    (BlockField("parts", "shape", "Parts.", required=True),),
    hands_up="read/parts",
    steps="*parts",
)
WEIGHTS = BlockType(
    "weights",
    "Tensors as written",
    (
        BlockField("tensors", "tensors", "Names and shapes.", required=True),
        _flag("matrix", "Whether each weight is one multiply-accumulate per step."),
        BlockField("width", "size", "Values handed up where it reads nothing."),
    ),
    reads=False,
)
GROUP = BlockType(
    "group",
    "Blocks in a chain, several times over",
    (BlockField("repeat", "shape", "How often.", 1), BlockField("blocks", "tensors", "Its blocks.", required=True)),
)

BLOCK_TYPES: dict[str, BlockType] = {
    block_type.name: block_type
    for block_type in (
        INPUT, EMBEDDING, DENSE, CONVOLUTION, CONVOLUTIONAL_LSTM, POOLING, NORM, RECURRENT, ATTENTION, TRANSFORMER,
        CONFORMER, HIGHWAY, CRF, JOIN, SPLICE, SUBSAMPLE, SPLIT, WEIGHTS, GROUP,
    )
}  # fmt: skip
