"""A small model that ran twice, and the dumps of both runs: what `trueness demo` compares."""
