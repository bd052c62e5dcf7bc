"""Which options go together, what paths have to be like, and that errors say what to do."""

import json
from dataclasses import fields

import numpy as np
import pytest

from trueness.benchmark.backends import BACKENDS
from trueness.benchmark.options import Options
from trueness.benchmark.settle import settled
from trueness.benchmark.support import IGNORED, REFUSED

DOCUMENTED = """
    --om-model -om --model -m --input -i --output -o --output-dirname -od --output_dirname --outfmt
    --loop -l --debug --device -d --dym-batch -db --dymBatch --dym-hw -dhw --dymHW --dym-dims -dd
    --dymDims --dym-shape -ds --dymShape --output-size -outsize --outputSize
    --auto-set-dymshape-mode -asdsm --auto_set_dymshape_mode --auto-set-dymdims-mode -asddm
    --auto_set_dymdims_mode --batch-size --batchsize --pure-data-type -pdt --pure_data_type
    --profiler -pf --dump --acl-json-path -acl --acl_json_path --output-batchsize-axis -oba
    --output_batchsize_axis --run-mode -rm --run_mode --display-all-summary -das
    --display_all_summary --warmup-count -wcount --warmup_count --dym-shape-range -dr
    --dymShape_range --aipp-config -aipp --aipp_config --energy-consumption -ec
    --energy_consumption --npu-id --npu_id --backend --perf --pipeline --profiler-rename
    --profiler_rename --dump-npy --dump_npy --divide-input --divide_input --threads
"""


