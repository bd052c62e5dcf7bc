"""The families of models, and which of them rules were tuned on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from injection.encoder_decoder import encoder_decoder
from injection.families import convolutional, experts, transformer
from injection.program import Program
from injection.state_space import state_space

FAMILIES: Mapping[str, Callable[[np.random.Generator, bool], Program]] = {
    "transformer": transformer,
    "experts": experts,
    "convolutional": convolutional,
    "encoder-decoder": encoder_decoder,
    "state space": state_space,
}
TUNED = ("transformer", "experts", "convolutional")
VALIDATION = "encoder-decoder"
"""Looked at between changes of rules, but no rule was made for it."""
HELD = "state space"
"""Run once, after the last change of a rule."""
