"""From a path or an array to tensors that the core can stream."""

from trueness.read.file import TensorFile
from trueness.read.open import open_file

__all__ = ["TensorFile", "open_file"]
