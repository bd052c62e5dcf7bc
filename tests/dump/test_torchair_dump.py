"""Against a double of torchair's CompilerConfig that, as the real one, knows its fields and refuses
any other and any value that does not fit."""

import logging
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

import pytest

from trueness.dump import get_fx_dump_config, get_ge_dump_config, torchair_dump
from trueness.errors import UsageError

Check = Callable[[object], bool]


def one_of(*values: object) -> Check:
    return lambda value: value in values


def text(pattern: str) -> Check:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def existing(value: object) -> bool:
    return isinstance(value, str) and Path(value).exists()


class Section:
    def __init__(self, fields: Mapping[str, object]) -> None:
        self.__dict__["fields"] = fields

    def __setattr__(self, name: str, value: object) -> None:
        check = self.__dict__["fields"].get(name)
        if not callable(check):
            raise AttributeError(f"no option {name}")
        if not check(value):
            raise ValueError(f"{name} cannot be {value!r}")
        self.__dict__[name] = value

    def __getattr__(self, name: str) -> object:
        field = self.__dict__["fields"].get(name)
        if field is None:
            raise AttributeError(name)
        return field if isinstance(field, Section) else None


def compiler_config(*, older: bool = False) -> Section:
    graph_path = {"_path": existing} if older else {"path": existing}
    data_path = {} if older else {"path": existing}
    dump = {
        "enable_dump": one_of(True, False),
        "dump_path": existing,
        "dump_mode": one_of("input", "output", "all"),
        "dump_step": text(r"((\d+(-\d+)?)\|?)*"),
        "dump_layer": text(r'[0-9a-zA-Z_" /\\.]*'),
    }
    debug = {
        "graph_dump": Section({"type": one_of("txt", "pbtxt", "py"), **graph_path}),
        "data_dump": Section({"type": one_of("npy"), **data_path}),
    }
    return Section(
        {
            "debug": Section(debug),
            "fusion_config": Section({"fusion_switch_file": existing}),
            "dump_config": Section(dump),
        }
    )


def test_ge_config_with_everything(tmp_path: Path) -> None:
    switch = tmp_path / "fusion.cfg"
    switch.touch()
    config = get_ge_dump_config(
        dump_path=str(tmp_path),
        dump_mode="output",
        fusion_switch_file=str(switch),
        dump_token=[0, "2-5"],
        dump_layer=["Mul_1", "layer/Add.2"],
        compiler_config=compiler_config(),
    )
    folder = str(tmp_path / "msit_ge_dump")
    assert (config.debug.graph_dump.type, config.debug.graph_dump.path) == ("txt", folder)
    assert config.fusion_config.fusion_switch_file == str(switch)
    dump = config.dump_config
    assert (dump.enable_dump, dump.dump_mode, dump.dump_path) == (True, "output", folder)
    assert (dump.dump_step, dump.dump_layer) == ("0|2-5", "Mul_1 layer/Add.2")
    assert Path(folder).stat().st_mode & 0o777 == 0o750


def test_ge_defaults_leave_alone_what_was_not_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = get_ge_dump_config(compiler_config=compiler_config(older=True))
    assert config.debug.graph_dump._path == str(tmp_path / "msit_ge_dump")
    assert config.dump_config.dump_mode == "all"
    assert config.dump_config.dump_step is None
    assert config.fusion_config.fusion_switch_file is None


@pytest.mark.parametrize("older", [False, True])
def test_fx_config(tmp_path: Path, older: bool, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        config = get_fx_dump_config(str(tmp_path), compiler_config(older=older))
    assert config.debug.data_dump.type == "npy"
    if older:
        assert "data_dump" in caplog.text
    else:
        assert config.debug.data_dump.path == str(tmp_path / "msit_fx_dump")


def test_a_new_config_is_made_where_torchair_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("torchair")
    monkeypatch.setattr(module, "CompilerConfig", compiler_config, raising=False)
    monkeypatch.setitem(sys.modules, "torchair", module)
    monkeypatch.setitem(sys.modules, "torch_npu", ModuleType("torch_npu"))
    assert get_ge_dump_config(str(tmp_path)).dump_config.enable_dump is True
    assert torchair_dump.get_fx_dump_config(str(tmp_path)).debug.data_dump.type == "npy"


def test_without_torchair_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torchair", None)
    for make in (get_ge_dump_config, get_fx_dump_config):
        with pytest.raises(UsageError, match="install torch_npu"):
            make(str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_folder_in_use_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "msit_ge_dump").mkdir()
    (tmp_path / "msit_ge_dump" / "old").touch()
    with caplog.at_level(logging.WARNING):
        get_ge_dump_config(str(tmp_path), compiler_config=compiler_config())
    assert "not empty" in caplog.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"dump_mode": "inputs"},
        {"dump_token": ["0|1"]},
        {"dump_token": [-1]},
        {"dump_token": "01"},
        {"dump_layer": "Mul_1"},
        {"dump_layer": ["Mul 1"]},
        {"fusion_switch_file": "nowhere.cfg"},
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, wrong: Mapping[str, object]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        get_ge_dump_config(str(tmp_path), compiler_config=compiler_config(), **wrong)


def test_a_path_must_be_a_text(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        get_ge_dump_config(tmp_path, compiler_config=compiler_config())
