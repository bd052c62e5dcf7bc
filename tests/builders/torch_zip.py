"""Files like those of torch.save, made by hand: so that they can be wrong in one place."""

import struct
import zipfile
from pathlib import Path

PROTO = b"\x80\x02"


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def number(value: int) -> bytes:
    data = value.to_bytes((value.bit_length() + 8) // 8, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def many(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def name_of(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def call(function: bytes, *arguments: bytes) -> bytes:
    return function + many(*arguments) + b"R"


def storage(kind: str = "FloatStorage", key: str = "0", count: int = 6) -> bytes:
    parts = (text("storage"), name_of("torch", kind), text(key), text("cpu"), number(count))
    return many(*parts) + b"Q"


def tensor(
    shape: tuple[int, ...] = (2, 3),
    strides: tuple[int, ...] = (3, 1),
    offset: int = 0,
    place: bytes | None = None,
) -> bytes:
    return call(
        name_of("torch._utils", "_rebuild_tensor_v2"),
        storage() if place is None else place,
        number(offset),
        many(*map(number, shape)),
        many(*map(number, strides)),
        b"\x89",
        call(name_of("collections", "OrderedDict")),
    )


def write(
    path: Path,
    body: bytes,
    *,
    data: bytes = struct.pack("<6f", *range(6)),
    order: bytes | None = b"little",
    compression: int = zipfile.ZIP_STORED,
) -> Path:
    """An archive whose pickle is `body` and whose record 0 is `data`."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", PROTO + body + b".")
        if order is not None:
            archive.writestr("archive/byteorder", order)
        archive.writestr("archive/data/0", data)
    return path
