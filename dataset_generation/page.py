"""Drawing a page: vector content in millimetres, anti-aliased below the pixel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from dataset_generation.lead_name_styles import printed_name, word_before
from dataset_generation.page_spec import Box, PageSpec
from dataset_generation.text import text_coverage
from ecg.leads import LEAD_INDEX
from ecg.record import Record

_SHIFT = 4  # OpenCV's fixed-point sub-pixel bits
_SLACK_PX = 0.12  # how far a drawn line may leave its points, on the canvas
_SPACE_SHARE = 0.4  # width of a space, of a capital's height


@dataclass(frozen=True)
class TraceTruth:
    """The exact centre line of one printed stretch.

    Attributes:
        lead, sign, row, column, start_s, is_rhythm: as printed.
        points_mm: ``(n, 2)`` page points, one for each sample of the record.
        signal_mv: ``(n,)`` the samples themselves (of the lead, not of the inverted print),
            clipped where the pen was.
    """

    lead: str
    sign: int
    row: int
    column: int
    start_s: float
    is_rhythm: bool
    points_mm: NDArray[np.float64]
    signal_mv: NDArray[np.float32]


@dataclass(frozen=True)
class TextTruth:
    """A printed word: its text, box (left, top, right, bottom) in mm and lead, if it names one."""

    text: str
    box_mm: tuple[float, float, float, float]
    lead: str | None = None


@dataclass(frozen=True)
class Page:
    """A record on paper: draws itself at any resolution, and knows where all of it lies.

    Args:
        spec: how the page looks.
        record: 12-lead record at 500 Hz or so; only the printed seconds are used.
    """

    spec: PageSpec
    record: Record

    @cached_property
    def traces(self) -> tuple[TraceTruth, ...]:
        """Centre lines of every printed stretch, rhythm strips included."""
        spec, record = self.spec, self.record
        found = []
        for printed in spec.printed_leads():
            index = LEAD_INDEX[printed.lead]
            first = round(printed.start_s * record.rate_hz)
            count = round(printed.duration_s * record.rate_hz)
            signal = spec.clipped(record.signal_mv[index, first : first + count])
            seconds = np.arange(len(signal)) / record.rate_hz
            x = spec.column_x_mm[printed.column] + seconds * spec.speed_mm_per_s
            shown = printed.sign * (signal + spec.offset_mv[index])
            y = spec.row_y_mm[printed.row] - shown * spec.gain_mm_per_mv
            keep = np.isfinite(y)
            found.append(
                TraceTruth(
                    printed.lead,
                    printed.sign,
                    printed.row,
                    printed.column,
                    printed.start_s,
                    printed.is_rhythm,
                    np.stack([x, y], axis=-1)[keep].astype(np.float64),
                    signal[keep],
                )
            )
        return tuple(found)

    @cached_property
    def pulses(self) -> tuple[NDArray[np.float64], ...]:
        """Polylines of the calibration pulses (1 mV high), in mm."""
        spec = self.spec
        if spec.pulse == "none":
            return ()
        width, height = spec.pulse_width_mm, spec.gain_mm_per_mv
        foot = spec.pulse_foot_mm
        before, after = (foot, 0.25 * width) if spec.pulse == "end" else (0.25 * width, foot)
        rise, fall = before, before + 0.75 * width
        shape = np.array(
            [[0, 0], [rise, 0], [rise, -height], [fall, -height], [fall, 0], [fall + after, 0]]
        )
        starts: set[tuple[float, int]] = set()
        for trace in self.traces:
            if not len(trace.points_mm) or (spec.pulse != "each" and trace.column != 0):
                continue
            if spec.pulse == "end":
                same_row = [
                    t.points_mm[-1, 0]
                    for t in self.traces
                    if t.row == trace.row and len(t.points_mm)
                ]
                starts.add((float(max(same_row)), trace.row))
            else:
                starts.add((float(spec.column_x_mm[trace.column] - shape[-1, 0]), trace.row))
        return tuple(shape + [x, spec.row_y_mm[row]] for x, row in sorted(starts))

    @cached_property
    def texts(self) -> tuple[TextTruth, ...]:
        """Every printed word with its box, lead names first."""
        return tuple(word for word, _, _ in self._words)

    @cached_property
    def _words(self) -> tuple[tuple[TextTruth, float, str], ...]:
        """Every printed word with the height of its capitals in mm and its font."""
        spec = self.spec
        font, height = spec.name_font, spec.name_height_mm
        before = word_before(spec.name_style)
        names, others = [], []
        for trace in self.traces:
            if trace.is_rhythm and not spec.rhythm_names:
                continue
            name = ("" if trace.sign > 0 else "-") + printed_name(trace.lead, spec.name_style)
            x = spec.column_x_mm[trace.column] + spec.name_dx_mm
            if spec.name_share and len(trace.points_mm):
                length = float(trace.points_mm[-1, 0]) - spec.column_x_mm[trace.column]
                width = self._word(before + name, 0, 0, height, font).box_mm[2]
                x += spec.name_share * (length - width)
            bottom = spec.row_y_mm[trace.row] + spec.name_dy_mm
            if spec.name_dy_mm > 0:
                bottom += height
            if before:
                word = self._word(before, x, bottom - height, height, font)
                others.append((word, height, font))
                x = word.box_mm[2] + _SPACE_SHARE * height
            word = self._word(name, x, bottom - height, height, font, trace.lead)
            names.append((word, height, font))
        for item in spec.texts:
            word = self._word(item.text, item.x_mm, item.y_mm, item.height_mm, item.font)
            others.append((word, item.height_mm, item.font))
        return tuple(names + others)

    def _word(
        self, text: str, x: float, y: float, height: float, font: str, lead: str | None = None
    ) -> TextTruth:
        ink = text_coverage(text, font, 40)
        scale = height / 40
        return TextTruth(text, (x, y, x + ink.shape[1] * scale, y + ink.shape[0] * scale), lead)

    @property
    def _separators(self) -> list[tuple[float, float, float]]:
        """x, top and bottom of the marks between leads."""
        spec = self.spec
        marks = []
        if spec.separator == "none":
            return []
        rows = spec.row_y_mm
        spacing = float(np.diff(rows).min()) if len(rows) > 1 else 30.0
        half = {"bar": 4.0, "tick": 1.5, "double": 2.5, "full": spacing / 2}[spec.separator]
        for trace in self.traces:
            if trace.is_rhythm or trace.column == 0:
                continue
            x, y = spec.column_x_mm[trace.column], spec.row_y_mm[trace.row]
            if spec.separator == "double":
                marks += [(x, y - 3 * half, y - 2 * half), (x, y + 2 * half, y + 3 * half)]
            else:
                marks.append((x, y - half, y + half))
        return marks

    def draw(
        self, pixels_per_mm: float, roi_mm: tuple[float, float, float, float] | None = None
    ) -> NDArray[np.uint8]:
        """Draw the page or a part of it.

        Args:
            pixels_per_mm: resolution of the picture.
            roi_mm: left, top, right, bottom; the whole page where None.

        Returns:
            ``(h, w, 3)`` uint8 RGB; the centre of pixel (0, 0) lies at the roi's left top.
        """
        spec = self.spec
        left, top, right, bottom = roi_mm or (0.0, 0.0, spec.width_mm, spec.height_mm)
        width = max(2, round((right - left) * pixels_per_mm) + 1)
        height = max(2, round((bottom - top) * pixels_per_mm) + 1)
        x_mm = left + np.arange(width) / pixels_per_mm
        y_mm = top + np.arange(height) / pixels_per_mm
        paper = np.full((height, width, 3), np.array(spec.paper_rgb, np.uint8), np.uint8)
        page = self._draw_grid(paper, x_mm, y_mm, pixels_per_mm)
        ink = self._draw_ink((width, height), (left, top), pixels_per_mm)
        ink = self._print_look(ink, x_mm, y_mm)
        return _darkened(page, ink, spec.trace_rgb)

    def _print_look(
        self, ink: NDArray[np.uint8], x_mm: NDArray[np.float64], y_mm: NDArray[np.float64]
    ) -> NDArray[np.uint8]:
        """Faded and patchy ink, and the white lines of a thermal head's dead dots."""
        spec = self.spec
        if spec.ink_strength < 1 or spec.ink_patchiness:
            rng = np.random.default_rng(spec.ink_seed)
            span = (round(spec.width_mm / 8) + 2, round(spec.height_mm / 8) + 2)
            patches = rng.uniform(1 - spec.ink_patchiness, 1, span[::-1]).astype(np.float32)
            at_x, at_y = np.meshgrid((x_mm / 8).astype(np.float32), (y_mm / 8).astype(np.float32))
            strength = cv2.remap(patches * spec.ink_strength, at_x, at_y, cv2.INTER_LINEAR)
            ink = cv2.multiply(ink, strength, dtype=cv2.CV_8U)
        for y in spec.dead_dots_mm:
            ink[np.abs(y_mm - y) <= 0.08] = 0
        return ink

    def _draw_grid(
        self,
        page: NDArray[np.uint8],
        x_mm: NDArray[np.float64],
        y_mm: NDArray[np.float64],
        pixels_per_mm: float,
    ) -> NDArray[np.uint8]:
        for box_mm in self.spec.grid.boxes_mm:
            page = self._draw_grid_box(page, box_mm, x_mm, y_mm, pixels_per_mm)
        return page

    def _draw_grid_box(
        self,
        page: NDArray[np.uint8],
        box_mm: Box,
        x_mm: NDArray[np.float64],
        y_mm: NDArray[np.float64],
        pixels_per_mm: float,
    ) -> NDArray[np.uint8]:
        grid = self.spec.grid
        left, top, right, bottom = box_mm
        pixel = 1 / pixels_per_mm

        def profile(
            at: NDArray[np.float64], origin: float, end: float, pitch: float, width: float
        ) -> NDArray[np.float64]:
            """Share of each pixel that a periodic line covers, 0..255."""
            half = (width + pixel) / 2
            away = np.abs((at - origin + pitch / 2) % pitch - pitch / 2)
            cover = np.clip((half - away) / pixel, 0, min(1.0, width / pixel))
            cover[(at < origin - width) | (at > end + width)] = 0
            return 255 * cover

        for pitch, width, rgb in (
            (1.0, grid.minor_width_mm, grid.minor_rgb),
            (5.0, grid.major_width_mm, grid.major_rgb),
        ):
            if width <= 0:
                continue
            across = profile(x_mm, left, right, pitch, width)
            down = profile(y_mm, top, bottom, pitch, width)
            if pitch == 5.0 and grid.major_dots_mm:
                dots = grid.major_dots_mm
                dots_x = profile(x_mm, left, right, dots, min(width, 0.7 * dots)) * 1.6
                dots_y = profile(y_mm, top, bottom, dots, min(width, 0.7 * dots)) * 1.6
                cover = np.maximum(_products(across, dots_y), _products(dots_x, down))
                page = _darkened(page, cover, rgb)
            elif pitch == 1.0 and grid.dotted:
                page = _darkened(page, _products(across * 1.6, down), rgb)
            else:
                columns = np.flatnonzero((x_mm >= left - width) & (x_mm <= right + width))
                rows = np.flatnonzero((y_mm >= top - width) & (y_mm <= bottom + width))
                if len(columns) and len(rows):
                    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
                    # Where lines cross, the darker of the two counts: no table of all pixels.
                    through_x, through_y = _through(across[columns], rgb), _through(down[rows], rgb)
                    planes = [
                        np.minimum(np.ascontiguousarray(x)[None], np.ascontiguousarray(y)[:, None])
                        for x, y in zip(through_x.T, through_y.T, strict=True)
                    ]
                    page[box] = cv2.multiply(page[box], cv2.merge(planes), scale=1 / 255)
        if grid.frame:
            corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
            points = (np.array(corners) - [x_mm[0], y_mm[0]]) * pixels_per_mm
            cv2.polylines(
                page,
                [np.round(points * 2**_SHIFT).astype(np.int32)],
                True,
                (70, 60, 60),
                max(1, round(0.25 * pixels_per_mm)),
                cv2.LINE_AA,
                _SHIFT,
            )
        return page

    def _draw_ink(
        self, size: tuple[int, int], origin: tuple[float, float], pixels_per_mm: float
    ) -> NDArray[np.uint8]:
        """Coverage (255 = all) of what the pen draws: traces, pulses, marks and words."""
        spec = self.spec
        raster = spec.raster_per_mm > 0
        # Draw at 8 px/mm or more, and twice as fine as asked for below 16, so that lines of whole
        # pixels and hinted letters are fine enough; then shrink.
        factor = int(np.clip(np.ceil(8 / pixels_per_mm), 2 if pixels_per_mm < 16 else 1, 4))
        factor = 1 if raster else factor
        scale = spec.raster_per_mm if raster else pixels_per_mm * factor
        width = round((size[0] - 1) / pixels_per_mm * scale) + 1 if raster else size[0] * factor
        height = round((size[1] - 1) / pixels_per_mm * scale) + 1 if raster else size[1] * factor
        shift = 0.0 if raster else (factor - 1) / 2
        canvas = np.zeros((height, width), np.uint8)
        line = cv2.LINE_8 if raster else cv2.LINE_AA

        def pixels(points_mm: NDArray[np.float64]) -> NDArray[np.int32]:
            at = (points_mm - np.array(origin)) * scale + shift
            return np.round(at * 2**_SHIFT).astype(np.int32)

        def stroke(points_mm: NDArray[np.float64], width_mm: float) -> None:
            thickness = max(1, round(width_mm * scale))
            drawn = cv2.approxPolyDP(points_mm.astype(np.float32), _SLACK_PX / scale, False)[:, 0]
            cv2.polylines(canvas, [pixels(drawn)], False, 255, thickness, line, _SHIFT)

        for trace in self.traces:
            if len(trace.points_mm) > 1:
                stroke(trace.points_mm, spec.trace_width_mm)
        for pulse in self.pulses:
            stroke(pulse, spec.trace_width_mm)
        for x, top, bottom in self._separators:
            stroke(np.array([[x, top], [x, bottom]]), spec.separator_width_mm)
        for word, height_mm, font in self._words:
            ink = text_coverage(word.text, font, max(4, round(height_mm * scale)))
            at = np.round((np.array(word.box_mm[:2]) - origin) * scale).astype(int)
            _paste(canvas, ink, int(at[0]), int(at[1]))
        if raster:
            # cv2.resize would align the corners of the outer dots, not the centres.
            ratio = scale / pixels_per_mm
            canvas = cv2.warpAffine(
                canvas,
                np.array([[ratio, 0.0, 0.0], [0.0, ratio, 0.0]]),
                size,
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            )
        elif factor > 1:
            canvas = cv2.resize(canvas, size, interpolation=cv2.INTER_AREA)
        return np.asarray(canvas, np.uint8)


