"""What the READMEs say is what there is, in both languages."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from trueness import _core
from trueness.compare.standards import standard_names, standard_of
from trueness.compare.standards.demands import Limit
from trueness.model import State
from trueness.pair.mapping_file import read_mapping

ROOT = Path(__file__).parents[1]
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]
COMMANDS = ["pip install . && trueness demo", 'pip install ".[test]" && pytest']


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def code_blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text_of(path), re.MULTILINE | re.DOTALL)


def code_words(path: Path) -> set[str]:
    outside_blocks = re.sub(r"^```.*?^```", "", text_of(path), flags=re.MULTILINE | re.DOTALL)
    return set(re.findall(r"`([^`\n]+)`", outside_blocks))


def sources(folder: str, *suffixes: str) -> str:
    paths = (path for path in (ROOT / folder).rglob("*") if path.suffix in suffixes)
    return "\n".join(text_of(path) for path in paths)


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_two_commands_set_everything_up(readme: Path) -> None:
    lines = [line for block in code_blocks(readme, "sh") for line in block.splitlines()]
    assert [line for line in lines if line.startswith("pip install")] == COMMANDS


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_python_example_runs(
    readme: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = code_blocks(readme, "python")
    for block in blocks:
        exec(compile(block, readme.name, "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) >= len(blocks) > 0


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_mapping_example_is_one(readme: Path, tmp_path: Path) -> None:
    (block,) = code_blocks(readme, "yaml")
    (tmp_path / "names.yaml").write_text(block, encoding="utf-8")
    rules = read_mapping(tmp_path / "names.yaml")
    assert rules.pairs and rules.globs
    (rename,) = rules.renames
    assert re.sub(rename.my, rename.golden, "blk.3.mlp") == "model.layers.3.mlp"


def test_both_languages_name_the_same_things() -> None:
    assert code_words(READMES[0]) == code_words(READMES[1])


def test_every_option_exists() -> None:
    text = text_of(READMES[0])
    named = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", text)) - {"-m"}
    verbs = set(re.findall(r"^ *trueness ([a-z][a-z-]+)", text, re.MULTILINE))
    program = "import sys; from trueness.cli.app import main; sys.exit(main())"
    shown = ""
    for verb in ["", *sorted(verbs)]:
        command = [sys.executable, "-c", program, *verb.split(), "--help"]
        shown += subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert {"compare", "inspect", "convert"} <= verbs
    assert named - set(re.findall(r"--?[a-z][a-z-]*", shown)) == set()


def test_every_metric_is_explained() -> None:
    assert set(_core.METRIC_NAMES) - code_words(READMES[0]) == set()


def test_every_state_is_explained() -> None:
    assert {state.value for state in State} - code_words(READMES[0]) == set()


def test_every_dtype_is_listed() -> None:
    table = text_of(ROOT / "csrc" / "base" / "dtype.cpp")
    names = re.findall(r'^\s*\{"(\w+)", [1-9]', table, re.MULTILINE)
    assert len(names) > 20
    assert set(names) - code_words(READMES[0]) == set()


def test_bounds_of_the_default_standard_are_the_ones_in_force() -> None:
    rows = re.findall(r"^\| (`.*`) \| (\de-\d) \|$", text_of(READMES[0]), re.MULTILINE)
    written = {dtype: float(limit) for row, limit in rows for dtype in re.findall(r"`(\w+)`", row)}
    in_force = {
        dtype: demand.limit
        for dtype, table in standard_of("auto").tables.items()
        for demand in table.demands
        if isinstance(demand, Limit) and demand.metric == "relative_euclidean_distance"
    }
    assert written == in_force


def test_every_standard_is_listed() -> None:
    assert set(standard_names()) - code_words(READMES[0]) == set()


def test_every_environment_variable_is_listed() -> None:
    code = sources("csrc", ".cpp", ".hpp") + sources("python", ".py")
    read = set(re.findall(r'"(TRUENESS_[A-Z]+)"', code))
    assert read == {word for word in code_words(READMES[0]) if word.startswith("TRUENESS_")}


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_documents_name_files_that_exist(name: str) -> None:
    named = {word for word in code_words(ROOT / name) if re.fullmatch(r"[\w.-]+(/[\w.-]*)+", word)}
    real = {word for word in named if "NAME" not in word}
    assert len(real) > 5
    assert {word for word in real if not (ROOT / word).exists()} == set()
