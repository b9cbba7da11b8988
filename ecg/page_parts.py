"""What a page holds, part by part, in photo pixels: what a reader found, or a person gave.

A person takes the parts out of a result, mends what the machine got wrong and gives them back;
the stage whose part is given is not run. ``docs/CORRECTION.md`` is the guide.

Convention: points are ``(x, y)`` in pixels of the upright photo, (0, 0) the centre of its
top-left pixel. The four points of a box are the corners of a rectangle on the page, in the
order top left, top right, bottom right, bottom left of the page.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from ecg.leads import canonical_lead
from ecg.page_geometry import PageGeometry
from ecg.paper import (
    GAINS_MM_PER_MV,
    LAYOUTS,
    LEAD_ORDERS,
    MAJOR_GRID_MM,
    SPEEDS_MM_PER_S,
)

OTHER_LAYOUT = "other"
"""Layout of leads placed by hand as no layout of ``ecg.paper`` places them."""

LEAST_CORNER_PX = 40.0
LEAST_SIDE_MM = 10.0
_LEAST_BOX_PX = 2.0
_LEAST_SINE = 0.1
_CONTRADICTION_MM = 0.1
_CORNER_NAMES = "top left, top right, bottom right, bottom left"


class PagePartsError(ValueError):
    """The parts of a page cannot be what is in the photo; the message is one sentence."""


def _four_points(value: Any) -> Any:
    """Left, top, right and bottom as four points; a clear word where there are not four."""
    if not isinstance(value, (list, tuple)):
        return value
    if len(value) == 4 and all(isinstance(one, (int, float)) for one in value):
        left, top, right, bottom = value
        return ((left, top), (right, top), (right, bottom), (left, bottom))
    if len(value) != 4:
        raise ValueError(f"four points [x, y] are needed ({_CORNER_NAMES}), not {len(value)}")
    # What comes out of here is held against tuples.
    return tuple(tuple(point) if isinstance(point, list) else point for point in value)


Point = tuple[float, float]
Box = Annotated[tuple[Point, Point, Point, Point], BeforeValidator(_four_points)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Corners(_Part):
    """A rectangle of known size on the page, from which the page's place in the photo follows.

    Attributes:
        photo_points: its corners.
        width_mm, height_mm: its size, or
        width_boxes, height_boxes: its size in grid boxes of 5 mm.
    """

    photo_points: Box
    width_mm: float | None = Field(default=None, ge=LEAST_SIDE_MM, le=650)
    height_mm: float | None = Field(default=None, ge=LEAST_SIDE_MM, le=650)
    width_boxes: float | None = Field(default=None, ge=2, le=130)
    height_boxes: float | None = Field(default=None, ge=2, le=130)

    @model_validator(mode="after")
    def _check(self) -> Corners:
        for name in ("width", "height"):
            if (getattr(self, f"{name}_mm") is None) == (getattr(self, f"{name}_boxes") is None):
                raise ValueError(f"give one of {name}_mm and {name}_boxes")
        _check_box(self.photo_points, LEAST_CORNER_PX)
        return self

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height in millimetres."""
        width = self.width_mm or (self.width_boxes or 0) * MAJOR_GRID_MM
        height = self.height_mm or (self.height_boxes or 0) * MAJOR_GRID_MM
        return width, height


class Lattice(_Part):
    """The dense map of the page: photo pixels of a square lattice of page points.

    Attributes:
        step_mm: lattice pitch.
        origin_mm: page position of its first point.
        photo_points: rows of points, all of one length.
    """

    step_mm: float = Field(gt=0, le=50)
    origin_mm: Point = (0.0, 0.0)
    photo_points: tuple[tuple[Point, ...], ...]

    @model_validator(mode="after")
    def _check(self) -> Lattice:
        lengths = {len(row) for row in self.photo_points}
        if len(self.photo_points) < 2 or len(lengths) != 1 or min(lengths) < 2:
            raise ValueError("two rows or more of two points or more, all rows of one length")
        points = np.asarray(self.photo_points)
        across, down = points[:-1, 1:] - points[:-1, :-1], points[1:, :-1] - points[:-1, :-1]
        if np.median(_cross(across, down)) <= 0:
            raise ValueError("the lattice is mirrored or has no area")
        return self

    @property
    def geometry(self) -> PageGeometry:
        """The map that the lattice is."""
        return PageGeometry(np.asarray(self.photo_points), self.step_mm, self.origin_mm)


class Row(_Part):
    """A row of traces: both ends of its level.

    Attributes:
        left, right: where it begins and ends.
    """

    left: Point
    right: Point


class PrintedName(_Part):
    """A lead name as printed on the page.

    Attributes:
        lead: the lead.
        box: where it is printed.
        score: how sure it is, 0..1.
    """

    lead: str
    box: Box
    score: float = Field(default=1.0, ge=0, le=1)

    @field_validator("lead")
    @classmethod
    def _known(cls, name: str) -> str:
        return canonical_lead(name)

    @model_validator(mode="after")
    def _check(self) -> PrintedName:
        _check_box(self.box, _LEAST_BOX_PX)
        return self


