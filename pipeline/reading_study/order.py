"""The order of a reading study's pages: random, and the two versions of a record far apart."""

from __future__ import annotations

from typing import Literal

import numpy as np

Version = Literal["original", "reconstructed"]
VERSIONS: tuple[Version, Version] = ("original", "reconstructed")


def reading_order(records: int, rng: np.random.Generator) -> list[tuple[int, Version]]:
    """Draws the order in which pages are read.

    Each half of the set shows every record once, half of them original and half reconstructed.
    The records are parted into two blocks that follow each other in both halves, so at least
    ``records // 2`` pages lie between a record's two versions.

    Args:
        records: how many, at least 2.
        rng: source of randomness.

    Returns:
        ``2 * records`` pairs of a record's number and the version shown.
    """
    drawn = rng.permutation(records)
    blocks = drawn[: records // 2], drawn[records // 2 :]
    original_first = np.zeros(records, bool)
    original_first[rng.permutation(records)[: records // 2]] = True
    order: list[tuple[int, Version]] = []
    for first_half in (True, False):
        for block in blocks:
            for record in rng.permutation(block).tolist():
                original = bool(original_first[record]) == first_half
                order.append((record, VERSIONS[0] if original else VERSIONS[1]))
    return order
