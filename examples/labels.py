"""Both sides in one program, labelled. Run: trueness aclcmp --exec "python examples/labels.py" """

import tiny_transformer as tiny
import torch

from trueness.dump import set_label, set_task_id


def label(source: str, model: tiny.Transformer, words: torch.Tensor) -> None:
    x = model.embedding(words)
    for number, layer in enumerate(model.layers):
        x = layer(x)
        set_label(source, f"layer{number}", x)


def main() -> None:
    set_task_id()
    words = tiny.words()
    golden, my = tiny.make(), tiny.make(torch.bfloat16)
    with torch.no_grad():
        label("pta", golden, words)
        with tiny.broken():
            label("acl", my, words)


if __name__ == "__main__":
    main()
