import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueness.discover.textproto import MAX_DEPTH, TextError, parse


def fields(text: str) -> list:
    return list(parse(text))


def test_scalars_messages_and_repeated_keys() -> None:
    text = 'name: "g" op { name: "a" input: "x:0" input: "y:1" } op { name: "b" }'
    assert fields(text) == [
        ("name", "g"),
        ("op", {"name": ["a"], "input": ["x:0", "y:1"]}),
        ("op", {"name": ["b"]}),
    ]


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        (r'"a: b { c } # d"', "a: b { c } # d"),
        (r'"say \"hi\" \\ \n\t"', 'say "hi" \\ \n\t'),
        (r"'it\'s'", "it's"),
        (r'"\346\226\207 \x41 \u6587"', "\u6587 A \u6587"),
        ("\"two \" 'parts'", "two parts"),
        ('""', ""),
        (r'"\377"', "\ufffd"),
    ],
)
def test_strings(literal: str, value: str) -> None:
    assert fields(f"s: {literal}") == [("s", value)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: 1, b: -2.5e3; c: DT_FLOAT", [("a", "1"), ("b", "-2.5e3"), ("c", "DT_FLOAT")]),
        ("d: [1, 2, 3]", [("d", "1"), ("d", "2"), ("d", "3")]),
        ('d: ["a" "b", "c"]', [("d", "ab"), ("d", "c")]),
        ("d: []", []),
        ("m: <x: 1>", [("m", {"x": ["1"]})]),
        ("m: { # said {\n x: 1 }", [("m", {"x": ["1"]})]),
        ("[a.b/c.D]: 1", [("a.b/c.D", "1")]),
        ("", []),
    ],
)
def test_what_else_the_form_allows(text: str, found: list) -> None:
    assert fields(text) == found


@pytest.mark.parametrize(
    "text",
    ["a", "a:", "a {", "a { b: 1", "a }", "}", 'a: "x', "a: [1", "a: 1 ]", "a: ?", "{}", "a: {>"],
)
def test_broken_text_is_refused(text: str) -> None:
    with pytest.raises(TextError) as caught:
        fields(text)
    assert 0 <= caught.value.offset <= len(text)


def test_depth_is_bounded() -> None:
    assert fields("m {" * MAX_DEPTH + "}" * MAX_DEPTH)
    with pytest.raises(TextError, match="messages inside each other"):
        fields("m {" * (MAX_DEPTH + 1) + "}" * (MAX_DEPTH + 1))


@pytest.mark.parametrize("unit", [" ", "#", "# x\n", '"a"', "\\", 'a: "', "[", "\t#"])
def test_hostile_repetition_ends(unit: str) -> None:
    """A matcher that tries one text in two ways would need longer than the sun shines."""
    with pytest.raises(TextError):
        fields("a: " + unit * 100_001 + '?"')


MESSAGES = st.recursive(
    st.text(max_size=8),
    lambda inner: st.dictionaries(
        st.from_regex(r"[a-z_]{1,6}", fullmatch=True), st.lists(inner, min_size=1, max_size=3)
    ),
    max_leaves=12,
)


def written(value: object) -> str:
    if isinstance(value, dict):
        inner = " ".join(f"{k}: {written(v)}" for k, values in value.items() for v in values)
        return "{ " + inner + " }"
    escaped = "".join(
        c if c.isalnum() else "".join(f"\\{b:03o}" for b in c.encode()) for c in value
    )
    return f'"{escaped}"'


@given(MESSAGES)
def test_what_is_written_is_read(value: object) -> None:
    assert fields(f"f: {written(value)}") == [("f", value)]
