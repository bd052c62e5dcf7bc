"""Comparing while the model runs: only golden is on disk. Run:
python examples/one_process.py FOLDER"""

import sys
from pathlib import Path

import tiny_transformer as tiny
import torch

from trueness import dump


def main(folder: Path) -> None:
    words = tiny.words()
    with torch.no_grad():
        with dump.fx(tiny.make(), folder / "golden") as run:
            run(words)
        model = tiny.make(torch.bfloat16)
        with tiny.broken(), dump.against(folder / "golden") as session:
            session.fx(model)(words)
    print(f"{len(session.results)} tensors compared")
    for finding in session.findings[:3]:
        print(f"{finding.op_name}: {finding.evidence[0]}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
