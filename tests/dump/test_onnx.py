"""What ONNX Runtime computed, tensor by tensor, without changing what it computes."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from builders.onnx_models import Builder, cnn, encoder
from trueness.dump.onnx import Choice, OnnxDumper
from trueness.dump.onnx_graph import output_fragment, read_graph
from trueness.errors import FormatError, UsageError
from trueness.read import open_file

X = np.random.default_rng(5).standard_normal((1, 8, 32)).astype(np.float32)
IMAGE = np.random.default_rng(6).standard_normal((1, 3, 16, 16)).astype(np.float32)


def dump(model, folder: Path, x: np.ndarray, **choice):
    path = folder / "model.onnx"
    onnx.save(model, path)
    dumper = OnnxDumper(path, {"x": x}, Choice(**choice))
    return dumper.dump({"x": x}, str(folder / "dump")), dumper


def index_of(folder: Path) -> dict:
    return json.loads((folder / "dump" / "onnx_dump.json").read_text())


def values(folder: Path) -> dict[str, np.ndarray]:
    file = open_file(folder / "dump" / "tensors.safetensors")
    return {t.name: t.numpy() for t in file.tensors if not t.name.startswith("trueness.filling.")}


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def plain(path: Path, level: str) -> "ort.InferenceSession":
    options = ort.SessionOptions()
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, level)
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("level", ["basic", "extended", "all"])
@pytest.mark.parametrize("model", [cnn, encoder])
def test_the_dumped_run_is_the_production_run_bit_for_bit(tmp_path, model, level):
    x = IMAGE if model is cnn else X
    found, _ = dump(model(), tmp_path, x, level=level)
    assert found.faithful
    production = plain(tmp_path / "model.onnx", f"ORT_ENABLE_{level.upper()}")
    (name,) = (output.name for output in production.get_outputs())
    (expected,) = production.run(None, {"x": x})
    assert values(tmp_path)[name].tobytes() == expected.tobytes()
    assert np.array_equal(values(tmp_path)["x"], x)


def test_without_fusion_every_node_of_the_file_is_there(tmp_path):
    model = encoder()
    dump(model, tmp_path, X, level="disable")
    index = index_of(tmp_path)
    assert [node["name"] for node in index["nodes"]] == [node.name for node in model.graph.node]
    expected = {output for node in model.graph.node for output in node.output}
    assert {tensor["name"] for tensor in index["tensors"]} == {"x", *expected}


def test_inner_tensors_are_what_the_nodes_compute(tmp_path):
    dump(encoder(layers=1), tmp_path, X, level="disable")
    found = values(tmp_path)
    scores = found["layer0_scaled_out"]
    shares = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    np.testing.assert_allclose(found["layer0_softmax_out"], shares, rtol=1e-5)
    np.testing.assert_allclose(
        found["layer0_context_out"], shares @ found["layer0_v_out"], rtol=1e-4, atol=1e-6
    )


def test_the_fused_graph_has_fewer_nodes_than_the_file(tmp_path):
    model = cnn()
    dump(model, tmp_path, IMAGE, level="extended")
    nodes = index_of(tmp_path)["nodes"]
    assert len(nodes) < len(model.graph.node)
    assert any(node["op_type"] == "FusedConv" for node in nodes)


def test_a_rule_that_is_disabled_leaves_its_nodes_apart(tmp_path):
    dump(cnn(), tmp_path, IMAGE, level="extended", disabled=("ConvActivationFusion",))
    assert all(node["op_type"] != "FusedConv" for node in index_of(tmp_path)["nodes"])


def test_symbolic_dimensions_take_the_sizes_of_the_inputs(tmp_path):
    _, dumper = dump(encoder(tokens="tokens"), tmp_path, X)
    assert values(tmp_path)["layer1_out_out"].shape == (1, 8, 32)
    with pytest.raises(UsageError, match="input x has shape"):
        OnnxDumper(tmp_path / "model.onnx", {"x": X[:, :, :16]})
    assert dumper.nbytes > 0


def test_layers_are_chosen_by_name(tmp_path):
    dump(encoder(), tmp_path, X, level="disable", layers=("layer1_*",))
    names = {tensor["name"] for tensor in index_of(tmp_path)["tensors"]}
    assert names == {"x", *(n for n in names if n.startswith("layer1_"))}
    assert "layer1_scores_out" in names


def test_statistics_in_place_of_values(tmp_path):
    dump(encoder(layers=1), tmp_path, X, statistics=True)
    assert not (tmp_path / "dump" / "tensors.safetensors").exists()
    entry = next(t for t in index_of(tmp_path)["tensors"] if t["name"] == "x")
    assert entry["statistics"] == {
        "max_value": X.max(),
        "min_value": X.min(),
        "mean_value": pytest.approx(X.astype(float).mean()),
        "l2norm": pytest.approx(np.linalg.norm(X.astype(float))),
        "nan_count": 0,
        "inf_count": 0,
    }


def model_of(nodes, given, outputs, weights=()):
    graph = helper.make_graph(nodes, "g", given, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)


def test_shapes_that_come_late_types_without_numpy_and_outputs_left_out(tmp_path):
    info = helper.make_tensor_value_info
    nodes = [
        helper.make_node("NonZero", ["x"], ["where"], "late"),
        helper.make_node("Cast", ["x"], ["bf"], "bf", to=TensorProto.BFLOAT16),
        helper.make_node("Cast", ["bf"], ["back"], "back", to=TensorProto.FLOAT),
        helper.make_node("Dropout", ["back"], ["y", ""], "dropout"),
        helper.make_node("Identity", ["y"], ["z"], ""),
        helper.make_node("Identity", ["z"], ["w"], "Identity_4"),
    ]
    model = model_of(
        nodes, [info("x", TensorProto.FLOAT, [2, 3])], [info("w", TensorProto.FLOAT, [2, 3])]
    )
    x = np.array([[0, 1.5, 0], [2, 0, 3.7]], np.float32)
    found, _ = dump(model, tmp_path, x, level="disable")
    assert found.faithful
    got = values(tmp_path)
    assert got["where"].tolist() == [[0, 1, 1], [1, 0, 2]]
    np.testing.assert_array_equal(got["bf"], got["back"])
    assert [node["name"] for node in index_of(tmp_path)["nodes"]] == [
        *("late", "bf", "back", "dropout", "Identity_4", "Identity_4#5"),
    ]


def test_what_no_file_can_hold_is_named(tmp_path):
    info = helper.make_tensor_value_info
    nodes = [
        helper.make_node("SequenceConstruct", ["x", "x"], ["seq"], "seq"),
        helper.make_node("ConcatFromSequence", ["seq"], ["y"], "join", axis=0),
    ]
    model = model_of(
        nodes, [info("x", TensorProto.FLOAT, [2])], [info("y", TensorProto.FLOAT, [4])]
    )
    found, _ = dump(model, tmp_path, np.ones(2, np.float32), level="disable")
    assert found.skipped == {"seq": "its type is seq(tensor(float))"}
    assert index_of(tmp_path)["skipped"] == dict(found.skipped)


def test_weights_in_another_file_stay_where_they_are(tmp_path):
    model = encoder()
    path = tmp_path / "model.onnx"
    onnx.save(model, path, save_as_external_data=True, location="weights", size_threshold=0)
    before = names_in(tmp_path)
    found = OnnxDumper(path, {"x": X}).dump({"x": X}, str(tmp_path / "dump"))
    assert found.faithful
    assert names_in(tmp_path) == sorted([*before, "dump"])


def test_a_model_of_more_than_two_gigabytes(tmp_path):
    """Its weights are a hole in a file, so that it takes no disk."""
    rows, columns = 1 << 16, 9000
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[rows, columns])
    weight.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "w.bin"), ("offset", "0"), ("length", f"{rows * columns * 4}")):
        weight.external_data.add(key=key, value=value)
    with (tmp_path / "w.bin").open("wb") as file:
        file.truncate(rows * columns * 4)
    info = helper.make_tensor_value_info
    nodes = [
        helper.make_node("Gather", ["w", "i"], ["rows"], "gather"),
        helper.make_node("Relu", ["rows"], ["y"], "relu"),
    ]
    given = [info("i", TensorProto.INT64, [2])]
    model = model_of(nodes, given, [info("y", TensorProto.FLOAT, [2, columns])], [weight])
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    ids = np.array([0, rows - 1])
    found = OnnxDumper(path, {"i": ids}).dump({"i": ids}, str(tmp_path / "dump"))
    assert found.faithful
    assert found.nbytes == 16 + 2 * 2 * columns * 4


def test_a_folder_that_exists_is_left_alone(tmp_path):
    (tmp_path / "dump").mkdir()
    (tmp_path / "dump" / "mine").write_text("x")
    with pytest.raises(UsageError, match="exists; give a folder that does not"):
        dump(encoder(), tmp_path, X)
    assert names_in(tmp_path / "dump") == ["mine"]


def test_a_failed_run_leaves_nothing(tmp_path, monkeypatch):
    onnx.save(encoder(), tmp_path / "model.onnx")
    dumper = OnnxDumper(tmp_path / "model.onnx", {"x": X})
    monkeypatch.setattr("trueness.dump.onnx.json.dumps", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        dumper.dump({"x": X}, str(tmp_path / "dump"))
    assert names_in(tmp_path) == ["model.onnx"]


def test_a_provider_that_does_not_work_is_no_silent_cpu(tmp_path):
    onnx.save(encoder(), tmp_path / "model.onnx")
    with pytest.raises(UsageError, match="CANNExecutionProvider"):
        OnnxDumper(tmp_path / "model.onnx", {"x": X}, providers=["CANNExecutionProvider"])


@pytest.mark.parametrize("content", [b"", b"\x3a\xff\xff\xff\xff\x0f", b"\x3a\x05abc", b"\x3b"])
def test_what_is_no_model_is_refused(content):
    with pytest.raises(FormatError, match=r"m\.onnx: byte"):
        read_graph(content, "m.onnx")


def test_damage_anywhere_is_an_error_or_another_model():
    model = encoder(layers=1).SerializeToString()
    for at in range(3000):
        damaged = bytearray(model)
        damaged[at] ^= 0x5B
        try:
            read_graph(bytes(damaged), "m.onnx")
        except FormatError:
            continue


def test_a_fragment_is_what_the_onnx_package_would_add():
    model = cnn()
    names = [output for node in model.graph.node for output in node.output][:-1]
    joined = onnx.load_model_from_string(model.SerializeToString() + output_fragment(names))
    for name in names:
        model.graph.output.add().name = name
    assert joined == model


def test_the_graph_as_the_onnx_package_reads_it():
    model = encoder()
    graph = read_graph(model.SerializeToString(), "m")
    assert [node.op_type for node in graph.nodes] == [node.op_type for node in model.graph.node]
    assert [list(n.inputs) for n in graph.nodes] == [list(n.input) for n in model.graph.node]
    assert graph.inputs == ("x",)
    assert graph.initializers == {w.name for w in model.graph.initializer}


def test_weights_are_listed_as_inputs_by_old_exporters_but_are_none():
    b = Builder()
    result = b.add("MatMul", ["x", b.weight("w", (4, 4))], "mm")
    model = b.model([1, 4], result, [1, 4])
    model.graph.input.add().CopyFrom(helper.make_tensor_value_info("w", TensorProto.FLOAT, [4, 4]))
    assert read_graph(model.SerializeToString(), "m").inputs == ("x",)
    assert numpy_helper.to_array(model.graph.initializer[0]).shape == (4, 4)


def test_what_an_exporter_said_of_a_tensor_is_kept_when_the_graph_is_optimised(tmp_path):
    model = cnn()
    for node in model.graph.node:
        entry = node.metadata_props.add()
        entry.key, entry.value = "pkg.torch.onnx.fx_node", f"%{node.output[0]}"
    dump(model, tmp_path, IMAGE, level="extended")
    said = {node["outputs"][0]: node["metadata"] for node in index_of(tmp_path)["nodes"]}
    assert said["fc_out"] == [["pkg.torch.onnx.fx_node", "%fc_out"]]
    assert said["block0_relu_out"] == [["pkg.torch.onnx.fx_node", "%block0_relu_out"]]


def test_statistics_of_a_shape_that_comes_late(tmp_path):
    where = helper.make_node("NonZero", ["x"], ["where"], "late")
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [where],
        "g",
        [info("x", TensorProto.FLOAT, [3])],
        [info("where", TensorProto.INT64, [1, "n"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    dump(model, tmp_path, np.array([0, 1, 1], np.float32), level="disable", statistics=True)
    (entry,) = (t for t in index_of(tmp_path)["tensors"] if t["name"] == "where")
    assert entry["shape"] == [1, 2]
    assert (entry["statistics"]["min_value"], entry["statistics"]["max_value"]) == (1, 2)
