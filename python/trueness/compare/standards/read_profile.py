"""A profile, ours or a user's, from plain values to a Standard. Every error names file, key and
what was expected there."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TypeVar

from trueness import _core
from trueness.compare.standards.demands import (
    HOW,
    RATIO_METRICS,
    TOLERANCE_METRICS,
    AnyOf,
    Demand,
    Limit,
    Ratio,
    SmallValues,
    UlpShare,
    Within,
    Worst,
    combined,
)
from trueness.compare.standards.noise import Noise
from trueness.compare.standards.standard import (
    EMPTY,
    NONFINITE,
    ZERO_GOLDEN,
    Standard,
    Table,
)
from trueness.errors import UsageError

_Word = TypeVar("_Word", bound=str)
_POWER = re.compile(r"(?:(\d+(?:\.\d+)?)\s*\*\s*)?2\^(-?\d{1,3})")
_KEYS = (
    *("name", "version", "source", "notes"),
    *("nonfinite", "zero_golden", "empty", "noise", "dtypes", "otherwise"),
)
MAX_TOLERANCES = 4
DTYPES = frozenset(
    (
        *("bool", "int4", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
        *("uint1", "float16", "bfloat16", "float32", "float64", "float8_e4m3fn", "float8_e5m2"),
        *("float8_e8m0", "hifloat8", "complex32", "complex64", "complex128"),
    )
)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a file a value is, for messages."""

    path: str
    key: str = ""

    def at(self, key: object) -> _Place:
        return _Place(self.path, f"{self.key}.{key}" if self.key else str(key))

    def wrong(self, expected: str, found: object) -> UsageError:
        where = f"{self.path}: {self.key}" if self.key else self.path
        return UsageError(f"standard: {where}: expected {expected}, found {repr(found)[:80]}")


def read_profile(content: object, path: str) -> Standard:
    """Raises UsageError for content that is no profile."""
    top = _Place(path)
    values = _mapping(content, top, _KEYS, required=("name", "version", "source"))
    tables: dict[str, Table] = {}
    dtypes = values.get("dtypes", {})
    if not isinstance(dtypes, Mapping):
        raise top.at("dtypes").wrong("tables by dtype", dtypes)
    for names, demands in dtypes.items():
        place = top.at("dtypes").at(names)
        table = _table(demands, place)
        for name in (name.strip() for name in str(names).split(",")):
            if name not in DTYPES:
                raise place.wrong(f"dtypes out of {', '.join(sorted(DTYPES))}", name)
            tables[name] = table
    if "otherwise" not in values:
        raise top.at("otherwise").wrong("a list of demands for dtypes that have none", None)
    return Standard(
        name=_text(values["name"], top.at("name")),
        version=_text(values["version"], top.at("version")),
        source=_text(values["source"], top.at("source")),
        tables=tables,
        otherwise=_table(values["otherwise"], top.at("otherwise")),
        nonfinite=_one_of(values.get("nonfinite", "equal"), NONFINITE, top.at("nonfinite")),
        zero_golden=_one_of(
            values.get("zero_golden", "demands"), ZERO_GOLDEN, top.at("zero_golden")
        ),
        empty=_one_of(values.get("empty", "pass"), EMPTY, top.at("empty")),
        notes=[
            _text(note, top.at("notes").at(i))
            for i, note in enumerate(_list(values.get("notes", []), top.at("notes")))
        ],
        noise=_noise(values["noise"], top.at("noise")) if "noise" in values else None,
    )


def _noise(content: object, place: _Place) -> Noise:
    names = ("rounding", "room", "most")
    values = _mapping(content, place, names, required=names)
    rounding = values["rounding"]
    if not isinstance(rounding, Mapping) or not set(rounding) <= DTYPES:
        raise place.at("rounding").wrong("numbers by dtype", rounding)
    return Noise(
        {name: _number(value, place.at("rounding").at(name)) for name, value in rounding.items()},
        _number(values["room"], place.at("room")),
        _number(values["most"], place.at("most")),
    )


def _table(content: object, place: _Place) -> Table:
    demands = _demands(content, place)
    try:
        needs = combined([demand.needs for demand in demands])
    except ValueError as error:
        raise UsageError(f"standard: {place.path}: {place.key}: {error}") from None
    if len(needs.within) > MAX_TOLERANCES:
        raise place.wrong(f"at most {MAX_TOLERANCES} pairs of atol and rtol", len(needs.within))
    return Table(demands)


def _demands(content: object, place: _Place) -> Sequence[Demand]:
    items = _list(content, place)
    if not items:
        raise place.wrong("at least one demand", content)
    return [_demand(item, place.at(i)) for i, item in enumerate(items)]


def _demand(content: object, place: _Place) -> Demand:
    if not isinstance(content, Mapping):
        raise place.wrong("a demand", content)
    for key, read in _KINDS.items():
        if key in content:
            return read(content, place)
    raise place.wrong(f"a demand with one of {', '.join(_KINDS)}", dict(content))


