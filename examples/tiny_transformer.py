"""The model of all examples: a transformer of a few layers, built in code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import torch
from torch import Tensor, library, nn
from torch.nn import functional

WIDTH, HEADS, LAYERS, WORDS, LENGTH = 32, 4, 3, 50, 6
BROKEN_LAYER = 1
kernels = {"gelu": functional.gelu}


@library.custom_op("tiny::gelu", mutates_args=())
def gelu(x: Tensor) -> Tensor:
    """An operator with a kernel of its own, as accelerators have them."""
    return kernels["gelu"](x)


@gelu.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


class Gelu(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return gelu(x)


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        parts = self.qkv(x).view(batch, length, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        scores = query @ key.transpose(-1, -2)
        shares = (scores * (WIDTH // HEADS) ** -0.5).softmax(-1)
        return self.out((shares @ value).transpose(1, 2).reshape(batch, length, WIDTH))


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(WIDTH)
        self.attention = Attention()
        self.mlp_norm = nn.LayerNorm(WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), Gelu(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x))
        return x + self.mlp(self.mlp_norm(x))


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, WIDTH)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, WORDS)

    def forward(self, words: Tensor) -> Tensor:
        x = self.embedding(words)
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x))


def make(dtype: torch.dtype = torch.float32) -> Transformer:
    """The same weights at every call: those of a bfloat16 checkpoint, held in `dtype`."""
    torch.manual_seed(7)
    return Transformer().eval().bfloat16().to(dtype)


def words() -> Tensor:
    torch.manual_seed(11)
    return torch.randint(0, WORDS, (2, LENGTH))


@contextmanager
def broken() -> Iterator[None]:
    """The bug to find: the kernel of one operator is wrong in one layer."""
    calls = count()

    def wrong(x: Tensor) -> Tensor:
        return functional.gelu(x) * (2 if next(calls) == BROKEN_LAYER else 1)

    kernels["gelu"] = wrong
    try:
        yield
    finally:
        kernels["gelu"] = functional.gelu
