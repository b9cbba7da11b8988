"""The page of the original PTB-V data set: twelve cells, each with a pulse and 1.8 s of a lead."""

from __future__ import annotations

from dataset_generation.page_spec import GridStyle, PageSpec, TextItem

_CELL_WIDTH_MM, _CELL_HEIGHT_MM = 54.0, 40.0
_LEAD_IN_MM = 9.0
_ZERO_MM = 21.0
_NAME_HEIGHT_MM = 1.4
_FONT = "DejaVuSansMono-Bold"


def ptb_v_page() -> PageSpec:
    """The preset ``ptb-v``: 3x4, every lead shows the same first 1.8 s after its own pulse.

    Sizes and colours follow the original generator (algvr/ami-detection, 2022), which draws one
    millimetre on ten pixels; its font is not free and is replaced by a similar one.
    """
    width, height = 4 * _CELL_WIDTH_MM, 3 * _CELL_HEIGHT_MM
    return PageSpec(
        width_mm=width,
        height_mm=height,
        layout="3x4",
        order="standard",
        speed_mm_per_s=25.0,
        gain_mm_per_mv=10.0,
        duration_s=7.2,
        simultaneous=True,
        rhythm_leads=("II", "V1", "V5"),
        strip_lead="II",
        row_y_mm=tuple(_ZERO_MM + row * _CELL_HEIGHT_MM for row in range(3)),
        column_x_mm=tuple(_LEAD_IN_MM + column * _CELL_WIDTH_MM for column in range(4)),
        offset_mv=(0.0,) * 12,
        grid=GridStyle((0.0, 0.0, width, height), (236, 35, 32), (237, 136, 136), 0.2, 0.1),
        trace_rgb=(0, 0, 0),
        text_rgb=(0, 0, 0),
        trace_width_mm=0.3,
        pulse="each",
        pulse_width_mm=0.8 * _LEAD_IN_MM,
        pulse_foot_mm=0.2 * _LEAD_IN_MM,
        name_font=_FONT,
        name_height_mm=_NAME_HEIGHT_MM,
        name_dx_mm=0.5 - _LEAD_IN_MM,
        name_dy_mm=0.5 + _NAME_HEIGHT_MM - _ZERO_MM,
        texts=(TextItem("25.0 mm/s;  10.0 mm/mV", 2.0, 110.5, _NAME_HEIGHT_MM, _FONT),),
    )
