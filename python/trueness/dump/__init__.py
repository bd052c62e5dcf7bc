"""Getting tensors out of a model: runs in the process of the user, imports nothing heavy before it
is needed, and writes what `trueness compare` reads."""

from __future__ import annotations

from trueness.dump.fx_run import fx
from trueness.dump.labels import gen_id, set_label, set_task_id
from trueness.dump.manual import dump_data
from trueness.dump.module_hooks import modules
from trueness.dump.torchair_dump import get_fx_dump_config, get_ge_dump_config

__all__ = [
    "dump_data",
    "fx",
    "gen_id",
    "get_fx_dump_config",
    "get_ge_dump_config",
    "modules",
    "set_label",
    "set_task_id",
]
