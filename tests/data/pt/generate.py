"""Writes the samples beside this file with torch 2.13.0, and what they hold as expected.npz."""

from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent


def tensors() -> dict[str, torch.Tensor]:
    base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4) - 7.25
    kinds = ("float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")
    kinds += ("int8", "int16", "int32", "int64", "complex64", "complex128")
    made = {kind: base.to(getattr(torch, kind)) for kind in kinds}
    made |= {k: base.abs().to(getattr(torch, k)) for k in ("uint8", "uint16", "uint32", "uint64")}
    made["float8_e8m0fnu"] = torch.tensor([1.0, 2.0, 0.5]).to(torch.float8_e8m0fnu)
    made["bool"] = base > 0
    made["scalar"] = torch.tensor(3.5)
    made["empty"] = torch.zeros(0, 3)
    made["transposed"] = base.permute(2, 0, 1)
    made["part"] = base[1:, ::2, 1:3]
    made["expanded"] = torch.tensor([[1.0], [2.0]]).expand(2, 5)
    made["parameter"] = torch.nn.Parameter(base[0].clone())
    return made


def nested() -> dict[str, object]:
    return {
        "a": {"b": [torch.ones(2), torch.zeros(3)], "step": 7},
        "pair": (torch.full((1,), 2.0), "text"),
        "sparse": torch.eye(2).to_sparse(),
        "conj": torch.tensor([1 + 2j]).conj(),
    }


def main() -> None:
    made = tensors()
    expected = {}
    for name, tensor in made.items():
        plain = tensor.detach()
        known = plain.dtype not in (torch.bfloat16,) and "float8" not in str(plain.dtype)
        expected[name] = (plain if known else plain.float()).numpy()
    np.savez(HERE / "expected.npz", **expected)
    torch.save(made, HERE / "all_dtypes.pt")
    torch.save(made, HERE / "all_dtypes_protocol4.pt", pickle_protocol=4)
    torch.save(torch.arange(6.0).reshape(2, 3), HERE / "bare.pt")
    torch.save(torch.nn.Linear(2, 3).state_dict(), HERE / "state_dict.pt")
    torch.save(nested(), HERE / "nested.pt")
    torch.save(torch.nn.Linear(2, 3), HERE / "module.pt")
    torch.save({"w": torch.ones(2, 2)}, HERE / "legacy.pt", _use_new_zipfile_serialization=False)


if __name__ == "__main__":
    main()
