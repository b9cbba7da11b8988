"""The files of one photo: recording, overlay, ``result.json``, report."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from ecg.formats.csv_format import write_csv
from ecg.formats.wfdb_format import write_wfdb
from ecg.reading import Reading
from ecg.record import Record
from pipeline.diagnoser import Diagnosis
from pipeline.lead_quality import LeadQuality, assess_leads
from pipeline.overlay import draw_overlay, write_overlay
from pipeline.photos import Photo
from pipeline.report import write_report

RECORD = "record"
OVERLAY_FILE = "overlay.jpg"
RESULT_FILE = "result.json"
REPORT_FILE = "report.html"
RESULT_FORMAT = 1


def write_result(folder: Path, photo: Photo, reading: Reading, diagnosis: Diagnosis | None) -> None:
    """Writes everything about one photo into a folder.

    Args:
        folder: an empty folder.
        photo: what was read.
        reading: what was found.
        diagnosis: what it means; without one there is no report.
    """
    record = Record(
        reading.signal_mv, reading.rate_hz, record_id=photo.path.stem, source=photo.path.name
    )
    write_csv(record, folder / f"{RECORD}.csv")
    write_wfdb(record, folder / RECORD)
    overlay = draw_overlay(photo.pixels, reading)
    write_overlay(folder / OVERLAY_FILE, overlay)
    leads = assess_leads(reading)
    document = result_document(photo, reading, diagnosis, leads)
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    (folder / RESULT_FILE).write_text(text + "\n", encoding="utf-8")
    if diagnosis is not None:
        write_report(folder / REPORT_FILE, photo, diagnosis, leads, overlay, software_versions())


def result_document(
    photo: Photo,
    reading: Reading,
    diagnosis: Diagnosis | None,
    leads: tuple[LeadQuality, ...],
) -> dict[str, Any]:
    """What ``result.json`` holds; only what JSON can, missing numbers as null."""
    width, height = photo.size
    document: dict[str, Any] = {
        "format": RESULT_FORMAT,
        "photo": {
            "name": photo.path.name,
            "page": photo.page,
            "kind": photo.kind,
            "sha256": _sha256(photo.path),
            "width": width,
            "height": height,
            "exif_orientation": photo.orientation,
            "dpi": photo.dpi,
        },
        "conventions": "points are (x, y) in pixels of the upright photo, (0, 0) the centre of "
        "its top-left pixel; page points are in mm; voltages in mV",
        "reading": {
            "layout": reading.layout,
            "speed_mm_per_s": reading.speed_mm_per_s,
            "gain_mm_per_mv": reading.gain_mm_per_mv,
            "quality": reading.quality,
            "rate_hz": reading.rate_hz,
            "samples": reading.signal_mv.shape[1],
            "leads": [dataclasses.asdict(lead) for lead in leads],
        },
        "geometry": {
            "step_mm": reading.geometry.step_mm,
            "origin_mm": reading.geometry.origin_mm,
            "residual_mm": reading.geometry.residual_mm,
            "pixels_per_mm": reading.geometry.pixels_per_mm(),
            "photo_points": np.round(reading.geometry.photo_points, 1),
        },
        "traces": [
            {
                "lead": trace.lead,
                "row": trace.row,
                "is_rhythm": trace.is_rhythm,
                "start_s": trace.start_s,
                "confidence": float(np.nanmean(trace.confidence)) if len(trace.confidence) else 0.0,
                "photo_points": np.round(trace.photo_points, 1),
            }
            for trace in reading.traces
        ],
        "evidence": reading.evidence,
        "steps": [
            *(["turned upright by EXIF"] if photo.orientation > 1 else []),
            "page look",
            "page geometry",
            "rectification",
            "trace look",
            "calibration and assignment of leads",
            *(["MI classification"] if diagnosis is not None else []),
        ],
        "versions": software_versions(),
    }
    if diagnosis is not None:
        rate = diagnosis.heart_rate
        document["diagnosis"] = {
            "mi_decision": diagnosis.mi_decision,
            "mi_reason": diagnosis.mi_reason,
            "mi": diagnosis.mi,
            "heart_rate": None
            if rate is None
            else {
                "bpm": rate.bpm,
                "least_bpm": rate.least_bpm,
                "most_bpm": rate.most_bpm,
                "beats_s": np.round(rate.beats_s, 3),
            },
        }
    plain: dict[str, Any] = as_json(document)
    return plain


def as_json(value: Any) -> Any:
    """Numpy values, dataclasses and paths as what JSON can hold; NaN and infinity as null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: as_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return as_json(value.tolist())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [as_json(item) for item in value]
    if isinstance(value, np.generic):
        return as_json(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return str(value)


def software_versions() -> dict[str, str]:
    """Versions of what computed the result."""
    versions = {"python": platform.python_version()}
    for package in ("ecgphoto", "numpy", "scipy", "opencv-python-headless", "torch", "onnxruntime"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def _sha256(path: Path) -> str | None:
    if not path.is_file():
        return None  # pixels that came from no file
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
