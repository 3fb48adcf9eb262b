"""Other people's words for ours: what PyTorch, Keras, TensorFlow, Flax, Kaldi and ONNX call fields, cells and columns.

A word that somebody brings from a toolkit is no word here, but it is known what was meant: `meant` says it. A toolkit
that counts exactly as one of the conventions does is another name of it, and is accepted: `TOOLKITS`.

This is the one place where they are listed. Each is compared without case, hyphens and underscores, so that `vocabSize`
and `--vocab-size` are `vocab_size`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

_WORDS: dict[str, str] = {
    # Counted columns. They stand before the fields: `size` of a table is its weights, of a layer its cells.
    "weights": "params parameters num_params n_params param_count parameter_count num_parameters n_parameters "
    "total_params total_parameters trainable_params size model_size count weight_count num_weights",
    "macs_per_step": "macs flops mult_adds madds multiply_adds multiply_accumulates mul_adds ops gflops",
    "float32_bytes": "bytes memory mem fp32_bytes float_bytes f32_bytes megabytes mb size_mb total_size file_size",
    "float16_bytes": "fp16_bytes half_bytes f16_bytes bf16_bytes bfloat16_bytes",
    "int8_bytes": "i8_bytes quantized_bytes uint8_bytes quantised_bytes",
    "state_size": "state hidden_state cache carry",
    # Fields of one network.
    "cells": "hidden_size hidden hidden_dim hidden_units hidden_features hidden_width num_hidden n_hidden units num_units "
    "n_units rnn_size rnn_units rnn_dim lstm_size lstm_units cell_dim cell_size size nhid d_hidden hidden_layer_size width",
    "layers": "num_layers n_layers nlayers num_hidden_layers number_of_layers layer_count depth rnn_layers stacked",
    "inputs": "input_size input_dim input_dims in_features input_features input_width input feat_dim feature_dim "
    "num_features n_features features n_input n_inputs num_inputs input_shape channels_in idim",
    "outputs": "output_size output_dim out_features output_features output_width output num_classes n_classes classes "
    "num_targets n_output n_outputs num_outputs num_labels odim num_pdfs",
    "recurrent_projection": "proj_size num_proj n_proj projection projection_size projection_dim proj_dim proj "
    "recurrent_projection_dim rec_proj_size rproj",
    "nonrecurrent_projection": "non_recurrent_projection non_recurrent_projection_dim nonrecurrent_projection_dim",
    "vocabulary": "vocab_size vocab num_embeddings n_vocab vocabulary_size ntoken num_tokens n_tokens num_words tokens",
    "embedding": "embedding_dim embedding_size emb_size emb_dim embed_dim embed_size emsize ninp embeddings "
    "embedding_width d_embed",
    "bidirectional": "bidir birnn bi direction two_way is_bidirectional",
    "peepholes": "use_peepholes peephole peepholes_on",
    "skip_connections": "skips residual residuals skip",
    "summed_directions": "merge_mode sum_directions",
    "tied_embedding": "tied tie_weights tie_embeddings tie_word_embeddings tied_weights weight_tying tied_embeddings",
    "bias_vectors": "bias use_bias biases num_biases bias_mode has_bias",
    "output_bias": "out_bias",
    "projection_bias": "proj_bias",
    "bottleneck": "bottleneck_dim",
    "convention": "framework toolkit library backend style",
    "cell_type": "cell rnn_type rnn_cell kind rnn_mode celltype layer_type type",
    # Conventions.
    "pytorch": "torch libtorch",
    "keras": "tf tf2 tensorflow tensorflow2 tf_keras tf.keras",
    "tensorflow1": "tf1 tensorflow_1",
    "kaldi_nnet3": "kaldi nnet3 xconfig",
    "kaldi_nnet1": "nnet1",
    "flax": "jax linen flax_linen",
    "sak2014": "sak google",
    "graves2013": "graves",
    "textbook": "plain",
    # Cell types.
    "lstm": "lstm_cell lstm_layer long_short_term_memory lstmp basic_lstm_cell cudnn_lstm optimized_lstm_cell",
    "gru": "gru_cell gated_recurrent_unit cudnn_gru",
    "rnn": "simple_rnn elman elman_rnn vanilla vanilla_rnn rnn_tanh rnn_relu simple_cell basic_rnn_cell rnn_cell",
    "cifg_lstm": "cifg coupled_lstm",
    "layer_norm_lstm": "layer_norm_basic_lstm_cell ln_lstm",
    "mgu": "mgu_cell minimal_gated_unit",
    # Types of blocks, and what stands in them.
    "dense": "linear fully_connected fc affine gemm affine_layer output_layer tdnn time_distributed",
    "convolution": "conv conv1d conv2d conv_layer cnn conv_1d conv_2d separable_conv depthwise_conv depthwise conv3d",
    "pooling": "pool max_pool max_pooling_1d max_pooling_2d maxpool2d maxpool1d max_pool_1d max_pool_2d avg_pool average_pool max_pooling average_pooling",
    "norm": "layer_norm batch_norm layer_normalization batch_normalization batch_norm_1d batch_norm_2d batchnorm_component",
    "recurrent": "lstm gru rnn bilstm bigru birnn lstm_layer gru_layer rnn_layer lstmp",
    "attention": "mha multi_head_attention self_attention bahdanau luong",
    "transformer": "transformer_encoder transformer_decoder transformer_layer",
    "join": "concat concatenate merge append add",
    "additive": "bahdanau mlp bahdanau_attention additive_attention",
    "general": "luong luong_attention bilinear",
    "location": "location_aware location_sensitive location_based",
    "multihead": "mha multi_head_attention self_attention",
    "splice": "context_window stack_frames frame_stacking",
    "width": "units out_features output_dim output_size d_model model_dim hidden_size size dim channels_out",
    "channels": "filters out_channels num_filters features output_channels num_filters_out out_features",
    "kernel": "kernel_size filter_size kernel_shape kernel_width patch",
    "stride": "strides step hop",
    "heads": "num_heads nhead n_head n_heads attention_heads",
    "feed_forward": "dim_feedforward d_ff ffn_dim ff_dim linear_units intermediate_size ffn_hidden feedforward mlp_dim",
    "groups": "num_groups n_groups feature_group_count",
    "repeat": "num_blocks n_blocks num_repeats times",
    "factor": "subsampling_factor rate",
}
"""Ours -> theirs. Where one of theirs means several of ours, the first that there is in its place is meant."""


_WEIGHTLESS = frozenset(
    [
        "activation",
        "activations",
        "nonlinearity",
        "relu",
        "gelu",
        "elu",
        "selu",
        "leakyrelu",
        "hardtanh",
        "tanh",
        "sigmoid",
        "softmax",
        "logsoftmax",
        "swish",
        "silu",
        "glu",
        "dropout",
        "droprate",
        "dropoutrate",
        "specaugment",
        "noise",
        "flatten",
        "reshape",
        "permute",
        "transpose",
        "squeeze",
        "unsqueeze",
        "masking",
        "padding1d",
        "identity",
        "lambda",
    ]
)
"""What toolkits have as a layer, or as an option of one, that has no weights, as it is compared."""


def has_no_weights(word: str) -> bool:
    """Return whether a word names what has no weights in any toolkit.

    Example:
        >>> has_no_weights("Dropout"), has_no_weights("log_softmax"), has_no_weights("dense")
        (True, True, False)
    """
    return key_of(word[: LONGEST + 1]) in _WEIGHTLESS


def key_of(word: str) -> str:
    """Return a word as it is compared: without case, and without what stands between its parts.

    Example:
        >>> key_of("--vocab-size"), key_of("KaldiNnet3")
        ('vocabsize', 'kaldinnet3')
    """
    return re.sub("[^a-z0-9]", "", word.lower())


def _by_key() -> dict[str, tuple[str, ...]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for ours, theirs in _WORDS.items():
        for word in theirs.split():
            if ours not in found[key_of(word)]:
                found[key_of(word)].append(ours)
    return {key: tuple(ours) for key, ours in found.items()}


ALIASES: Mapping[str, tuple[str, ...]] = _by_key()
"""Another's word, as it is compared -> ours that it can mean, the likeliest first."""
LONGEST = 40
"""Characters of a word that is looked up; no toolkit has longer ones."""


