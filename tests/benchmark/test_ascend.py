"""The Ascend side on doubles: aclruntime, msprof and npu-smi as far as their interface is known."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from builders.aipp import aipp_config
from builders.ascend import InferenceSession, Tensor
from builders.ge import DTYPES, Dump
from builders.ge import Tensor as GeTensor
from trueness.benchmark import devices

ARGUMENTS = [
    *("--model-execution=on", "--sys-hardware-mem=on", "--sys-cpu-profiling=off"),
    *("--sys-profiling=off", "--sys-pid-profiling=off", "--dvpp-profiling=on"),
    *("--runtime-api=on", "--task-time=on", "--aicpu=on"),
]


@pytest.fixture
def ascend(monkeypatch):
    module = ModuleType("aclruntime")
    module.session_options = SimpleNamespace
    module.InferenceSession = InferenceSession
    module.Tensor = Tensor
    monkeypatch.setitem(sys.modules, "aclruntime", module)
    monkeypatch.setattr(InferenceSession, "made", [])
    return InferenceSession


@pytest.fixture
def om(tmp_path) -> Path:
    path = tmp_path / "net.v1.om"
    path.write_bytes(b"om")
    path.chmod(0o644)
    return path


def script(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(0o755)
    return path


@pytest.fixture
def tools(tmp_path, monkeypatch) -> Path:
    """A folder in front of the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    for name in ("NO_MSPROF_MODE", "AIT_NO_MSPROF_MODE", "MSIT_NO_MSPROF_MODE"):
        monkeypatch.delenv(name, raising=False)
    return folder


def test_a_model_runs_through_aclruntime(ascend, om, bench, tmp_path):
    np.save(tmp_path / "a.npy", np.arange(6, dtype=np.float32).reshape(2, 3))
    (tmp_path / "a.npy").chmod(0o644)
    arguments = ["-i", tmp_path / "a.npy", "-o", bench.output, "--outfmt", "NPY"]
    assert bench(om, *arguments, "-d", 3, "--loop", 2, "--warmup-count", 1) == 0
    (session,) = ascend.made
    assert session.device == 3
    assert session.calls == [("set_staticbatch",), *[("run",)] * 3, ("free_resource",)]
    (info,) = bench.summary["filesinfo"].values()
    assert np.load(info["outfiles"][0]).ravel().tolist() == [1, 2, 3, 4, 5, 6]
    assert bench.summary["NPU_compute_time"]["count"] == 2


@pytest.mark.parametrize(
    ("arguments", "call"),
    [
        (["--dym-batch", 2], ("set_dynamic_batchsize", 2)),
        (["--dym-dims", "x:2,3"], ("set_dynamic_dims", "x:2,3")),
        (["--dym-shape", "x:2,3"], ("set_dynamic_shape", "x:2,3")),
        (["--dym-batch", 2, "--dym-shape", "x:2,3"], ("set_dynamic_batchsize", 2)),
        (["--dym-shape", "x:2,3", "--output-size", "64,8"], ("set_custom_outsize", [64, 8])),
    ],
)
def test_dynamic_shapes_are_set_the_first_given_counts(
    ascend, om, bench, monkeypatch, arguments, call
):
    monkeypatch.setattr(ascend, "shape", (-1, 3))
    assert bench(om, *arguments) == 0
    settings = [c for c in ascend.made[0].calls if c[0].startswith("set_")]
    assert settings[-1] == call
    assert len(settings) == 1 + ("--output-size" in arguments)


def test_a_dynamic_model_without_a_shape_says_what_to_give(ascend, om, bench, monkeypatch, capsys):
    monkeypatch.setattr(ascend, "shape", (-1, 3))
    assert bench(om) == 2
    assert "--dym-batch, --dym-hw, --dym-dims or --dym-shape" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flag", "call"),
    [
        ("--auto-set-dymshape-mode", "set_dynamic_shape"),
        ("--auto-set-dymdims-mode", "set_dynamic_dims"),
    ],
)
def test_shapes_of_files_are_set_before_each_run(
    ascend, om, bench, monkeypatch, tmp_path, flag, call
):
    monkeypatch.setattr(ascend, "shape", (-1, 3))
    for rows in (1, 2):
        np.save(tmp_path / f"{rows}.npy", np.zeros((rows, 3), np.float32))
        (tmp_path / f"{rows}.npy").chmod(0o644)
    files = f"{tmp_path}/1.npy,{tmp_path}/2.npy"
    assert bench(om, "-i", files, flag, 1, "--warmup-count", 0) == 0
    assert ascend.made[0].calls == [
        *((call, "x:1,3"), ("run",)),
        *((call, "x:2,3"), ("run",)),
        ("free_resource",),
    ]


