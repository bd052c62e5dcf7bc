"""Energy of an NPU, from what npu-smi says of its power before and after."""

from __future__ import annotations

import logging
import re
import subprocess

from trueness.errors import UsageError

LOGGER = logging.getLogger("trueness.benchmark")
_NUMBER = re.compile(r"(\d+(?:\.\d+)?)\s*$")


def power(npu: int) -> float:
    """Watts. Raises UsageError without npu-smi, or when it does not say."""
    arguments = ["npu-smi", "info", "-t", "power", "-i", str(npu)]
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise UsageError(f"--energy-consumption needs npu-smi: {error}") from None
    for line in done.stdout.splitlines():
        found = _NUMBER.search(line)
        if "power" in line.lower() and found:
            return float(found[1])
    raise UsageError(f"npu-smi says nothing of the power of NPU {npu}")


def report(before: float, npu: int, seconds: float) -> None:
    joules = (before + power(npu)) / 2 * seconds
    LOGGER.info("energy consumption of NPU %d: %.3f J in %.3f s", npu, joules, seconds)