class LeadBox(_Part):
    """A stretch of one lead.

    Attributes:
        lead: the lead; ``-aVR`` where the page prints it inverted.
        box: from where to where the stretch lasts, its baseline near the middle of its height.
        start_s: when it begins in the record; by default its distance from the first box.
        is_rhythm: whether it is a rhythm strip, which may repeat a lead.
    """

    lead: str
    box: Box
    start_s: float | None = Field(default=None, ge=0, le=600)
    is_rhythm: bool = False

    @field_validator("lead")
    @classmethod
    def _known(cls, name: str) -> str:
        name = name.strip()
        return "-" * name.startswith("-") + canonical_lead(name.removeprefix("-"))

    @model_validator(mode="after")
    def _check(self) -> LeadBox:
        _check_box(self.box, _LEAST_BOX_PX)
        return self

    @property
    def name(self) -> str:
        """The lead without its sign."""
        return self.lead.removeprefix("-")

    @property
    def sign(self) -> int:
        """-1 where the lead is printed inverted, else 1."""
        return -1 if self.lead.startswith("-") else 1


class PageParts(_Part):
    """The parts of a page; None where a part is to be found by the machine.

    Attributes:
        photo_size: width and height of the photo that the parts belong to.
        corners: a rectangle of known size.
        points: the dense map of the page, which needs no further look at the grid.
        layout: layout id of ``ecg.paper.LAYOUTS``.
        order: ``standard`` or ``cabrera``.
        speed_mm_per_s: paper speed.
        gain_mm_per_mv: gain.
        chest_gain_mm_per_mv: gain of V1 to V6 where it is another.
        rows: rows of traces.
        names: lead names as printed.
        pulses: boxes of the calibration pulses.
        leads: stretches of leads; with them neither rows, names nor time base are looked for.
        mask: file of a trace mask in photo size, beside the file that names it.
    """

    photo_size: tuple[int, int] | None = None
    corners: Corners | None = None
    points: Lattice | None = None
    layout: str | None = None
    order: Literal["standard", "cabrera"] | None = None
    speed_mm_per_s: float | None = None
    gain_mm_per_mv: float | None = None
    chest_gain_mm_per_mv: float | None = None
    rows: tuple[Row, ...] | None = Field(default=None, min_length=1, max_length=50)
    names: tuple[PrintedName, ...] | None = Field(default=None, max_length=200)
    pulses: tuple[Box, ...] | None = Field(default=None, max_length=100)
    leads: tuple[LeadBox, ...] | None = Field(default=None, min_length=1, max_length=30)
    mask: str | None = Field(default=None, min_length=1, max_length=500)

    @field_validator("layout")
    @classmethod
    def _known_layout(cls, layout: str | None) -> str | None:
        return _one_of(layout, (*LAYOUTS, OTHER_LAYOUT))

    @field_validator("order", mode="before")
    @classmethod
    def _known_order(cls, order: Any) -> Any:
        return _one_of(order, LEAD_ORDERS)

    @field_validator("speed_mm_per_s")
    @classmethod
    def _known_speed(cls, speed: float | None) -> float | None:
        return _one_of(speed, SPEEDS_MM_PER_S)

    @field_validator("gain_mm_per_mv", "chest_gain_mm_per_mv")
    @classmethod
    def _known_gain(cls, gain: float | None) -> float | None:
        return _one_of(gain, GAINS_MM_PER_MV)

    @field_validator("pulses")
    @classmethod
    def _whole_pulses(cls, pulses: tuple[Box, ...] | None) -> tuple[Box, ...] | None:
        for pulse in pulses or ():
            _check_box(pulse, _LEAST_BOX_PX)
        return pulses

    @model_validator(mode="after")
    def _check(self) -> PageParts:
        seen = set()
        for lead in self.leads or ():
            if not lead.is_rhythm and lead.name in seen:
                raise ValueError(
                    f"leads name {lead.name} twice; a rhythm strip that repeats a lead has "
                    '"is_rhythm": true'
                )
            seen |= set() if lead.is_rhythm else {lead.name}
        if self.chest_gain_mm_per_mv is not None and self.gain_mm_per_mv is None:
            raise ValueError("chest_gain_mm_per_mv needs gain_mm_per_mv, that of the other leads")
        if self.layout == OTHER_LAYOUT and self.leads is None:
            raise ValueError(f'layout "{OTHER_LAYOUT}" needs leads that say what is where')
        if self.corners is not None and self.points is not None:
            _check_agreement(self.corners, self.points)
        return self

    def check_photo(self, width: int, height: int) -> None:
        """Whether these can be parts of a photo.

        Args:
            width, height: its size in pixels.

        Raises:
            PagePartsError: they are of a photo of another size, or lie outside this one.
        """
        size = f"{width} x {height}"
        if self.photo_size is not None and self.photo_size != (width, height):
            raise PagePartsError(
                f"photo_size is {self.photo_size[0]} x {self.photo_size[1]} pixels, but the photo "
                f"has {size}; give the photo that the page was written for."
            )
        if self.corners is not None:
            for name, point in zip(
                _CORNER_NAMES.split(", "), self.corners.photo_points, strict=True
            ):
                if not _inside(point, width, height):
                    raise PagePartsError(
                        f"corners: the {name} corner ({point[0]:g}, {point[1]:g}) lies outside "
                        f"the photo of {size} pixels; mark a smaller rectangle within it."
                    )
        for where, middle in self._middles():
            if not _inside(middle, width, height):
                raise PagePartsError(
                    f"{where}: its middle lies outside the photo of {size} pixels."
                )

    def _middles(self) -> Iterable[tuple[str, Point]]:
        for number, row in enumerate(self.rows or ()):
            yield f"rows[{number}]", _middle((row.left, row.right))
        for number, name in enumerate(self.names or ()):
            yield f"names[{number}] ({name.lead})", _middle(name.box)
        for number, pulse in enumerate(self.pulses or ()):
            yield f"pulses[{number}]", _middle(pulse)
        for number, lead in enumerate(self.leads or ()):
            yield f"leads[{number}] ({lead.lead})", _middle(lead.box)


