"""The command on models that any machine can run."""

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from trueness.benchmark.shapes import ranges
from trueness.benchmark.summary import overlapping, statistics
from trueness.dumps import compare_dumps
from trueness.errors import UsageError
from trueness.read import open_file


def expected(model: Path, path: str) -> np.ndarray:
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.load(path)})[0]


def test_a_model_alone_is_measured(models, bench, capsys):
    assert bench(models / "cnn.onnx", "--loop", 3) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("throughput 1000*batchsize.mean(1)/NPU_compute_time.mean(")
    assert float(last.split()[-1]) > 0


def test_results_of_every_input_with_names_of_their_own(models, bench, images):
    inputs = ",".join(images)
    model = models / "cnn.onnx"
    assert bench(model, "--input", inputs, "--output", bench.output, "--outfmt", "NPY") == 0
    infos = bench.summary["filesinfo"]
    written = [info["outfiles"][0] for info in infos.values()]
    assert len(set(written)) == 5
    for path, source in zip(written, images, strict=True):
        np.testing.assert_array_equal(np.load(path), expected(model, source))


@pytest.mark.parametrize("form", ["BIN", "TXT"])
def test_other_forms_and_what_is_in_them(models, bench, images, form):
    bench(models / "cnn.onnx", "-i", images[0], "-o", bench.output, "--outfmt", form)
    (path,) = bench.output.rglob(f"*.{form.lower()}")
    note = json.loads(path.with_name("outputs.json").read_text())[path.name]
    assert note == {"dtype": "float32", "shape": [1, 10]}
    found = np.fromfile(path, note["dtype"]) if form == "BIN" else np.loadtxt(path)
    np.testing.assert_allclose(
        found.reshape(1, 10), expected(models / "cnn.onnx", images[0]), atol=1e-6
    )
    assert path.stat().st_mode & 0o777 == 0o640


def test_summary_has_the_documented_keys_in_order(models, bench, images):
    arguments = ["-i", images[0], "-o", bench.output, "--loop", 4]
    bench(models / "cnn.onnx", *arguments)
    assert list(bench.summary) == [
        *("filesinfo", "args", "NPU_compute_time", "H2D_latency", "D2H_latency"),
        *("npu_compute_time_list", "throughput", "pid", "settings"),
    ]
    compute = bench.summary["NPU_compute_time"]
    assert list(compute) == ["min", "max", "mean", "median", "percentile(99%)", "count"]
    assert compute["count"] == len(bench.summary["npu_compute_time_list"]) == 4
    assert bench.summary["throughput"] == pytest.approx(1000 / compute["mean"])


def test_a_batch_is_filled_up_and_what_fills_it_is_not_saved(models, bench, images):
    model = models / "batch2.onnx"
    assert bench(model, "-i", ",".join(images), "-o", bench.output, "--outfmt", "NPY") == 0
    infos = bench.summary["filesinfo"]
    assert [info["infiles"] for info in infos.values()] == [[path] for path in images]
    assert bench.summary["NPU_compute_time"]["count"] == 3
    for info in infos.values():
        found = np.load(info["outfiles"][0])
        np.testing.assert_allclose(
            found, expected(models / "cnn.onnx", info["infiles"][0]), rtol=1e-4, atol=1e-5
        )


def test_a_folder_is_taken_in_the_order_of_numbers(models, bench, tmp_path):
    folder = tmp_path / "inputs"
    folder.mkdir(mode=0o755)
    for i in range(11):
        np.save(folder / f"{i}.npy", np.full((1, 3, 16, 16), i, np.float32))
        (folder / f"{i}.npy").chmod(0o644)
    (folder / "notes.txt").write_text("no input")
    bench(models / "cnn.onnx", "-i", folder, "-o", bench.output)
    names = [Path(i["infiles"][0]).name for i in bench.summary["filesinfo"].values()]
    assert names == [f"{i}.npy" for i in range(11)]


def test_random_data_is_legal_and_can_be_had_again(models, bench, tmp_path):
    arguments = ["-ds", "x:1,4,32", "--pure-data-type", "random", "--outfmt", "NPY"]
    for folder in ("a", "b"):
        where = tmp_path / folder
        bench(models / "encoder.onnx", *arguments, "-o", where, "-od", "r", "--seed", 7)
        bench(models / "encoder.onnx", *arguments, "-o", where, "-od", "other", "--seed", 8)
    a, b = (np.load(tmp_path / f / "r" / "pure_infer_data_0.npy") for f in "ab")
    other = np.load(tmp_path / "a" / "other" / "pure_infer_data_0.npy")
    assert np.isfinite(a).all()
    assert a.shape == (1, 4, 32)
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, other)
    text = (tmp_path / "a" / "r_summary.json").read_text()
    assert json.loads(text)["settings"]["seed"] == 7


