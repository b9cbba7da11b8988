"""What is printed on a page: sampled once, kept as data, drawn any number of times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dataset_generation.calibration_text import calibration_line, gain_text, speed_text
from dataset_generation.lead_name_styles import LEAD_NAME_STYLES
from dataset_generation.preset_file import FOLDER, read_preset
from dataset_generation.text import FONTS, text_coverage
from ecg.leads import LEADS
from ecg.paper import LAYOUTS, PrintedLead

Rgb = tuple[int, int, int]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class PagePreset:
    """Shares of what papers carry; ``presets/pages/papers.toml`` is the usual one.

    Attributes:
        summary: one line about it.
        layouts, speeds, gains, papers, pulses, grids, names, name_styles, separators, looks,
            rasters_per_mm: names (or numbers) and their shares.
        cabrera, simultaneous, clipped: probabilities of Cabrera's order, of columns that show the
            same seconds, of a pen that stops at the edge of its band.
        high_names, centred_names: of lead names far above their traces, and over the middle or
            the end of them.
        apart, panels: of columns with room between them, and then of a grid of its own behind
            each trace.
    """

    summary: str
    layouts: dict[str, float]
    speeds: dict[str, float]
    gains: dict[str, float]
    papers: dict[str, float]
    pulses: dict[str, float]
    grids: dict[str, float]
    names: dict[str, float]
    name_styles: dict[str, float]
    separators: dict[str, float]
    looks: dict[str, float]
    rasters_per_mm: dict[str, float]
    cabrera: float = 0.0
    simultaneous: float = 0.0
    clipped: float = 0.0
    high_names: float = 0.0
    centred_names: float = 0.0
    apart: float = 0.0
    panels: float = 0.0

    def __post_init__(self) -> None:
        for name, allowed in (
            ("layouts", tuple(LAYOUTS)), ("speeds", ("25", "50")), ("gains", ("5", "10", "20")),
            ("papers", tuple(_PAPERS_MM)), ("pulses", ("start", "end", "each", "none")),
            ("grids", ("both", "major", "minor", "dotted", "dots", "none")),
            ("names", ("above", "below", "left")), ("name_styles", LEAD_NAME_STYLES),
            ("separators", ("none", "bar", "tick", "double", "full")),
            ("rasters_per_mm", ("0", "4", "5", "6", "8", "10", "12", "16")),
            ("looks", ("laser", "inkjet", "thermal", "faded")),
        ):  # fmt: skip
            unknown = sorted(set(getattr(self, name)) - set(allowed))
            if unknown:
                known = ", ".join(allowed)
                raise ValueError(f"{name}.{unknown[0]} is not known; there are {known}")


_PROBABILITIES = (
    "cabrera", "simultaneous", "clipped", "high_names", "centred_names", "apart", "panels",
)  # fmt: skip
_BOUNDS = dict.fromkeys(_PROBABILITIES, (0.0, 1.0))


@lru_cache(maxsize=8)
def load_page_preset(name: str) -> PagePreset:
    """Read a page preset by name, or from the path of a TOML file.

    Raises:
        ValueError: if there is none, or a line of it makes no sense.
    """
    return read_preset(PagePreset, name, FOLDER / "pages", _BOUNDS)


@dataclass(frozen=True)
class GridStyle:
    """Look of the millimetre grid.

    Attributes:
        box_mm: left, top, right, bottom of the printed grid on the page.
        major_rgb, minor_rgb: colours of the 5 mm and 1 mm lines.
        major_width_mm, minor_width_mm: line widths; 0 leaves the lines out.
        dotted: 1 mm lines are rows of dots.
        major_dots_mm: 5 mm lines are rows of dots at this pitch; 0 for solid lines.
        frame: whether the box has an outline.
        panels_mm: boxes that have a grid of their own each, in place of one grid; none where empty.
    """

    box_mm: Box
    major_rgb: Rgb = (240, 150, 150)
    minor_rgb: Rgb = (250, 205, 205)
    major_width_mm: float = 0.2
    minor_width_mm: float = 0.1
    dotted: bool = False
    major_dots_mm: float = 0.0
    frame: bool = False
    panels_mm: tuple[Box, ...] = ()

    @property
    def boxes_mm(self) -> tuple[Box, ...]:
        """Left, top, right and bottom of every box in which lines are counted from its corner."""
        return self.panels_mm or (self.box_mm,)


@dataclass(frozen=True)
class TextItem:
    """One line of text: its words, place of its left top corner, capital height and font."""

    text: str
    x_mm: float
    y_mm: float
    height_mm: float
    font: str


@dataclass(frozen=True)
class PageSpec:
    """Everything that decides how a record looks on paper, in millimetres.

    Attributes:
        row_y_mm: zero level of each row of traces.
        column_x_mm: where each column's trace begins (rhythm strips begin at the first).
        offset_mv: 12 offsets added to the leads before printing (0 = true zero on the row's).
        pulse: where calibration pulses stand: ``start``, ``end``, ``each`` or ``none``.
        pulse_width_mm: from the beginning of a pulse to its falling edge.
        pulse_foot_mm: line between a pulse and the trace; 0 where it falls as the trace begins.
        separator: mark between the leads of a row: ``bar``, ``tick``, ``double``, ``full`` (as
            high as the row) or ``none``.
        separator_width_mm: its line width.
        name_style: how lead names are written, one of ``LEAD_NAME_STYLES``.
        name_share: where along its trace a lead name stands: 0 begins at its start, 0.5 is over
            its middle, 1 ends at its end.
        name_dx_mm, name_dy_mm: lead name's left bottom corner from there.
        raster_per_mm: 0 for smooth ink, else the dots per mm of a raster printer.
        clip_mv: where the recorder's pen stops, up and down; 0 for nowhere. Whole microvolts.
        ink_strength: how dark the ink is, 0..1; ``ink_patchiness`` how much it varies from place
            to place in a pattern that follows from ``ink_seed``.
        dead_dots_mm: heights at which a thermal head has a dead dot.
    """

    width_mm: float
    height_mm: float
    layout: str
    order: str
    speed_mm_per_s: float
    gain_mm_per_mv: float
    duration_s: float
    simultaneous: bool
    rhythm_leads: tuple[str, ...]
    strip_lead: str
    row_y_mm: tuple[float, ...]
    column_x_mm: tuple[float, ...]
    offset_mv: tuple[float, ...]
    grid: GridStyle
    paper_rgb: Rgb = (255, 255, 255)
    trace_rgb: Rgb = (20, 20, 20)
    text_rgb: Rgb = (20, 20, 20)
    trace_width_mm: float = 0.3
    pulse: str = "start"
    pulse_width_mm: float = 5.0
    pulse_foot_mm: float = 1.25
    separator: str = "none"
    separator_width_mm: float = 0.4
    name_font: str = "DejaVuSans"
    name_style: str = "usual"
    name_height_mm: float = 2.5
    name_share: float = 0.0
    name_dx_mm: float = 1.0
    name_dy_mm: float = -6.0
    rhythm_names: bool = True
    texts: tuple[TextItem, ...] = ()
    raster_per_mm: float = 0.0
    clip_mv: float = 0.0
    ink_strength: float = 1.0
    ink_patchiness: float = 0.0
    ink_seed: int = 0
    dead_dots_mm: tuple[float, ...] = ()

    def clipped(self, signal_mv: NDArray[np.float32]) -> NDArray[np.float32]:
        """A lead as the pen can draw it."""
        if not self.clip_mv:
            return signal_mv
        return np.clip(signal_mv, -np.float32(self.clip_mv), np.float32(self.clip_mv))

    def printed_leads(self) -> tuple[PrintedLead, ...]:
        """The stretches of leads on this page."""
        return LAYOUTS[self.layout].printed_leads(
            self.order, self.rhythm_leads, self.duration_s, self.simultaneous, self.strip_lead
        )


_GRID_INKS: tuple[tuple[Rgb, Rgb], ...] = (
    ((235, 130, 130), (250, 200, 200)),  # red
    ((225, 90, 100), (245, 170, 175)),  # strong red
    ((240, 140, 170), (250, 205, 220)),  # pink
    ((235, 150, 100), (250, 205, 175)),  # orange
    ((205, 165, 130), (230, 205, 180)),  # brown
    ((110, 175, 120), (190, 220, 195)),  # green
    ((120, 150, 215), (195, 210, 240)),  # blue
    ((130, 130, 130), (195, 195, 195)),  # grey
    ((60, 60, 60), (160, 160, 160)),  # black
    ((150, 50, 60), (215, 150, 155)),  # dark red, as office printers give
)
_PAPERS_MM: dict[str, tuple[float, float] | None] = {
    "cut": None,  # as large as what is printed needs
    "a4": (297.0, 210.0),
    "letter": (279.4, 215.9),
    "a4_portrait": (210.0, 297.0),
    "letter_portrait": (215.9, 279.4),
}
_WORDS = (
    "Vent. rate", "PR interval", "QRS duration", "QT/QTc", "P-R-T axes", "Normal sinus rhythm",
    "Sinus bradycardia", "Abnormal ECG", "Otherwise normal ECG", "Nonspecific T wave changes",
    "Unconfirmed diagnosis", "ID:", "Age:", "Sex:", "Name:", "Height:", "Weight:", "Date:",
    "Male", "Female", "bpm", "ms", "Referred by:", "Ward 4", "Room", "Technician", "Test ind:",
    "Left axis deviation", "Inferior infarct, age undetermined", "Cannot rule out", "Rate",
    "Borderline", "Confirmed by", "10 s", "Auto", "Report", "Hospital", "Cardiology", "BP",
)  # fmt: skip


def _choice(rng: np.random.Generator, shares: dict[str, float]) -> str:
    names = list(shares)
    weights = np.array([shares[name] for name in names])
    return names[int(rng.choice(len(names), p=weights / weights.sum()))]


def _jitter(rng: np.random.Generator, rgb: Rgb, by: int) -> Rgb:
    shifted = np.clip(np.array(rgb) + rng.integers(-by, by + 1, 3), 0, 255)
    return int(shifted[0]), int(shifted[1]), int(shifted[2])


def sentence(rng: np.random.Generator) -> str:
    """Words of a page's header, with a number or without."""
    words = [_WORDS[int(rng.integers(len(_WORDS)))] for _ in range(int(rng.integers(1, 3)))]
    if rng.random() < 0.6:
        words.append(str(int(rng.integers(1, 999))))
    return " ".join(words)


def date(rng: np.random.Generator) -> str:
    """A day and its time."""
    year, month, day = rng.integers(1985, 2026), rng.integers(1, 13), rng.integers(1, 29)
    hour, minute, second = rng.integers(24), rng.integers(60), rng.integers(60)
    return f"{day:02d}.{month:02d}.{year} {hour:02d}:{minute:02d}:{second:02d}"


def sample_page(
    rng: np.random.Generator, layout: str | None = None, preset: PagePreset | None = None
) -> PageSpec:
    """Sample how a page looks, over what real papers carry.

    Args:
        rng: source of randomness.
        layout: layout id, or None to sample one too.
        preset: shares of what papers carry; those of ``papers.toml`` where None.

    Returns:
        A page whose rows and columns fit its size.
    """
    preset = preset or load_page_preset("papers")
    # Streams of their own leave all that is drawn beside them as it was.
    own = rng.spawn(3)
    layout = layout or _choice(rng, preset.layouts)
    shape = LAYOUTS[layout]
    speed = float(_choice(rng, preset.speeds))
    gain = float(_choice(rng, preset.gains))
    paper = _choice(rng, preset.papers) if layout != "strip" and speed == 25.0 else "cut"
    duration = 10.0 if speed == 25.0 else 5.0
    if paper.endswith("portrait"):
        duration = 7.2
    if layout == "strip":
        duration = float(rng.choice([2.5, 5.0, 10.0]))
    pulse = _choice(rng, preset.pulses)
    if pulse == "each":
        duration *= 0.8
    # A pulse lasts as long at any speed.
    pulse_width = float(rng.choice([5.0, 2.5, 4.0])) * speed / 25.0
    pulse_room = pulse_width + rng.uniform(1.5, 5.0)
    gap = rng.uniform(0.0, 3.0) if rng.random() < 0.1 else 0.0
    apart = pulse != "each" and own[2].random() < preset.apart
    if pulse == "each":
        gap = pulse_room
    elif apart:
        gap = own[2].uniform(3.0, 12.0)
    window = duration * speed / shape.columns
    content = window * shape.columns + gap * (shape.columns - 1)
    lead_in = pulse_room if pulse in ("start", "each") else rng.uniform(0.0, 8.0)
    lead_out = pulse_room if pulse == "end" else 0.0
    width = content + lead_in + lead_out + rng.uniform(4.0, 50.0)
    size = _PAPERS_MM[paper]
    if size is not None:
        width = max(size[0], content + lead_in + lead_out + 3.0)
    rows = shape.total_rows
    spacing = rng.uniform(12.5, 17.0) if rows >= 12 else rng.uniform(17.0, 40.0)
    if 5 <= rows < 12:
        spacing = rng.uniform(15.0, 27.0)
    header = rng.uniform(0.0, 12.0) if rng.random() < 0.35 else rng.uniform(12.0, 62.0)
    above, below = rng.uniform(8.0, 24.0, 2)
    height = header + above + spacing * (rows - 1) + below + rng.uniform(0.0, 12.0)
    if size is not None and (paper.endswith("portrait") or rng.random() < 0.5):
        height = max(size[1], height)
    free = width - content - lead_in - lead_out
    left = lead_in + free * rng.uniform(0.15, 0.85)
    row_y = header + above + spacing * np.arange(rows)
    if rng.random() < 0.2:
        row_y = row_y + rng.uniform(-1.5, 1.5, rows)
    columns = tuple(float(left + k * (window + gap)) for k in range(shape.columns))
    ends = (left - lead_in, left + content + lead_out)
    grid = _sample_grid(rng, preset, width, height, header, *ends)
    dark = int(rng.integers(0, 90))
    trace_rgb: Rgb = (dark, dark, dark)
    if rng.random() < 0.15:
        trace_rgb = _jitter(rng, ((20, 20, 120), (90, 20, 20), (20, 80, 40))[rng.integers(3)], 20)
    name_place = _choice(rng, preset.names)
    name_height = float(rng.uniform(1.8, 3.6))
    name_dx, name_dy = float(rng.uniform(-1.0, 4.0)), float(rng.uniform(-9.0, -3.5))
    if name_place == "below":
        name_dy = float(rng.uniform(3.5, 8.0))
    if name_place == "left" and pulse == "start":
        name_dx, name_dy = float(rng.uniform(-3.0, 1.0)), float(rng.uniform(-9.0, 7.0))
    name_share = 0.0
    draw = own[1].random()
    if draw < preset.high_names + preset.centred_names:
        highest = float(np.clip(0.62 * spacing, 7.0, 20.0))
        name_dx, name_dy = float(own[1].uniform(-1.0, 4.0)), -float(own[1].uniform(6.0, highest))
        if draw < preset.centred_names:
            name_dx, name_share = 0.0, 0.5 if own[1].random() < 0.7 else 1.0
    spec = PageSpec(
        width_mm=float(width),
        height_mm=float(height),
        layout=layout,
        order="cabrera" if rng.random() < preset.cabrera and layout != "strip" else "standard",
        speed_mm_per_s=speed,
        gain_mm_per_mv=gain,
        duration_s=duration,
        simultaneous=bool(rng.random() < preset.simultaneous or pulse == "each"),
        rhythm_leads=_rhythm_leads(rng, shape.rhythm_strips),
        strip_lead=str(rng.choice(LEADS)),
        row_y_mm=tuple(float(y) for y in row_y),
        column_x_mm=columns,
        offset_mv=tuple(float(o) for o in rng.normal(0, 0.03, 12)),
        grid=grid,
        paper_rgb=_jitter(rng, (252, 250, 248), 3) if rng.random() < 0.7 else _tinted(rng, grid),
        trace_rgb=trace_rgb,
        text_rgb=trace_rgb,
        trace_width_mm=float(rng.choice([0.16, 0.22, 0.3, 0.4, 0.55]) * rng.uniform(0.85, 1.2)),
        pulse=pulse,
        pulse_width_mm=pulse_width,
        separator=_choice(rng, preset.separators),
        separator_width_mm=float(rng.uniform(0.25, 0.9)),
        name_font=str(rng.choice(FONTS)),
        name_height_mm=name_height,
        name_share=name_share,
        name_dx_mm=name_dx,
        name_dy_mm=name_dy,
        rhythm_names=bool(rng.random() < 0.9),
        raster_per_mm=float(_choice(rng, preset.rasters_per_mm)),
    )
    texts = _sample_words(rng, spec, header)
    if apart and own[2].random() < preset.panels:
        spec = replace(spec, grid=replace(grid, panels_mm=_sample_panels(own[2], spec, gap)))
        if own[2].random() < 0.4:
            texts += _tick_labels(spec)
    # Many a pulse falls where the trace begins.
    foot = 0.0 if rng.random() < 0.4 else 0.25 * pulse_width
    style = _choice(own[0], preset.name_styles)
    spec = replace(spec, texts=texts, pulse_foot_mm=foot, name_style=style)
    if rng.random() < preset.clipped:
        spec = replace(spec, clip_mv=round(float(rng.uniform(0.8, 2.0)), 3))
    return _with_look(rng, spec, _choice(rng, preset.looks))


def _with_look(rng: np.random.Generator, spec: PageSpec, look: str) -> PageSpec:
    """``laser``: even black; ``inkjet`` patchy; ``thermal`` grey with dead dots; ``faded``."""
    if look == "laser":
        return spec
    seed = int(rng.integers(2**31))
    if look == "inkjet":
        return replace(spec, ink_patchiness=float(rng.uniform(0.05, 0.3)), ink_seed=seed)
    low, high = (0.55, 0.9) if look == "thermal" else (0.35, 0.7)
    dead: tuple[float, ...] = ()
    if look == "thermal" and rng.random() < 0.5:
        dead = tuple(float(y) for y in rng.uniform(0, spec.height_mm, int(rng.integers(1, 4))))
    return replace(
        spec,
        ink_strength=float(rng.uniform(low, high)),
        ink_patchiness=float(rng.uniform(0.1, 0.5)),
        ink_seed=seed,
        dead_dots_mm=dead,
    )


def _rhythm_leads(rng: np.random.Generator, count: int) -> tuple[str, ...]:
    usual = ("II", "V1", "V5")
    if count == 0 or rng.random() < 0.7:
        return usual
    return tuple(str(lead) for lead in rng.permutation(LEADS)[:3])


def _tinted(rng: np.random.Generator, grid: GridStyle) -> Rgb:
    """Paper printed in a pale shade of the grid's ink, as recorder rolls are."""
    share = rng.uniform(0.1, 0.35)
    tint = 255 - (255 - np.array(grid.minor_rgb)) * share
    return int(tint[0]), int(tint[1]), int(tint[2])


def _sample_grid(
    rng: np.random.Generator,
    preset: PagePreset,
    width: float,
    height: float,
    header: float,
    left: float,
    right: float,
) -> GridStyle:
    major_rgb, minor_rgb = _GRID_INKS[int(rng.integers(len(_GRID_INKS)))]
    if rng.random() < 0.2:
        r, g, b = (int(0.5 * a + 0.5 * b) for a, b in zip(major_rgb, minor_rgb, strict=True))
        major_rgb = (r, g, b)
    margin = rng.uniform(0.0, 12.0, 4) if rng.random() < 0.6 else np.zeros(4)
    top = margin[1] if rng.random() < 0.55 else max(header - 4.0, 0.0)
    box = (
        min(margin[0], max(left - 0.5, 0.0)),
        min(top, height / 2),
        max(width - margin[2], min(right + 0.5, width)),
        height - margin[3],
    )
    kind = _choice(rng, preset.grids)
    minor_width = rng.uniform(0.12, 0.3) if kind in ("dotted", "dots") else rng.uniform(0.06, 0.18)
    return GridStyle(
        box_mm=tuple(float(v) for v in box),  # type: ignore[arg-type]
        major_rgb=_jitter(rng, major_rgb, 15),
        minor_rgb=_jitter(rng, minor_rgb, 12),
        major_width_mm=0.0 if kind in ("minor", "none") else float(rng.uniform(0.12, 0.4)),
        minor_width_mm=0.0 if kind in ("major", "none") else float(minor_width),
        dotted=kind in ("dotted", "dots"),
        major_dots_mm=float(rng.choice([0.25, 0.5, 1.0])) if kind == "dots" else 0.0,
        frame=bool(rng.random() < 0.25),
    )


def _sample_panels(rng: np.random.Generator, spec: PageSpec, gap_mm: float) -> tuple[Box, ...]:
    """A box behind every trace, a little larger than it or as wide as it."""
    spacing = float(np.diff(spec.row_y_mm).min()) if len(spec.row_y_mm) > 1 else 30.0
    margin = rng.uniform(0.0, 0.3) * gap_mm if rng.random() < 0.5 else 0.0
    above, below = rng.uniform(0.3, 0.47, 2) * spacing
    boxes = []
    for printed in spec.printed_leads():
        x, y = spec.column_x_mm[printed.column], spec.row_y_mm[printed.row]
        right = x + printed.duration_s * spec.speed_mm_per_s
        boxes.append((x - margin, y - above, right + margin, y + below))
    return tuple(tuple(float(v) for v in box) for box in boxes)  # type: ignore[misc]


def _tick_labels(spec: PageSpec) -> tuple[TextItem, ...]:
    """Whole seconds below every trace, as charts have them."""
    items = []
    for printed, (_, _, _, bottom) in zip(spec.printed_leads(), spec.grid.panels_mm, strict=True):
        first, last = printed.start_s, printed.start_s + printed.duration_s
        for second in range(int(np.ceil(first)), int(last) + 1):
            x = spec.column_x_mm[printed.column] + (second - first) * spec.speed_mm_per_s
            items.append(TextItem(str(second), x - 0.6, bottom + 0.8, 1.8, spec.name_font))
    return tuple(items)


def _sample_words(rng: np.random.Generator, spec: PageSpec, header: float) -> tuple[TextItem, ...]:
    """Header and footer: invented, never a real person's."""
    font = str(rng.choice(FONTS))
    size = float(rng.uniform(1.6, 3.2))
    items: list[TextItem] = []
    if header > 8:
        blocks = int(rng.integers(1, 5))
        lines = max(1, int(min(header / (size * 1.8), float(rng.integers(1, 8)))))
        for block in range(blocks):
            x = 3 + spec.width_mm * block / blocks + rng.uniform(0, 8)
            for line in range(lines):
                if rng.random() < 0.15:
                    continue
                text = date(rng) if rng.random() < 0.12 else sentence(rng)
                items.append(TextItem(text, float(x), 2 + line * size * 1.8, size, font))
    if rng.random() < 0.75:
        y = spec.height_mm - size - rng.uniform(0.5, 4.0)
        (wording,) = rng.spawn(1)
        speed, gain = spec.speed_mm_per_s, spec.gain_mm_per_mv
        foot = [speed_text(wording, speed), gain_text(wording, gain)]
        if rng.random() < 0.5:
            foot.append(
                str(rng.choice(["0.05-150 Hz", "40 Hz", "0.67-25Hz AC50", "F 50~ 0.5-40 Hz"]))
            )
        if wording.random() < 0.5:
            foot = [calibration_line(wording, speed, gain)] + [""] * (len(foot) - 1)
        x = rng.uniform(3, 60)
        for text in foot:
            items.append(TextItem(text, float(x), float(y), size, font))
            x += rng.uniform(35, 60)
    shortened = (_shortened(item, spec.width_mm) for item in items)
    return tuple(item for item in shortened if item.text)


def _shortened(item: TextItem, width_mm: float) -> TextItem:
    """The line without the last words that would run over the page's right edge."""
    words = item.text.split(" ")
    while words:
        text = " ".join(words)
        ink = text_coverage(text, item.font, 40)
        if item.x_mm + ink.shape[1] * item.height_mm / 40 <= width_mm:
            return replace(item, text=text)
        words.pop()
    return replace(item, text="")
