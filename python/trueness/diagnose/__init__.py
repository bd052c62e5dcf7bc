"""Rows become an answer: which operator brought the error in, and what shows it."""

from trueness.diagnose.localise import Localiser

__all__ = ["Localiser"]
