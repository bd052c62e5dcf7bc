"""Files of the same relative name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from trueness.model import Describe, Dump, Pair, TensorRef, Unmatched
from trueness.pair.groups import leftovers

SUFFIXES = (".npy", ".npz", ".bin", ".pt", ".pth", ".safetensors")
"""What a file name may end in on one side and not on the other."""


def pair(golden: Dump, my: Dump, describe: Describe) -> Iterator[Pair | Unmatched]:
    """In the order of the names. A file is paired with the one of its name, else with the only one
    that has the same name but for the suffix. `describe` is not called."""
    mine = {ref.op_name: ref for ref in my.tensors}
    exact = {ref.op_name for ref in golden.tensors if ref.op_name in mine}
    golden_stems = _stems(golden, exact)
    my_stems = _stems(my, exact)
    for ref in golden.tensors:
        if ref.op_name in exact:
            yield Pair(ref, mine[ref.op_name], "name")
            continue
        alike, rivals = my_stems[stem(ref.op_name)], golden_stems[stem(ref.op_name)]
        if len(alike) == len(rivals) == 1:
            yield Pair(ref, alike[0], "name but for the suffix")
        else:
            yield Unmatched(ref, None, _why(alike, rivals, "my"))
    for ref in my.tensors:
        if ref.op_name in exact:
            continue
        alike, rivals = golden_stems[stem(ref.op_name)], my_stems[stem(ref.op_name)]
        if not len(alike) == len(rivals) == 1:
            yield Unmatched(None, ref, _why(alike, rivals, "golden"))
    yield from leftovers(golden, my)


def stem(name: str) -> str:
    """Without a suffix of SUFFIXES; the last part of a GE name is a time, not a suffix."""
    for suffix in SUFFIXES:
        if name.endswith(suffix) and not name.endswith("/" + suffix):
            return name[: -len(suffix)]
    return name


def _stems(dump: Dump, exact: set[str]) -> defaultdict[str, list[TensorRef]]:
    found: defaultdict[str, list[TensorRef]] = defaultdict(list)
    for ref in dump.tensors:
        if ref.op_name not in exact:
            found[stem(ref.op_name)].append(ref)
    return found


def _why(alike: list[TensorRef], rivals: list[TensorRef], side: str) -> str:
    if not alike:
        return f"no {side} file of this name, with any suffix"
    names = ", ".join(ref.op_name for ref in (*alike, *rivals))
    return f"several files of this name but for the suffix: {names}"
