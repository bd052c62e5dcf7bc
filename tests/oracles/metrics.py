"""The metrics by their definitions, in exact rational and 40-digit decimal arithmetic. Slow."""

import decimal
import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import numpy as np

EPS = Fraction(1, 2**23)
MANY = 2000
BOUNDS = {"1e-4": 1e-4, "1e-3": 1e-3, "5e-3": 5e-3, "1e-2": 1e-2}

decimal.getcontext().prec = 40
decimal.getcontext().Emax = 10**9
decimal.getcontext().Emin = -(10**9)


def to_decimal(x: Fraction) -> Decimal:
    return Decimal(x.numerator) / Decimal(x.denominator)


def to_float(x: Decimal | Fraction) -> float:
    try:
        return float(x)
    except OverflowError:
        return math.inf if x > 0 else -math.inf


def root(x: Fraction) -> Decimal:
    return to_decimal(x).sqrt()


def is_finite(x: float) -> bool:
    return not isinstance(x, float) or math.isfinite(x)


def kl_divergence(g: Sequence[Fraction], m: Sequence[Fraction]) -> float:
    def softmax(values: Sequence[Fraction]) -> tuple[list[Decimal], Decimal]:
        top = max(values)
        logits = [to_decimal(v - top) for v in values]
        return logits, sum((x.exp() if x > -10000 else Decimal(0) for x in logits), Decimal(0)).ln()

    (p, log_p), (q, log_q) = softmax(g), softmax(m)
    total = Decimal(0)
    for a, b in zip(p, q, strict=True):
        weight = (a - log_p).exp() if a > -10000 else Decimal(0)
        total += weight * ((a - log_p) - (b - log_q))
    return max(0.0, to_float(total))


def side(values: Sequence[float]) -> dict[str, float]:
    exact = [Fraction(x) for x in values if is_finite(x)]
    squares = sum((x * x for x in exact), Fraction(0))
    return {
        "max_value": to_float(max(exact)) if exact else math.nan,
        "min_value": to_float(min(exact)) if exact else math.nan,
        "mean_value": to_float(sum(exact, Fraction(0)) / len(exact)) if exact else math.nan,
        "l2norm": to_float(root(squares)),
        "nan_count": sum(isinstance(x, float) and math.isnan(x) for x in values),
        "inf_count": sum(isinstance(x, float) and math.isinf(x) for x in values),
    }


def kl_in_long_double(golden: Sequence[float], my: Sequence[float]) -> float:
    """For thousands of elements; enough for a divergence of ordinary size."""
    g, m = (np.array(v, np.longdouble) for v in (golden, my))
    keep = np.isfinite(g) & np.isfinite(m)
    p, q = (v[keep] - v[keep].max() for v in (g, m))
    p, q = p - np.log(np.exp(p).sum()), q - np.log(np.exp(q).sum())
    return float((np.exp(p) * (p - q)).sum())


def metrics(golden: Sequence[float], my: Sequence[float]) -> dict[str, float]:
    """`golden` and `my` are Python floats or ints, exactly the stored values."""
    out = {f"golden_{k}": v for k, v in side(golden).items()}
    out |= {f"my_{k}": v for k, v in side(my).items()}
    both = [i for i in range(len(golden)) if is_finite(golden[i]) and is_finite(my[i])]
    if not both:
        return out
    g = [Fraction(golden[i]) for i in both]
    m = [Fraction(my[i]) for i in both]
    d = [b - a for a, b in zip(g, m, strict=True)]
    n = len(both)
    gg, mm, dd = (sum((x * x for x in v), Fraction(0)) for v in (g, m, d))
    gm = sum((a * b for a, b in zip(g, m, strict=True)), Fraction(0))
    relative = [(abs(x) / abs(a), i) for x, a, i in zip(d, g, both, strict=True) if abs(a) > EPS]
    worst = max(abs(x) for x in d)
    out |= {
        "cosine_similarity": to_float(to_decimal(gm) / (root(gg) * root(mm)))
        if gg and mm
        else float(gg == mm),
        "max_relative_error": to_float(max((r for r, _ in relative), default=Fraction(0))),
        "mean_relative_error": to_float(sum((r for r, _ in relative), Fraction(0)) / n),
        "max_absolute_error": to_float(worst),
        "mean_absolute_error": to_float(sum((abs(x) for x in d), Fraction(0)) / n),
        "rmse": to_float(root(dd / n)),
        "relative_euclidean_distance": to_float(root(dd) / root(gg))
        if gg
        else (math.inf if mm else 0.0),
        "norm_ratio": to_float(root(mm) / root(gg)) if gg else (math.inf if mm else 1.0),
        "kl_divergence": kl_divergence(g, m) if n < MANY else kl_in_long_double(golden, my),
        # First of those that are largest once rounded to double, as a difference is taken.
        "max_absolute_index": next(
            i for x, i in zip(d, both, strict=True) if to_float(abs(x)) == to_float(worst)
        ),
    }
    for name, bound in BOUNDS.items():
        below = sum(
            (float(abs(x) / abs(a)) if abs(a) > EPS else float(abs(x))) < bound
            for x, a in zip(d, g, strict=True)
            if abs(a) <= EPS or abs(x) / abs(a) < 1
        )
        out[f"error_ratio_{name}"] = below / n
    return out


