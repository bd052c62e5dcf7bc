"""Every example runs as it says, and names what was broken."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

import trueness

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(*words: str) -> subprocess.CompletedProcess[str]:
    source = str(Path(trueness.__file__).parents[1])
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": source},
    )


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("fx_dump", "gelu_1-tiny.gelu.default in layers.1.mlp.1: "),
        ("one_process", "gelu_1-tiny.gelu.default: "),
        ("module_hooks", "root.layers.1.mlp.1: "),
        ("manual_dump", "layer1 is the first that differs: "),
    ],
)
def test_the_broken_operator_is_named_first(tmp_path: Path, name: str, first: str) -> None:
    ran = run(str(EXAMPLES / f"{name}.py"), str(tmp_path / "out"))
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert any(line.startswith(first) for line in lines[:2]), lines
    if name == "fx_dump":
        assert "output as undumped: True" in lines[0]


def test_labels_through_the_command(tmp_path: Path) -> None:
    program = "import sys; from trueness.cli.app import main; sys.exit(main())"
    script = f"{sys.executable} {EXAMPLES / 'labels.py'}"
    ran = run("-c", program, "aclcmp", "--exec", script, "-o", str(tmp_path))
    assert ran.returncode == 1, ran.stderr
    (path,) = tmp_path.glob("aclcmp_*/*_cmp_result.csv")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["data_id"] for row in rows] == ["layer0", "layer1", "layer2"]
    failed = [row["data_id"] for row in rows if row["cmp_fail_reason"]]
    assert failed[0] == "layer1" and {row["cmp_flag"] for row in rows} == {"True"}


def test_every_example_is_tested() -> None:
    names = {path.stem for path in EXAMPLES.glob("*.py")}
    text = Path(__file__).read_text()
    assert names - {"tiny_transformer"} == {
        name for name in names - {"tiny_transformer"} if f'"{name}' in text or f"'{name}" in text
    }


def test_an_example_without_its_folder_says_how_to_run_it() -> None:
    ran = run(str(EXAMPLES / "module_hooks.py"))
    assert ran.returncode == 1
    assert "Run: python examples/module_hooks.py FOLDER" in ran.stderr
    assert "Traceback" not in ran.stderr
