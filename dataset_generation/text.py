"""Text as ink: strings drawn at a size in millimetres with fonts that pip installs."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

# Matplotlib ships the DejaVu and STIX families under free licences; OpenCV draws the Hershey
# vector fonts, which look like the plotters of older recorders.
TRUETYPE_FONTS = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-Oblique",
    "DejaVuSansMono",
    "DejaVuSansMono-Bold",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "STIXGeneral",
    "STIXGeneralBol",
    "cmr10",
    "cmss10",
    "cmtt10",
)
HERSHEY_FONTS = {
    "HersheySimplex": cv2.FONT_HERSHEY_SIMPLEX,
    "HersheyDuplex": cv2.FONT_HERSHEY_DUPLEX,
    "HersheyPlain": cv2.FONT_HERSHEY_PLAIN,
    "HersheyTriplex": cv2.FONT_HERSHEY_TRIPLEX,
}
FONTS = TRUETYPE_FONTS + tuple(HERSHEY_FONTS)


@lru_cache(maxsize=1)
def _font_folder() -> Path:
    import importlib.util

    spec = importlib.util.find_spec("matplotlib")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("matplotlib is needed for its fonts: pip install matplotlib")
    return Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"


@lru_cache(maxsize=256)
def _truetype(font: str, size_px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(_font_folder() / f"{font}.ttf"), size_px)


@lru_cache(maxsize=4096)
def text_coverage(text: str, font: str, height_px: int) -> NDArray[np.uint8]:
    """Draw a string as ink coverage.

    Args:
        text: one line.
        font: one of ``FONTS``.
        height_px: height of a capital letter.

    Returns:
        ``(h, w)`` uint8 coverage, 255 = ink, cut tight around the string.
    """
    height_px = max(int(height_px), 4)
    if font in HERSHEY_FONTS:
        face = HERSHEY_FONTS[font]
        thickness = max(1, round(height_px / 9))
        scale = cv2.getFontScaleFromHeight(face, height_px, thickness)
        (width, height), below = cv2.getTextSize(text, face, scale, thickness)
        canvas = np.zeros((height + below + 8, width + 8), np.uint8)
        cv2.putText(canvas, text, (4, height + 4), face, scale, 255, thickness, cv2.LINE_AA)
    else:
        face_tt = _truetype(font, max(6, round(height_px / 0.72)))
        left, top, right, bottom = face_tt.getbbox(text)
        image = Image.new("L", (int(right - left) + 8, int(bottom - top) + 8), 0)
        ImageDraw.Draw(image).text((4 - left, 4 - top), text, fill=255, font=face_tt)
        canvas = np.asarray(image).copy()
    rows, columns = np.flatnonzero(canvas.any(1)), np.flatnonzero(canvas.any(0))
    if not len(rows):
        return np.zeros((1, 1), np.uint8)
    return canvas[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
