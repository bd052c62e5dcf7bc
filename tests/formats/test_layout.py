"""Private device layouts against an oracle that writes every element to its place, one by one."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import ge
from builders.device_layouts import (
    LAYOUTS,
    ORDERS,
    PADDING,
    fractal_nz,
    grouped_fractal_z,
    numbered,
    stored,
)
from trueness import _core

CODES = {"float16": 2, "float32": 1, "int8": 3, "float64": 12, "uint16": 6}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("layout") / "Conv2D.conv.1.2.1706596912161941"


def read(path: Path, tensor: ge.Tensor, io: str = "output") -> tuple[_core.Tensor, list[str]]:
    dump = ge.Dump([tensor]) if io == "output" else ge.Dump(inputs=[tensor])
    path.write_bytes(dump.encode())
    file = _core.open_file(str(path))
    return file.tensors[0], file.warnings


@st.composite
def axis_cases(draw: st.DrawFn) -> tuple[int, str, dict[str, int], int, str]:
    number = draw(st.sampled_from(sorted(LAYOUTS)))
    order = draw(st.sampled_from(LAYOUTS[number][1]))
    size = {letter: draw(st.integers(1, 4)) for letter in "DHW" if letter in order}
    size |= {letter: draw(st.integers(1, 40)) for letter in "NC"}
    size["N"] = min(size["N"], 40 if number in (ge.FRACTAL_Z, ge.FRACTAL_Z_3D) else 3)
    c0 = draw(st.sampled_from([4, 8, 16, 32]))
    return number, order, size, c0, draw(st.sampled_from(sorted(CODES)))


@given(axis_cases())
def test_declared_origin_decides(
    path: Path, case: tuple[int, str, dict[str, int], int, str]
) -> None:
    number, order, size, c0, dtype = case
    logical = numbered([size[letter] for letter in order], dtype)
    device, place = LAYOUTS[number][0](size, c0)
    data = stored(logical, order, device, place)
    tensor, warnings = read(
        path,
        ge.Tensor(
            CODES[dtype], device, data.tobytes(), number, logical.shape, origin_format=ORDERS[order]
        ),
    )
    assert (tensor.problem, warnings) == (None, [])
    assert tensor.shape == tuple(device)
    np.testing.assert_array_equal(tensor.numpy(), logical, strict=True)


@given(axis_cases())
def test_undeclared_origin_is_found_or_said_to_be_open(
    path: Path, case: tuple[int, str, dict[str, int], int, str]
) -> None:
    number, order, size, c0, dtype = case
    orders = [o for o in LAYOUTS[number][1] if o not in ("CHWN", "DHWNC")]
    if order not in orders:
        order = orders[0]
    logical = numbered([size[letter] for letter in order], dtype)
    device, place = LAYOUTS[number][0](size, c0)
    data = stored(logical, order, device, place)
    tensor, warnings = read(
        path, ge.Tensor(CODES[dtype], device, data.tobytes(), number, logical.shape), "input"
    )
    fitting = [
        other
        for other in orders
        if LAYOUTS[number][0](dict(zip(other, logical.shape, strict=True)), c0)[0] == device
    ]
    assert order in fitting and tensor.problem is None
    assert tensor.logical_shape == logical.shape
    if fitting[0] == order:
        np.testing.assert_array_equal(tensor.numpy(), logical, strict=True)
    if len(fitting) > 1 and not np.array_equal(tensor.numpy(), logical):
        (warning,) = warnings
        assert f"fits {fitting[0]} and " in warning
    if len(fitting) == 1:
        assert warnings == []


@given(
    shape=st.lists(st.integers(1, 3), max_size=3).flatmap(
        lambda outer: st.tuples(*map(st.just, outer), st.integers(1, 40), st.integers(1, 40))
    ),
    m0=st.sampled_from([16, 8]),
    n0=st.sampled_from([8, 16, 32]),
    dtype=st.sampled_from(sorted(CODES)),
    ranks=st.integers(0, 2),
)
def test_fractal_nz(
    path: Path, shape: tuple[int, ...], m0: int, n0: int, dtype: str, ranks: int
) -> None:
    if ranks == 1:
        shape = shape[-1:]
    logical = numbered(shape, dtype)
    device, place = fractal_nz(shape, m0, n0)
    data = np.full(device, PADDING, dtype)
    for index in np.ndindex(*shape):
        data[place(index)] = logical[index]
    if ranks == 2:  # some writers join the outer axes
        device = [math.prod(device[:-4]), *device[-4:]]
    tensor, warnings = read(
        path, ge.Tensor(CODES[dtype], device, data.tobytes(), ge.FRACTAL_NZ, shape)
    )
    assert (tensor.problem, warnings) == (None, [])
    np.testing.assert_array_equal(tensor.numpy(), logical, strict=True)


def test_fractal_nz_with_spare_blocks_is_cut_and_said(path: Path) -> None:
    data = np.arange(2 * 2 * 16 * 16, dtype=np.float16).reshape(2, 2, 16, 16)
    tensor, warnings = read(path, ge.Tensor(2, data.shape, data.tobytes(), ge.FRACTAL_NZ, [3, 5]))
    np.testing.assert_array_equal(tensor.numpy(), data[0, 0, :3, :5])
    (warning,) = warnings
    assert "more blocks than original_shape [3,5] needs" in warning


@given(
    groups=st.integers(2, 9),
    c_in=st.integers(1, 40),
    c_out=st.integers(1, 20),
    h=st.integers(1, 2),
    w=st.integers(1, 3),
    c0=st.sampled_from([8, 16, 32]),
    order=st.sampled_from(["NCHW", "NHWC"]),
)
def test_grouped_fractal_z(
    path: Path, groups: int, c_in: int, c_out: int, h: int, w: int, c0: int, order: str
) -> None:
    size = {"N": groups * c_out, "C": c_in, "H": h, "W": w}
    logical = numbered([size[letter] for letter in order], "float16")
    device, place = grouped_fractal_z(size, groups, c0)
    data = stored(logical, order, device, place)
    tensor, _ = read(
        path,
        ge.Tensor(
            2,
            device,
            data.tobytes(),
            ge.FRACTAL_Z,
            logical.shape,
            sub_format=groups,
            origin_format=ORDERS[order],
        ),
    )
    assert tensor.problem is None
    np.testing.assert_array_equal(tensor.numpy(), logical, strict=True)


@given(
    groups=st.integers(2, 50),
    image=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    order=st.sampled_from(["NCHW", "NHWC", "HWCN"]),
)
def test_depthwise_fractal_z(path: Path, groups: int, image: tuple[int, int], order: str) -> None:
    size = {"N": groups, "C": 1, "H": image[0], "W": image[1]}
    logical = numbered([size[letter] for letter in order], "float16")
    device, place = grouped_fractal_z(size, groups, 16)
    data = stored(logical, order, device, place)
    tensor, _ = read(
        path,
        ge.Tensor(
            2,
            device,
            data.tobytes(),
            ge.FRACTAL_Z,
            logical.shape,
            sub_format=groups,
            origin_format=ORDERS[order],
        ),
    )
    assert tensor.problem is None
    np.testing.assert_array_equal(tensor.numpy(), logical, strict=True)


@pytest.mark.parametrize(
    ("groups", "original", "message"),
    [
        (3, [16, 1, 1, 1], "does not belong to FRACTAL_Z"),
        (100_000, [100_000, 1, 1, 1], "does not belong to FRACTAL_Z"),
        (2, [1, 1, 1, 32], "grouped FRACTAL_Z of HWCN has no walk"),
    ],
)
def test_grouped_fractal_z_that_cannot_be_walked(
    path: Path, groups: int, original: list[int], message: str
) -> None:
    data = np.arange(2 * 256, dtype=np.float16)
    tensor, _ = read(
        path,
        ge.Tensor(
            2,
            [1, 2, 16, 16],
            data.tobytes(),
            ge.FRACTAL_Z,
            original,
            sub_format=groups,
            origin_format=ge.HWCN if original[0] == 1 else None,
        ),
    )
    assert tensor.problem is not None and message in tensor.problem
    assert tensor.numpy().tolist() == data.reshape(1, 2, 16, 16).tolist()


@given(
    fmt=st.sampled_from(["NCHW", "NHWC", "HWCN", "CHWN"]),
    order=st.sampled_from(["NCHW", "NHWC", "HWCN", "CHWN"]),
    extents=st.tuples(*[st.integers(1, 5)] * 4),
)
def test_public_formats_are_transposed(
    path: Path, fmt: str, order: str, extents: tuple[int, ...]
) -> None:
    size = dict(zip("NCHW", extents, strict=True))
    data = numbered([size[letter] for letter in fmt], "int8")
    logical = data.transpose([fmt.index(letter) for letter in order])
    tensor, _ = read(
        path,
        ge.Tensor(
            3, data.shape, data.tobytes(), ORDERS[fmt], logical.shape, origin_format=ORDERS[order]
        ),
    )
    assert tensor.problem is None
    np.testing.assert_array_equal(tensor.numpy(), logical, strict=True)


def test_equal_shapes_of_a_public_format_mean_equal_order(path: Path) -> None:
    data = numbered([3, 3, 3, 3], "int8")
    tensor, warnings = read(path, ge.Tensor(3, data.shape, data.tobytes(), ge.HWCN, data.shape))
    assert (tensor.problem, warnings) == (None, [])
    np.testing.assert_array_equal(tensor.numpy(), data)


def test_nd_takes_the_shape_of_the_original(path: Path) -> None:
    data = numbered([2, 3], "float32")
    tensor, warnings = read(path, ge.Tensor(1, [6], data.tobytes(), ge.ND, [1, 2, 3]))
    assert (tensor.problem, warnings) == (None, [])
    np.testing.assert_array_equal(tensor.numpy(), data.reshape(1, 2, 3), strict=True)


def test_both_orders_fit_and_nchw_wins(path: Path) -> None:
    image = numbered([1, 1, 16, 16, 16], "float16")
    tensor, warnings = read(
        path, ge.Tensor(2, image.shape, image.tobytes(), ge.NC1HWC0, [1, 16, 16, 16])
    )
    np.testing.assert_array_equal(tensor.numpy(), image[:, 0].transpose(0, 3, 1, 2))
    assert warnings == [
        "byte 22, output[0]: original_shape [1,16,16,16] fits NCHW and NHWC: read as NCHW"
    ]


def test_declared_origin_that_does_not_fit_is_said(path: Path) -> None:
    image = numbered([1, 1, 2, 3, 16], "float16")
    tensor, warnings = read(
        path,
        ge.Tensor(
            2, image.shape, image.tobytes(), ge.NC1HWC0, [1, 16, 2, 3], origin_format=ge.NHWC
        ),
    )
    np.testing.assert_array_equal(tensor.numpy(), image[:, 0].transpose(0, 3, 1, 2))
    (warning,) = warnings
    assert "original_op.format NHWC does not fit the shapes: read as NCHW" in warning


def unpack_int4(data: bytes, count: int) -> list[int]:
    nibbles = [nibble for byte in data for nibble in (byte & 15, byte >> 4)]
    return [nibble - 16 if nibble > 7 else nibble for nibble in nibbles[:count]]


def test_packed_elements_are_walked_by_element(path: Path) -> None:
    rng = np.random.default_rng(7)
    data = rng.integers(0, 256, 2 * 16 * 64 // 2, dtype=np.uint8).tobytes()
    values = np.array(unpack_int4(data, 2 * 16 * 64)).reshape(2, 1, 16, 64)
    tensor, _ = read(path, ge.Tensor(28, values.shape, data, ge.FRACTAL_NZ, [9, 101]))
    logical = values[:, 0].transpose(1, 0, 2).reshape(16, 128)[:9, :101]
    np.testing.assert_array_equal(tensor.numpy(), logical.astype(np.int8), strict=True)


@pytest.mark.parametrize(
    ("number", "device", "original"),
    [
        (ge.NC1HWC0, [0, 2, 3, 3, 16], [0, 20, 3, 3]),
        (ge.FRACTAL_NZ, [0, 1, 16, 16], [16, 0]),
        (ge.FRACTAL_Z, [0, 1, 16, 16], [4, 4, 0, 3]),
        (ge.FRACTAL_NZ, [2**40, 0, 1, 16, 16], [2**40, 16, 0]),
    ],
)
def test_empty_tensors_have_their_original_shape(
    path: Path, number: int, device: list[int], original: list[int]
) -> None:
    tensor, _ = read(path, ge.Tensor(2, device, b"", number, original))
    assert tensor.problem is None
    assert tensor.numpy().shape == tuple(original)


@pytest.mark.parametrize("number", [ge.NC1HWC0, ge.FRACTAL_Z, ge.FRACTAL_NZ, ge.NDC1HWC0, 33, 25])
@pytest.mark.parametrize("rank", range(1, 8))
def test_huge_original_dims_do_not_overflow(path: Path, number: int, rank: int) -> None:
    ranks = {ge.NC1HWC0: 5, ge.NDC1HWC0: 6, 25: 6}
    device = [1] * ranks.get(number, 4)
    for dim in (2**31, 2**32, 2**62, 2**63 - 1):
        tensor, _ = read(path, ge.Tensor(3, device, b"\x05", number, [dim] * rank))
        assert tensor.problem is not None and "does not belong to" in tensor.problem
        assert tensor.numpy().tolist() == np.full(device, 5).tolist()