def test_aipp_is_set_up_from_its_config(ascend, om, bench, monkeypatch, tmp_path):
    monkeypatch.setattr(ascend, "aipp_inputs", 1)
    config = aipp_config(tmp_path, csc_switch="1", matrix_r0c0="256", mean_chn_1="7")
    image = tmp_path / "image.bin"
    image.write_bytes(bytes(12))
    image.chmod(0o644)
    arguments = ["--aipp-config", config, "-i", f"{image}", "--warmup-count", 0]
    assert bench(om, *arguments) == 0
    calls = dict(call for call in ascend.made[0].calls if call[0].startswith("aipp_"))
    assert calls["aipp_set_input_format"] == "RGB888_U8"
    assert calls["aipp_set_src_image_size"] == [2, 2]
    assert calls["aipp_set_max_batch_size"] == 2
    assert calls["aipp_set_csc_params"] == [1, 256, *[0] * 14]
    assert calls["aipp_set_dtc_pixel_mean"] == [0, 7, 0, 0]
    assert ascend.made[0].calls[-3:] == [
        ("check_dym_aipp_input_exist",),
        ("run",),
        ("free_resource",),
    ]


def test_aipp_that_does_not_fit_the_model_says_so(ascend, om, bench, monkeypatch, tmp_path, capsys):
    config = aipp_config(tmp_path)
    assert bench(om, "--aipp-config", config) == 2
    assert "for models with one dynamic AIPP input, not 0" in capsys.readouterr().err
    monkeypatch.setattr(ascend, "aipp_inputs", 1)
    assert bench(om) == 2
    assert "give --aipp-config" in capsys.readouterr().err
    assert bench(om, "--aipp-config", config, "--dym-shape", "x:2,3") == 2
    assert "leave --dym-shape out" in capsys.readouterr().err


def test_what_ascend_does_not_do_is_said(ascend, om, bench, caplog):
    arguments = ["--run-mode", "full", "--pipeline", 1, "--threads", 3, "--fusion", "off"]
    assert bench(om, *arguments) == 0
    for said in ("--run-mode full is done as tensor", "--pipeline has no", "--fusion has no"):
        assert said in caplog.text


def test_a_dump_goes_through_acl_json(ascend, om, bench):
    assert bench(om, "-o", bench.output, "--dump", 1) == 0
    path = bench.output / "acl.json"
    assert ascend.made[0].options.acl_json_path == str(path)
    # The name is that of the file without its suffix, dots and all: CANN matches by it.
    assert json.loads(path.read_text()) == {
        "dump": {
            "dump_list": [{"model_name": "net.v1"}],
            "dump_mode": "all",
            "dump_path": str(bench.output / "dump"),
        }
    }
    assert path.stat().st_mode & 0o777 == 0o640
    assert (bench.output / "dump").is_dir()


ADDED = GeTensor(DTYPES["float32"], (2,), np.array([1, 2], np.float32).tobytes())


def test_what_cann_dumped_becomes_npy_without_its_tools(ascend, om, bench, monkeypatch, caplog):
    monkeypatch.setattr(ascend, "dumped", Dump(outputs=[ADDED], op_name="add_1").encode())
    (bench.output / "dump" / "20200101000000").mkdir(parents=True, mode=0o750)
    old = bench.output / "dump" / "20200101000000" / "old"
    old.write_bytes(b"from another run")
    arguments = ["-o", bench.output, "--dump", 1, "--dump-npy", 1, "--loop", 2, "--warmup-count", 3]
    assert bench(om, *arguments) == 0
    assert "the warm-up as well" in caplog.text
    converted = sorted((bench.output / "dump" / "20261130193539_npy").rglob("*.npy"))
    assert [path.parent.name for path in converted] == ["0", "1"]
    assert np.load(converted[0]).tolist() == [1, 2]
    assert not list((bench.output / "dump").glob("20200101000000_npy"))


def test_a_dump_that_cannot_be_converted_is_an_exit_code(ascend, om, bench, monkeypatch, caplog):
    arguments = ["-o", bench.output, "--dump", 1, "--dump-npy", 1]
    assert bench(om, *arguments) == 1
    assert "no dump was written" in caplog.text
    monkeypatch.setattr(ascend, "dumped", b"no dump at all")
    assert bench(om, *arguments) == 1
    assert "Add.add_1" in caplog.text


def test_the_users_acl_json_is_handed_on(ascend, om, bench, tmp_path):
    path = tmp_path / "mine.json"
    path.write_text('{"dump": {"dump_path": "d", "dump_list": [{"model_name": "net.v1"}]}}')
    path.chmod(0o644)
    assert bench(om, "--acl-json-path", path) == 0
    assert ascend.made[0].options.acl_json_path == str(path)


def test_without_msprof_a_profile_goes_through_acl_json(ascend, om, bench, tools):
    assert bench(om, "-o", bench.output, "--profiler", 1) == 0
    assert json.loads((bench.output / "acl.json").read_text()) == {
        "profiler": {
            "aic_metrics": "",
            "aicpu": "on",
            "output": str(bench.output / "profiler"),
            "switch": "on",
        }
    }


MSPROF = """
import json, sys
from pathlib import Path
Path({seen!r}).write_text(json.dumps(sys.argv[1:]))
folder = Path({root!r}) / "PROF_000001_20261130193539090_ABCDEFGHIJKLMNOP"
(folder / "summary").mkdir(parents=True)
(folder / "summary" / "op.csv").write_text("a")
print("collected in", folder.name, "done")
sys.exit({code})
"""


