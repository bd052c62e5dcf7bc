"""Errors carry data, and survive the way between processes."""

import pickle

import pytest

from trueness import errors


@pytest.mark.parametrize(
    "error",
    [
        errors.FormatError("a.npy", 3, "input 0", "5 bytes", "4"),
        errors.ReadError("a.npy", "gone"),
        errors.UsageError("no"),
        errors.LayoutError("no"),
        errors.PairingError("no"),
    ],
)
def test_pickled(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)
    assert isinstance(copy, errors.TruenessError)


def test_messages_name_the_place():
    error = errors.FormatError("a.npy", 3, "input 0", "5 bytes", "4")
    assert str(error) == "a.npy: byte 3, input 0: expected 5 bytes, found 4"
    whole = errors.FormatError("a.npy", 0, "", "a file", "none")
    assert str(whole) == "a.npy: byte 0: expected a file, found none"


def test_read_errors_are_os_errors():
    error = errors.ReadError("a.npy", "gone")
    assert isinstance(error, OSError)
    assert str(error) == "a.npy: gone"
