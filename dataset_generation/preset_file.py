"""TOML files of presets: read into frozen dataclasses, every mistake named by its place.

A file names only what it changes; the rest keeps the dataclass's default. Ranges are
``[low, high]`` (uniform) or a table with one law: ``{normal = [mean, sd]}``,
``{log_normal = [mean, sd]}``, ``{beta = [a, b]}`` or ``{one_of = [...]}``.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_origin, get_type_hints

import numpy as np

Preset = TypeVar("Preset")
Bounds = tuple[float, float]

FOLDER = Path(__file__).parent / "presets"
_LAWS = ("uniform", "normal", "log_normal", "beta", "one_of")


@dataclass(frozen=True)
class Spread:
    """How a number is drawn.

    Attributes:
        law: ``uniform``, ``normal``, ``log_normal``, ``beta`` or ``one_of``.
        values: the law's two numbers, or the choices.
        least, most: what is drawn beyond them is cut to them.
    """

    law: str
    values: tuple[float, ...]
    least: float = -math.inf
    most: float = math.inf

    def draw(self, rng: np.random.Generator) -> float:
        """One number."""
        return min(max(self._draw(rng), self.least), self.most)

    def _draw(self, rng: np.random.Generator) -> float:
        if self.law == "one_of":
            return float(self.values[int(rng.integers(len(self.values)))])
        low, high = self.values
        if self.law == "uniform":
            return float(rng.uniform(low, high))
        if self.law == "normal":
            return float(rng.normal(low, high))
        if self.law == "log_normal":
            return float(np.exp(rng.normal(low, high)))
        return float(rng.beta(low, high))

    def count(self, rng: np.random.Generator) -> int:
        """One whole number, both ends of a range included."""
        if self.law == "uniform":
            return int(rng.integers(round(self.values[0]), round(self.values[1]) + 1))
        return max(0, round(self.draw(rng)))


def names_in(folder: Path) -> tuple[str, ...]:
    """Presets of a folder."""
    return tuple(sorted(path.stem for path in folder.glob("*.toml")))


def read_preset(
    kind: type[Preset], name: str, folder: Path, bounds: Mapping[str, Bounds]
) -> Preset:
    """Read a preset.

    Args:
        kind: its dataclass.
        name: a preset of the folder, or the path of a TOML file.
        folder: where presets ship.
        bounds: least and most of numbers, by ``section.name``.

    Raises:
        ValueError: if there is no such preset, or a line of it makes no sense; the message says
            which.
    """
    path = Path(name) if name.endswith(".toml") else folder / f"{name}.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        preset: Preset = _build(kind, data, "", bounds)
    except OSError as error:
        known = ", ".join(names_in(folder))
        raise ValueError(
            f"there is no preset {name!r}: take {known}, or the path of a .toml file"
        ) from error
    except ValueError as error:  # TOML's own errors are ValueErrors too
        raise ValueError(f"preset {path.name}: {error}") from error
    return preset


def _build(kind: Any, data: dict[str, Any], place: str, bounds: Mapping[str, Bounds]) -> Any:
    hints = get_type_hints(kind)
    unknown = sorted(set(data) - {item.name for item in fields(kind)})
    if unknown:
        raise ValueError(f"{place}{unknown[0]} is not known; there are {', '.join(hints)}")
    values = {name: _value(hints[name], data[name], f"{place}{name}", bounds) for name in data}
    try:
        return kind(**values)
    except TypeError as error:
        needed = [item.name for item in fields(kind) if item.default is MISSING]
        missing = ", ".join(name for name in needed if name not in data)
        raise ValueError(f"{place or 'the file'} lacks {missing}") from error


def _value(kind: Any, data: Any, place: str, bounds: Mapping[str, Bounds]) -> Any:
    if kind is Spread:
        return _spread(data, place, bounds.get(place, (-math.inf, math.inf)))
    if is_dataclass(kind):
        if not isinstance(data, dict):
            raise ValueError(f"{place} must be a section")
        return _build(kind, data, f"{place}.", bounds)
    if kind is float and isinstance(data, (int, float)) and not isinstance(data, bool):
        least, most = (0.0, 1.0) if place.endswith("probability") else bounds[place]
        if not least <= data <= most:
            raise ValueError(f"{place} must lie in {least:g} to {most:g}, not {data}")
        return float(data)
    if get_origin(kind) is tuple:
        if isinstance(data, list) and all(isinstance(item, str) for item in data):
            return tuple(data)
        raise ValueError(f"{place} must be a list of words, not {data!r}")
    if get_origin(kind) is dict:
        if isinstance(data, dict):
            return _shares(data, place)
        raise ValueError(f"{place} must be a section of names and shares, not {data!r}")
    if not isinstance(kind, type) or not isinstance(data, kind):
        raise ValueError(f"{place} cannot be {data!r}")
    return data


def _shares(data: dict[str, Any], place: str) -> dict[str, float]:
    for name, share in data.items():
        if not isinstance(share, (int, float)) or isinstance(share, bool) or share < 0:
            raise ValueError(f"{place}.{name}: a share is a number of 0 or more, not {share!r}")
    if sum(data.values()) <= 0:
        raise ValueError(f"{place}: at least one share must be above 0")
    return {name: float(share) for name, share in data.items()}


def _spread(data: Any, place: str, bounds: Bounds) -> Spread:
    law, values = "uniform", data
    if isinstance(data, dict) and len(data) == 1:
        ((law, values),) = data.items()
    elif isinstance(data, (int, float)):
        values = [data, data]
    numbers = isinstance(values, list) and all(isinstance(item, (int, float)) for item in values)
    if law not in _LAWS or not numbers or (law != "one_of" and len(values) != 2) or not values:
        raise ValueError(f"{place} must be [low, high] or one of {', '.join(_LAWS)}, not {data!r}")
    if not all(math.isfinite(value) for value in values):
        raise ValueError(f"{place} must hold finite numbers, not {data!r}")
    if law == "uniform" and values[0] > values[1]:
        raise ValueError(f"{place}: {values[0]} is above {values[1]}")
    if law == "beta" and min(values) <= 0:
        raise ValueError(f"{place}: beta's numbers are above 0")
    if law in ("normal", "log_normal") and values[1] < 0:
        raise ValueError(f"{place}: a deviation is 0 or more, not {values[1]}")
    least, most = bounds
    if law in ("uniform", "one_of") and not (least <= min(values) and max(values) <= most):
        raise ValueError(f"{place} must lie in {least:g} to {most:g}, not {data!r}")
    return Spread(law, tuple(float(value) for value in values), least, most)