def _darkened(
    page: NDArray[np.uint8], cover: NDArray[np.uint8], rgb: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """The page with ink over it: each colour of it times what the ink lets through."""
    table = _through(np.arange(256.0), rgb)[None]
    return cv2.multiply(page, cv2.LUT(cv2.merge([cover] * 3), table), scale=1 / 255)


def _through(cover: NDArray[np.floating], rgb: tuple[int, int, int]) -> NDArray[np.uint8]:
    """``(n, 3)`` share (of 255) of each colour that ink of a coverage (of 255) lets through."""
    return np.round(255 - cover[:, None] * (1 - np.array(rgb) / 255)).astype(np.uint8)


def _products(across: NDArray[np.floating], down: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Outer product of two profiles of 0..255, again 0..255."""
    product = np.outer(down.astype(np.float32) / 255, across.astype(np.float32))
    return np.minimum(product + np.float32(0.5), 255).astype(np.uint8)


def _paste(canvas: NDArray[np.uint8], ink: NDArray[np.uint8], x: int, y: int) -> None:
    """Lay ink over the canvas, cut where it leaves it."""
    top, left = max(0, -y), max(0, -x)
    bottom = min(ink.shape[0], canvas.shape[0] - y)
    right = min(ink.shape[1], canvas.shape[1] - x)
    if bottom <= top or right <= left:
        return
    part = canvas[y + top : y + bottom, x + left : x + right]
    np.maximum(part, ink[top:bottom, left:right], out=part)
