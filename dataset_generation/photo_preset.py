"""Presets of photographs: every effect with its probability and its range, kept in TOML.

A preset names only what it uses; what it leaves out is off. How ranges are written is told in
``dataset_generation.preset_file``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from dataset_generation.background import SURFACES
from dataset_generation.preset_file import FOLDER, Spread, names_in, read_preset

_KINDS = ("page", "scan", "phone")
_ZERO = Spread("uniform", (0.0, 0.0))
_ONE = Spread("uniform", (1.0, 1.0))
_FILL = Spread("uniform", (0.6, 0.95))
_ASPECT = Spread("one_of", (4 / 3, 3 / 2, 16 / 9))
_DPI = Spread("uniform", (200.0, 200.0))
_QUALITY = Spread("uniform", (95.0, 95.0))


@dataclass(frozen=True)
class Frame:
    """What the picture shows: ``page`` (the page itself), ``scan`` (a little more) or ``phone``.

    ``fill`` is the page's share of a phone photo's width, ``aspect`` its longer by its shorter
    side, ``border`` a scan's size by the page's, ``dpi`` the scale of pages and scans.
    """

    kind: str = "phone"
    fill: Spread = _FILL
    aspect: Spread = _ASPECT
    border: float = 1.03
    dpi: Spread = _DPI
    surfaces: tuple[str, ...] = ("wood", "cloth", "plain", "paper", "papers", "grain")

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ValueError(f"frame.kind must be {', '.join(_KINDS)}, not {self.kind!r}")
        unknown = sorted(set(self.surfaces) - set(SURFACES))
        if unknown or not self.surfaces:
            raise ValueError(f"frame.surfaces must be some of {', '.join(SURFACES)}")


@dataclass(frozen=True)
class Effect:
    """Something that happens to a photo with a probability."""

    probability: float = 1.0


@dataclass(frozen=True)
class Rotation(Effect):
    """Turn of the page; quarter turns come on top of it."""

    deg: Spread = _ZERO
    quarter_turns: float = 0.0


@dataclass(frozen=True)
class Corners(Effect):
    """Perspective: each corner shifted by up to this share of the page's sides."""

    shift: float = 0.0


@dataclass(frozen=True)
class Stretch(Effect):
    """Height of the page by what it should be."""

    factor: Spread = _ONE


@dataclass(frozen=True)
class Lens(Effect):
    """Radial distortion: shift at half the diagonal, share of it (below 0: barrel)."""

    radial: Spread = _ZERO


@dataclass(frozen=True)
class Curl(Effect):
    """Bow of the sheet along any direction."""

    sagitta_mm: Spread = _ZERO


@dataclass(frozen=True)
class Folds(Effect):
    """Creases, roughly along and across the sheet; ``worn`` is how much ink a crease has lost."""

    count: Spread = _ZERO
    deg: Spread = _ZERO
    worn: Spread = _ZERO


@dataclass(frozen=True)
class Crumple(Effect):
    """Facets of a crumpled sheet and their depth."""

    depth_mm: Spread = _ZERO


@dataclass(frozen=True)
class Marks(Effect):
    """Things put on a sheet: how many of a kind, in numbers of that kind's section."""

    count: Spread = _ONE


@dataclass(frozen=True)
class Gradient(Effect):
    """Darkening across the picture."""

    share: Spread = _ZERO


@dataclass(frozen=True)
class Shadows(Effect):
    """Cast shadows, and with ``ellipse`` the single soft ellipse of the first PTB-V."""

    count: Spread = _ZERO
    depth: Spread = _ZERO
    ellipse: bool = False


@dataclass(frozen=True)
class Glare(Effect):
    """A flash's spot."""

    strength: Spread = _ZERO


@dataclass(frozen=True)
class Tone(Effect):
    """White balance, exposure, gamma and contrast, each a factor or an exponent."""

    white: Spread = _ONE
    exposure: Spread = _ONE
    gamma: Spread = _ONE
    contrast: Spread = _ONE


@dataclass(frozen=True)
class Relief(Effect):
    """Shading of the bent sheet."""

    strength: Spread = _ZERO


@dataclass(frozen=True)
class Blur(Effect):
    """Defocus: standard deviation on the paper."""

    sigma_mm: Spread = _ZERO


@dataclass(frozen=True)
class Motion(Effect):
    """Camera shake: its length on the paper."""

    length_mm: Spread = _ZERO


@dataclass(frozen=True)
class Noise(Effect):
    """Sensor noise: standard deviation in 8-bit levels."""

    sigma: Spread = _ZERO


@dataclass(frozen=True)
class Moire(Effect):
    """Stripes of a photographed screen: amplitude as a share."""

    amplitude: Spread = _ZERO


