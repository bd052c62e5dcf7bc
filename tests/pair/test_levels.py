import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import trueness as tn
from builders import atb
from builders.decoder import atb_names, side, torch, write_torch
from trueness.model import Dump, Unmatched
from trueness.pair.levels import at_level
from trueness.pair.op_mapping import read_op_mapping

X = np.linspace(0, 1, 8, dtype=np.float32)


def kept(level: str, dump: Dump) -> tuple[list[str], Counter[str]]:
    skipped: Counter[str] = Counter()
    rows = [Unmatched(None, ref, "") for ref in dump.tensors]
    return [row.my.op_name for row in at_level(level, dump, dump, rows, skipped)], skipped


def test_atb() -> None:
    dump = side(atb_names(2))
    assert kept("layer", dump)[0] == [
        "0_WordEmbedding",
        "1_DecoderLayer",
        "2_DecoderLayer",
        "3_RmsNormOperation",
        "4_LmHead",
    ]
    modules, skipped = kept("module", dump)
    assert modules == [
        f"{k}_DecoderLayer/{part}" for k in (1, 2) for part in ("0_Attention", "1_Mlp")
    ]
    assert skipped == {"level": len(dump.tensors) - 4}
    assert kept("logits", dump)[0] == ["4_LmHead"]
    leaves = kept("api", dump)[0]
    assert "1_DecoderLayer/0_Attention/1_QKVLinearSplit/0_LinearOperation" in leaves
    assert "1_DecoderLayer/0_Attention" not in leaves


def test_torch() -> None:
    dump = torch(2)
    assert kept("layer", dump)[0] == [
        "root.model.embed_tokens",
        "root.model.layers.0",
        "root.model.layers.1",
        "root.model.norm",
        "root.lm_head",
    ]
    assert kept("module", dump)[0] == [
        f"root.model.layers.{k}.{part}"
        for k in (0, 1)
        for part in ("self_attn", "mlp", "input_layernorm", "post_attention_layernorm")
    ]
    assert kept("logits", dump)[0] == ["root.lm_head"]
    assert "root.model.layers.1.mlp" not in kept("api", dump)[0]


def test_what_has_no_levels_says_so(tmp_path: Path) -> None:
    with pytest.raises(tn.UsageError, match="no level is called 'token'"):
        kept("token", torch(1))
    for name in ("g", "m"):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "x.npy", X)
    with pytest.raises(tn.UsageError, match="levels are known of atb"):
        tn.compare_dumps(tmp_path / "g", tmp_path / "m", level="api")
    with pytest.raises(tn.UsageError, match="this is flat"):
        tn.compare_dumps(tmp_path / "g", tmp_path / "m", op_mapping=tmp_path)


def test_a_level_and_an_op_mapping_end_to_end(tmp_path: Path) -> None:
    golden = write_torch(tmp_path / "golden", {"layers.0.act": X, "layers.0": X, "lm_head": X})
    tree = {"name": "", "children": [{"name": "layers.0.act", "type": "SiLU"}]}
    (golden / "torch_tensors/model_tree.json").write_text(json.dumps(tree))
    files = {"0_Layer/0_SwishOperation": X, "0_Layer": X, "1_LmHead": X}
    my = atb.write(tmp_path / "my", {f"{k}/after/outtensor0": v for k, v in files.items()})
    assert [row.my.op_name for row in tn.compare_dumps(golden, my, level="logits")] == ["1_LmHead"]
    (tmp_path / "op_mapping_file.json").write_text('{"SwishOperation": "SiLU"}')
    rows = list(tn.compare_dumps(golden, my, level="api", op_mapping=tmp_path))
    assert [(row.golden.op_name, row.my.op_name, row.passed) for row in rows] == [
        ("layers.0.act", "0_Layer/0_SwishOperation", True),
        ("lm_head", "1_LmHead", True),
    ]


def test_op_mapping_files(tmp_path: Path) -> None:
    path = tmp_path / "op_mapping_file.json"
    path.write_text('{"A": "B", "C": ["D", "E"]}')
    assert read_op_mapping(tmp_path) == read_op_mapping(path) == {"A": ["B"], "C": ["D", "E"]}


@pytest.mark.parametrize(
    "text", ["", "[]", '{"A": 1}', '{"A b": "B"}', '{"A": ["B", 2]}', "[" * 99999]
)
def test_a_bad_op_mapping_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ops.json"
    path.write_text(text)
    with pytest.raises(tn.UsageError, match="op mapping"):
        read_op_mapping(path)
    with pytest.raises(tn.UsageError, match="cannot be read"):
        read_op_mapping(tmp_path / "none")
