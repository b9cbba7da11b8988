"""Seconds and peak memory from a 12-megapixel phone photo to the report, by stage."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from pipeline.benchmark.cases import make_photo, parse_case
from pipeline.benchmark.records import test_records
from pipeline.benchmark.table import Figure, write_figures

if TYPE_CHECKING:
    from pipeline.options import BenchmarkOptions

PHOTOS = 5
CASES = {"photo_12mp": "float32", "photo_12mp_int8": "int8"}
_DATA = "generated 12-megapixel photos of PTB-XL fold 10"


def measure_speed(options: BenchmarkOptions) -> Path:
    """Time the pipeline on generated 12-megapixel photos and write ``speed.csv``."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for record in test_records(options, options.count or PHOTOS):
            picture = make_photo(record, parse_case("3x4+1/photo"), options.seed).take()
            path = Path(folder) / f"{record.record_id}.jpg"
            cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
            paths.append(str(path))
        figures = [
            figure
            for case, precision in CASES.items()
            for figure in speed_figures(case, _stages(precision, Path(folder) / case, paths))
        ]
    return write_figures(options.out / "speed.csv", figures)


def _stages(precision: str, out: Path, paths: list[str]) -> dict[str, Any]:
    """What ``pipeline.benchmark.stages`` prints of photos."""
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.benchmark.stages", precision, str(out), *paths],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def speed_figures(case: str, found: dict[str, Any]) -> list[Figure]:
    """Figures of a case of what ``pipeline.benchmark.stages`` prints.

    Raises:
        ValueError: no photo was read.
    """
    photos: list[dict[str, float]] = found["stages"]
    if not photos:
        raise ValueError("no photo was read, so there is nothing to time; raise --count")

    def figure(metric: str, value: float, n: int = len(photos)) -> Figure:
        return Figure(case, metric, value, n, "shipped", _DATA)

    stages = dict.fromkeys(stage for photo in photos for stage in photo)
    figures = [
        figure(
            f"{stage.replace(' ', '_')}_seconds_median",
            float(np.median([photo.get(stage, 0.0) for photo in photos])),
        )
        for stage in stages
    ]
    return [
        *figures,
        figure("photo_to_report_seconds_max", max(photo["photo to report"] for photo in photos)),
        figure("load_networks_seconds", found["load_s"], 1),
        figure("photos_rejected", found["rejected"], len(photos) + found["rejected"]),
        figure("cores_busy", found["cores_busy"]),
        figure("peak_memory_mib", found["peak_mib"]),
    ]
