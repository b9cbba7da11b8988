"""A photo in, a reading out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ecg.reading import Reading
from pipeline.photos import Photo

if TYPE_CHECKING:
    from digitization.given import GivenPage

PageReader = Callable[[NDArray[np.uint8]], Reading]
"""Reads one upright RGB photo, or raises ``ecg.reading.PageRejected``."""


class Digitizer:
    """Reads photos of paper ECGs.

    Args:
        read: what reads a page. :meth:`load` gives the reader that ships.

    Example:
        >>> digitizer = Digitizer.load(speed_mm_per_s=25)  # doctest: +SKIP
        >>> reading = digitizer.digitize(photo)
        >>> reading.signal_mv.shape, reading.layout
        ((12, 5000), '3x4+1')
    """

    def __init__(self, read: PageReader) -> None:
        self._read = read

    @classmethod
    def load(
        cls,
        layout: str | None = None,
        speed_mm_per_s: float | None = None,
        gain_mm_per_mv: float | None = None,
        given: GivenPage | None = None,
        mm_per_px: float | None = None,
        precision: str = "auto",
    ) -> Digitizer:
        """Loads the networks that ship.

        Args:
            layout: layout id of ``ecg.paper.LAYOUTS``; None finds out.
            speed_mm_per_s: paper speed; None finds out.
            gain_mm_per_mv: gain; None finds out.
            given: parts of the one page to be read that a person mended.
            mm_per_px: scale of a flat picture, whose grid is then not looked for.
            precision: ``float32``, ``int8``, or ``auto``: int8 on processors made for it.
        """
        from digitization.given import GivenPage
        from digitization.read_page import ReadOptions, read_page
        from segmentation.looks import Looks

        looks = Looks.load(precision=precision)
        options = ReadOptions(
            layout=layout,
            speed_mm_per_s=speed_mm_per_s,
            gain_mm_per_mv=gain_mm_per_mv,
            given=given or GivenPage(),
            mm_per_px=mm_per_px,
        )
        return cls(lambda photo_rgb: read_page(photo_rgb, looks, options))

    def digitize(self, photo: Photo | NDArray[np.uint8]) -> Reading:
        """Reads one photo.

        Args:
            photo: a photo, or ``(height, width, 3)`` uint8 RGB pixels, upright or turned.

        Raises:
            PageRejected: what it shows is no ECG, or cannot be read; with the reason.
            PagePartsError: what a person gave of the page cannot be what is in the photo.
        """
        pixels = photo.pixels if isinstance(photo, Photo) else photo
        return self._read(pixels)
