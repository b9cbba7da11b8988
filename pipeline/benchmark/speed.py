"""Seconds and peak memory from a 12-megapixel phone photo to the report, by stage."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pipeline.benchmark.digitization import test_records
from pipeline.benchmark.pages import make_photo
from pipeline.benchmark.table import Figure, write_figures

if TYPE_CHECKING:
    from pipeline.options import BenchmarkOptions

PHOTOS = 5

# Runs in a process of its own, so that its peak memory is the pipeline's alone.
_MEASURE = """
import json, resource, sys, time
from pathlib import Path
from pipeline.diagnoser import Diagnoser
from pipeline.photos import load_photos
from pipeline.digitizer import Digitizer
from pipeline.result_files import write_result
paths = [Path(p) for p in json.loads(sys.argv[1])]
out = Path(sys.argv[2])
start = time.perf_counter()
digitizer, diagnoser = Digitizer.load(), Diagnoser.load()
load_s = time.perf_counter() - start
rows = []
for path in paths:
    t0 = time.perf_counter()
    photo = next(iter(load_photos(path)))
    t1 = time.perf_counter()
    reading = digitizer.digitize(photo)
    t2 = time.perf_counter()
    diagnosis = diagnoser.assess(reading)
    t3 = time.perf_counter()
    folder = out / path.stem
    folder.mkdir()
    write_result(folder, photo, reading, diagnosis)
    t4 = time.perf_counter()
    rows.append([t1 - t0, t2 - t1, t3 - t2, t4 - t3, t4 - t0])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"load_s": load_s, "rows": rows, "peak_mib": peak}))
"""
_STAGES = ("decode", "digitize", "diagnose", "write", "photo_to_report")


def measure_speed(options: BenchmarkOptions) -> Path:
    """Time the pipeline on generated 12-megapixel photos and write ``speed.csv``."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for record in test_records(options, options.limit or PHOTOS):
            picture = make_photo(record, "3x4+1", "photo", options.seed).take()
            path = Path(folder) / f"{record.record_id}.jpg"
            cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
            paths.append(str(path))
        done = subprocess.run(
            [sys.executable, "-c", _MEASURE, json.dumps(paths), folder],
            check=True,
            capture_output=True,
            text=True,
        )
        result = json.loads(done.stdout.splitlines()[-1])
    rows = np.array(result["rows"])
    data = "generated 12-megapixel photos of PTB-XL fold 10"
    figures = [
        Figure("photo_12mp", f"{stage}_seconds_median", float(np.median(rows[:, k])), len(rows),
               "shipped", data)
        for k, stage in enumerate(_STAGES)
    ]  # fmt: skip
    figures += [
        Figure(
            "photo_12mp", "photo_to_report_seconds_max", float(rows[:, -1].max()), len(rows),
            "shipped", data,
        ),
        Figure("photo_12mp", "load_networks_seconds", result["load_s"], 1, "shipped", data),
        Figure("photo_12mp", "peak_memory_mib", result["peak_mib"], len(rows), "shipped", data),
    ]  # fmt: skip
    return write_figures(options.out / "speed.csv", figures)
