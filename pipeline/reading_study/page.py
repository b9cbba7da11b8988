"""One ECG of a reading study as a picture: the usual page, and nothing that tells whose it is."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from dataset_generation.page import Page
from dataset_generation.page_spec import GridStyle, PageSpec, TextItem
from dataset_generation.sources import printable
from ecg.record import Record

PIXELS_PER_MM = 8.0
_WIDTH_MM, _HEIGHT_MM = 297.0, 210.0
_LEFT_MM, _COLUMN_MM = 30.0, 62.5
_FIRST_ROW_MM, _ROW_MM = 42.0, 40.0
_FONT = "DejaVuSans"

STUDY_PAGE = PageSpec(
    width_mm=_WIDTH_MM,
    height_mm=_HEIGHT_MM,
    layout="3x4+1",
    order="standard",
    speed_mm_per_s=25.0,
    gain_mm_per_mv=10.0,
    duration_s=10.0,
    simultaneous=False,
    rhythm_leads=("II",),
    strip_lead="II",
    row_y_mm=tuple(_FIRST_ROW_MM + row * _ROW_MM for row in range(4)),
    column_x_mm=tuple(_LEFT_MM + column * _COLUMN_MM for column in range(4)),
    offset_mv=(0.0,) * 12,
    grid=GridStyle((0.0, 0.0, _WIDTH_MM, _HEIGHT_MM), major_width_mm=0.2, minor_width_mm=0.1),
    trace_width_mm=0.3,
    separator="tick",
    name_font=_FONT,
    name_height_mm=2.6,
    name_dx_mm=1.5,
    name_dy_mm=-11.0,
    texts=(TextItem("25 mm/s   10 mm/mV", _LEFT_MM, 200.0, 2.6, _FONT),),
)
"""3x4 and lead II below, 25 mm/s and 10 mm/mV on a sheet of A4; every page of a study is alike."""


def draw_page(record: Record) -> bytes:
    """Draws a record as a PNG without metadata.

    Each lead is moved so that its median lies on its row, for electrodes' offsets are not what
    readers are asked about, and a reconstruction has none of its own.

    Args:
        record: twelve leads; the first ten seconds are drawn.

    Raises:
        RecordError: if it cannot be printed.
    """
    with np.errstate(invalid="ignore"):
        level = np.nanmedian(record.signal_mv, axis=1, keepdims=True)
    signal = (record.signal_mv - np.nan_to_num(level)).astype(np.float32)
    picture = Page(STUDY_PAGE, printable(replace(record, signal_mv=signal))).draw(PIXELS_PER_MM)
    done, content = cv2.imencode(".png", picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 6])
    if not done:
        raise OSError("OpenCV could not write a PNG")
    return bytes(content)
