"""Statistics that tools leave in place of a GE or FX dump: smallest and largest values, and the csv
that CANN writes when told to keep statistics only."""

from __future__ import annotations

import csv
from collections.abc import Mapping

from trueness.errors import FormatError
from trueness.model import Member, Statistics
from trueness.read.open import open_file

MAX_TENSORS = 10_000
"""Of one operator; more are taken for damage."""
_SIDES = {"inputs": "input", "outputs": "output"}
_CSV_SIDES = {"Input": "input", "Output": "output"}
_DTYPES = {"DT_FLOAT": "float32", "DT_DOUBLE": "float64", "DT_BF16": "bfloat16"}


def read_min_max(path: str) -> Mapping[Member | None, Statistics]:
    """An array of smallest and largest value, or an archive of arrays `inputs` and `outputs` of
    shape [tensors, 2]."""
    file = open_file(path)
    if file.kind != "npz":
        tensors = file.tensors
        if len(tensors) != 1 or tuple(tensors[0].logical_shape) != (2,):
            shapes = [list(tensor.logical_shape) for tensor in tensors[:3]]
            raise FormatError(path, 0, "", "one array of shape [2]", f"arrays of shapes {shapes}")
        low, high = tensors[0].numpy().tolist()
        return {None: _between(path, "", low, high)}
    found: dict[Member | None, Statistics] = {}
    for tensor in file.tensors:
        io = _SIDES.get(tensor.name)
        shape = tuple(tensor.logical_shape)
        if io is None or shape in ((0,), (0, 2)):
            continue
        if len(shape) != 2 or shape[1] != 2 or shape[0] > MAX_TENSORS:
            raise FormatError(path, 0, tensor.name, "an array of shape [n, 2]", f"{list(shape)}")
        for index, (low, high) in enumerate(tensor.numpy().tolist()):
            found[io, index] = _between(path, tensor.name, low, high)
    return found


def _between(path: str, name: str, low: object, high: object) -> Statistics:
    if not isinstance(low, (bool, int, float)) or not isinstance(high, (bool, int, float)):
        raise FormatError(path, 0, name, "real numbers", f"{type(low).__name__}")
    return Statistics(max_value=float(high), min_value=float(low))


def read_cann_csv(path: str) -> Mapping[Member | None, Statistics]:
    """A row for each tensor; empty cells where the device could not tell."""
    found: dict[Member | None, Statistics] = {}
    try:
        with open(path, encoding="utf-8", errors="strict", newline="") as file:  # noqa: PTH123
            for row in csv.DictReader(file):
                io = _CSV_SIDES.get(row.get("Input/Output") or "")
                if io is None or len(found) > MAX_TENSORS:
                    raise FormatError(path, 0, "", "a row of Input or Output", f"{row}"[:80])
                index = _number(path, row, "Index")
                found[io, int(index or 0)] = _row(path, row)
    except (csv.Error, UnicodeDecodeError, OverflowError) as error:
        raise FormatError(path, 0, "", "statistics as csv", str(error)[:80]) from None
    return found


def _row(path: str, row: Mapping[str, str]) -> Statistics:
    infinite = [
        value
        for name in ("Negative Inf Count", "Positive Inf Count")
        if (value := _number(path, row, name)) is not None
    ]
    shape = row.get("Shape") or ""
    dims = shape.split("x") if shape not in ("", "-") else []
    dtype = row.get("Data Type") or ""
    return Statistics(
        max_value=_number(path, row, "Max Value"),
        min_value=_number(path, row, "Min Value"),
        mean_value=_number(path, row, "Avg Value"),
        l2norm=_number(path, row, "l2norm"),
        nan_count=_number(path, row, "Nan Count"),
        inf_count=sum(infinite) if infinite else None,
        dtype=_DTYPES.get(dtype, dtype.removeprefix("DT_").lower()) if dtype != "-" else "",
        shape=tuple(map(int, dims)) if all(d.isdecimal() and len(d) < 19 for d in dims) else None,
    )


def _number(path: str, row: Mapping[str, str], name: str) -> float | None:
    text = row.get(name)
    if text is None or text in ("", "NA", "-", "UNKNOW"):
        return None
    try:
        return float(text)
    except (ValueError, TypeError):
        raise FormatError(path, 0, name, "a number", repr(text)[:40]) from None
