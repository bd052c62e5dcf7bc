"""Two folders in, rows out: discover, pair and compare put together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from trueness import discover, pair
from trueness.compare.engine import compare_pairs
from trueness.compare.open_files import OpenFiles
from trueness.compare.standards import Standard
from trueness.errors import LayoutError, PairingError, UsageError
from trueness.model import Dump, Result
from trueness.report import Summary, to_csv


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a comparison is. Bytes are those of the files that rows came from so far."""

    rows: int
    bytes_done: int
    bytes_total: int


class DumpComparison:
    """Iterate to get results while they are computed, in execution order; a second iteration starts
    over with those kept. The other methods run it to the end first."""

    def __init__(self, results: Iterator[Result]) -> None:
        self._results = results
        self._kept: list[Result] = []

    def __iter__(self) -> Iterator[Result]:
        at = 0
        while True:
            if at == len(self._kept):
                result = next(self._results, None)
                if result is None:
                    return
                self._kept.append(result)
            yield self._kept[at]
            at += 1

    def once(self) -> Iterator[Result]:
        """The results without keeping them, for one pass over a large dump. Those kept before do
        not come again."""
        return self._results

    def summary(self) -> Summary:
        """Counts of every state and verdict, the first operator that differs, the worst rows."""
        return Summary.of(self)

    def to_csv(self, path: str | PathLike[str]) -> Path:
        """Writes every row to `path`, in the place of what was there."""
        return to_csv(self, path)

    def close(self) -> None:
        """Ends a comparison that is not to be finished; what is running is waited for."""
        close = getattr(self._results, "close", None)
        if close:
            close()


def compare_dumps(
    golden_dir: str | PathLike[str],
    my_dir: str | PathLike[str],
    *,
    layout: str | None = None,
    rank: int | None = None,
    token: int | None = None,
    mapping: str | PathLike[str] | None = None,
    standard: str | Standard | None = None,
    jobs: int | None = None,
    metrics: str | Sequence[str] | None = None,
    on_progress: Callable[[Progress], object] | None = None,
) -> DumpComparison:
    """Compares two dump folders. `layout` names a pairing, recognised when None; `rank` and
    `token` keep that one only. What is wrong with single files is in the rows.

    Raises UsageError for options that do not fit, LayoutError for a folder of no known layout,
    PairingError when the two layouts do not go together, FormatError for a damaged graph file."""
    if mapping is not None:
        raise UsageError("mapping files cannot be used yet; leave mapping out")
    golden_root, my_root = _folder(golden_dir, "golden"), _folder(my_dir, "my")
    pairing = _pairing(golden_root, my_root, layout)
    if pairing.name in ("flat", "onnx") and (rank is not None or token is not None):
        raise UsageError(f"{pairing.name} knows no ranks and tokens; give the folder of one instead")
    layouts = {known.name: known for known in discover.LAYOUTS}
    golden = layouts[pairing.golden].discover(golden_root, rank=rank, token=token)
    my = layouts[pairing.my].discover(my_root, rank=rank, token=token)
    if not golden.tensors and not my.tensors:
        raise UsageError(f"no tensors of rank {rank}, token {token} on either side")
    files = OpenFiles()
    results = compare_pairs(
        pairing.pair(golden, my, files.describe),
        jobs=jobs,
        metrics=metrics or "all",
        standard=standard,
        files=files,
    )
    if on_progress:
        results = _reporting(results, golden, my, on_progress)
    return DumpComparison(results)


def _folder(path: str | PathLike[str], side: str) -> Path:
    folder = Path(path)
    if not folder.exists():
        raise UsageError(f"{side}: {folder} does not exist")
    if not folder.is_dir():
        raise UsageError(f"{side}: {folder} is not a folder")
    return folder


def _pairing(golden: Path, my: Path, layout: str | None) -> pair.Pairing:
    if layout is None:
        names = [[known.name for known in discover.layouts_of(root)] for root in (golden, my)]
        try:
            return pair.choose(*names)
        except PairingError as error:
            raise PairingError("; ".join((str(error), *_why_not(golden, my)))) from None
    by_name = {pairing.name: pairing for pairing in pair.PAIRINGS}
    if layout not in by_name:
        raise UsageError(f"no layout is called {layout!r}; known: {', '.join(by_name)}")
    pairing = by_name[layout]
    for side, root, name in (("golden", golden, pairing.golden), ("my", my, pairing.my)):
        reason = discover.refusals(root)[name]
        if reason:
            raise LayoutError(f"{side}: {root} is not {name}: {reason}")
    return pairing


def _why_not(golden: Path, my: Path) -> Iterator[str]:
    """What the other side lacks, where one side is half of a pairing."""
    golden_said, my_said = discover.refusals(golden), discover.refusals(my)
    for pairing in pair.PAIRINGS:
        if golden_said[pairing.golden] is None and my_said[pairing.my]:
            yield f"my ({my}) is not {pairing.my}: {my_said[pairing.my]}"
        elif my_said[pairing.my] is None and golden_said[pairing.golden]:
            yield f"golden ({golden}) is not {pairing.golden}: {golden_said[pairing.golden]}"


def _reporting(
    results: Iterator[Result], golden: Dump, my: Dump, on_progress: Callable[[Progress], object]
) -> Iterator[Result]:
    left = {ref.path: _size(ref.path) for ref in (*golden.tensors, *my.tensors)}
    total = sum(left.values())
    done = 0
    for rows, result in enumerate(results, 1):
        for ref in (result.golden, result.my):
            if ref:
                done += left.pop(ref.path, 0)
        on_progress(Progress(rows, done, total))
        yield result


def _size(path: str) -> int:
    """A file that is gone has its row from the engine; here it only counts nothing."""
    try:
        return os.stat(path).st_size  # noqa: PTH116 - as fast as possible: one call a file
    except OSError:
        return 0
