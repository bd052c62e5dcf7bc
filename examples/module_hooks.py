"""The same by hooks on modules, for models that torch.compile cannot take: a module is named.
Run: python examples/module_hooks.py FOLDER"""

import sys
from pathlib import Path

import tiny_transformer as tiny
import torch

import trueness as tn
from trueness import dump


def main(folder: Path) -> None:
    words = tiny.words()
    with torch.no_grad():
        model = tiny.make()
        with dump.modules(model, folder / "golden"):
            model(words)
        model = tiny.make(torch.bfloat16)
        with tiny.broken(), dump.modules(model, folder / "my", layers="layers.*"):
            model(words)
    for finding in tn.compare_dumps(folder / "golden", folder / "my").findings[:3]:
        print(f"{finding.op_name}: {finding.evidence[0]}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
