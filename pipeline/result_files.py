"""The files of one photo: recording, overlay, ``result.json``, report."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitization.trace_mask import draw_trace_mask
from ecg.formats.csv_format import write_csv
from ecg.formats.dicom_format import LEAST_HZ, MOST_HZ, write_dicom
from ecg.formats.npz_format import write_npz
from ecg.formats.wfdb_format import write_wfdb
from ecg.leads import LEADS
from ecg.reading import READING_RATE_HZ, Reading, Step
from ecg.record import Record
from pipeline.diagnoser import Diagnosis
from pipeline.digital import FILLED_SOURCE, DigitalRecord
from pipeline.lead_quality import LeadQuality, assess_leads
from pipeline.options import DEFAULT_FORMATS, RecordFormat
from pipeline.outputs import RESULT_FILE
from pipeline.overlay import draw_overlay, encode_png, write_overlay
from pipeline.photos import Photo
from pipeline.report import write_report

RECORD = "record"
COMPLETED = "completed"
DEVIATION_FILE = "completed_deviation.csv"
OVERLAY_FILE = "overlay.jpg"
REPORT_FILE = "report.html"
MASK_FILE = "mask.png"
RESULT_FORMAT = 2
_DESCRIPTION = "Digitized from a photo of a paper ECG"
_NOTE = (
    "Digitized from a photo of a paper ECG by ecgphoto {version}; what was not printed or not "
    "read is padding, and the dates are those of the digitization. Research software, not a "
    "medical device: a physician must read the original ECG."
)


_FILLED_NOTE = " What was neither printed nor follows from it was filled by a network."


def write_result(
    folder: Path,
    photo: Photo,
    reading: Reading,
    diagnosis: Diagnosis | None,
    formats: Sequence[RecordFormat] = DEFAULT_FORMATS,
) -> None:
    """Writes everything about one photo into a folder.

    Args:
        folder: an empty folder.
        photo: what was read.
        reading: what was found.
        diagnosis: what it means; without one there is no report.
        formats: what the recording is written as; ``mask`` is a picture of its traces.
    """
    record = Record(
        reading.signal_mv, reading.rate_hz, record_id=photo.path.stem, source=photo.path.name
    )
    _write_record(folder / RECORD, record, reading.confidence, formats)
    if "mask" in formats:
        scale = reading.geometry.pixels_per_mm()
        mask = draw_trace_mask(reading.traces, photo.size, scale)
        (folder / MASK_FILE).write_bytes(encode_png(mask))
    if diagnosis is not None:
        _write_completed(folder, record, diagnosis, reading.confidence, formats)
    overlay = draw_overlay(photo.pixels, reading)
    write_overlay(folder / OVERLAY_FILE, overlay)
    leads = assess_leads(reading)
    _write_json(folder, result_document(photo, reading, diagnosis, leads))
    if diagnosis is not None:
        write_report(folder / REPORT_FILE, photo, diagnosis, leads, overlay, software_versions())


def write_record_result(
    folder: Path,
    source: DigitalRecord,
    diagnosis: Diagnosis,
    formats: Sequence[RecordFormat] = DEFAULT_FORMATS,
) -> None:
    """Writes what is found of one digital recording, not the recording again.

    Args:
        folder: an empty folder.
        source: the recording.
        diagnosis: what it means.
        formats: what the completed record, if there is one, is written as.
    """
    confidence = np.isfinite(source.record.signal_mv).astype(np.float32)
    record = replace(source.record, record_id=source.path.stem)
    _write_completed(folder, record, diagnosis, confidence, formats)
    leads = assess_leads(source.record)
    document: dict[str, Any] = {
        "format": RESULT_FORMAT,
        "recording": {
            "name": source.path.name,
            "kind": source.kind,
            "sha256": _sha256(source.path),
            "rate_hz": record.rate_hz,
            "samples": record.n_samples,
            "leads": [dataclasses.asdict(lead) for lead in leads],
        },
        "steps": _assessed(diagnosis),
        "versions": software_versions(),
        **_findings(diagnosis),
    }
    _write_json(folder, as_json(document))
    write_report(folder / REPORT_FILE, source, diagnosis, leads, None, software_versions())


def _write_json(folder: Path, document: dict[str, Any]) -> None:
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # A name may hold bytes that are no UTF-8: in JSON such an escape is a character like others.
    content = (text + "\n").encode(errors="backslashreplace")
    (folder / RESULT_FILE).write_bytes(content)


def _write_completed(
    folder: Path,
    record: Record,
    diagnosis: Diagnosis,
    measured_confidence: NDArray[np.floating],
    formats: Sequence[RecordFormat],
) -> None:
    """Writes the twelve whole leads, where there are any, and how far they may err."""
    completed = diagnosis.completed
    if completed is None:
        return
    confidence = np.where(completed.filled, 0, np.maximum(measured_confidence, 1e-3))
    source = "; ".join(part for part in (record.source, FILLED_SOURCE) if part)
    whole = replace(record, signal_mv=completed.signal_mv, source=source)
    _write_record(folder / COMPLETED, whole, confidence, formats)
    write_csv(replace(record, signal_mv=completed.deviation_mv), folder / DEVIATION_FILE)


def _write_record(
    stem: Path,
    record: Record,
    confidence: NDArray[np.floating],
    formats: Sequence[RecordFormat],
) -> None:
    """Writes a recording in each of the formats, ``stem`` with the format's suffix."""
    if "csv" in formats:
        write_csv(record, stem.with_suffix(".csv"))
    if "wfdb" in formats:
        write_wfdb(record, stem)
    if "npz" in formats:
        write_npz(record, stem.with_suffix(".npz"), confidence)
    if "dicom" in formats:
        own = software_versions().get("ecgphoto", "")
        filled = _FILLED_NOTE if stem.name == COMPLETED else ""
        note = _NOTE.format(version=own) + filled
        if not LEAST_HZ <= record.rate_hz <= MOST_HZ:
            record = record.resampled(READING_RATE_HZ)
        write_dicom(record, stem.with_suffix(".dcm"), _DESCRIPTION, note, own)


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
            "residual_mm": reading.geometry.residual_mm,
            "pixels_per_mm": reading.geometry.pixels_per_mm(),
        },
        "page": None if reading.page is None else reading.page.model_dump(exclude_none=True),
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
        "steps": [*_turned(photo), *reading.steps, *_assessed(diagnosis)],
        "versions": software_versions(),
    }
    if diagnosis is not None:
        document.update(_findings(diagnosis))
    plain: dict[str, Any] = as_json(document)
    return plain


