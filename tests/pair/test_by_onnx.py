"""ONNX dumps of one model in other precisions: what belongs together, and what only seems to."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)

from builders.onnx_models import cnn, encoder
from trueness.dump.onnx import Choice, OnnxDumper
from trueness.dumps import compare_dumps
from trueness.model import Result, State

RANDOM = np.random.default_rng(11)
IMAGES = RANDOM.standard_normal((4, 1, 3, 16, 16)).astype(np.float32)
TEXT = RANDOM.standard_normal((1, 8, 32)).astype(np.float32)


class Calibration(CalibrationDataReader):
    def __init__(self, name: str = "x") -> None:
        self._left = [{name: image} for image in IMAGES]

    def get_next(self):
        return self._left.pop() if self._left else None


def dumped(path: Path, x: np.ndarray, level: str = "disable", **choice) -> str:
    target = path.with_suffix(f".{level}{len(choice)}.dump")
    if target.exists():
        return str(target)
    OnnxDumper(path, {"x": x}, Choice(level, **choice)).dump({"x": x}, str(target / "0"))
    return str(target)


def rows(golden: str, my: str, **options) -> list[Result]:
    return list(compare_dumps(golden, my, **options))


def by_golden(found: list[Result]) -> dict[str, Result]:
    return {str(row.golden.member): row for row in found if row.golden}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A CNN in float32 and quantised three ways."""
    folder = tmp_path_factory.mktemp("models")
    original = folder / "float.onnx"
    onnx.save(cnn(), original)
    for name, form in (("qdq", QuantFormat.QDQ), ("qoperator", QuantFormat.QOperator)):
        kinds = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8}
        quantize_static(original, folder / f"{name}.onnx", Calibration(), form, **kinds)
    onnx.save(encoder(), folder / "encoder.onnx")
    quantize_dynamic(folder / "encoder.onnx", folder / "dynamic.onnx")
    return folder


@pytest.fixture(scope="module")
def golden(models):
    return dumped(models / "float.onnx", IMAGES[0])


def test_a_model_against_itself_is_clean(golden):
    found = rows(golden, golden)
    assert all(row.verdict == "pass" and "doubtful" not in row.pairing for row in found)


def test_a_folded_relu_is_no_error(models, golden):
    found = rows(golden, dumped(models / "qdq.onnx", IMAGES[0]))
    relus = [r for name, r in by_golden(found).items() if "relu" in name]
    assert relus
    for row in relus:
        assert row.pairing == "tensor name, behind the quantizer"
        assert row.metrics["cosine_similarity"] > 0.99
    assert min(row.metrics.get("cosine_similarity", 1.0) for row in found) > 0.98
    before = [row for row in found if row.reason.startswith("as it was before the quantizer")]
    assert len(before) >= len(relus)
    assert all(row.passed is None for row in before)


def test_integer_operators_are_compared_by_their_real_values(models, golden):
    found = by_golden(rows(golden, dumped(models / "qoperator.onnx", IMAGES[0])))
    assert found["pool_out"].pairing == "tensor name, dequantised"
    assert found["block0_out_out"].pairing == "dequantised; the quantizer does what Relu did"
    assert found["block0_add_out"].passed is None
    assert min(r.metrics.get("cosine_similarity", 1.0) for r in found.values()) > 0.99


def test_a_bad_scale_is_found(models, golden):
    model = onnx.load(models / "qdq.onnx")
    (scale,) = (w for w in model.graph.initializer if w.name == "block0_relu_out_scale")
    value = onnx.numpy_helper.to_array(scale)
    scale.CopyFrom(onnx.numpy_helper.from_array(value / np.float32(8), scale.name))
    onnx.save(model, models / "bad.onnx")
    result = compare_dumps(golden, dumped(models / "bad.onnx", IMAGES[0]))
    assert [found.result.golden.op_name for found in result.findings] == ["block0_relu"]
    # What it reads is told by the graph of the quantised model, whose operators name the rows.
    assert 0 < result.findings[0].inherited < 0.1


def test_steps_of_quantisation_are_no_fault(models, golden):
    assert list(compare_dumps(golden, dumped(models / "qdq.onnx", IMAGES[0])).findings) == []


def test_dynamic_quantisation_leaves_only_what_it_is_made_of_unmatched(models):
    theirs = dumped(models / "encoder.onnx", TEXT)
    found = rows(theirs, dumped(models / "dynamic.onnx", TEXT))
    pairs = [row for row in found if row.golden and row.my]
    assert len(pairs) == len(by_golden(found))
    assert min(row.metrics["cosine_similarity"] for row in pairs) > 0.99
    assert all(row.passed is None for row in found if not row.golden)


