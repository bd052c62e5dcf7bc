"""Golden in float32 and the model in bfloat16, both dumped operator by operator on this machine;
the comparison names the operator that is wrong. Run: python examples/fx_dump.py FOLDER"""

import sys
from pathlib import Path

import tiny_transformer as tiny
import torch

import trueness as tn
from trueness import dump


def main(folder: Path) -> None:
    words = tiny.words()
    with torch.no_grad():
        with dump.fx(tiny.make(), folder / "golden", check=True) as run:
            run(words)
        print(f"{run.estimate} bytes a token; output as undumped: {run.unchanged}")
        model = tiny.make(torch.bfloat16)
        with tiny.broken(), dump.fx(model, folder / "my") as run:
            run(words)
    comparison = tn.compare_dumps(folder / "golden", folder / "my")
    for finding in comparison.findings[:3]:
        where = finding.result.my.scope if finding.result.my else ""
        print(f"{finding.op_name} in {where}: {finding.evidence[0]}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
