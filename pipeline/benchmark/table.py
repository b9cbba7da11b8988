"""The one form of every result: long CSV rows that name model, data, hardware and date."""

from __future__ import annotations

import csv
import datetime
import io
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from ecg.formats.atomic import atomic_path


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Attributes:
        case: what was measured, for instance ``3x4+1/photo``.
        metric: its name with unit.
        value: the figure; ``low`` and ``high`` bound its 95 % interval where one was computed.
        n: how many pages, records or runs it comes from.
        model, data: what was measured on what.
    """

    case: str
    metric: str
    value: float
    n: int
    model: str
    data: str
    low: float | None = None
    high: float | None = None


def hardware() -> str:
    """Processor and cores, for the table."""
    name = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    return f"{name}, {os.cpu_count()} cores"


def write_figures(path: Path, figures: Iterable[Figure]) -> Path:
    """Write figures; rows of cases measured earlier and not now are kept.

    Args:
        path: ``results/<name>.csv``.
        figures: what was measured.
    """
    figures = list(figures)
    columns = ["case", "metric", "value", "low", "high", "n", "model", "data", "hardware", "date"]
    assert {field.name for field in fields(Figure)} <= set(columns)
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    measured = {(figure.case, figure.metric, figure.model) for figure in figures}
    rows: list[dict[str, object]] = []
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            for old in csv.DictReader(file):
                if (old["case"], old["metric"], old["model"]) not in measured:
                    rows.append(dict(old))
    for figure in figures:
        row = {key: _short(value) for key, value in asdict(figure).items()}
        rows.append({**row, "hardware": hardware(), "date": today})
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        Path(temporary).write_text(text.getvalue(), encoding="utf-8")
    return path


def _short(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else value


def mean_interval(values: ArrayLike, seed: int = 0, repeats: int = 1000) -> tuple[float, float]:
    """95 % bootstrap interval of a mean."""
    array = np.asarray(values, float)
    rng = np.random.default_rng(seed)
    means = array[rng.integers(0, len(array), (repeats, len(array)))].mean(axis=1)
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))