def meant(word: str, known: Collection[str]) -> str:
    """Return the known word that another's word stands for; nothing where it stands for none.

    Args:
        word: as somebody wrote it.
        known: the words that there are in its place.

    Example:
        >>> meant("hidden_size", ["layers", "cells"]), meant("PyTorch", ["pytorch"]), meant("units", ["width"])
        ('cells', 'pytorch', 'width')
        >>> meant("--proj-size", ["--cells", "--recurrent-projection"])
        '--recurrent-projection'
        >>> meant("encoder.hidden_size", ["decoder.cells", "encoder.cells"])
        'encoder.cells'
    """
    if len(word) > LONGEST:
        return ""
    block, dot, own = word.rpartition(".")
    if dot:
        start = block + dot
        found = meant(own, [one.removeprefix(start) for one in map(str, known) if one.startswith(start)])
        return start + found if found else ""
    key = key_of(word)
    if not key:
        return ""
    by_key: dict[str, str] = {}
    for one in known:
        by_key.setdefault(key_of(str(one)), one)
    toolkit = (TOOLKITS[key].convention,) if key in TOOLKITS else ()
    return next((by_key[key_of(ours)] for ours in (key, *ALIASES.get(key, ()), *toolkit) if key_of(ours) in by_key), "")


@dataclass(frozen=True)
class Toolkit:
    """A toolkit that counts as one of the conventions does, and is another name of it."""

    name: str
    title: str
    convention: str
    """The convention that it is another name of."""
    cell_types: tuple[str, ...]
    """Those that it has, and counts so."""
    source: str
    """Where its tensors are described."""
    without: Mapping[str, str] = field(default_factory=dict)
    """Fields of a network that the convention takes and it does not, each with what to do instead."""
    instead: Mapping[str, str] = field(default_factory=dict)
    """Cell types that it counts otherwise, each with what to write."""

    @property
    def note(self) -> str:
        """What is said of a network that is counted under its name."""
        return f"{self.name} is counted as {self.convention}"

    def problems(self, cell_types: Collection[str], given: Collection[str]) -> list[str]:
        """Return why it is not another name of the convention for these networks.

        Args:
            cell_types: of the networks.
            given: the fields that are set to something that is not nothing.
        """
        found = [
            self.instead.get(
                one, f"{self.title} has no {one} that is counted as {self.convention}; name a convention instead"
            )
            for one in cell_types
            if one not in self.cell_types
        ]
        return [*found, *(words for name, words in self.without.items() if name in given)]