def test_open_shapes_come_from_the_files_or_are_asked_for(models, bench, tmp_path, capsys):
    for tokens in (3, 6):
        np.save(tmp_path / f"t{tokens}.npy", np.ones((1, tokens, 32), np.float32))
        (tmp_path / f"t{tokens}.npy").chmod(0o644)
    files = f"{tmp_path}/t3.npy,{tmp_path}/t6.npy"
    arguments = ["-i", files, "-o", bench.output, "--outfmt", "NPY"]
    assert bench(models / "encoder.onnx", *arguments, "--auto-set-dymshape-mode", 1) == 0
    shapes = [np.load(i["outfiles"][0]).shape for i in bench.summary["filesinfo"].values()]
    assert shapes == [(1, 3, 32), (1, 6, 32)]
    assert bench(models / "encoder.onnx") == 2
    assert '--dym-shape "x:1,..."' in capsys.readouterr().err


def test_a_range_of_shapes(models, bench, capsys):
    assert bench(models / "encoder.onnx", "--dym-shape-range", "x:1,2~4,32-33") == 1
    out = capsys.readouterr().out.splitlines()
    assert sum(" throughput: " in line for line in out) == 3
    assert sum(line.startswith("failed: x:1,") for line in out) == 3
    assert out[-1].startswith("run_count: 6 success_count: 3 avg_throughput: ")


def test_ranges_as_documented(tmp_path):
    assert ranges("x:1~3,8") == ["x:1,8", "x:2,8", "x:3,8"]
    assert ranges("x:1~5~2;y:2-7") == [f"x:{a};y:{b}" for a in (1, 3, 5) for b in (2, 7)]
    assert ranges("x:16-16") == ["x:16"]
    (tmp_path / "r.info").write_text("x:1~2\n\nx:2~3\n")
    assert ranges(str(tmp_path / "r.info")) == ["x:1", "x:2", "x:3"]
    for bad in ("x:3~1", "x:a", "x:1~2~0", "x:1~1000000"):
        with pytest.raises(UsageError, match=r"range"):
            ranges(bad)


def test_several_devices_are_processes_with_a_share_each(models, bench, images, capsys):
    inputs = ",".join(images)
    arguments = ["-i", inputs, "-o", bench.output, "-od", "r", "-d", "0,1", "--divide-input", 1]
    assert bench(models / "cnn.onnx", *arguments) == 0
    folder = bench.output / "r"
    shares = [
        json.loads((folder / f"device{d}_{d}_summary.json").read_text())["filesinfo"]
        for d in (0, 1)
    ]
    assert [len(share) for share in shares] == [3, 2]
    assert capsys.readouterr().out.splitlines()[-1].startswith("summary throughput: ")


def test_a_device_that_fails_is_an_exit_code(models, bench, images, capsys):
    arguments = ["-i", images[0], "-d", "0,1", "--divide-input", 1]
    assert bench(models / "cnn.onnx", *arguments) == 1
    assert "device_1_1 failed" in capsys.readouterr().out


def test_a_pipeline_gives_the_same_results(models, bench, images):
    inputs = ",".join(images)
    arguments = ["-i", inputs, "-o", bench.output, "--outfmt", "NPY", "--pipeline", 1]
    assert bench(models / "cnn.onnx", *arguments, "--threads", 3) == 0
    assert list(bench.summary["NPU_compute_time"]) == ["mean", "count"]
    assert all(len(interval) == 2 for interval in bench.summary["npu_compute_time_list"])
    for info in bench.summary["filesinfo"].values():
        np.testing.assert_array_equal(
            np.load(info["outfiles"][0]), expected(models / "cnn.onnx", info["infiles"][0])
        )


def test_a_dump_has_every_run_but_the_warm_up_and_compares(models, bench, images):
    inputs = ",".join(images[:2])
    arguments = ["-i", inputs, "-o", bench.output, "--dump", 1, "--fusion", "off"]
    assert bench(models / "cnn.onnx", *arguments, "--warmup-count", 2) == 0
    (stamp,) = (bench.output / "dump").iterdir()
    runs = sorted(path.name for path in (stamp / "0" / "cnn" / "0").iterdir())
    assert runs == ["0", "1"]
    acl = json.loads((bench.output / "acl.json").read_text())
    assert acl["dump"]["dump_list"] == [{"model_name": "cnn"}]
    assert acl["dump"]["dump_mode"] == "all"
    results = compare_dumps(str(stamp), str(stamp))
    assert results.summary().exit_code == 0
    assert {row.my.token for row in results} == {0, 1}


def test_a_dump_as_npy_as_well(models, bench, images):
    arguments = ["-i", images[0], "-o", bench.output, "--dump", 1, "--dump-npy", 1]
    assert bench(models / "cnn.onnx", *arguments, "--layers", "fc") == 0
    (path,) = bench.output.glob("dump/*_npy/0/cnn/0/0/*.fc_out.npy")
    np.testing.assert_array_equal(np.load(path), expected(models / "cnn.onnx", images[0]))
    assert not [name for name in bench.files("*.npy") if "filling" in name]


def test_a_layer_that_the_graph_does_not_have_is_said(models, bench, images, caplog):
    arguments = ["-i", images[0], "-o", bench.output, "--dump", 1, "--layers", "fc,nothing*"]
    assert bench(models / "cnn.onnx", *arguments) == 0
    said = [m for m in caplog.messages if "no node of the graph that runs" in m]
    assert said == ["no node of the graph that runs is called nothing*"]