@pytest.mark.parametrize("level", ["basic", "extended", "all"])
def test_an_optimised_graph_against_the_file(models, golden, level):
    found = rows(golden, dumped(models / "float.onnx", IMAGES[0], level))
    assert all(row.passed is not False for row in found)
    pairs = [row for row in found if row.state is State.OK]
    assert len(pairs) >= 4
    assert not any("doubtful" in row.pairing for row in pairs)


def test_half_precision(models):
    from onnx import TensorProto, numpy_helper

    model = onnx.load(models / "encoder.onnx")
    for weight in model.graph.initializer:
        half = numpy_helper.to_array(weight).astype(np.float16)
        weight.CopyFrom(numpy_helper.from_array(half, weight.name))
    cast = onnx.helper.make_node(
        "Cast", ["x"], ["x_half"], "graph_input_cast", to=TensorProto.FLOAT16
    )
    for node in model.graph.node:
        node.input[:] = ["x_half" if name == "x" else name for name in node.input]
    model.graph.node.insert(0, cast)
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    onnx.save(model, models / "half.onnx")
    found = rows(dumped(models / "encoder.onnx", TEXT), dumped(models / "half.onnx", TEXT))
    assert {row.reason for row in found if not row.golden} == {
        "a conversion that golden does without"
    }
    pairs = [row for row in found if row.golden]
    assert {row.my_dtype for row in pairs} == {"float16", "float32"}
    assert all(row.passed for row in pairs)


def test_another_maker_of_a_tensor_of_that_name_is_doubtful(models, golden):
    model = onnx.load(models / "float.onnx")
    node = next(n for n in model.graph.node if n.name == "block0_relu")
    node.op_type = "Sigmoid"
    onnx.save(model, models / "other.onnx")
    row = by_golden(rows(golden, dumped(models / "other.onnx", IMAGES[0])))["block0_relu_out"]
    assert "doubtful: golden is made by Relu, my by Sigmoid" in row.pairing


def test_statistics_against_values(models, golden):
    found = rows(golden, dumped(models / "float.onnx", IMAGES[0], statistics=True))
    assert all(row.reason.startswith("statistics only") for row in found)
    assert all(row.passed for row in found)


def test_runs_are_tokens(models, tmp_path):
    dumper = OnnxDumper(models / "float.onnx", {"x": IMAGES[0]})
    for run in range(3):
        dumper.dump({"x": IMAGES[run]}, str(tmp_path / "golden" / str(run)))
        dumper.dump({"x": IMAGES[run] * (1 + (run == 1))}, str(tmp_path / "my" / str(run)))
    found = rows(str(tmp_path / "golden"), str(tmp_path / "my"))
    failed = {row.my.token for row in found if row.passed is False}
    assert failed == {1}
    only = rows(str(tmp_path / "golden"), str(tmp_path / "my"), token=2)
    assert {row.my.token for row in only} == {2}


def test_a_damaged_index_is_a_row(models, golden, tmp_path):
    index = json.loads((Path(golden) / "0" / "onnx_dump.json").read_text())
    index["tensors"].append({"name": "nobody"})
    for place, text in (("1", json.dumps(index)), ("2", json.dumps(index)[:-40])):
        (tmp_path / place).mkdir()
        (tmp_path / place / "onnx_dump.json").write_text(text)
    OnnxDumper(models / "float.onnx", {"x": IMAGES[0]}).dump({"x": IMAGES[0]}, str(tmp_path / "0"))
    found = rows(str(tmp_path), str(tmp_path))
    broken = [row for row in found if row.reason.startswith("not a whole index")]
    assert len(broken) == 4
    assert all(row.passed is False for row in broken)


def test_of_runs_made_again_the_newest_is_compared_and_every_device(models, tmp_path):
    x = {"x": IMAGES[0]}
    dumper = OnnxDumper(models / "float.onnx", x, Choice("disable"))
    zeros = {"x": np.zeros_like(IMAGES[0])}
    for time, device, given in (
        ("20260101000000", 0, zeros),
        ("20260101000001", 0, x),
        ("20260101000001", 1, x),
    ):
        dumper.dump(given, str(tmp_path / "my" / time / str(device) / "m" / "0" / "0"))
    dumper.dump(x, str(tmp_path / "golden" / "20260101000000" / "0" / "m" / "0" / "0"))
    found = rows(str(tmp_path / "my"), str(tmp_path / "my"))
    compared = [row for row in found if row.golden and row.my]
    assert {row.my.rank for row in compared} == {0, 1}
    assert {row.verdict for row in compared} == {"pass"}
    assert all("20260101000001" in row.my.path for row in compared)
    older = [row for row in found if "an older run" in row.reason]
    assert len(older) == 2
    one = rows(str(tmp_path / "golden"), str(tmp_path / "my"))
    assert {row.my.rank for row in one if row.golden and row.my} == {0}
    alone = rows(str(tmp_path / "my"), str(tmp_path / "my"), rank=1)
    assert {row.my.rank for row in alone if row.golden and row.my} == {1}
