"""Pictures that are no ECG, each remade from its kind, its number and a seed.

The sheets are drawn, then photographed as pages are, in all strengths in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataset_generation.photo import STRENGTHS
from dataset_generation.photograph import Photograph
from pipeline.benchmark.not_ecg import charts, photographs, recorders, sheets

Draw = Callable[[np.random.Generator], NDArray[np.uint8]]

SHEETS: dict[str, Draw] = {
    draw.__name__: draw
    for draw in (
        recorders.eeg, recorders.seismogram, recorders.ventilation, recorders.pressures,
        recorders.cardiotocogram, recorders.blank_paper, recorders.exercise,
        recorders.fever_chart, recorders.oscilloscope, recorders.sound,
        charts.stock_chart, charts.line_chart, charts.bar_chart,
        sheets.text_page, sheets.form, sheets.table, sheets.sheet_music, sheets.street_map,
        sheets.qr_codes, sheets.floor_plan, sheets.knitting_chart, sheets.crossword, sheets.tiles,
    )
}  # fmt: skip
"""Kinds of sheets, each drawn flat."""

PHOTOGRAPHS: dict[str, Draw] = {
    draw.__name__: draw for draw in (photographs.scene, photographs.surface, photographs.noise)
}
"""Kinds of pictures that are photographs already."""

KINDS = (*SHEETS, *PHOTOGRAPHS)
_PIXELS = 3_000_000


@dataclass(frozen=True, eq=False)
class OtherPicture:
    """A picture that is no ECG.

    Attributes:
        kind: one of ``KINDS``.
        number: which of its kind.
        strength: how it was photographed; ``as shipped`` for photographs.
        pixels: ``(h, w, 3)`` uint8 RGB.
    """

    kind: str
    number: int
    strength: str
    pixels: NDArray[np.uint8]

    @property
    def name(self) -> str:
        """``KIND-NUMBER``."""
        return f"{self.kind}-{self.number:03d}"


def other_picture(kind: str, number: int, seed: int = 0) -> OtherPicture:
    """Make one picture: the same for the same kind, number and seed.

    Raises:
        ValueError: if there is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"there is no kind {kind!r}: take one of {', '.join(KINDS)}")
    rng = np.random.default_rng([seed, KINDS.index(kind), number])
    if kind in PHOTOGRAPHS:
        return OtherPicture(kind, number, "as shipped", PHOTOGRAPHS[kind](rng))
    flat = SHEETS[kind](rng)
    strength = STRENGTHS[number % len(STRENGTHS)]
    if strength == "clean":
        return OtherPicture(kind, number, strength, flat)
    photograph = Photograph(strength, max(flat.shape[:2]) / 6, _PIXELS)
    taken = photograph(flat, rng=rng)
    return OtherPicture(kind, number, strength, taken.image)


def other_pictures(count: int) -> Iterator[tuple[str, int]]:
    """Kinds and numbers of the first so many pictures, the kinds in turn."""
    for place in range(count):
        yield KINDS[place % len(KINDS)], place // len(KINDS)