def parse_page_parts(text: str | bytes) -> PageParts:
    """Parts of a page from JSON: an object of them, or a result that holds one as ``page``.

    Raises:
        PagePartsError: it is no JSON or no such object; the message says where and why.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PagePartsError(f"it is no JSON: {error}.") from error
    if isinstance(document, dict) and isinstance(document.get("page"), dict):
        document = document["page"]
    if not isinstance(document, dict):
        raise PagePartsError("it holds no JSON object with the parts of a page.")
    try:
        return PageParts.model_validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        raise PagePartsError(_sentence(error)) from error


def _sentence(error: ValidationError) -> str:
    """What is wrong first, and where, as one sentence."""
    first = error.errors(include_url=False)[0]
    where = ""
    for step in first["loc"]:
        where += f"[{step}]" if isinstance(step, int) else f".{step}" if where else str(step)
    said = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        said = "there is no such part of a page"
    return f"{where}: {said}." if where else f"{said}."


def _one_of(value: Any, known: Iterable[Any]) -> Any:
    if value is None or value in known:
        return value
    named, wrong = ", ".join(map(_plain, known)), _plain(value)
    raise ValueError(f"must be one of {named}, not {wrong}")


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _cross(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Areas of the parallelograms of vectors, positive where ``b`` is clockwise of ``a``."""
    area: NDArray[np.float64] = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return area


def is_box(box: Box, least_px: float = _LEAST_BOX_PX) -> bool:
    """Whether four points can be a rectangle on the page whose sides have so many pixels."""
    try:
        _check_box(box, least_px)
    except ValueError:
        return False
    return True


def _check_box(box: Box, least_px: float) -> None:
    """Whether four points can be a rectangle seen from above the page."""
    corners = np.asarray(box, np.float64)
    sides = np.roll(corners, -1, axis=0) - corners
    lengths = np.linalg.norm(sides, axis=1)
    if lengths.min() < least_px:
        raise ValueError(
            f"the box is too small: a side of {lengths.min():.0f} pixels, at least "
            f"{least_px:.0f} are needed"
        )
    sines = _cross(sides, np.roll(sides, -1, axis=0)) / (lengths * np.roll(lengths, -1))
    if np.abs(sines).min() < _LEAST_SINE:
        raise ValueError("three of the four points lie on one line")
    if (sines < 0).all():
        raise ValueError(f"the points run the wrong way round; the order is {_CORNER_NAMES}")
    if (sines < 0).any():
        raise ValueError(
            f"the sides of the box cross or turn inwards; the order is {_CORNER_NAMES}"
        )


def _check_agreement(corners: Corners, points: Lattice) -> None:
    """Whether the corners lie on the dense map as far apart as they are said to be."""
    width, height = corners.size_mm
    page = points.geometry.page_from_photo(np.asarray(corners.photo_points))
    expected = page[0] + np.array([[0, 0], [width, 0], [width, height], [0, height]])
    if np.abs(page - expected).max() > _CONTRADICTION_MM:
        raise ValueError(
            "corners and points contradict each other; leave out points where the corners were "
            "mended"
        )


def _middle(points: Iterable[Point]) -> Point:
    x, y = np.mean(list(points), axis=0).tolist()
    return x, y


def _inside(point: Point, width: int, height: int) -> bool:
    return -0.5 <= point[0] <= width - 0.5 and -0.5 <= point[1] <= height - 0.5
