"""The symbol check must see what it is there for; .ci/run applies it to the objects of a build."""

import subprocess
import sys
from pathlib import Path

import pytest

CHECK = Path(__file__).with_name("check_symbols.py")

CLEAN = "namespace { int twice(int x) { return 2 * x; } }\nint entry(int x) { return twice(x); }\n"
TWO_STRONG = CLEAN + "int another(int x) { return x; }\n"
INLINE = "inline int twice(int x) { return 2 * x; }\nint (*entry())(int) { return twice; }\n"
TEMPLATE = "#include <vector>\nint entry(std::vector<int>& v) { v.push_back(1); return v[0]; }\n"
NOTHING = "namespace { [[maybe_unused]] int twice(int x) { return 2 * x; } }\n"


def check(build: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CHECK), str(build)]
    return subprocess.run(command, capture_output=True, check=False, text=True)


def compile_object(build: Path, source: str) -> None:
    folder = build / "metrics_planted.dir" / "metrics"
    folder.mkdir(parents=True)
    (folder / "kernels.cpp").write_text(source)
    subprocess.run(
        ["c++", "-c", "-O1", "-o", "kernels.cpp.o", "kernels.cpp"], cwd=folder, check=True
    )


def test_one_strong_symbol_passes(tmp_path: Path) -> None:
    compile_object(tmp_path, CLEAN)
    assert check(tmp_path).returncode == 0


@pytest.mark.parametrize("source", [TWO_STRONG, INLINE, TEMPLATE, NOTHING])
def test_planted_symbol_is_found(tmp_path: Path, source: str) -> None:
    compile_object(tmp_path, source)
    assert check(tmp_path).returncode == 1


def test_a_build_without_kernel_objects_fails(tmp_path: Path) -> None:
    assert check(tmp_path).returncode == 1
