"""What a model gave, as files: a sample each, with a note of what is in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from trueness.benchmark.inputs import SUFFIXES, Group
from trueness.benchmark.paths import FILE_MODE
from trueness.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

PURE = "pure_infer_data"
NOTE = "outputs.json"


class Outputs:
    """Writes into `folder`. `files` is what the summary says: inputs and outputs by sample."""

    def __init__(self, folder: Path, form: str, axis: int) -> None:
        self._folder = folder
        self._form = form.lower()
        self._axis = axis
        self._notes: dict[str, dict[str, Any]] = {}
        self._taken: set[str] = set()
        self.files: dict[str, dict[str, list[str]]] = {}

    def save(self, group: Group, outputs: Sequence[Array]) -> None:
        """Raises UsageError for outputs that cannot be cut into the samples of the group."""
        count = len(group.samples) + group.padding
        parts = [self._cut(array, count) for array in outputs]
        for place, sample in enumerate(group.samples):
            stem = self._stem(sample)
            written = []
            for number, pieces in enumerate(parts):
                name = f"{stem}_{number}.{self._form}"
                self._write(name, pieces[place])
                written.append(str(self._folder / name))
            self.files[str(len(self.files))] = {"infiles": list(sample), "outfiles": written}

    def close(self) -> None:
        """Writes what dtype and shape each file has: a .bin does not say so itself."""
        text = json.dumps(self._notes, indent=1)
        self._put(NOTE, lambda file: file.write(text.encode()))

    def _cut(self, array: Array, count: int) -> Sequence[Array]:
        import numpy as np

        if count == 1:
            return [array]
        if self._axis >= array.ndim or array.shape[self._axis] % count:
            raise UsageError(
                f"an output of shape {list(array.shape)} cannot be cut into {count} samples along "
                f"axis {self._axis}; see --output-batchsize-axis"
            )
        return np.split(array, count, self._axis)

    def _stem(self, sample: Sequence[str]) -> str:
        """The name of the first input, whole but for its suffix: with less of it, results of other
        inputs would be overwritten."""
        if not sample:
            return PURE
        path = Path(sample[0])
        stem = path.stem if path.suffix.lower() in SUFFIXES else path.name
        found, number = stem, 1
        while found in self._taken:
            number += 1
            found = f"{stem}-{number}"
        self._taken.add(found)
        return found

    def _write(self, name: str, array: Array) -> None:
        import numpy as np

        plain = np.ascontiguousarray(array)
        if self._form == "npy":
            self._put(name, lambda file: np.save(file, plain))
        elif self._form == "bin":
            self._put(name, lambda file: file.write(plain.tobytes()))
        else:
            form = "%f" if plain.dtype.kind == "f" else "%d"
            rows = plain.reshape(-1, plain.shape[-1] if plain.ndim else 1)
            self._put(name, lambda file: np.savetxt(file, rows, form))
        self._notes[name] = {"dtype": str(plain.dtype), "shape": list(array.shape)}

    def _put(self, name: str, write: Any) -> None:
        partial = self._folder / f".{name}.partial"
        file: IO[bytes]
        with partial.open("wb") as file:
            write(file)
        partial.chmod(FILE_MODE)
        partial.replace(self._folder / name)
