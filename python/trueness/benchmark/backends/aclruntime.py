"""Ascend: `.om` models through aclruntime, which comes with ais_bench and not from PyPI."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from time import perf_counter
from typing import TYPE_CHECKING, Any

from trueness.benchmark.aipp import calls
from trueness.benchmark.backends import Port, Session, Setup
from trueness.benchmark.options import Options
from trueness.benchmark.summary import Times
from trueness.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

LOGGER = logging.getLogger("trueness.benchmark")
KNOWN_VERSION = "0.0.2"
_NAMES = {"float": "float32", "double": "float64"}


def open_session(options: Options, setup: Setup) -> Session:
    """Raises UsageError without aclruntime and for a model of dynamic shape whose shape is not
    given."""
    try:
        import aclruntime
    except ImportError:
        raise UsageError(
            "a .om model needs an Ascend device and aclruntime, which comes with ais_bench; "
            "--backend onnxruntime runs the .onnx it was made from on any machine"
        ) from None
    _check_version()
    wanted = aclruntime.session_options()
    wanted.acl_json_path = setup.acl_json
    wanted.log_level = 1 if options.debug else 2
    wanted.loop = options.loop
    session = aclruntime.InferenceSession(options.om_model, setup.device, wanted)
    _set_shape(session, options)
    images = _set_aipp(session, options)
    return _Session(aclruntime, session, setup.device, options, images)


def _check_version() -> None:
    try:
        found = version("aclruntime")
    except PackageNotFoundError:
        found = "unknown"
    if found != KNOWN_VERSION:
        LOGGER.warning("aclruntime is %s; this was made for %s", found, KNOWN_VERSION)


def _set_shape(session: Any, options: Options) -> None:
    """The first that is given counts, in this order; else the model has to be static."""
    if options.dym_batch:
        session.set_dynamic_batchsize(options.dym_batch)
    elif options.dym_hw:
        height, _, width = options.dym_hw.partition(",")
        session.set_dynamic_hw(int(height), int(width))
    elif options.dym_dims:
        session.set_dynamic_dims(options.dym_dims)
    elif options.dym_shape:
        session.set_dynamic_shape(options.dym_shape)
    elif not _by_file(options):
        for given in session.get_inputs():
            if any(extent < 0 for extent in given.shape):
                raise UsageError(
                    f"input {given.name} has the dynamic shape {list(given.shape)}: give "
                    "--dym-batch, --dym-hw, --dym-dims or --dym-shape"
                )
        session.set_staticbatch()
    if options.output_size:
        sizes = [int(size) for size in options.output_size.replace(";", ",").split(",") if size]
        session.set_custom_outsize(sizes)


def _by_file(options: Options) -> bool:
    return options.auto_set_dymshape_mode or options.auto_set_dymdims_mode


def _set_aipp(session: Any, options: Options) -> int:
    """How many images an execution takes that AIPP prepares, 0 without AIPP. Raises UsageError
    when model and --aipp-config do not go together."""
    fixed = not (options.dym_shape or options.auto_set_dymshape_mode)
    count = session.get_dym_aipp_input_exist() if fixed else 0
    if options.aipp_config is None:
        if count:
            raise UsageError("the model leaves AIPP open: give --aipp-config")
        return 0
    if not fixed:
        raise UsageError("--aipp-config does not go with shapes that change: leave --dym-shape out")
    if count != 1:
        raise UsageError(f"--aipp-config is for models with one dynamic AIPP input, not {count}")
    first = session.get_inputs()[0].shape
    batch = session.get_max_dym_batchsize() if options.dym_batch else max(1, first[0])
    for method, value in calls(options.aipp_config, batch):
        getattr(session, method)(value)
    session.set_dym_aipp_info_set()
    session.check_dym_aipp_input_exist()
    return int(batch)


class _Session:
    """`images`: how many of them the first input takes as bytes, for AIPP; 0 when it takes values
    of its own type."""

    def __init__(
        self, aclruntime: Any, session: Any, device: int, options: Options, images: int
    ) -> None:
        self._aclruntime = aclruntime
        self._session = session
        self._device = device
        self._by_file = _by_file(options)
        self._dims = options.auto_set_dymdims_mode
        given = session.get_inputs()
        self.inputs = [_port(one) for one in given]
        if images:
            size = given[0].realsize // images
            self.inputs[0] = Port(given[0].name, "uint8", (images, size))
        self._outputs = [output.name for output in session.get_outputs()]

    def run(self, feeds: Sequence[Array], loop: int) -> tuple[list[Array], Times]:
        import numpy as np

        if self._by_file:
            self._set_shapes(feeds)
        times = Times()
        begin = perf_counter()
        tensors = [self._aclruntime.Tensor(np.ascontiguousarray(array)) for array in feeds]
        for tensor in tensors:
            tensor.to_device(self._device)
        times.copies_in.append((perf_counter() - begin) * 1000)
        found = []
        for _ in range(loop):
            begin = perf_counter()
            found = self._session.run(self._outputs, tensors)
            times.compute.append((begin * 1000, perf_counter() * 1000))
        begin = perf_counter()
        for tensor in found:
            tensor.to_host()
        outputs = [np.array(tensor) for tensor in found]
        times.copies_out.append((perf_counter() - begin) * 1000)
        return outputs, times

    def _set_shapes(self, feeds: Sequence[Array]) -> None:
        shapes = zip((port.name for port in self.inputs), feeds, strict=True)
        text = ";".join(f"{name}:{','.join(map(str, array.shape))}" for name, array in shapes)
        if self._dims:
            self._session.set_dynamic_dims(text)
        else:
            self._session.set_dynamic_shape(text)

    def close(self) -> None:
        self._session.free_resource()


def _port(given: Any) -> Port:
    name = getattr(given.datatype, "name", str(given.datatype).rpartition(".")[2])
    shape = tuple(extent if extent >= 0 else None for extent in given.shape)
    return Port(given.name, _NAMES.get(name, name), shape)