def place(x: float, mantissa: int, min_exponent: int) -> int:
    """Signed place of x, rounded to nearest even, among floats of such a precision."""
    if x == 0:
        return 0
    exponent = max(math.frexp(x)[1] - 1, min_exponent)
    spacing = Fraction(2) ** (exponent - mantissa)
    steps = round(abs(Fraction(x)) / spacing)
    index = steps + (exponent - min_exponent) * 2**mantissa
    return int(math.copysign(1, x)) * index


def max_ulp_error(
    golden: Sequence[float], my: Sequence[float], mantissa: int, min_exponent: int
) -> int:
    return max(ulp_distances(golden, my, mantissa, min_exponent), default=0)


def tolerances(
    golden: Sequence[float],
    my: Sequence[float],
    within: Sequence[tuple[float, float]],
    small_value: float = 0.0,
    small_error: float = 0.0,
) -> dict[str, float | tuple[float, float]]:
    """What a verdict asks of elements. Shares and counts as (least, most): rounding of the last bit
    may decide either way on the edge of a bound."""
    pairs = [
        (Fraction(a), Fraction(b), abs(Fraction(b) - Fraction(a)))
        for a, b in zip(golden, my, strict=True)
        if is_finite(a) and is_finite(b)
    ]
    if not pairs:
        return {}
    n = len(pairs)
    edge = Fraction(1, 2**50)

    def around(of: Sequence[tuple[Fraction, Fraction]]) -> tuple[float, float]:
        return sum(e > b * (1 + edge) for e, b in of), sum(e > b * (1 - edge) for e, b in of)

    normal = [pair for pair in pairs if abs(pair[0]) >= Fraction(small_value)]
    small = [(e, Fraction(small_error)) for g, _, e in pairs if abs(g) < Fraction(small_value)]
    relative = [e / (abs(g) + Fraction(1e-7)) for g, _, e in normal]
    squares = sum((e * e for _, _, e in normal), Fraction(0))
    worst = max(float(e) for _, _, e in pairs)
    out: dict[str, float | tuple[float, float]] = {
        "mare": to_float(max(relative, default=Fraction(0))),
        "mere": to_float(sum(relative, Fraction(0)) / max(1, len(normal))),
        "normal_rmse": to_float(root(squares / max(1, len(normal)))),
        "error_balance": abs(sum(m > g for g, m, _ in pairs) - sum(m < g for g, m, _ in pairs)) / n,
        "small_value_count": len(small),
        "small_error_count": around(small),
        "max_absolute_error": worst,
        "golden_at_max_absolute": float(next(g for g, _, e in pairs if float(e) == worst))
        if worst
        else 0.0,
    }
    for k, (atol, rtol) in enumerate(within):
        bounds = [(e, Fraction(atol) + Fraction(rtol) * abs(g)) for g, _, e in pairs]
        least, most = around(bounds)
        out[f"outside_ratio_{k}"] = least / n, most / n
    return out


def ulp_distances(
    golden: Sequence[float], my: Sequence[float], mantissa: int, min_exponent: int
) -> list[int]:
    return [
        abs(place(a, mantissa, min_exponent) - place(b, mantissa, min_exponent))
        for a, b in zip(golden, my, strict=True)
        if is_finite(a) and is_finite(b)
    ]
