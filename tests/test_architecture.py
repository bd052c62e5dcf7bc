"""Who may import whom, read from the sources; ARCHITECTURE.md has the same table in words."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Room:
    """Besides itself and the standard library: what a room imports at module level (`rooms`,
    `packages`) and what it may also import inside functions (`lazy`)."""

    rooms: frozenset[str] = frozenset()
    packages: frozenset[str] = frozenset()
    lazy: frozenset[str] = field(default=frozenset())


def names(text: str) -> frozenset[str]:
    return frozenset(text.split())


PIPELINE = names("discover pair read compare diagnose report")
ORCHESTRATOR = Room(names("model errors _core") | PIPELINE, names("numpy"), names("rich"))
PYTHON_ROOMS = {
    "__init__": Room(names("model errors dumps _core") | PIPELINE),
    "__main__": Room(names("cli")),
    "quickly_made": Room(),
    "model": Room(names("quickly_made")),
    "errors": Room(),
    "config_file": Room(names("errors"), lazy=names("yaml")),
    "offline_page": Room(names("errors")),
    "discover": Room(names("quickly_made model errors")),
    "pair": Room(names("quickly_made model errors config_file")),
    "read": Room(names("model errors _core"), names("numpy"), names("torch")),
    "compare": Room(names("model errors quickly_made config_file read _core"), names("numpy")),
    "diagnose": Room(names("model errors"), names("numpy"), names("read compare torch onnx")),
    "report": Room(names("model errors offline_page"), lazy=names("rich xlsxwriter pyarrow")),
    "plan": Room(names("model errors discover pair compare")),
    "dumps": Room(names("model errors plan compare diagnose report")),
    "demo": Room(packages=names("numpy")),
    "dump": Room(
        names("errors"), lazy=names("numpy torch torchair torch_npu onnx onnxruntime against")
    ),
    "against": Room(
        names("model errors discover compare read diagnose report dump _core"), lazy=names("torch")
    ),
    "aclcmp": Room(names("model errors compare dump")),
    "service": Room(
        names("model errors offline_page"),
        names("numpy"),
        names("xlsxwriter grafana_foundation_sdk"),
    ),
    "benchmark": Room(
        names("model errors read compare dump"),
        lazy=names("numpy torch aclruntime plotly bokeh"),
    ),
    "summarize": ORCHESTRATOR,
    "cluster": ORCHESTRATOR,
    # The command line of `benchmark` is made from the table of its options, which is light.
    "cli": Room(
        names("errors benchmark"),
        names("typer"),
        names("__init__ model _core plan dumps demo dump aclcmp")
        | names("service benchmark summarize cluster numpy rich")
        | PIPELINE,
    ),
}
ONLY_REPLAY = names("read compare torch onnx")
"""What replay may import beside its room: it reads and compares tensors, and runs operators."""
CSV = names("report/to_csv.py report/to_aclcmp.py")
"""What may take lines of CSV from `_core`: floats as text cost Python more than all else there."""

CPP_ROOMS = {
    "base": names("base"),
    "metrics": names("base metrics"),
    "formats": names("base formats"),
    "bindings": names("base metrics formats bindings"),
}
PYTHON_HEADER = re.compile(r"pybind11/|Python\.h$|numpy/")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
GENERATED = names("metrics/isa_list.inc")


@dataclass(frozen=True)
class Import:
    line: int
    module: str
    lazy: bool


def imports(path: Path, package: list[str]) -> Iterator[Import]:
    """Absolute names of what a module imports; `package` is the dotted path of its folder."""

    def visit(node: ast.AST, lazy: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            typing_only = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            inside = lazy or typing_only or isinstance(child, ast.FunctionDef | ast.Lambda)
            if isinstance(child, ast.Import):
                yield from (Import(child.lineno, alias.name, lazy) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = package[: len(package) - child.level + 1] if child.level else []
                stem = [*base, *(child.module or "").split(".")] if child.module else base
                if stem == ["trueness"]:
                    yield from (
                        Import(child.lineno, f"trueness.{alias.name}", lazy)
                        for alias in child.names
                    )
                else:
                    yield Import(child.lineno, ".".join(stem), lazy)
            yield from visit(child, inside)

    yield from visit(ast.parse(path.read_text(encoding="utf-8")), False)


def target_of(module: str) -> str:
    parts = module.split(".")
    if parts[0] != "trueness":
        return parts[0]
    known = len(parts) > 1 and (parts[1] in PYTHON_ROOMS or parts[1] == "_core")
    return parts[1] if known else "__init__"


def python_violations(package: Path) -> Iterator[str]:
    for path in sorted(package.rglob("*.py")):
        inner = path.relative_to(package)
        name = inner.parts[0].removesuffix(".py")
        room = PYTHON_ROOMS.get(name)
        if room is None:
            yield f"{inner}: no room of that name in the table"
            continue
        for found in imports(path, ["trueness", *inner.parent.parts]):
            target = target_of(found.module)
            if target == name or target in sys.stdlib_module_names:
                continue
            lazily = found.lazy and target in room.lazy
            if name == "diagnose" and target in ONLY_REPLAY:
                replays = inner.name.startswith("replay")
                lazily = replays and (found.lazy or target not in ("torch", "onnx"))
            if target == "_core" and inner.as_posix() in CSV:
                continue
            if target not in room.rooms | room.packages and not lazily:
                where = "inside a function" if found.lazy else "at module level"
                yield f"{inner}:{found.line}: {name} must not import {found.module} {where}"


def includes(path: Path) -> list[tuple[str, str]]:
    return INCLUDE.findall(path.read_text(encoding="utf-8"))


def cpp_violations(csrc: Path) -> Iterator[str]:
    for path in sorted(p for p in csrc.rglob("*") if p.suffix in (".cpp", ".hpp", ".inl")):
        inner = path.relative_to(csrc)
        allowed = CPP_ROOMS.get(inner.parts[0])
        if allowed is None:
            yield f"{inner}: no room of that name in the table"
            continue
        for bracket, header in includes(path):
            if bracket == '"' and header.split("/")[0] not in allowed:
                yield f"{inner}: {inner.parts[0]} must not include {header}"
            if PYTHON_HEADER.search(header) and inner.parts[0] != "bindings":
                yield f"{inner}: only bindings may include {header}"
    yield from kernel_violations(csrc)


def kernel_violations(csrc: Path) -> Iterator[str]:
    """The files compiled once per ISA may see no header with templates or inline functions in it,
    directly or through another header: the linker could hand their AVX copy to a baseline caller.
    """
    waiting, seen = ["metrics/kernels.cpp"], set(GENERATED)
    while waiting:
        name = waiting.pop()
        if name in seen or not (csrc / name).is_file():
            continue
        seen.add(name)
        for bracket, header in includes(csrc / name):
            if bracket == '"':
                waiting.append(header)
            elif header not in ("cstddef", "cstdint"):
                yield f"{name}: part of the kernels, must not include <{header}>"


def test_python_rooms_import_only_what_the_table_allows() -> None:
    assert list(python_violations(ROOT / "python" / "trueness")) == []


def test_cpp_rooms_include_only_what_the_table_allows() -> None:
    assert list(cpp_violations(ROOT / "csrc")) == []


PLANTED_PYTHON = [
    ("discover/flat.py", "import numpy"),
    ("discover/flat.py", "from trueness.compare import engine"),
    ("discover/flat.py", "def f():\n    from .._core import open_file"),
    ("pair/by_name.py", "from ..report.columns import COLUMNS"),
    ("pair/by_name.py", "from .. import compare"),
    ("model.py", "from trueness.errors import TruenessError"),
    ("read/native.py", "import torch"),
    ("read/native.py", "from trueness.pair import by_name"),
    ("compare/engine.py", "import trueness.report.to_csv"),
    ("compare/engine.py", "import pandas"),
    ("diagnose/order.py", "def f():\n    import torch"),
    ("diagnose/replay.py", "import torch"),
    ("report/columns.py", "from trueness._core import csv_lines"),
    ("report/to_xlsx.py", "import xlsxwriter"),
    ("dump/manual.py", "from trueness.model import State"),
    ("service/load.py", "from trueness.benchmark import run"),
    ("read/native.py", "def f():\n    import trueness.cli.app"),
    ("cli/app.py", "import trueness"),
    ("cli/app.py", "import rich"),
    ("misc.py", ""),
]
ALLOWED_PYTHON = [
    ("discover/flat.py", "import os\nfrom trueness.model import TensorRef"),
    ("read/native.py", "import numpy as np\nfrom .. import _core, errors"),
    ("read/torch_zip.py", "def f():\n    import torch"),
    ("diagnose/replay.py", "def f():\n    import torch\n    from trueness.compare import engine"),
    ("report/to_csv.py", "from trueness._core import csv_lines"),
    ("cli/app.py", "import typer\ndef f():\n    import trueness\n    import rich.table"),
]
PLANTED_CPP = [
    ("base/dtype.hpp", '#include "formats/file.hpp"'),
    ("metrics/finish.cpp", '#include "formats/file.hpp"'),
    ("formats/npy.cpp", '#include "metrics/sums.hpp"'),
    ("formats/npy.cpp", "#include <pybind11/pybind11.h>"),
    ("metrics/load.hpp", "#include <Python.h>"),
    ("metrics/kernels.cpp", "#include <vector>"),
    ("metrics/kernels.cpp", "#include <cmath>"),
    ("tools/x.cpp", ""),
]


def plant(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")
    return root


@pytest.mark.parametrize(("name", "text"), PLANTED_PYTHON)
def test_planted_python_violation_is_found(tmp_path: Path, name: str, text: str) -> None:
    assert len(list(python_violations(plant(tmp_path, name, text)))) == 1


@pytest.mark.parametrize(("name", "text"), ALLOWED_PYTHON)
def test_allowed_python_import_is_not_reported(tmp_path: Path, name: str, text: str) -> None:
    assert list(python_violations(plant(tmp_path, name, text))) == []


@pytest.mark.parametrize(("name", "text"), PLANTED_CPP)
def test_planted_cpp_violation_is_found(tmp_path: Path, name: str, text: str) -> None:
    assert len(list(cpp_violations(plant(tmp_path, name, text)))) == 1


def test_kernels_are_held_to_what_their_headers_include(tmp_path: Path) -> None:
    plant(tmp_path, "metrics/kernels.cpp", '#include <cstdint>\n#include "metrics/load.hpp"')
    assert list(cpp_violations(plant(tmp_path, "metrics/load.hpp", "#include <cstddef>"))) == []
    assert len(list(cpp_violations(plant(tmp_path, "metrics/load.hpp", "#include <array>")))) == 1


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("trueness", "numpy typer click rich torch pandas onnx onnxruntime"),
        ("trueness.cli.app", "numpy torch pandas onnx onnxruntime"),
    ],
)
def test_import_stays_light(module: str, heavy: str) -> None:
    program = f"import sys, {module}; print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    loaded = set(ran.stdout.split())
    assert module in loaded
    assert loaded & names(heavy) == set()
