"""Getting tensors out of a model: runs in the process of the user, imports nothing heavy before it
is needed, and writes what `trueness compare` reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trueness.dump.fx_run import fx
from trueness.dump.labels import gen_id, set_label, set_task_id
from trueness.dump.manual import dump_data
from trueness.dump.module_hooks import modules
from trueness.dump.torchair_dump import get_fx_dump_config, get_ge_dump_config

if TYPE_CHECKING:
    from trueness.against import Against

__all__ = [
    "against",
    "dump_data",
    "fx",
    "gen_id",
    "get_fx_dump_config",
    "get_ge_dump_config",
    "modules",
    "set_label",
    "set_task_id",
]


def against(golden_dir: str, **options: Any) -> Against:
    """Compares while the model runs, with a golden dump of `fx`, torchair or `modules`, and writes
    no dump: `with against("golden") as session: session.fx(model)(x)`, then `session.results` and
    `session.findings`. Options as of `trueness.against.Against`."""
    # The only thing here that needs the rest of the package, so it comes when it is asked for.
    from trueness.against import Against

    return Against(golden_dir, **options)
