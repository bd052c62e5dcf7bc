"""TensorRT's own benchmark, of which only the numbers are taken."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence

from trueness.benchmark.options import Options
from trueness.errors import UsageError

_SHOWN = re.compile(
    r"(?:Throughput|H2D Latency|GPU Compute Time|D2H Latency|Total Host Walltime)\s*:.*"
)


def command(options: Options) -> Sequence[str]:
    found = ["trtexec", f"--onnx={options.om_model}", "--fp16", f"--device={options.device[0]}"]
    found.append(f"--iterations={options.loop}")
    if options.batch_size:
        found.append(f"--batch={options.batch_size}")
    return [*found, f"--warmUp={options.warmup_count}"]


def run(options: Options, say: Callable[[str], object]) -> int:
    """The exit code of trtexec. Raises UsageError when it is not installed."""
    if shutil.which("trtexec") is None:
        raise UsageError("--perf needs trtexec on the path; without --perf ONNX Runtime measures")
    done = subprocess.run(command(options), capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        found = _SHOWN.search(line)
        if found:
            say(found[0])
    if done.returncode:
        say(done.stderr.strip() or done.stdout.strip()[-2000:])
    return done.returncode