def test_a_dump_as_an_npu_leaves_it(models, bench, images):
    arguments = ["-i", images[0], "-o", bench.output, "--dump", 1, "--dump-format", "ge"]
    assert bench(models / "cnn.onnx", *arguments, "--dump-npy", 1) == 0
    (path,) = bench.output.glob("dump/*[0-9]/0/cnn/0/0/Gemm.fc.*")
    file = open_file(path)
    assert file.kind == "ge_dump"
    given, result = file.tensors
    assert (given.io, result.io, list(result.logical_shape)) == ("input", "output", [1, 10])
    np.testing.assert_array_equal(result.numpy(), expected(models / "cnn.onnx", images[0]))
    assert not list(path.parent.glob("*.safetensors"))
    (converted,) = bench.output.glob("dump/*_npy/0/cnn/0/0/Gemm.fc.*.output.0.npy")
    np.testing.assert_array_equal(np.load(converted), result.numpy())


def test_acl_json_decides_what_is_dumped(models, bench, images, tmp_path):
    target = tmp_path / "there"
    target.mkdir()
    values = {
        "dump": {
            "dump_path": str(target),
            "dump_list": [{"model_name": "cnn", "layer": ["stem", "fc"]}],
            "dump_step": "1|3-4",
            "dump_data": "stats",
        }
    }
    path = tmp_path / "acl.json"
    path.write_text(json.dumps(values))
    path.chmod(0o644)
    inputs = ",".join(images)
    arguments = ["-i", inputs, "--acl-json-path", path, "--fusion", "off", "--profiler", 1]
    assert bench(models / "cnn.onnx", *arguments) == 0
    indexes = sorted(target.glob("*/0/cnn/0/*/onnx_dump.json"))
    assert [index.parent.name for index in indexes] == ["1", "3", "4"]
    index = json.loads(indexes[0].read_text())
    assert {tensor["name"] for tensor in index["tensors"]} == {"x", "stem_out", "fc_out"}
    assert index["data"] is None


def test_a_profile_says_where_time_goes(models, bench):
    arguments = ["-o", bench.output, "--profiler", 1, "--loop", 5, "--warmup-count", 2]
    assert bench(models / "cnn.onnx", *arguments) == 0
    (summary,) = bench.output.glob("profiler/PROF_*/device_0/summary/op_summary_cnn_*.csv")
    lines = [line.split(",") for line in summary.read_text().splitlines()]
    assert lines[0] == ["op_name", "op_type", "calls", "total_us", "mean_us", "share_percent"]
    assert {int(line[2]) for line in lines[1:]} == {5}
    totals = [float(line[3]) for line in lines[1:]]
    assert totals == sorted(totals, reverse=True)
    assert sum(float(line[5]) for line in lines[1:]) == pytest.approx(100, abs=0.1)
    (statistic,) = bench.output.glob("profiler/PROF_*/device_0/summary/op_statistic_cnn_*.csv")
    assert "Conv,Conv," in statistic.read_text()
    (trace,) = bench.output.glob("profiler/PROF_*/device_0/timeline/*.json")
    assert any(event["cat"] == "Node" for event in json.loads(trace.read_text()))
    (chart,) = bench.output.glob("profiler/PROF_*/device_0/summary/op_chart_cnn_*.html")
    assert "in 5 runs" in chart.read_text()


def test_results_of_a_range_lie_apart(models, bench):
    arguments = ["--dym-shape-range", "x:1,2-3,32", "-o", bench.output, "-od", "r"]
    assert bench(models / "encoder.onnx", *arguments, "--outfmt", "NPY") == 0
    found = [np.load(bench.output / "r" / n / "pure_infer_data_0.npy").shape for n in "01"]
    assert found == [(1, 2, 32), (1, 3, 32)]


def test_debug_says_what_runs(models, bench, caplog):
    assert bench(models / "cnn.onnx", "--debug", 1, "--loop", 2) == 0
    assert "input x: float32 (1, 3, 16, 16)" in caplog.text
    assert "run 0: [" in caplog.text


def test_statistics_are_those_of_numpy():
    values = [3.0, 1.0, 2.0, 10.0]
    found = statistics(values)
    assert found["percentile(99%)"] == pytest.approx(np.percentile(values, 99))
    assert (found["min"], found["max"], found["median"]) == (1, 10, 2.5)
    assert set(statistics([]).values()) == {0}
    assert overlapping([(0, 2), (1, 3), (5, 6)]) == {"mean": 4 / 3, "count": 3}


def test_nothing_but_what_is_named_is_written(models, bench, images):
    before = sorted(os.listdir(models))  # noqa: PTH208
    bench(models / "cnn.onnx", "-i", images[0], "-o", bench.output, "--dump", 1)
    assert sorted(os.listdir(models)) == before  # noqa: PTH208
    assert not [name for name in bench.files() if "partial" in name]
