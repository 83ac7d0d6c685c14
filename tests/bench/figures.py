# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Medians and what may be said of them from few, skewed, paired samples.

Owns: the interval of a median by the sign test. It assumes nothing of the distribution but that
rounds are independent of each other: the k-th smallest and k-th largest value enclose the median
with a known probability, by the binomial distribution alone.

Must not know: what is measured.
"""

import math

CONFIDENCE = 0.95


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def interval(values):
    """(low, high, coverage) of the median: the narrowest pair of order statistics that covers it
    with CONFIDENCE. Below six values no pair does: the widest one, and what it covers."""
    ordered = sorted(values)
    cnt = len(ordered)
    depth, coverage = 1, 1 - 2 * 0.5 ** cnt
    while 2 * (depth + 1) <= cnt:
        outside = 2 * sum(math.comb(cnt, k) for k in range(depth + 1)) / 2 ** cnt
        if 1 - outside < CONFIDENCE:
            break
        depth, coverage = depth + 1, 1 - outside
    return ordered[depth - 1], ordered[cnt - depth], coverage


def summary(values):
    """What the results hold of a series; None of an empty one."""
    values = [value for value in values if value is not None]
    if not values:
        return None
    low, high, coverage = interval(values)
    return {"median": median(values), "low": low, "high": high, "coverage": round(coverage, 4),
            "n": len(values)}
