"""What a model is given: files, or data that is made up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueness.benchmark.backends import Port
from trueness.benchmark.options import Options
from trueness.benchmark.shapes import Shapes, complete
from trueness.errors import FormatError, UsageError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

SUFFIXES = (".npy", ".bin")


@dataclass(frozen=True, slots=True)
class Group:
    """The inputs of one execution. `samples` are the files each sample in it came from, none for
    data that is made up; `padding` more samples fill the batch and are not saved."""

    feeds: Sequence[Array]
    samples: Sequence[Sequence[str]]
    padding: int = 0


def groups(
    options: Options, ports: Sequence[Port], shapes: Shapes, part: tuple[int, int] = (0, 1)
) -> Iterator[Group]:
    """In the order of the files, of which the first of `part` says which of how many shares to
    take. Raises UsageError for files that do not fit the model."""
    if not options.input:
        yield _made_up(options, ports, complete(ports, shapes))
        return
    files = [share(paths, *part) for paths in listed_files(options.input, len(ports))]
    if not files[0]:
        return
    by_file = options.auto_set_dymshape_mode or options.auto_set_dymdims_mode
    if by_file or (not shapes and _open(ports)):
        for sample in zip(*files, strict=True):
            _check_shapes_known(sample)
            feeds = [_of_file(path, port) for path, port in zip(sample, ports, strict=True)]
            yield Group(feeds, [[str(path) for path in sample]])
        return
    yield from _batches(ports, complete(ports, shapes), files)


def _check_shapes_known(sample: Sequence[Path]) -> None:
    for path in sample:
        if path.suffix.lower() != ".npy":
            raise UsageError(f"{path} does not say its shape; give .npy files, or --dym-shape")


def share(files: Sequence[Path], place: int, count: int) -> Sequence[Path]:
    """The share of `place` out of `count`: in order, the first get one more."""
    size, more = divmod(len(files), count)
    begin = place * size + min(place, more)
    return files[begin : begin + size + (place < more)]


def listed_files(given: Sequence[str], count: int) -> list[list[Path]]:
    """The files for each of `count` inputs: of a folder each, or of a list of files, of which the
    first part is for input 0 and so on. Raises UsageError."""
    paths = [Path(path) for path in given]
    if all(path.is_dir() for path in paths):
        if len(paths) != count:
            raise UsageError(f"--input names {len(paths)} folders; the model has {count} inputs")
        found = [_in_folder(path) for path in paths]
    elif any(path.is_dir() for path in paths):
        raise UsageError("--input mixes files and folders; give a folder for each input, or files")
    else:
        size, rest = divmod(len(paths), count)
        if rest:
            raise UsageError(f"--input names {len(paths)} files; give some for each {count} inputs")
        found = [paths[i * size : (i + 1) * size] for i in range(count)]
    lengths = {len(files) for files in found}
    if len(lengths) != 1:
        shown = ", ".join(str(len(files)) for files in found)
        raise UsageError(f"--input has different numbers of files for the inputs: {shown}")
    return found


def _in_folder(folder: Path) -> list[Path]:
    found = [p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file()]
    if not found:
        raise UsageError(f"--input {folder}: no .npy or .bin files in it")
    return sorted(found, key=_natural)


def _natural(path: Path) -> list[tuple[int, str]]:
    """2.npy before 10.npy."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _open(ports: Sequence[Port]) -> bool:
    return any(not isinstance(size, int) for port in ports for size in port.shape)


def _made_up(options: Options, ports: Sequence[Port], shapes: Shapes) -> Group:
    import numpy as np

    random = np.random.default_rng(options.seed)
    low, high = _range(options.random_range)
    feeds = []
    for port in ports:
        shape, dtype = shapes[port.name], _dtype(port)
        if options.pure_data_type == "zero":
            feeds.append(np.zeros(shape, dtype))
        elif dtype.kind == "f" or port.dtype == "bfloat16":
            first, last = (0.0, 1.0) if low is None else (low, high)
            feeds.append(random.uniform(first, last, shape).astype(dtype))
        else:
            first, last = (0, 1) if low is None or dtype.kind == "b" else (int(low), int(high))
            feeds.append(random.integers(first, last, shape, endpoint=True).astype(dtype))
    return Group(feeds, [[]])


def _range(text: str | None) -> tuple[float | None, float]:
    if text is None:
        return None, 0.0
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--random-range is {text!r}; give LOW,HIGH") from None
    if not low <= high:
        raise UsageError(f"--random-range is {text!r}; LOW is above HIGH")
    return low, high


def _dtype(port: Port) -> np.dtype[Any]:
    import numpy as np

    try:
        return np.dtype(port.dtype)
    except TypeError:
        raise UsageError(
            f"input {port.name} is {port.dtype}, which numpy cannot make; give files"
        ) from None


def _batches(
    ports: Sequence[Port], shapes: Shapes, files: Sequence[Sequence[Path]]
) -> Iterator[Group]:
    """As many files to an execution as the first input takes. A last group that is not full is
    filled with copies of its first sample."""
    import numpy as np

    first = _of_file(files[0][0], ports[0])
    size = int(np.prod(shapes[ports[0].name])) * _dtype(ports[0]).itemsize
    if not first.nbytes or size % first.nbytes:
        raise UsageError(
            f"{files[0][0]} has {first.nbytes} bytes of data, input {ports[0].name} takes {size}"
        )
    count = size // first.nbytes
    total = len(files[0])
    for begin in range(0, total, count):
        end = min(begin + count, total)
        padding = begin + count - end
        feeds = []
        for port, paths in zip(ports, files, strict=True):
            arrays = [_of_file(path, port) for path in paths[begin:end]]
            arrays += [arrays[0]] * padding
            feeds.append(_joined(arrays, port, shapes[port.name], paths[begin]))
        samples = [[str(paths[i]) for paths in files] for i in range(begin, end)]
        yield Group(feeds, samples, padding)


def _joined(arrays: Sequence[Array], port: Port, shape: tuple[int, ...], first: Path) -> Array:
    import numpy as np

    flat = np.concatenate([array.reshape(-1) for array in arrays])
    if flat.size != np.prod(shape):
        raise UsageError(
            f"{first}: {len(arrays)} files such as this hold {flat.size} values, input "
            f"{port.name} takes {list(shape)}"
        )
    return flat.reshape(shape)


def _of_file(path: Path, port: Port) -> Array:
    """A .npy in its own dtype, which has to be that of the input; the bytes of a .bin as if it had
    that. Raises UsageError, FormatError for a damaged .npy."""
    import numpy as np

    dtype = _dtype(port)
    if path.suffix.lower() == ".npy":
        try:
            found: Array = np.load(path, allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise FormatError(str(path), 0, "", "a .npy file", str(error)) from error
        if found.dtype != dtype:
            raise UsageError(f"{path} holds {found.dtype}, input {port.name} takes {dtype}")
        return np.ascontiguousarray(found)
    if path.suffix.lower() != ".bin":
        raise UsageError(f"{path}: give .npy or .bin files")
    if path.stat().st_size % dtype.itemsize:
        raise UsageError(
            f"{path} has {path.stat().st_size} bytes, no whole number of {dtype} for {port.name}"
        )
    return np.fromfile(path, dtype)