@pytest.fixture
def msprof(tools, tmp_path, bench):
    def make(code: int = 0) -> Path:
        seen = tmp_path / "argv.json"
        root = str(bench.output / "profiler")
        script(tools, "msprof", MSPROF.format(seen=str(seen), root=root, code=code))
        return seen

    return make


def test_msprof_is_started_with_exactly_these_arguments(om, bench, msprof):
    seen = msprof()
    arguments = ["-o", bench.output, "--profiler", 1, "-d", "0,1", "--loop", 7]
    assert bench(om, *arguments, "--warmup-count", 5) == 0
    output, application, *switches = json.loads(seen.read_text())
    assert output == f"--output={bench.output}/profiler"
    assert switches == ARGUMENTS
    assert application == (
        f"--application={sys.executable} -m trueness benchmark --om-model={om} "
        f"--output={bench.output} --loop=7 --device=0,1 --warmup-count=0 --profiler=0"
    )


def test_tables_get_the_name_of_the_model(om, bench, msprof):
    msprof()
    bench(om, "-o", bench.output, "--profiler", 1)
    (path,) = bench.output.rglob("*.csv")
    assert path.name.startswith("op_net.v1_")


def test_a_failure_under_msprof_is_a_failure(om, bench, msprof):
    msprof(code=3)
    assert bench(om, "-o", bench.output, "--profiler", 1) == 3
    assert bench(om, "-o", bench.output, "--profiler", 1, "--profiler-rename", 0) != 0


def test_msprof_that_names_no_folder_is_a_failure(om, bench, tools):
    script(tools, "msprof", "print('nothing')")
    assert bench(om, "-o", bench.output, "--profiler", 1) == 1


@pytest.mark.parametrize("name", ["NO_MSPROF_MODE", "AIT_NO_MSPROF_MODE", "MSIT_NO_MSPROF_MODE"])
def test_msprof_can_be_switched_off(ascend, om, bench, msprof, monkeypatch, name):
    seen = msprof()
    monkeypatch.setenv(name, "1")
    assert bench(om, "-o", bench.output, "--profiler", 1) == 0
    assert not seen.exists()
    assert ascend.made


def test_the_profiler_part_of_an_acl_json_becomes_arguments(om, bench, msprof, tmp_path):
    seen = msprof()
    profiler = {"switch": "on", "output": "there", "aicpu": "on", "dvpp_freq": "50", "odd": "1"}
    path = tmp_path / "acl.json"
    path.write_text(json.dumps({"profiler": profiler}))
    path.chmod(0o644)
    assert bench(om, "--acl-json-path", path) == 0
    application, *others = json.loads(seen.read_text())
    assert application.startswith("--application=")
    assert others == ["--output=there", "--aicpu=on", "--dvpp-freq=50", "--dvpp-profiling=on"]


def test_a_dump_in_an_acl_json_beats_its_profiler(ascend, om, bench, msprof, tmp_path):
    seen = msprof()
    path = tmp_path / "acl.json"
    path.write_text(json.dumps({"profiler": {"switch": "on"}, "dump": {"dump_path": "d"}}))
    path.chmod(0o644)
    assert bench(om, "--acl-json-path", path) == 0
    assert not seen.exists()


def test_energy_is_read_from_npu_smi(ascend, om, bench, tools, caplog):
    script(tools, "npu-smi", "import sys; print('NPU Real-time Power(W) : 80.0')")
    assert bench(om, "--energy-consumption", 1, "--npu-id", 2) == 0
    assert "energy consumption of NPU 2:" in caplog.text


def test_each_device_has_its_own_npu_for_energy(ascend, om, bench, tools, monkeypatch, caplog):
    monkeypatch.setattr(
        devices, "ProcessPoolExecutor", lambda count, mp_context: ThreadPoolExecutor(count)
    )
    script(tools, "npu-smi", "print('NPU Real-time Power(W) : 80.0')")
    arguments = ["-d", "0,1", "--energy-consumption", 1, "--npu-id", "4,5"]
    assert bench(om, *arguments) == 0
    assert {"energy consumption of NPU 4" in caplog.text, "NPU 5:" in caplog.text} == {True}
    assert sorted(session.device for session in ascend.made) == [0, 1]


def test_energy_without_npu_smi_is_an_error(ascend, om, bench, tools, capsys):
    assert bench(om, "--energy-consumption", 1) == 2
    assert "npu-smi" in capsys.readouterr().err


def test_trtexec_is_asked_for_its_numbers(models, bench, tools, capsys):
    script(
        tools,
        "trtexec",
        "import sys; print(sys.argv[1:]); print('[I] Throughput: 512.5 qps'); print('noise')",
    )
    arguments = ["--perf", 1, "--backend", "trtexec", "--loop", 9, "--batch-size", 4]
    assert bench(models / "cnn.onnx", *arguments) == 0
    assert capsys.readouterr().out == "Throughput: 512.5 qps\n"
