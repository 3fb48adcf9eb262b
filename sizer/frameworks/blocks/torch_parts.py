"""What torch.nn has not: copied, function by function and class by class, into the modules that `torch_code` writes.

Nothing here is imported by what is written; a module that somebody keeps stands by itself. Each part uses `torch`, `nn`,
`functional` and other parts alone.
"""

import math

import torch
from torch import nn
from torch.nn import functional


def flat(image):
    """(batch, channels, time, height) becomes (batch, time, channels x height)."""
    return image.transpose(1, 2).flatten(2)


def splice(steps, frames):
    """Each step with those before it side by side: (batch, time, frames x width)."""
    padded = functional.pad(steps, (0, 0, frames - 1, 0))
    return padded.unfold(1, frames, 1).flatten(2)


def splice_image(image, frames):
    """Each step with those before it as further channels: (batch, frames x channels, time, height)."""
    padded = functional.pad(image, (0, 0, frames - 1, 0))
    return padded.unfold(2, frames, 1).permute(0, 4, 1, 2, 3).flatten(1, 2)


def stack(steps, factor):
    """So many steps as one, filled up at the end: (batch, time / factor, factor x width)."""
    padded = functional.pad(steps, (0, 0, 0, -steps.shape[1] % factor))
    return padded.unflatten(1, (-1, factor)).flatten(2)


def trimmed(dim, *sources):
    """All of them as long as the shortest."""
    shortest = min(source.shape[dim] for source in sources)
    return [source.narrow(dim, 0, shortest) for source in sources]


def joined(*sources):
    """Blocks of different clocks side by side, each repeated at the steps that are not its own."""
    steps = torch.broadcast_shapes(*(source.shape[:-1] for source in sources))
    return torch.cat([source.expand(*steps, -1) for source in sources], dim=-1)