def _findings(diagnosis: Diagnosis) -> dict[str, Any]:
    """What the diagnosis adds to the document."""
    rate = diagnosis.heart_rate
    found: dict[str, Any] = {
        "diagnosis": {
            "mi_decision": diagnosis.mi_decision,
            "mi_reason": diagnosis.mi_reason,
            "doubt": diagnosis.doubt,
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
    }
    if diagnosis.explanation is not None:
        explanation = diagnosis.explanation
        found["diagnosis"]["explanation"] = {
            "unit": "log-odds of myocardial infarction that the part adds",
            "leads": {lead: round(value, 3) for lead, value in explanation.leads.items()},
            "waves": [
                {"lead": lead, "wave": wave, "log_odds": round(value, 3)}
                for (lead, wave), value in explanation.waves.items()
            ],
        }
    if diagnosis.completed is not None or diagnosis.completed_reason:
        found["completed"] = _completed(diagnosis)
    return found


def _completed(diagnosis: Diagnosis) -> dict[str, Any]:
    """What was filled of which lead, and how far it may err."""
    completed = diagnosis.completed
    if completed is None:
        return {"reason": diagnosis.completed_reason}
    return {
        "model": completed.model,
        "rate_hz": completed.rate_hz,
        "samples": completed.signal_mv.shape[1],
        "leads": [
            {
                "lead": lead,
                "filled_share": round(float(filled.mean()), 4),
                "deviation_mv": round(float(deviation[filled].mean()), 4) if filled.any() else 0.0,
            }
            for lead, filled, deviation in zip(
                LEADS, completed.filled, completed.deviation_mv, strict=True
            )
        ],
    }


def _turned(photo: Photo) -> list[Step]:
    return [Step("turning upright", "exif", 0.0)] if photo.orientation > 1 else []


def _assessed(diagnosis: Diagnosis | None) -> list[Step]:
    if diagnosis is None or diagnosis.mi is None:
        return []
    return [Step("MI classification", "network", round(diagnosis.seconds, 3))]


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
