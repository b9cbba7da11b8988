"""Frozen dataclasses as plain data for JSON, and back."""

from __future__ import annotations

import types
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

Data = TypeVar("Data")

ARRAY_DECIMALS = 2
"""Arrays are coordinates; a hundredth of a pixel is far below what they are used for."""


def to_plain(value: Any) -> Any:
    """Turn nested dataclasses and tuples into dicts, lists, numbers and rounded arrays.

    Numbers keep every bit (JSON prints Python floats so that they read back the same); arrays
    are rounded to ``ARRAY_DECIMALS``.
    """
    if is_dataclass(value):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, np.ndarray):
        if not np.isfinite(value).all():
            raise ValueError("an array of the truth holds values that are not finite")
        return np.round(value, ARRAY_DECIMALS) + 0.0  # no -0.0
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    return value


def from_plain(kind: type[Data], data: Any) -> Data:
    """Build a dataclass from what ``to_plain`` gave.

    Args:
        kind: the dataclass.
        data: its plain form.

    Raises:
        ValueError: if a field without a default is missing, or one is unknown or of the wrong
            kind; the message names it.

    Example:
        >>> from dataset_generation.page_spec import TextItem
        >>> item = TextItem("V1", 1.5, 2.0, 2.5, "cmr10")
        >>> from_plain(TextItem, to_plain(item)) == item
        True
    """
    built: Data = _build(kind, data, kind.__name__)
    return built


def _build(kind: Any, data: Any, place: str) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        if data is None:
            return None
        (kind,) = (arm for arm in get_args(kind) if arm is not types.NoneType)
        return _build(kind, data, place)
    if is_dataclass(kind):
        return _build_dataclass(kind, data, place)
    if origin is np.ndarray:
        return np.array(_expect(data, list, place), np.float64)
    if origin is tuple:
        items = _expect(data, list, place)
        arms = get_args(kind)
        if len(arms) == 2 and arms[1] is Ellipsis:
            arms = (arms[0],) * len(items)
        if len(arms) != len(items):
            raise ValueError(f"{place}: expected {len(arms)} items, found {len(items)}")
        pairs = zip(arms, items, strict=True)
        return tuple(_build(arm, item, f"{place}[{k}]") for k, (arm, item) in enumerate(pairs))
    if kind is float and type(data) is int:
        return float(data)
    return _expect(data, kind, place)


def _build_dataclass(kind: Any, data: Any, place: str) -> Any:
    named = _expect(data, dict, place)
    hints = get_type_hints(kind)
    # What has a default may have been written before the field was there.
    needed = {one.name for one in fields(kind) if one.default is MISSING}
    known = {one.name for one in fields(kind)}
    wrong = (needed - set(named)) | (set(named) - known)
    if wrong:
        raise ValueError(f"{place}: missing or unknown: {sorted(wrong)}")
    return kind(**{name: _build(hints[name], named[name], f"{place}.{name}") for name in named})


def _expect(data: Any, kind: type, place: str) -> Any:
    if type(data) is not kind:
        raise ValueError(f"{place}: expected {kind.__name__}, found {data!r:.60}")
    return data
