"""What the reader found on one page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecg.lead_maps import LeadMaps
from ecg.page_geometry import PageGeometry

if TYPE_CHECKING:
    from ecg.page_parts import PageParts

READING_RATE_HZ = 500.0


class PageRejected(Exception):
    """A page that cannot be read; the message is one sentence for the user.

    Attributes:
        stage: the stage of reading that refused: ``page``, ``grid``, ``layout``, ``trace`` or
            ``quality``.
    """

    def __init__(self, reason: str, stage: str) -> None:
        super().__init__(reason)
        self.stage = stage


@dataclass(frozen=True)
class Trace:
    """One printed stretch of one lead as it was read.

    Attributes:
        lead: lead name.
        row: row of traces on the page, 0 at the top.
        is_rhythm: whether it is a rhythm strip.
        start_s: when it begins in the record.
        page_points_mm: ``(n, 2)`` centre line on the page, NaN where nothing was read.
        photo_points: ``(n, 2)`` the same in photo pixels.
        confidence: ``(n,)`` in 0..1.
    """

    lead: str
    row: int
    is_rhythm: bool
    start_s: float
    page_points_mm: NDArray[np.float64]
    photo_points: NDArray[np.float64]
    confidence: NDArray[np.float32]


@dataclass(frozen=True)
class Step:
    """One step of reading.

    Attributes:
        stage: what was done.
        source: ``network``, ``given`` by a person, or ``exif`` (the turn that the photo states).
        seconds: how long it took.
    """

    stage: str
    source: str
    seconds: float


@dataclass(frozen=True)
class Reading:
    """A digitized page.

    Attributes:
        signal_mv: ``(12, samples)`` float32, NaN where nothing was printed or read.
        confidence: ``(12, samples)`` float32 in 0..1, 0 where the signal is NaN.
        rate_hz: samples a second (500).
        layout: layout id of ``ecg.paper.LAYOUTS``, or ``other`` for leads placed by hand or
            in an order of their own.
        speed_mm_per_s: paper speed.
        gain_mm_per_mv: gain.
        quality: 0..1, what the page says twice agrees and how much of it was read.
        traces: every printed stretch that was read, rhythm strips included.
        geometry: the map between page and photo.
        lead_maps: the lead-wise segmentation maps for the classifier.
        evidence: how each decision was reached, ready for JSON.
        page: what was found where on the page, as a person may mend and give it back.
        steps: what was done, in order.
    """

    signal_mv: NDArray[np.float32]
    confidence: NDArray[np.float32]
    layout: str
    speed_mm_per_s: float
    gain_mm_per_mv: float
    quality: float
    traces: tuple[Trace, ...]
    geometry: PageGeometry
    lead_maps: LeadMaps
    rate_hz: float = READING_RATE_HZ
    evidence: Mapping[str, Any] = field(default_factory=dict)
    page: PageParts | None = None
    steps: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        if self.signal_mv.ndim != 2 or self.signal_mv.shape[0] != 12:
            raise ValueError(f"signal_mv must be (12, samples), not {self.signal_mv.shape}")
        if self.confidence.shape != self.signal_mv.shape:
            raise ValueError("confidence must have the shape of signal_mv")
