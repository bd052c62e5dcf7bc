import builtins
import sys
from pathlib import Path
from typing import Any

import pytest

from trueness.errors import UsageError
from trueness.pair.mapping_file import NameMapping, Rule, glob_pattern, read_mapping

YAML = r"""
pairs:
  - {golden: embed, my: tok_embed}
globs:
  - {golden: layers.*.attn, my: "blk.*.a"}
renames:
  - {golden: 'layers.\1.mlp', my: 'blk\.(\d+)\.m'}
"""
TOML = r"""
[[pairs]]
golden = "embed"
my = "tok_embed"
[[globs]]
golden = "layers.*.attn"
my = "blk.*.a"
[[renames]]
golden = 'layers.\1.mlp'
my = 'blk\.(\d+)\.m'
"""
JSON = r"""{
"pairs": [{"golden": "embed", "my": "tok_embed"}],
"globs": [{"golden": "layers.*.attn", "my": "blk.*.a"}],
"renames": [{"golden": "layers.\\1.mlp", "my": "blk\\.(\\d+)\\.m"}]
}"""


def written(folder: Path, text: str, suffix: str = ".json") -> Path:
    path = folder / f"names{suffix}"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("suffix", "text"),
    [(".yaml", YAML), (".yml", YAML), (".json", JSON)]
    + ([(".toml", TOML)] if sys.version_info >= (3, 11) else []),
)
def test_every_format_says_the_same(tmp_path: Path, suffix: str, text: str) -> None:
    path = written(tmp_path, text, suffix)
    assert read_mapping(path) == NameMapping(
        str(path),
        [Rule("embed", "tok_embed")],
        [Rule("layers.*.attn", "blk.*.a")],
        [Rule(r"layers.\1.mlp", r"blk\.(\d+)\.m")],
    )


@pytest.mark.parametrize(
    ("suffix", "text", "module", "message"),
    [
        (".toml", TOML, "tomllib", "Python 3.11"),
        (".yaml", YAML, "yaml", r"pip install 'trueness\[mapping\]'"),
    ],
)
def test_a_missing_reader_is_one_line_that_says_what_to_do(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
    text: str,
    module: str,
    message: str,
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == module:
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=message):
        read_mapping(written(tmp_path, text, suffix))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read"),
        ("[]", "lists called pairs, globs, renames"),
        ("{}", "lists called"),
        ('{"pair": []}', "lists called"),
        ('{"pairs": {"a": "b"}}', "pairs is no list"),
        ('{"pairs": ["a"]}', "'a' is not a golden and a my text"),
        ('{"pairs": [{"golden": "a"}]}', "is not a golden and a my text"),
        ('{"pairs": [{"golden": "a", "my": 3}]}', "is not a golden and a my text"),
        ('{"globs": [{"golden": "a*", "my": "b"}]}', r"wildcards of a\* = b are not the same"),
        ('{"globs": [{"golden": "a*?", "my": "b?*"}]}', "are not the same"),
        ('{"renames": [{"golden": "a", "my": "("}]}', "rename '\\('"),
        ("[" * 100_000, "cannot be read"),
    ],
)
def test_what_means_nothing_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        read_mapping(written(tmp_path, text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["a: [", "!!python/object/apply:os.getcwd []", "\0"])
def test_damaged_yaml_is_refused_and_runs_nothing(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_mapping(written(tmp_path, text, ".yaml"))


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ends in none of"):
        read_mapping(written(tmp_path, JSON, ".ini"))
    with pytest.raises(UsageError, match="cannot be read"):
        read_mapping(tmp_path / "nothing.json")


@pytest.mark.parametrize(
    ("glob", "name", "captured"),
    [
        ("a.*.b", "a.1.b", ("1",)),
        ("a.*.b", "a.1.2.b", ("1.2",)),
        ("*/x", "a/x", ("a",)),
        ("*/x", "a/b/x", None),
        ("**/x", "a/b/x", ("a/b",)),
        ("l?", "l1", ("1",)),
        ("l?", "l12", None),
        ("a+b[1]", "a+b[1]", ()),
    ],
)
def test_globs(glob: str, name: str, captured: tuple[str, ...] | None) -> None:
    match = glob_pattern(glob).fullmatch(name)
    assert (match and match.groups()) == captured
