"""Nodes of ONNX dumps run again alone."""

import json
from base64 import b64encode
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from builders.onnx_models import cnn, encoder
from trueness.cli.app import main
from trueness.diagnose.operators import by_operator
from trueness.diagnose.replay import replay
from trueness.dump.onnx import Choice, OnnxDumper
from trueness.dumps import compare_dumps
from trueness.plan import plan_dumps

IMAGE = np.random.default_rng(0).standard_normal((1, 3, 16, 16)).astype(np.float32)
TEXT = np.random.default_rng(1).standard_normal((1, 8, 32)).astype(np.float32)


def dumped(model, path: Path, x: np.ndarray) -> str:
    onnx.save(model, path)
    target = path.with_suffix(".dump")
    OnnxDumper(path, {"x": x}, Choice("disable")).dump({"x": x}, str(target / "0"))
    return str(target)


def changed(model, name: str, factor: float):
    (weight,) = (w for w in model.graph.initializer if w.name == name)
    array = numpy_helper.to_array(weight) * np.float32(factor)
    weight.CopyFrom(numpy_helper.from_array(array, name))
    return model


@pytest.fixture(scope="module")
def dumps(tmp_path_factory):
    """A CNN, and one whose second convolution has wrong weights."""
    folder = tmp_path_factory.mktemp("dumps")
    golden = dumped(cnn(), folder / "golden.onnx", IMAGE)
    return golden, dumped(changed(cnn(), "block0_a_w", 1.1), folder / "my.onnx", IMAGE)


def replayed(golden: str, my: str) -> dict:
    groups = by_operator(plan_dumps(golden, my).items)
    return {key[-1]: replay(items) for key, items in groups.items()}


def edited(dump: str, target: Path, **changes) -> str:
    """A copy of a dump whose index says other things of the node block0_a."""
    (target / "0").mkdir(parents=True)
    folder = Path(dump) / "0"
    index = json.loads((folder / "onnx_dump.json").read_text())
    (node,) = (node for node in index["nodes"] if node["name"] == "block0_a")
    for name, value in changes.items():
        (node if name in node else index)[name] = value
    (target / "0" / "onnx_dump.json").write_text(json.dumps(index))
    (target / "0" / "tensors.safetensors").write_bytes(
        (folder / "tensors.safetensors").read_bytes()
    )
    return str(target)


def test_only_the_operator_with_the_wrong_weight_is_off_by_itself(dumps):
    found = replayed(*dumps)
    assert [name for name, one in found.items() if not one.problem and not one.cleared] == [
        "block0_a"
    ]
    assert found["block0_a"].own == pytest.approx(0.1, rel=0.01)
    cleared = [one for one in found.values() if one.cleared]
    assert len(cleared) == len(found) - 2
    assert found["block0_b"].inherited > 0.01
    assert found["x"].problem


def test_a_transformer_against_itself_is_clear(tmp_path):
    golden = dumped(encoder(), tmp_path / "encoder.onnx", TEXT)
    found = replayed(golden, golden)
    assert all(one.cleared for name, one in found.items() if name != "x")
    assert max(one.golden for name, one in found.items() if name != "x") < 1e-5


def test_half_precision_is_noise_and_no_error(tmp_path, dumps):
    model = cnn()
    half = onnx.TensorProto.FLOAT16
    for weight in model.graph.initializer:
        array = numpy_helper.to_array(weight).astype(np.float16)
        weight.CopyFrom(numpy_helper.from_array(array, weight.name))
    first = model.graph.node[0]
    model.graph.node.insert(0, helper.make_node("Cast", ["x"], ["x_half"], "cast", to=half))
    first = model.graph.node[1]
    first.input[0] = "x_half"
    model.graph.output[0].type.tensor_type.elem_type = half
    found = replayed(dumps[0], dumped(model, tmp_path / "half.onnx", IMAGE))
    relus = [one for name, one in found.items() if "relu" in name]
    assert relus
    assert all(one.cleared for one in relus)


def test_a_comparison_puts_its_suspects_to_the_proof(dumps):
    first = compare_dumps(*dumps).findings[0]
    assert first.result.my.op_name == "block0_a"
    assert "alone it is off by" in first.evidence[-1]


def test_on_the_command_line(dumps, capsys):
    assert main(["replay", *dumps, "--op", "block0_relu"]) == 0
    assert "cleared" in capsys.readouterr().out


def attribute(name: str, value) -> str:
    return b64encode(helper.make_attribute(name, value).SerializeToString()).decode()


HUGE = [attribute("pads", [1 << 29] * 4), attribute("dilations", [1 << 29] * 2)]
BODY = helper.make_graph([], "g", [], [])


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"op_type": "RandomNormal"}, "RandomNormal is not among the operators"),
        ({"domain": "com.microsoft"}, "is not among the operators"),
        ({"attributes": None}, "does not have all its attributes"),
        ({"attributes": ["%"]}, "its attributes cannot be read"),
        ({"attributes": [attribute("then_branch", BODY)]}, "its attributes cannot be read"),
        ({"attributes": []}, "has shape [1, 8, 16, 16], and [1, 8, 14, 14] when replayed"),
        ({"attributes": [attribute("pads", [1 << 40] * 4)]}, "when replayed"),
        (
            {
                "attributes": [
                    attribute("pads", [1 << 29] * 4),
                    attribute("dilations", [1 << 29] * 2),
                ]
            },
            "bytes",
        ),
        ({"inputs": ["stem_relu_out", "absent"]}, "absent is no weight of"),
        ({"inputs": ["stem_relu_out", "block0_b_w"]}, "misses the golden output by"),
        ({"inputs": ["stem_relu_out"]}, "golden has 1 inputs, my 2"),
        ({"path": "/dev/zero"}, "the model is not at /dev/zero any more"),
        ({"sha256": "0" * 64}, "is not the model that was dumped any more"),
        ({"opsets": ["%"]}, "onnx would not run it"),
        ({"opsets": 5}, "does not have what is needed"),
    ],
)
def test_nothing_is_guessed(dumps, tmp_path, changes, problem):
    golden = edited(dumps[0], tmp_path / "golden", **changes)
    (items,) = (
        items
        for key, items in by_operator(plan_dumps(dumps[0], dumps[0]).items).items()
        if key[-1] == "block0_a"
    )
    (pair,) = items
    other = Path(golden) / "0" / "tensors.safetensors"
    moved = type(pair)(type(pair.golden)(**_fields(pair.golden, path=str(other))), pair.my, "")
    found = replay([moved])
    assert problem in found.problem
    assert found.sentence.startswith("not replayable because")


def _fields(ref, **more):
    return {name: getattr(ref, name) for name in ref.__dataclass_fields__} | more


def test_memory_is_bounded(dumps):
    groups = by_operator(plan_dumps(*dumps).items)
    (items,) = (items for key, items in groups.items() if key[-1] == "block0_a")
    assert "bytes as float64, more than 1,000" in replay(items, limit=1000).problem


def test_a_model_that_is_gone(dumps, tmp_path):
    golden = dumped(cnn(), tmp_path / "gone.onnx", IMAGE)
    (tmp_path / "gone.onnx").unlink()
    found = replayed(golden, dumps[1])
    assert "is a weight, and the model is not at" in found["block0_a"].problem
    assert found["stem_relu"].cleared
