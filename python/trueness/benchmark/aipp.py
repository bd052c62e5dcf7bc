"""The .config of Ascend's image preprocessing (AIPP) for models that take it at run time: an ini
file with one section, `aipp_op`. Keys, ranges and defaults: the CANN documents on dynamic AIPP."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from configparser import ConfigParser, Error
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trueness.errors import UsageError

LOGGER = logging.getLogger("trueness.benchmark")
SECTION = "aipp_op"
FORMATS = ("YUV420SP_U8", "XRGB8888_U8", "RGB888_U8", "YUV400_U8")
Call = tuple[str, Any]
"""A method of aclruntime's session, and the one argument it takes."""


@dataclass(frozen=True, slots=True)
class _Key:
    name: str
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class _Setting:
    """Values that go to `method` in one list; with a `switch` in front, which when it is off is
    given with `off` in their place."""

    method: str
    keys: Sequence[_Key]
    kind: type[int] | type[float] = int
    switch: str = ""
    off: Sequence[int] = ()


def _keys(names: str, lowest: float, highest: float) -> list[_Key]:
    return [_Key(name, lowest, highest) for name in names.split()]


_SWAPS = ("rbuv_swap_switch", "ax_swap_switch")
_SETTINGS = (
    _Setting(
        "aipp_set_csc_params",
        [
            *_keys(" ".join(f"matrix_r{r}c{c}" for r in range(3) for c in range(3)), -32677, 32676),
            *_keys("output_bias_0 output_bias_1 output_bias_2", 0, 255),
            *_keys("input_bias_0 input_bias_1 input_bias_2", 0, 255),
        ],
        switch="csc_switch",
        off=(0,) * 15,
    ),
    _Setting(
        "aipp_set_crop_params",
        [
            *_keys("load_start_pos_w load_start_pos_h", 0, 4095),
            *_keys("crop_size_w crop_size_h", 1, 4096),
        ],
        switch="crop",
        off=(0, 0, 416, 416),
    ),
    _Setting(
        "aipp_set_padding_params",
        _keys("top_padding_size bottom_padding_size left_padding_size right_padding_size", 0, 32),
        switch="padding",
        off=(0,) * 4,
    ),
    _Setting(
        "aipp_set_dtc_pixel_mean", _keys("mean_chn_0 mean_chn_1 mean_chn_2 mean_chn_3", 0, 255)
    ),
    _Setting(
        "aipp_set_dtc_pixel_min",
        _keys("min_chn_0 min_chn_1 min_chn_2 min_chn_3", 0, 255),
        float,
    ),
    _Setting(
        "aipp_set_pixel_var_reci",
        _keys("var_reci_chn_0 var_reci_chn_1 var_reci_chn_2 var_reci_chn_3", -65504, 65504),
        float,
    ),
)
_SIZE = (_Key("src_image_size_w", 2, 4096), _Key("src_image_size_h", 1, 4096))


def calls(path: str, batch: int) -> list[Call]:
    """What to call on a session that takes `batch` images. Raises UsageError for a file that is no
    such .config, lacks what it has to say, or says what AIPP does not know."""
    values = _read(path)
    form = values.get("input_format", "")
    if form not in FORMATS:
        raise UsageError(f"{path}: input_format is {form!r}; give one of {', '.join(FORMATS)}")
    for key in _SIZE:
        if key.name not in values:
            raise UsageError(f"{path}: {key.name} is missing")
    found: list[Call] = [
        ("aipp_set_input_format", form),
        ("aipp_set_src_image_size", [_number(path, values, key, int) for key in _SIZE]),
        ("aipp_set_max_batch_size", batch),
    ]
    found += [(f"aipp_set_{name}", _switch(path, values, name)) for name in _SWAPS]
    for setting in _SETTINGS:
        found.append((setting.method, _values(path, values, setting)))
    return found


def _read(path: str) -> Mapping[str, str]:
    parser = ConfigParser(interpolation=None)
    try:
        with Path(path).open(encoding="utf-8") as file:
            parser.read_file(file)
    except (Error, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"--aipp-config {path} is no ini file: {reason}") from None
    if SECTION not in parser:
        raise UsageError(f"--aipp-config {path} has no section [{SECTION}]")
    values = parser[SECTION]
    known = {key.name for setting in _SETTINGS for key in setting.keys}
    known |= {setting.switch for setting in _SETTINGS} | {key.name for key in _SIZE}
    unknown = sorted(set(values) - known - {"input_format", *_SWAPS, "aipp_mode"})
    if unknown:
        LOGGER.warning("%s: not used: %s", path, ", ".join(unknown))
    return values


def _values(path: str, values: Mapping[str, str], setting: _Setting) -> list[Any]:
    if setting.switch and not _switch(path, values, setting.switch):
        return [0, *setting.off]
    found = [_number(path, values, key, setting.kind) for key in setting.keys]
    return [1, *found] if setting.switch else found


def _switch(path: str, values: Mapping[str, str], name: str) -> int:
    return int(_number(path, values, _Key(name, 0, 1), int))


def _number(path: str, values: Mapping[str, str], key: _Key, kind: type[int] | type[float]) -> Any:
    text = values.get(key.name, "0")
    try:
        found = kind(text)
    except ValueError:
        raise UsageError(f"{path}: {key.name} is {text!r}, which is no number") from None
    if not key.lowest <= found <= key.highest:
        raise UsageError(
            f"{path}: {key.name} is {text}; it has to be from {key.lowest:g} to {key.highest:g}"
        )
    return found
