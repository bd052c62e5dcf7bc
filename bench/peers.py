"""What we are measured against: the same metrics in plain numpy and torch, and a plain read.

The peers follow the definitions of the README and accumulate in float64, as a careful user would
write them; the ULP metric is left out, which favours them.
"""

import os

# The plain read with N threads must use N: numpy's own pool stays out of it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

try:
    import torch
except ImportError:
    torch = None

Array = npt.NDArray[np.float32]
EPS = 2.0**-23
BOUNDS = {"1e-4": 1e-4, "1e-3": 1e-3, "5e-3": 5e-3, "1e-2": 1e-2}


def sum_of_products(golden: Array, my: Array) -> None:
    np.dot(golden, my)


def xor_of_words(golden: Array, my: Array) -> None:
    for side in (golden, my):
        np.bitwise_xor.reduce(side.view(np.int32) if side.size % 2 else side.view(np.int64))


# Which one is faster depends on the machine and the thread count; the faster one counts.
PLAIN_READS: tuple[Callable[[Array, Array], None], ...] = (sum_of_products, xor_of_words)


@cache
def pool_of(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)


def read_all(read: Callable[[Array, Array], None], golden: Array, my: Array, threads: int) -> None:
    """Every byte of both arrays once, reduced by vector instructions, a share for each thread."""
    if threads == 1:
        read(golden, my)
        return
    edges = [golden.size * part // threads for part in range(threads + 1)]
    shares = [slice(a, b) for a, b in pairwise(edges)]
    list(pool_of(threads).map(lambda share: read(golden[share], my[share]), shares))


def numpy_metrics(golden: Array, my: Array, *, kl: bool = True) -> dict[str, float]:
    finite = np.isfinite(golden) & np.isfinite(my)
    g, m = golden[finite].astype(np.float64), my[finite].astype(np.float64)
    error = np.abs(m - g)
    gg, mm, ee = float(g @ g), float(m @ m), float(error @ error)
    large = np.abs(g) > EPS
    relative = error[large] / np.abs(g[large])
    found = {
        "cosine_similarity": float(g @ m) / (gg**0.5 * mm**0.5),
        "max_relative_error": float(relative.max()),
        "mean_relative_error": float(relative.sum()) / g.size,
        "max_absolute_error": float(error.max()),
        "mean_absolute_error": float(error.mean()),
        "rmse": (ee / g.size) ** 0.5,
        "relative_euclidean_distance": ee**0.5 / gg**0.5,
        "norm_ratio": mm**0.5 / gg**0.5,
        "max_absolute_index": float(error.argmax()),
    }
    for name, bound in BOUNDS.items():
        below = np.count_nonzero(relative < bound) + np.count_nonzero(error[~large] < bound)
        found[f"error_ratio_{name}"] = below / g.size
    for side, values, stored in (("golden", g, golden), ("my", m, my)):
        found[f"{side}_max_value"] = float(values.max())
        found[f"{side}_min_value"] = float(values.min())
        found[f"{side}_mean_value"] = float(values.mean())
        found[f"{side}_nan_count"] = float(np.count_nonzero(np.isnan(stored)))
        found[f"{side}_inf_count"] = float(np.count_nonzero(np.isinf(stored)))
    if kl:
        p, q = np.exp(g - g.max()), np.exp(m - m.max())
        log_ratio = (g - g.max() - np.log(p.sum())) - (m - m.max() - np.log(q.sum()))
        found["kl_divergence"] = float(p @ log_ratio) / float(p.sum())
    return found


def torch_metrics(golden: Any, my: Any, *, kl: bool = True) -> dict[str, float]:
    """`golden` and `my` are flat CPU tensors."""
    finite = torch.isfinite(golden) & torch.isfinite(my)
    g, m = golden[finite].double(), my[finite].double()
    error = (m - g).abs()
    gg, mm, ee = g.dot(g).item(), m.dot(m).item(), error.dot(error).item()
    large = g.abs() > EPS
    relative = error[large] / g[large].abs()
    found = {
        "cosine_similarity": g.dot(m).item() / (gg**0.5 * mm**0.5),
        "max_relative_error": relative.max().item(),
        "mean_relative_error": relative.sum().item() / g.numel(),
        "max_absolute_error": error.max().item(),
        "mean_absolute_error": error.mean().item(),
        "rmse": (ee / g.numel()) ** 0.5,
        "relative_euclidean_distance": ee**0.5 / gg**0.5,
        "norm_ratio": mm**0.5 / gg**0.5,
        "max_absolute_index": float(error.argmax().item()),
    }
    for name, bound in BOUNDS.items():
        below = (relative < bound).sum() + (error[~large] < bound).sum()
        found[f"error_ratio_{name}"] = below.item() / g.numel()
    for side, values, stored in (("golden", g, golden), ("my", m, my)):
        found[f"{side}_max_value"] = values.max().item()
        found[f"{side}_min_value"] = values.min().item()
        found[f"{side}_mean_value"] = values.mean().item()
        found[f"{side}_nan_count"] = stored.isnan().sum().item()
        found[f"{side}_inf_count"] = stored.isinf().sum().item()
    if kl:
        log_p, log_q = torch.log_softmax(g, 0), torch.log_softmax(m, 0)
        found["kl_divergence"] = (log_p.exp() * (log_p - log_q)).sum().item()
    return found