TOOLKITS: dict[str, Toolkit] = {
    toolkit.name: toolkit
    for toolkit in (
        Toolkit(
            name="cudnn",
            title="cuDNN",
            convention="pytorch",
            cell_types=("lstm", "gru", "rnn"),
            source="NVIDIA cuDNN API, cudnnRNNBiasMode_t: CUDNN_RNN_DOUBLE_BIAS, the default; torch/nn/modules/rnn.py: the second bias vector is there for cuDNN",
        ),
        Toolkit(
            name="onnx",
            title="ONNX",
            convention="pytorch",
            cell_types=("lstm", "gru", "rnn"),
            source="ONNX operators LSTM, GRU and RNN: W, R and B = [Wb, Rb] of 8, 6 and 2 x hidden_size",
            without={
                "recurrent_projection": "ONNX's LSTM has no projections; write convention pytorch for what PyTorch builds",
                "peepholes": "ONNX's LSTM takes peepholes and PyTorch's has none; write convention graves2013 with bias_vectors 2",
            },
        ),
        Toolkit(
            name="equinox",
            title="Equinox",
            convention="flax",
            cell_types=("lstm", "gru"),
            source="equinox.nn.LSTMCell (weight_ih, weight_hh, bias), GRUCell (bias of three gates, bias_n)",
        ),
        Toolkit(
            name="nnx",
            title="Flax NNX",
            convention="flax",
            cell_types=("lstm", "rnn"),
            source="flax.nnx LSTMCell, OptimizedLSTMCell (a bias on dense_h), SimpleCell (a bias on dense_i)",
            instead={
                "gru": "Flax NNX's GRUCell has a bias on dense_i alone, and none on the candidate's recurrent half; write convention flax with bias_vectors 1",
            },
        ),
    )
}
"""Another name of a convention -> what it is the name of."""


def counted_as(convention: str) -> str:
    """Return the convention that a word names, be it the name of a toolkit.

    Example:
        >>> counted_as("cudnn"), counted_as("keras")
        ('pytorch', 'keras')
    """
    return TOOLKITS[convention].convention if convention in TOOLKITS else convention
