"""The compiled core: readers and metrics. Bytes and numbers only; paths in, no policy."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, TypeAlias, final

import numpy.typing as npt
from typing_extensions import Buffer

DTYPE_BITS: dict[str, int]
"""Stored bits of one element, for every type that can be decoded."""

@final
class Tensor:
    """A tensor where it lies: in a mapped file, or in memory of the caller. Cheap; nothing is read
    until it is compared or asked for."""

    @staticmethod
    def from_file(
        path: str,
        *,
        offset: int,
        dtype: str,
        shape: Sequence[int],
        strides: Sequence[int] | None = None,
        nbytes: int | None = None,
        byte_swapped: bool = False,
        name: str = "",
    ) -> Tensor:
        """`strides` in elements, `offset` and `nbytes` in bytes. Raises FormatError when the
        tensor does not lie inside the file, ValueError for an unknown dtype."""

    @staticmethod
    def from_address(
        address: int,
        nbytes: int,
        *,
        dtype: str,
        shape: Sequence[int],
        strides: Sequence[int] | None = None,
        byte_swapped: bool = False,
        owner: object,
        name: str = "",
    ) -> Tensor:
        """Memory at [address, address + nbytes), kept alive by `owner`. `strides` in bytes (in
        elements for int4 and uint1), counted from the lowest address; elements must stay inside
        the range."""

    @property
    def path(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def io(self) -> str: ...
    @property
    def index(self) -> int: ...
    @property
    def dtype(self) -> str: ...
    @property
    def dtype_code(self) -> int: ...
    @property
    def format(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def original_shape(self) -> tuple[int, ...] | None: ...
    @property
    def logical_shape(self) -> tuple[int, ...]: ...
    @property
    def offset(self) -> int: ...
    @property
    def nbytes(self) -> int: ...
    @property
    def dumped(self) -> bool: ...
    @property
    def readable(self) -> bool: ...
    @property
    def problem(self) -> str | None: ...
    def numpy(self) -> npt.NDArray[Any]:
        """A new array in logical order and shape; bf16 and fp8 become float32, int4 int8, uint1
        uint8, complex32 complex64. Raises FormatError when the tensor cannot be read."""
    def flat_numpy(self, first: int, count: int) -> npt.NDArray[Any]:
        """Elements [first, first + count) in logical order, converted as by `numpy()`. `first` is a
        multiple of 8."""
    def raw(self, offset: int = 0, count: int | None = None) -> bytes:
        """Bytes as stored: all `nbytes`, or `count` of them from `offset`."""
    def relabelled(self, *, name: str, index: int) -> Tensor:
        """The same tensor under the name and position it has in an outer file."""
    @staticmethod
    def unreadable(
        path: str,
        *,
        name: str,
        index: int,
        problem: str,
        offset: int = 0,
        dtype: str = "unknown",
        shape: Sequence[int] = (),
    ) -> Tensor:
        """A tensor that a file declares but whose values cannot be had; `problem` says why."""

@final
class Source:
    """One opening of a file, shared by all tensors taken from it."""

    def __init__(self, path: str | bytes | PathLike[str]) -> None:
        """Raises ReadError."""
    @staticmethod
    def from_buffer(name: str, data: Buffer) -> Source:
        """Bytes in memory under a name for messages; `data` is kept alive, not copied."""
    @property
    def path(self) -> str: ...
    @property
    def size(self) -> int: ...
    def read(self, offset: int, count: int) -> bytes:
        """Raises FormatError when the range leaves the file."""
    def parse(self, *, offset: int = 0, size: int | None = None) -> File:
        """As `open_file`."""
    def tensor(
        self,
        *,
        offset: int,
        dtype: str,
        shape: Sequence[int],
        strides: Sequence[int] | None = None,
        nbytes: int | None = None,
        byte_swapped: bool = False,
        name: str = "",
    ) -> Tensor:
        """As `Tensor.from_file`."""

@final
class File:
    @property
    def path(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def tensors(self) -> list[Tensor]: ...
    @property
    def warnings(self) -> list[str]: ...
    @property
    def attributes(self) -> dict[str, str]: ...

def open_file(path: str, *, offset: int = 0, size: int | None = None) -> File:
    """Recognises the content and parses it. Raises trueness.errors.FormatError, or OSError when the
    bytes cannot be had."""

@final
class Sums:
    """Everything one pass over a pair leaves behind. Picklable, mergeable, a few hundred bytes."""

    @staticmethod
    def merge(a: Sums, b: Sums) -> Sums: ...
    def finish(self) -> dict[str, float]:
        """Every metric of the contract by name; NaN where undefined. Index metrics are -1 when
        there is no such element."""
    def finish_packed(self) -> bytes:
        """The values of `finish` in the order of METRIC_NAMES, as doubles lie in memory."""
    @property
    def ordinary(self) -> bool:
        """Whether all numbers are finite, there are some, and golden is not zero everywhere. False
        where extremes were not asked for."""
    def tolerances(self) -> dict[str, float]:
        """What the `Tolerances` of the comparison came to: `outside_ratio_K` for each pair, `mare`
        and `mere` (largest and mean |m - g| / (|g| + 1e-7)) and `normal_rmse` over |g| >=
        small_value, `error_balance`, `small_value_count`, `small_error_count`,
        `max_absolute_error` and `golden_at_max_absolute`, `mean_ulp_error`, `ulp_outside_ratio`.
        NaN where undefined or not asked for."""
    def __eq__(self, other: object) -> bool: ...
    def __getstate__(self) -> bytes: ...
    def __setstate__(self, state: bytes) -> None: ...

@final
class Tolerances:
    """Questions about single elements of a pair (g, m), answered in the same pass."""

    def __init__(
        self,
        within: Sequence[tuple[float, float]] = (),
        *,
        errors: bool = False,
        small_value: float = 0.0,
        small_error: float = 0.0,
        worst: bool = False,
        ulp: int | None = None,
    ) -> None:
        """`within`: up to 4 (atol, rtol), elements with |m - g| > atol + rtol |g| are counted.
        `errors`: floored relative errors, signs, and elements with |g| < small_value and
        |m - g| > small_error. `worst`: the golden value where |m - g| is largest. `ulp`: elements
        more than so many units in the last place apart. Raises ValueError for what is no number
        of at least 0."""

def compare(
    golden: Tensor,
    my: Tensor,
    *,
    threads: int = 0,
    metrics: int = -1,
    tolerances: Tolerances | None = None,
) -> Sums:
    """Both tensors flattened in logical order; they must have the same element count (ValueError).
    `threads` 0: TRUENESS_THREADS, else all cores. `metrics`: the METRIC_GROUPS bits of the wanted
    metrics, or-ed; -1 for all. Complex elements are compared as two numbers each.
    Raises OSError when a file cannot be read to its end, FormatError for an unreadable tensor."""

def compare_files(
    paths: Sequence[tuple[str, str] | None],
    *,
    asked: Mapping[tuple[str, str], tuple[int, Tolerances | None]],
    below: int,
) -> list[tuple[str, str, tuple[int, ...], int, Sums] | None]:
    """Pairs of files, each of one tensor, on this thread: (golden dtype, my dtype, shape, bytes of
    both, sums). `asked` holds metrics and tolerances, as for `compare`, by the two dtypes. None for
    a pair that is not so plain, has `below` bytes or more, or went wrong in any way."""

def csv_lines(rows: list[list[str | int | float]], /) -> bytes:
    """Rows of a CSV file in UTF-8, each with its line feed. Floats stand as `repr` writes them,
    NaN as an empty cell; text that a spreadsheet would run gets a quote before it, carriage returns
    and zero characters become \\r and \\0, and what cannot be encoded, such as some names of files,
    an escape. Other threads run while the text is made."""

Header: TypeAlias = tuple[str, tuple[tuple[str, int, str, tuple[int, ...], str], ...]]
"""Kind of a file; io, index, dtype, logical shape and name of each of its tensors."""

def describe_files(paths: Sequence[str]) -> list[Header | None]:
    """The headers of many files, read on all threads; equal ones are one object. None for what
    `open_file` refuses."""

METRIC_NAMES: tuple[str, ...]
"""Every metric, in the order of Sums.finish()."""

METRIC_GROUPS: dict[str, int]
"""Metric name to the bit of the pass that computes it: what shares a bit comes together."""

def isas() -> list[str]:
    """Instruction sets compiled in that this CPU can run, worst first."""

def isa() -> str:
    """The one in use."""

def use_isa(name: str) -> None:
    """Forces one; ValueError when unknown or not runnable here."""

def build_info() -> dict[str, Any]: ...