class RelativeAttention(nn.Module):
    """Self-attention with relative positions: Dai et al. 2019, arXiv:1901.02860."""

    def __init__(self, width, heads, bias=True):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias=bias)
        self.key = nn.Linear(width, width, bias=bias)
        self.value = nn.Linear(width, width, bias=bias)
        self.output = nn.Linear(width, width, bias=bias)
        self.positions = nn.Linear(width, width, bias=False)
        self.content_bias = nn.Parameter(torch.zeros(width))
        self.position_bias = nn.Parameter(torch.zeros(width))

    def forward(self, steps):
        length, width = steps.shape[1:]
        query = self.query(steps)
        key, value = self.split(self.key(steps)), self.split(self.value(steps))
        # Distances from length - 1 down to -(length - 1), as sines and cosines.
        distances = torch.arange(length - 1, -length, -1, device=steps.device)
        rates = torch.exp(torch.arange(0, width, 2, device=steps.device) * (-math.log(10000) / width))
        angles = distances[:, None] * rates
        table = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :width]
        positions = self.split(self.positions(table)[None])
        content = self.split(query + self.content_bias) @ key.transpose(-2, -1)
        placed = self.split(query + self.position_bias) @ positions.transpose(-2, -1)
        # Row i wants the distances i, i - 1, ...: each row is moved one further than the one before it.
        rows = torch.arange(length, device=steps.device)
        index = length - 1 - rows[:, None] + rows
        placed = placed.gather(-1, index.expand(*placed.shape[:2], -1, -1))
        weights = ((content + placed) / math.sqrt(width // self.heads)).softmax(-1)
        return self.output((weights @ value).transpose(1, 2).flatten(2))

    def split(self, steps):
        return steps.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class AttendingLayer(nn.Module):
    """Self-attention, attention to each memory, feed-forward; a norm behind each."""

    def __init__(self, width, feed_forward, heads, memories=(), relative=False, bias=True, attention_bias=True):
        super().__init__()
        if relative:
            self.attention = RelativeAttention(width, heads, attention_bias)
        else:
            self.attention = nn.MultiheadAttention(width, heads, bias=attention_bias, batch_first=True)
        self.norm = nn.LayerNorm(width)
        self.memories = nn.ModuleList(
            nn.MultiheadAttention(width, heads, bias=attention_bias, kdim=memory, vdim=memory, batch_first=True)
            for memory in memories
        )
        self.memory_norms = nn.ModuleList(nn.LayerNorm(width) for _ in memories)
        self.inner = nn.Linear(width, feed_forward, bias=bias)
        self.outer = nn.Linear(feed_forward, width, bias=bias)
        self.last_norm = nn.LayerNorm(width)

    def forward(self, steps, *memories):
        if isinstance(self.attention, RelativeAttention):
            seen = self.attention(steps)
        else:
            seen, _ = self.attention(steps, steps, steps, need_weights=False)
        steps = self.norm(steps + seen)
        for attention, norm, memory in zip(self.memories, self.memory_norms, memories, strict=True):
            seen, _ = attention(steps, memory, memory, need_weights=False)
            steps = norm(steps + seen)
        return self.last_norm(steps + self.outer(functional.relu(self.inner(steps))))


class FeedForward(nn.Sequential):
    """Half of a conformer's feed-forward: norm, two maps."""

    def __init__(self, width, feed_forward):
        inner, outer = nn.Linear(width, feed_forward), nn.Linear(feed_forward, width)
        super().__init__(nn.LayerNorm(width), inner, nn.SiLU(), outer)


class ConformerLayer(nn.Module):
    """Feed-forward, self-attention, convolution, feed-forward: Gulati et al. 2020, arXiv:2005.08100."""

    def __init__(self, width, feed_forward, kernel, heads, attention_bias=True):
        super().__init__()
        self.first = FeedForward(width, feed_forward)
        self.attention_norm = nn.LayerNorm(width)
        self.attention = RelativeAttention(width, heads, attention_bias)
        self.convolution_norm = nn.LayerNorm(width)
        self.pointwise = nn.Conv1d(width, 2 * width, 1)
        self.around = ((kernel - 1) // 2, kernel // 2)
        self.depthwise = nn.Conv1d(width, width, kernel, groups=width)
        self.batch_norm = nn.BatchNorm1d(width)
        self.pointwise_out = nn.Conv1d(width, width, 1)
        self.second = FeedForward(width, feed_forward)
        self.norm = nn.LayerNorm(width)

    def forward(self, steps):
        steps = steps + self.first(steps) / 2
        steps = steps + self.attention(self.attention_norm(steps))
        seen = functional.glu(self.pointwise(self.convolution_norm(steps).transpose(1, 2)), dim=1)
        seen = self.batch_norm(self.depthwise(functional.pad(seen, self.around)))
        seen = self.pointwise_out(functional.silu(seen))
        steps = steps + seen.transpose(1, 2)
        return self.norm(steps + self.second(steps) / 2)


class HighwayLayer(nn.Module):
    """A map, and a gate of how much of it is taken: Srivastava et al. 2015, arXiv:1505.00387."""

    def __init__(self, width):
        super().__init__()
        self.both = nn.Linear(width, 2 * width)

    def forward(self, steps):
        made, gate = self.both(steps).chunk(2, dim=-1)
        gate = gate.sigmoid()
        return gate * functional.relu(made) + (1 - gate) * steps


class Attention(nn.Module):
    """Attention from a query at a memory: additive, general or dot, by the matrices that it has."""

    def __init__(self, query, memory, width=None, project_query=True, project_memory=True, scored=True, biases=()):
        super().__init__()
        self.query = nn.Linear(query, width, bias="query" in biases) if project_query else None
        self.memory = nn.Linear(memory, width, bias="memory" in biases) if project_memory else None
        self.score = nn.Linear(width, 1, bias="score" in biases) if scored else None

    def forward(self, query, memory):
        queries = query if self.query is None else self.query(query)
        keys = memory if self.memory is None else self.memory(memory)
        if self.score is None:
            scores = queries @ keys.transpose(1, 2)
        else:
            scores = self.score(torch.tanh(queries.unsqueeze(2) + keys.unsqueeze(1))).squeeze(3)
        return scores.softmax(-1) @ memory


class Multihead(nn.Module):
    """Attention of several heads whose query, values and output have widths of their own."""

    def __init__(self, query, memory, width, values, output, heads, biases=()):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(query, width, bias="query" in biases)
        self.memory = nn.Linear(memory, width, bias="memory" in biases)
        self.value = nn.Linear(memory, values, bias="value" in biases)
        self.output = nn.Linear(values, output, bias="output" in biases)

    def forward(self, query, memory):
        parts = (self.query(query), self.memory(memory), self.value(memory))
        queries, keys, values = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        seen = functional.scaled_dot_product_attention(queries, keys, values)
        return self.output(seen.transpose(1, 2).flatten(2))
