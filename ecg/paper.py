"""ECG paper: speeds, gains and the layouts in which twelve leads are printed.

Everything here is in seconds and in rows and columns; where a row lies on a page in
millimetres is the printer's choice (``dataset_generation``) or the reader's finding
(``digitization``).
"""

from __future__ import annotations

from dataclasses import dataclass

SPEEDS_MM_PER_S = (25.0, 50.0)
GAINS_MM_PER_MV = (5.0, 10.0, 20.0)
MAJOR_GRID_MM = 5.0
MINOR_GRID_MM = 1.0
PAGE_SECONDS = 10.0
SCALES_MM_PER_PX = (0.005, 1.0)
"""Of a flat picture: from a scan of 5,080 dots per inch to one too coarse for any lead name."""

_STANDARD = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
_CABRERA = ("aVL", "I", "-aVR", "II", "aVF", "III", "V1", "V2", "V3", "V4", "V5", "V6")
LEAD_ORDERS = {"standard": _STANDARD, "cabrera": _CABRERA}


def check_scale(mm_per_px: float) -> None:
    """Whether a picture of an ECG can have a scale.

    Raises:
        ValueError: it cannot.
    """
    low, high = SCALES_MM_PER_PX
    if not low <= mm_per_px <= high:
        raise ValueError(
            f"mm per pixel must be between {low:g} and {high:g}, not {mm_per_px:g}; a scan of "
            "200 dots per inch has 0.127"
        )


@dataclass(frozen=True)
class PrintedLead:
    """One stretch of one lead on a page.

    Attributes:
        lead: lead name in the project's spelling.
        sign: -1 where the page prints the inverted lead (Cabrera's -aVR), else 1.
        row: row of traces, 0 at the top.
        column: column of the row, 0 at the left.
        start_s: when the stretch begins, in seconds from the start of the record.
        duration_s: how long it lasts.
        is_rhythm: whether it is a full-width rhythm strip below the columns.
    """

    lead: str
    sign: int
    row: int
    column: int
    start_s: float
    duration_s: float
    is_rhythm: bool = False


@dataclass(frozen=True)
class Layout:
    """How many rows and columns of leads a page has, and how many rhythm strips.

    Attributes:
        leads: those of a page in no usual order, column by column; else none.
    """

    name: str
    rows: int
    columns: int
    rhythm_strips: int = 0
    leads: tuple[str, ...] = ()

    @property
    def total_rows(self) -> int:
        """Rows of traces, rhythm strips included."""
        return self.rows + self.rhythm_strips

    def printed_leads(
        self,
        order: str = "standard",
        rhythm_leads: tuple[str, ...] = ("II", "V1", "V5"),
        duration_s: float = PAGE_SECONDS,
        simultaneous: bool = False,
        strip_lead: str = "II",
    ) -> tuple[PrintedLead, ...]:
        """List the stretches that this layout prints.

        Args:
            order: ``standard`` or ``cabrera``, where the layout has no order of its own.
            rhythm_leads: lead of each rhythm strip, from the top; at least as many as there are.
            duration_s: seconds that a full row shows.
            simultaneous: columns show the same seconds instead of consecutive ones.
            strip_lead: the lead of the layout ``strip``.
        """
        names = (strip_lead,) if self.name == "strip" else self.leads or LEAD_ORDERS[order]
        window_s = duration_s / self.columns
        leads = []
        for index, name in enumerate(names):
            column, row = divmod(index, self.rows)
            start_s = 0.0 if simultaneous else column * window_s
            sign = -1 if name.startswith("-") else 1
            leads.append(PrintedLead(name.lstrip("-"), sign, row, column, start_s, window_s))
        for strip in range(self.rhythm_strips):
            lead = rhythm_leads[strip]
            leads.append(PrintedLead(lead, 1, self.rows + strip, 0, 0.0, duration_s, True))
        return tuple(leads)


LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout("3x4", 3, 4),
        Layout("3x4+1", 3, 4, 1),
        Layout("3x4+3", 3, 4, 3),
        Layout("6x2", 6, 2),
        Layout("6x2+1", 6, 2, 1),
        Layout("12x1", 12, 1),
        Layout("strip", 1, 1),
    )
}
