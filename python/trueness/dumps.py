"""Two folders in, rows out: discover, pair and compare put together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path

from trueness.compare.engine import compare_pairs
from trueness.compare.standards import Standard, check_reference, standard_of
from trueness.diagnose import Localiser
from trueness.model import Diagnosis, Dump, Finding, Result
from trueness.plan import SIDES, Plan, beside_reference, filters_of, plan_dumps
from trueness.report import Summary, write_report


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a comparison is. Bytes are those of the files that rows came from so far."""

    rows: int
    bytes_done: int
    bytes_total: int


class DumpComparison:
    """Iterate to get results while they are computed, in execution order; a second iteration starts
    over with those kept. The other methods run it to the end first."""

    def __init__(self, results: Iterator[Result], plan: Plan) -> None:
        self._localiser = Localiser((*plan.golden.graphs, *plan.my.graphs))
        self._source = results
        self._results = self._localiser.follow(results)
        self._again = plan.again
        self._diagnosis: Diagnosis | None = None
        self._kept: list[Result] = []
        self.recognised = plan.recognised
        self.skipped: Mapping[str, int] = plan.filters.skipped

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
        return self.complete(Summary.of(self))

    def complete(self, summary: Summary, replay: bool | None = None) -> Summary:
        """Adds to the counts of all rows what the rows do not tell; `replay` as for diagnosis."""
        summary.skipped = self.skipped
        summary.diagnosis = self.diagnosis(replay)
        summary.recognised = dict(zip(SIDES, map(asdict, self.recognised), strict=False))
        return summary

    def diagnosis(self, replay: bool | None = None) -> Diagnosis:
        """Where the comparison went wrong; to be asked for when all rows were taken. `replay` True
        or False: whether to run the suspects again; None does so where any is of a type that
        numpy can run, or torch, or onnx for ONNX dumps, is installed. True says of a suspect what
        it lacks."""
        if self._diagnosis is None:
            found = self._localiser.diagnosis()
            if replay is not False and (found.findings or found.faint):
                found = self._confirmed(found, replay)
            self._diagnosis = found
        return self._diagnosis

    def _confirmed(self, found: Diagnosis, replay: bool | None) -> Diagnosis:
        """Each run that a suspect is of is paired once more: its rows are gone."""
        from trueness.diagnose.confirm import can_be_confirmed, confirmed
        from trueness.diagnose.operators import Operators, Read, key_of

        if not (replay or can_be_confirmed(found)):
            return found
        runs: dict[tuple[int | None, int | None], Operators] = {}

        def operators_of(rank: int | None, token: int | None) -> Operators:
            if (rank, token) not in runs:
                plan = self._again(filters=filters_of(rank=rank, token=token))
                runs[rank, token] = Operators.of(plan.items, self._localiser.ops)
            return runs[rank, token]

        def items(findings: Sequence[Finding]) -> Sequence[Read]:
            return [
                operators_of(ref.rank, ref.token).read(key_of(ref)) if ref else ((), ())
                for ref in (finding.result.my for finding in findings)
            ]

        return confirmed(found, items)

    @property
    def findings(self) -> Sequence[Finding]:
        """The operators where values part, the likeliest first."""
        for _ in self:
            pass
        return self.diagnosis().findings

    def to_csv(self, path: str | PathLike[str]) -> Path:
        """Writes every row to `path`, in the place of what was there, as all reports do."""
        return self._write("csv", path)

    def to_xlsx(self, path: str | PathLike[str]) -> Path:
        """An Excel workbook: summary, worst rows, and a sheet for each rank. Raises UsageError when
        XlsxWriter is not installed."""
        return self._write("xlsx", path)

    def to_html(self, path: str | PathLike[str]) -> Path:
        """One page that opens anywhere: findings, plots and a table. Raises UsageError when bokeh
        is not installed."""
        return self._write("html", path)

    def to_parquet(self, path: str | PathLike[str]) -> Path:
        """Every row in typed columns. Raises UsageError when pyarrow is not installed."""
        return self._write("parquet", path)

    def to_json(self, path: str | PathLike[str]) -> Path:
        """The summary with findings and worst rows, for programs."""
        return self._write("json", path)

    def to_markdown(self, path: str | PathLike[str]) -> Path:
        """The summary with findings and worst rows, to be put under a pull request."""
        return self._write("md", path)

    def _write(self, kind: str, path: str | PathLike[str]) -> Path:
        return write_report(kind, self, path, self.summary)

    def close(self) -> None:
        """Ends a comparison that is not to be finished; what is running is waited for."""
        for stream in (self._results, self._source):
            close = getattr(stream, "close", None)
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
    op: str | Sequence[str] | None = None,
    op_type: str | Sequence[str] | None = None,
    io: str | None = None,
    layer: int | Sequence[int] | None = None,
    path_map: Mapping[str, str] | None = None,
    level: str | None = None,
    op_mapping: str | PathLike[str] | None = None,
    reference: str | PathLike[str] | None = None,
) -> DumpComparison:
    """Compares two dump folders, or a folder and a file. `layout` is the name of a pairing, such as
    "torchair" or "flat"; recognised when None. `rank`, `token`, `op` and `op_type` (globs), `io`
    ("input" or "output") and `layer` keep only what fits; `skipped` of what is returned counts the
    rest. `mapping` is a file that says which names belong together, `path_map` where recorded paths
    that begin so are now. `level` ("layer", "module", "api" or "logits") is how deep to look into
    ATB and torch models, `op_mapping` a file that says which torch types ATB operators stand for.
    `reference` is the dump of a third implementation: how far that is off golden tells the
    diagnosis, and a standard that asks, how far mine may be. What is wrong with files is in rows.

    Raises UsageError for options that do not fit, LayoutError for a folder of no known layout,
    PairingError when the two layouts do not go together."""
    plan = plan_dumps(
        golden_dir,
        my_dir,
        layout=layout,
        mapping=mapping,
        filters=filters_of(rank=rank, token=token, op=op, op_type=op_type, io=io, layer=layer),
        path_map=path_map,
        level=level,
        op_mapping=op_mapping,
    )
    return compare_plan(
        plan,
        standard=standard,
        jobs=jobs,
        metrics=metrics,
        on_progress=on_progress,
        reference=reference,
    )