def _limit(content: Mapping[str, object], place: _Place) -> Demand:
    values = _mapping(content, place, ("metric", *HOW))
    how = [name for name in HOW if name in values]
    if len(how) != 1:
        raise place.wrong(f"one of {', '.join(HOW)}", dict(values))
    known = (*_core.METRIC_NAMES, *TOLERANCE_METRICS)
    metric = _one_of(values["metric"], known, place.at("metric"))
    return Limit(metric, _number(values[how[0]], place.at(how[0])), how[0])


def _within(content: Mapping[str, object], place: _Place) -> Demand:
    values = _mapping(content, place, ("atol", "rtol", "share"), required=("atol", "rtol"))
    return Within(
        _at_least_0(values["atol"], place.at("atol")),
        _at_least_0(values["rtol"], place.at("rtol")),
        _share(values.get("share", 1), place.at("share")),
    )


def _worst(content: Mapping[str, object], place: _Place) -> Demand:
    names = ("worst_at_most", "or_ulp")
    values = _mapping(content, place, names, required=names)
    return Worst(*(_at_least_0(values[name], place.at(name)) for name in names))


def _ulp_share(content: Mapping[str, object], place: _Place) -> Demand:
    names = ("ulp_at_most", "share")
    values = _mapping(content, place, names, required=names)
    ulp = values["ulp_at_most"]
    if not isinstance(ulp, int) or isinstance(ulp, bool) or not 0 < ulp < 2**31:
        raise place.at("ulp_at_most").wrong("a whole number of at least 1", ulp)
    return UlpShare(ulp, _share(values["share"], place.at("share")))


def _ratio(content: Mapping[str, object], place: _Place) -> Demand:
    values = _mapping(content, place, ("ratio", "at_most"), required=("ratio", "at_most"))
    metric = _one_of(values["ratio"], RATIO_METRICS, place.at("ratio"))
    return Ratio(metric, _at_least_0(values["at_most"], place.at("at_most")))


def _small_values(content: Mapping[str, object], place: _Place) -> Demand:
    names = ("small_value", "small_error", "ratio_at_most")
    values = _mapping(content, place, names, required=names)
    return SmallValues(*(_at_least_0(values[name], place.at(name)) for name in names))


def _any_of(content: Mapping[str, object], place: _Place) -> Demand:
    values = _mapping(content, place, ("any_of",))
    choices = _list(values["any_of"], place.at("any_of"))
    if not choices:
        raise place.at("any_of").wrong("at least one choice", choices)
    return AnyOf(
        [
            _demands(choice if isinstance(choice, list) else [choice], place.at("any_of").at(i))
            for i, choice in enumerate(choices)
        ]
    )


_KINDS: Mapping[str, Callable[[Mapping[str, object], _Place], Demand]] = {
    "metric": _limit,
    "atol": _within,
    "worst_at_most": _worst,
    "ulp_at_most": _ulp_share,
    "ratio": _ratio,
    "small_value": _small_values,
    "any_of": _any_of,
}
"""The key that tells a demand of each kind."""


def _mapping(
    content: object, place: _Place, known: Sequence[str], required: Sequence[str] = ()
) -> Mapping[str, object]:
    if not isinstance(content, Mapping):
        raise place.wrong(f"keys out of {', '.join(known)}", content)
    for key in content:
        if key not in known:
            raise place.at(key).wrong(f"a key out of {', '.join(known)}", key)
    for key in required:
        if key not in content:
            raise place.at(key).wrong("a value", None)
    return content


def _list(content: object, place: _Place) -> list[object]:
    if not isinstance(content, list):
        raise place.wrong("a list", content)
    return content


def _text(content: object, place: _Place) -> str:
    if not isinstance(content, str) or not content or not content.isprintable():
        raise place.wrong("a text of one line", content)
    return content


def _one_of(content: object, known: Sequence[_Word], place: _Place) -> _Word:
    for word in known:
        if content == word:
            return word
    raise place.wrong(f"one of {', '.join(known)}", content)


def _number(content: object, place: _Place) -> float:
    """A number, or a power of two as it is published: 2^-10, 10*2^-10."""
    if isinstance(content, str) and (match := _POWER.fullmatch(content.strip())):
        return float(match[1] or 1) * 2.0 ** int(match[2])
    if isinstance(content, int | float) and not isinstance(content, bool) and isfinite(content):
        return float(content)
    raise place.wrong('a number such as 0.001 or "2^-10"', content)


def _at_least_0(content: object, place: _Place) -> float:
    value = _number(content, place)
    if value < 0:
        raise place.wrong("a number of at least 0", content)
    return value


def _share(content: object, place: _Place) -> float:
    value = _number(content, place)
    if not 0 < value <= 1:
        raise place.wrong("a share above 0 and up to 1", content)
    return value