@dataclass(frozen=True)
class Copy(Effect):
    """No colour: shares of ``grey`` (the picture), ``photocopy`` and ``fax`` (the sheet)."""

    grey: float = 1.0
    photocopy: float = 0.0
    fax: float = 0.0

    def __post_init__(self) -> None:
        if self.grey + self.photocopy + self.fax <= 0:
            raise ValueError("copy: at least one share must be above 0")


@dataclass(frozen=True)
class Streaks(Effect):
    """A scanner's dust and dirty glass: fine lines along the transport."""

    count: Spread = _ZERO


@dataclass(frozen=True)
class Sharpen(Effect):
    """Unsharp mask, as phones apply it."""

    strength: Spread = _ZERO


@dataclass(frozen=True)
class Jpeg(Effect):
    """Compression quality."""

    quality: Spread = _QUALITY


@dataclass(frozen=True)
class PhotoPreset:
    """What may happen to a printed page and its photo; see the TOML files in ``presets``."""

    summary: str = ""
    frame: Frame = Frame()
    rotation: Rotation = Rotation(0.0)
    corners: Corners = Corners(0.0)
    stretch: Stretch = Stretch(0.0)
    lens: Lens = Lens(0.0)
    curl: Curl = Curl(0.0)
    folds: Folds = Folds(0.0)
    crumple: Crumple = Crumple(0.0)
    handwriting: Marks = Marks(0.0)
    highlighter: Marks = Marks(0.0)
    stamp: Marks = Marks(0.0)
    stain: Marks = Marks(0.0)
    holes: Marks = Marks(0.0)
    staples: Marks = Marks(0.0)
    fingers: Marks = Marks(0.0)
    gradient: Gradient = Gradient(0.0)
    shadows: Shadows = Shadows(0.0)
    glare: Glare = Glare(0.0)
    relief: Relief = Relief(0.0)
    tone: Tone = Tone(0.0)
    blur: Blur = Blur(0.0)
    motion: Motion = Motion(0.0)
    noise: Noise = Noise(0.0)
    moire: Moire = Moire(0.0)
    copy: Copy = Copy(0.0)
    streaks: Streaks = Streaks(0.0)
    sharpen: Sharpen = Sharpen(0.0)
    jpeg: Jpeg = Jpeg(0.0)


_COUNT, _SHARE, _FACTOR = (0.0, 20.0), (0.0, 1.0), (0.1, 10.0)
BOUNDS = {
    "frame.fill": (0.1, 2.0), "frame.aspect": (0.2, 5.0), "frame.border": (1.0, 3.0),
    "frame.dpi": (20.0, 1200.0), "rotation.deg": (-180.0, 180.0), "rotation.quarter_turns": _SHARE,
    "corners.shift": (0.0, 0.3), "stretch.factor": (0.5, 2.0), "lens.radial": (-0.1, 0.1),
    "curl.sagitta_mm": (0.0, 40.0), "folds.count": (0.0, 8.0), "folds.deg": (0.0, 40.0),
    "folds.worn": _SHARE, "crumple.depth_mm": (0.0, 20.0), "handwriting.count": _COUNT,
    "highlighter.count": _COUNT, "stamp.count": _COUNT, "stain.count": _COUNT,
    "holes.count": _COUNT, "staples.count": _COUNT, "fingers.count": _COUNT,
    "gradient.share": _SHARE, "shadows.count": _COUNT, "shadows.depth": _SHARE,
    "glare.strength": (0.0, 3.0), "relief.strength": (0.0, 10.0), "tone.white": _FACTOR,
    "tone.exposure": _FACTOR, "tone.gamma": _FACTOR, "tone.contrast": _FACTOR,
    "blur.sigma_mm": (0.0, 3.0), "motion.length_mm": (0.0, 10.0), "noise.sigma": (0.0, 100.0),
    "moire.amplitude": (0.0, 0.9), "copy.grey": _SHARE, "copy.photocopy": _SHARE,
    "copy.fax": _SHARE, "streaks.count": (0.0, 100.0), "sharpen.strength": (0.0, 5.0),
    "jpeg.quality": (1.0, 100.0),
}  # fmt: skip
"""Least and most of every number: what lies beyond is no photo."""


def preset_names() -> tuple[str, ...]:
    """Presets that ship."""
    return names_in(FOLDER)


@lru_cache(maxsize=32)
def load_preset(name: str) -> PhotoPreset:
    """Read a preset: one of ``preset_names()``, or the path of a TOML file.

    Raises:
        ValueError: if there is none, or a line of it makes no sense.
    """
    return read_preset(PhotoPreset, name, FOLDER, BOUNDS)
