"""A file is one idea, a function fits a screen, and nothing names the machine it came from."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("csrc", "python", "tests", "bench", ".ci")
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
MACHINE_PATH = re.compile(rb"(?<![\w./~-])/(?:work|root)/")


def files(root: Path, *suffixes: str) -> list[Path]:
    inside = [path for folder in FOLDERS for path in (root / folder).rglob("*")]
    return [
        path
        for path in sorted([*root.glob("*"), *inside])
        if path.is_file()
        and "__pycache__" not in path.parts
        and (not suffixes or path.suffix in suffixes)
    ]


def long_files(root: Path) -> Iterator[str]:
    for path in files(root, ".py", ".pyi", ".cpp", ".hpp", ".inl", ".cmake"):
        lines = len(path.read_bytes().splitlines())
        if lines > MAX_FILE_LINES:
            yield f"{path.relative_to(root)}: {lines} lines"


def long_python_functions(root: Path) -> Iterator[str]:
    for path in files(root, ".py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    yield f"{path.relative_to(root)}: {node.name} has {lines} lines"


def long_cpp_functions(root: Path) -> Iterator[str]:
    """clang-format closes a function with a brace alone in the first column, and nothing else."""
    for path in files(root, ".cpp", ".hpp", ".inl"):
        start = 0
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line == "}" and number - start + 1 > MAX_FUNCTION_LINES:
                yield f"{path.relative_to(root)}:{start}: function of {number - start + 1} lines"
            if line and line[0] not in " \t}#/)":
                start = number


def machine_paths(root: Path) -> Iterator[str]:
    for path in files(root):
        if MACHINE_PATH.search(path.read_bytes()):
            yield str(path.relative_to(root))


CHECKS = [long_files, long_python_functions, long_cpp_functions, machine_paths]


@pytest.mark.parametrize("check", CHECKS)
def test_tree(check) -> None:
    assert list(check(ROOT)) == []


PLANTED = {
    long_files: ("csrc/a.cpp", "// x\n" * 401),
    long_python_functions: ("python/a.py", "def f():\n" + "    x = 1\n" * 50),
    long_cpp_functions: (
        "csrc/a.hpp",
        "int f(int a,\n      int b) {\n" + "    a++;\n" * 48 + "}\n",
    ),
    machine_paths: ("README.md", "see " + "/".join(["", "work", "main"]) + "\n"),
}


@pytest.mark.parametrize("check", CHECKS)
def test_planted_violation_is_found(tmp_path: Path, check) -> None:
    name, text = PLANTED[check]
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    assert len(list(check(tmp_path))) == 1