def test_every_documented_flag_in_both_spellings():
    flags = [field.metadata["flag"] for field in fields(Options)]
    old = [flag for flag in flags if not flag.ours]
    assert len(old) == 35
    assert [spelling for flag in old for spelling in flag.spellings] == DOCUMENTED.split()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dump", "1", "--profiler", "1", "-o", "OUT"], "cannot be used together"),
        (["--dump", "1"], "--dump needs --output"),
        (["--profiler", "yes"], "--profiler needs --output"),
        (["--output-dirname", "/x", "-o", "OUT"], "must not begin with /"),
        (["--output-dirname", "x"], "needs --output"),
        (["--dump-npy", "1"], "nothing to convert"),
        (["--dump", "maybe"], "--dump: 'maybe' is neither yes nor no"),
        (["--loop", "0"], "--loop: '0' is no whole number from 1 on"),
        (["--device", "0,256"], "--device: '0,256' is no list of numbers from 0 to 255"),
        (["--npu-id", "9999"], "--npu-id: '9999' is no list of numbers from 0 to 2048"),
        (["--outfmt", "bin"], "--outfmt: 'bin' is not one of NPY, BIN, TXT"),
        (["--dym-shape", "x:1;$(rm)"], "has characters other than"),
        (["--dym-hw", "5"], "give height,width"),
        (["--dym-shape", "y:1"], "no input is called 'y'; known: x"),
        (["--input", "absent.npy"], "--input absent.npy does not exist"),
        (["--backend", "trtexec"], "give --perf 1"),
        (["--random-range", "3,1", "--pure-data-type", "random"], "LOW is above HIGH"),
    ],
)
def test_what_excludes_each_other_or_is_no_value(models, bench, capsys, arguments, message):
    arguments = [str(bench.output) if part == "OUT" else part for part in arguments]
    assert bench(models / "cnn.onnx", *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_acl_json_wins_over_the_switches(models, tmp_path):
    path = tmp_path / "acl.json"
    path.write_text("{}")
    path.chmod(0o644)
    given = Options(
        om_model=str(models / "cnn.onnx"), acl_json_path=str(path), dump=True, profiler=True
    )
    assert not settled(given).dump
    assert not settled(given).profiler


def test_what_follows_from_other_options(models):
    model = str(models / "cnn.onnx")
    assert settled(Options(om_model=model, threads=4)).threads == 1
    assert settled(Options(om_model=model, threads=4, pipeline=True)).threads == 4
    given = Options(om_model=model, profiler=True, output="out", input=(model,), warmup_count=3)
    assert settled(given).warmup_count == 0


def test_what_a_backend_cannot_take_is_refused_or_said(models, bench, tmp_path, capsys, caplog):
    config = tmp_path / "a.config"
    config.write_text("[aipp_op]")
    config.chmod(0o644)
    assert bench(models / "cnn.onnx", "--aipp-config", config) == 2
    assert "onnxruntime has no --aipp-config: AIPP is hardware" in capsys.readouterr().err
    arguments = ["--run-mode", "full", "--output-size", "8", "--device", 3, "--layers", "a"]
    assert bench(models / "cnn.onnx", *arguments, "--auto-set-dymdims-mode", 1) == 0
    for said in (
        "--run-mode has no effect: inputs lie in the memory of this machine",
        "--output-size has no effect",
        "a device is a share of the cores",
        "--layers has no effect without --dump",
        "--auto-set-dymdims-mode has no effect without --input",
    ):
        assert said in caplog.text


def test_limits_name_options_and_backends_that_exist():
    names = {field.name for field in fields(Options)}
    for limit in (*REFUSED, *IGNORED):
        assert limit.option in names
        assert set(limit.backends) <= {*BACKENDS, "trtexec"}


def test_paths_are_checked(models, bench, tmp_path, capsys):
    model = tmp_path / "loose.onnx"
    model.write_bytes((models / "cnn.onnx").read_bytes())
    model.chmod(0o664)
    link = tmp_path / "link.onnx"
    link.symlink_to(models / "cnn.onnx")
    other = tmp_path / "model.txt"
    other.write_bytes(b"")
    other.chmod(0o644)
    for path, message in (
        (model, f"chmod go-w {model}"),
        (link, f"is a link; give {models / 'cnn.onnx'}"),
        (other, "give a file of .onnx or .pt2 or .om"),
        (tmp_path / "absent.onnx", "does not exist"),
        (tmp_path / "a b.onnx", "of letters, digits"),
    ):
        assert bench(path) == 2
        assert message in capsys.readouterr().err


def test_files_that_do_not_fit_say_so(models, bench, tmp_path, capsys):
    def refused(array, name="x.npy", model="cnn.onnx"):
        path = tmp_path / name
        if isinstance(array, bytes):
            path.write_bytes(array)
        else:
            np.save(path, array)
        path.chmod(0o644)
        assert bench(models / model, "--input", path) == 2
        return capsys.readouterr().err

    assert "holds float64, input x takes float32" in refused(np.ones((1, 3, 16, 16)))
    assert "bytes of data, input x takes" in refused(np.ones((1, 3, 16, 15), np.float32))
    assert "no whole number of float32" in refused(b"123", "x.bin")
    assert "a .npy file" in refused(b"no numpy file", "y.npy")
    arguments = ["--input", tmp_path / "x.bin", "--auto-set-dymshape-mode", 1]
    assert bench(models / "cnn.onnx", *arguments) == 2
    assert "does not say its shape" in capsys.readouterr().err
    assert "give .npy or .bin" in refused(b"", "x.raw")


def test_an_object_array_is_never_unpickled(models, bench, tmp_path, capsys):
    path = tmp_path / "evil.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    path.chmod(0o644)
    assert bench(models / "cnn.onnx", "--input", path) == 2
    assert "allow_pickle" in capsys.readouterr().err


def test_a_bad_acl_json(models, bench, tmp_path, capsys, caplog):
    path = tmp_path / "acl.json"
    for text, message in (("{", "is not JSON"), ("[1]", "is not a JSON object")):
        path.write_text(text)
        path.chmod(0o644)
        assert bench(models / "cnn.onnx", "--acl-json-path", path) == 2
        assert message in capsys.readouterr().err
    dump = {"dump_path": str(tmp_path / "no"), "dump_mode": "some", "dump_op_switch": "maybe"}
    path.write_text(json.dumps({"dump": {**dump, "dump_list": [{"model_name": "other"}]}}))
    assert bench(models / "cnn.onnx", "--acl-json-path", path) == 0
    warnings = "\n".join(record.getMessage() for record in caplog.records)
    for problem in ("model_name is 'other'", "is no folder", "neither on nor off", "not one of"):
        assert problem in warnings
    path.write_text(json.dumps({"dump": {"dump_path": str(tmp_path), "dump_step": "a"}}))
    assert bench(models / "cnn.onnx", "--acl-json-path", path) == 2
    assert "such as 0|3-5|10" in capsys.readouterr().err


def test_a_missing_backend_names_what_to_install(models, bench, tmp_path, capsys, monkeypatch):
    model = tmp_path / "model.om"
    model.write_bytes(b"om")
    model.chmod(0o644)
    assert bench(model) == 2
    assert "--backend onnxruntime runs the .onnx" in capsys.readouterr().err
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    assert bench(models / "cnn.onnx") == 2
    assert 'pip install "trueness[onnx]"' in capsys.readouterr().err


def test_cann_without_cann_is_an_error_and_no_cpu_run(models, bench, capsys):
    assert bench(models / "cnn.onnx", "--backend", "onnxruntime-cann") == 2
    assert "CANNExecutionProvider" in capsys.readouterr().err
