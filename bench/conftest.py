"""One pair of arrays and one folder of files for all suites."""

from pathlib import Path

import pytest

import cases


@pytest.fixture(scope="session")
def tensors() -> cases.Tensors:
    return cases.Tensors(*cases.float32_pair())


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="session")
def npy_pair(folder: Path, tensors: cases.Tensors) -> tuple[Path, Path]:
    return cases.write_pair(folder, tensors.golden, tensors.my)


@pytest.fixture(scope="session")
def many_pairs(folder: Path) -> tuple[Path, Path]:
    return cases.write_many_pairs(folder)
