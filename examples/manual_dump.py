"""Tensors dumped one by one, each with the file of the other side. Run:
python examples/manual_dump.py FOLDER"""

import sys
from pathlib import Path

import tiny_transformer as tiny
import torch

import trueness as tn
from trueness.dump import dump_data


def main(folder: Path) -> None:
    my = folder / "my"
    my.mkdir(parents=True)
    words = tiny.words()
    with torch.no_grad():
        model = tiny.make(torch.bfloat16)
        with tiny.broken():
            x = model.embedding(words)
            for number, layer in enumerate(model.layers):
                x = layer(x)
                # What an accelerator would have written.
                torch.save(x, my / f"layer{number}.pt")
        golden = tiny.make()
        x = golden.embedding(words)
        for number, layer in enumerate(golden.layers):
            x = layer(x)
            dump_data(0, f"layer{number}", x, my / f"layer{number}.pt", folder / "golden")
    (root,) = (folder / "golden").iterdir()
    first = tn.compare_dumps(root, my).summary().first_failed
    if first and first.golden:
        print(f"{first.golden.label} is the first that differs: {first.reason}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
