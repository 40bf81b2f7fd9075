"""A few numbers about many: medians, quantiles, spreads and slopes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values keep within; 0 without values."""
    if not values:
        return 0.0
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]


def spread(values: Sequence[float]) -> float:
    """How far apart the values are, as a share of their median: 0 for one value, or when all are the same."""
    middle = median(values)
    return (max(values) - min(values)) / middle if middle else 0.0


def slope(points: Sequence[tuple[float, float]]) -> float:
    """How much y grows for each x, by least squares; 0 for fewer than two different x."""
    if not points:
        return 0.0
    x0 = sum(x for x, _ in points) / len(points)
    y0 = sum(y for _, y in points) / len(points)
    wide = sum((x - x0) ** 2 for x, _ in points)
    return sum((x - x0) * (y - y0) for x, y in points) / wide if wide else 0.0