def compare_plan(
    plan: Plan,
    *,
    standard: str | Standard | None = None,
    jobs: int | None = None,
    metrics: str | Sequence[str] | None = None,
    on_progress: Callable[[Progress], object] | None = None,
    reference: str | PathLike[str] | None = None,
) -> DumpComparison:
    """Reads and compares what was planned. Raises UsageError for an unknown standard or metric, and
    for a standard without the reference it needs."""
    standard = standard_of(standard)
    if reference is None:
        check_reference(standard, False)
    else:
        plan = beside_reference(plan, reference)
    results = plan.filters.results(
        compare_pairs(
            plan.items, jobs=jobs, metrics=metrics or "all", standard=standard, files=plan.files
        )
    )
    if on_progress:
        results = _reporting(results, plan.golden, plan.my, on_progress)
    return DumpComparison(results, plan)


def _reporting(
    results: Iterator[Result], golden: Dump, my: Dump, on_progress: Callable[[Progress], object]
) -> Iterator[Result]:
    left = {ref.path: _size(ref.path) for ref in (*golden.tensors, *my.tensors)}
    total = sum(left.values())
    done = 0
    for rows, result in enumerate(results, 1):
        for ref in (result.golden, result.my):
            if ref:
                done += sum(left.pop(path, 0) for path in (ref.path, *ref.shards))
        on_progress(Progress(rows, done, total))
        yield result


def _size(path: str) -> int:
    """A file that is gone has its row from the engine; here it only counts nothing."""
    try:
        return os.stat(path).st_size  # noqa: PTH116 - as fast as possible: one call a file
    except (OSError, ValueError):
        return 0
