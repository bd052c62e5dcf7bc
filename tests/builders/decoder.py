"""The names a small decoder model has in an ATB dump and in one of torch modules."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trueness.model import Dump, TensorRef

LAYER = {
    "self_attn.q_proj": "Linear",
    "self_attn.k_proj": "Linear",
    "self_attn.v_proj": "Linear",
    "self_attn.o_proj": "Linear",
    "self_attn": "LlamaAttention",
    "mlp.gate_proj": "Linear",
    "mlp.up_proj": "Linear",
    "mlp.down_proj": "Linear",
    "mlp.act_fn": "SiLU",
    "mlp": "LlamaMLP",
    "input_layernorm": "LlamaRMSNorm",
    "post_attention_layernorm": "LlamaRMSNorm",
    "": "LlamaDecoderLayer",
}
ATB_LAYER = [
    "0_Attention/0_RmsNormOperation",
    "0_Attention/1_QKVLinearSplit/0_LinearOperation",
    "0_Attention/2_SelfAttentionOperation",
    "0_Attention/3_LinearOperation",
    "0_Attention",
    "1_Mlp/0_RmsNormOperation",
    "1_Mlp/1_LinearOperation",
    "1_Mlp/2_ActivationOperation",
    "1_Mlp/3_LinearOperation",
    "1_Mlp",
]


def torch(layers: int) -> Dump:
    types = {"root.model.embed_tokens": "Embedding"}
    for layer in range(layers):
        for name, type_ in LAYER.items():
            types[f"root.model.layers.{layer}.{name}".rstrip(".")] = type_
    types |= {"root.model.norm": "LlamaRMSNorm", "root.lm_head": "Linear"}
    refs = [TensorRef(f"{n}.pth", op_name=n, op_type=t, io="output") for n, t in types.items()]
    return Dump("torch_modules", "", refs)


def atb_names(layers: int, inner: Sequence[str] = ATB_LAYER) -> list[str]:
    names = ["0_WordEmbedding/0_GatherOperation", "0_WordEmbedding"]
    for k in range(1, layers + 1):
        names += [f"{k}_DecoderLayer/{name}" for name in inner] + [f"{k}_DecoderLayer"]
    return [*names, f"{layers + 1}_RmsNormOperation", f"{layers + 2}_LmHead"]


def side(names: Sequence[str]) -> Dump:
    return Dump("atb", "", [TensorRef(f"{n}.bin", op_name=n, io="output") for n in names])


def write_torch(root: Path, values: dict[str, np.ndarray]) -> Path:
    """`values`: the module, or the module and what of it, `{module}/input_0`."""
    for name, value in values.items():
        module, _, what = name.partition("/")
        path = root / "torch_tensors/cpu_5/0" / module / f"{what or 'output'}.pth"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path.with_suffix(".npy"), value)
        path.with_suffix(".npy").rename(path)
    return root
