"""The report: one self-contained HTML page that a clinician can read and print."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from digitization.calibration import GIVEN
from ecg.leads import CHEST_LEADS
from ecg.reading import Reading
from pipeline.diagnoser import ASSESSED_S, Diagnosis
from pipeline.digital import DigitalRecord
from pipeline.lead_quality import LeadQuality
from pipeline.overlay import LEAD_COLOURS, encode_jpeg
from pipeline.photos import Photo
from pipeline.redraw import Shade, redraw_svg
from pipeline.redraw_completed import redraw_completed_svg

TEMPLATE = "report.html.j2"
OVERLAY_SIDE_PX = 1400

HEADLINES = {
    "mi": "Signs of myocardial infarction",
    "no_mi": "No signs of myocardial infarction",
    "cannot_tell": "Cannot tell: the result is too close to call",
    "not_assessed": "Myocardial infarction not assessed",
}
_WAVE_WORDS = {
    "P": "the P wave",
    "QRS": "the QRS complex",
    "ST": "the ST segment",
    "T": "the T wave",
}
_FINDING_WORDS = {
    "normal": "normal ECG",
    "STTC": "ST or T changes",
    "CD": "conduction disturbance",
    "HYP": "hypertrophy",
}
_LEAST_FULL = 0.3
"""Log-odds that are shaded full, unless others are stronger."""
_OTHER_SCALE = 0.2
_LEAST_SHADE = 0.15
"""Weaker waves, as a share of the strongest, are not shaded."""
LAYOUT_WORDS = {
    "3x4": "3 rows of 4 leads",
    "3x4+1": "3 rows of 4 leads and a rhythm strip",
    "3x4+3": "3 rows of 4 leads and three rhythm strips",
    "6x2": "6 rows of 2 leads",
    "6x2+1": "6 rows of 2 leads and a rhythm strip",
    "12x1": "12 rows of one lead",
    "strip": "a single strip",
    "other": "leads in a layout of their own",
}


def write_report(
    path: Path,
    source: Photo | DigitalRecord,
    diagnosis: Diagnosis,
    leads: tuple[LeadQuality, ...],
    overlay_rgb: NDArray[np.uint8] | None,
    versions: Mapping[str, str],
) -> None:
    """Writes ``report.html``.

    Args:
        path: where.
        source: the photo or the recording.
        diagnosis: what it shows.
        leads: how well each lead was read.
        overlay_rgb: the photo with what was read; None of a recording.
        versions: software by name.
    """
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    reading = diagnosis.reading
    page = environment.get_template(TEMPLATE).render(
        name=source.path.name,
        page=source.page if isinstance(source, Photo) else 1,
        record=diagnosis.record,
        reading=reading,
        diagnosis=diagnosis,
        headline=HEADLINES[diagnosis.mi_decision],
        layout_words="" if reading is None else LAYOUT_WORDS.get(reading.layout, reading.layout),
        made=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"),
        leads=leads,
        colours={lead: "#{:02x}{:02x}{:02x}".format(*c) for lead, c in LEAD_COLOURS.items()},
        redrawn=Markup(_redrawn(diagnosis)),  # our own SVG
        completed=None
        if diagnosis.completed is None
        else Markup(redraw_completed_svg(diagnosis.completed)),
        overlay=None if overlay_rgb is None else _data_uri(_smaller(overlay_rgb)),
        findings=_findings(diagnosis),
        walls=_walls(diagnosis),
        drivers=_drivers(diagnosis),
        foremost=_foremost(diagnosis),
        evidence=[] if reading is None else _rows(reading.evidence),
        caveats=_caveats(diagnosis, leads),
        versions=versions,
    )
    path.write_text(page, encoding="utf-8", errors="backslashreplace")


def _findings(diagnosis: Diagnosis) -> list[tuple[str, float]]:
    """What else the signals say, with its per cent."""
    if diagnosis.mi is None:
        return []
    found = diagnosis.mi.findings
    chance = {"normal": found.classes["normal"], **found.superclasses}
    return [(words, 100 * chance[name]) for name, words in _FINDING_WORDS.items()]


def _walls(diagnosis: Diagnosis) -> list[tuple[str, float]]:
    """Where an infarction would be and whether it looks acute, where one is not ruled out."""
    if diagnosis.mi is None or diagnosis.mi_decision == "no_mi":
        return []
    found = diagnosis.mi.findings
    walls = sorted(found.walls.items(), key=lambda wall: -wall[1])
    return [
        *((f"{wall} wall", 100 * chance) for wall, chance in walls),
        ("acute injury", 100 * found.acute_injury),
    ]


def _shades(diagnosis: Diagnosis) -> list[Shade]:
    """The waves on which the probability rests most, the strongest full."""
    explanation = diagnosis.explanation
    if explanation is None or not explanation.marks:
        return []
    most = max(_LEAST_FULL, *(abs(mark.log_odds) for mark in explanation.marks))
    rate_hz = explanation.rate_hz
    return [
        Shade(mark.lead, mark.start / rate_hz, mark.stop / rate_hz, mark.log_odds / most)
        for mark in explanation.marks
        if abs(mark.log_odds) > _LEAST_SHADE * most
    ]


def _drivers(diagnosis: Diagnosis) -> list[tuple[str, float, float]]:
    """Each lead with its log-odds and its share of the longest bar."""
    if diagnosis.explanation is None:
        return []
    leads = diagnosis.explanation.leads
    most = max((abs(value) for value in leads.values()), default=0.0)
    return [(lead, value, value / max(most, 1e-9)) for lead, value in leads.items()]


def _foremost(diagnosis: Diagnosis) -> str:
    """The waves that speak most for infarction, in words."""
    if diagnosis.explanation is None:
        return ""
    waves = diagnosis.explanation.foremost_waves()
    return ", ".join(f"{_WAVE_WORDS[wave]} in {lead}" for lead, wave in waves)


def _redrawn(diagnosis: Diagnosis) -> str:
    """The ECG as far as it was assessed."""
    record = diagnosis.record
    signal_mv = record.signal_mv
    if diagnosis.reading is None:
        signal_mv = signal_mv[:, : round(ASSESSED_S * record.rate_hz)]
    return redraw_svg(signal_mv, record.rate_hz, _shades(diagnosis))


def _caveats(diagnosis: Diagnosis, leads: tuple[LeadQuality, ...]) -> list[str]:
    """What the reader of this report should hold against it."""
    reading = diagnosis.reading
    caveats = [diagnosis.doubt] if diagnosis.doubt else []
    missing = [lead.lead for lead in leads if lead.verdict == "missing"]
    poor = [lead.lead for lead in leads if lead.verdict == "poor"]
    if missing:
        caveats.append(f"Not read: {', '.join(missing)}.")
    if poor:
        caveats.append(f"Read with low confidence: {', '.join(poor)}. Check them on the paper.")
    if diagnosis.completed_reason:
        caveats.append(diagnosis.completed_reason)
    if diagnosis.completed is not None and diagnosis.completed.filled.any():
        share = max(1, round(100 * float(diagnosis.completed.filled.mean())))
        caveats.append(
            f"{share} % of the completed ECG is not measured but filled by a network from the "
            "rest. Do not read it for what was not recorded."
        )
    if reading is not None and reading.quality < 0.5:
        caveats.append(
            "The photo was hard to read: compare the coloured traces with the printed ones."
        )
    if reading is not None:
        caveats += _against_pulses(reading)
    if reading is not None and "scale" in reading.evidence:
        source = reading.evidence["scale"]["source"]
        caveats.append(f"The page shows no grid: its scale was told by the {source}.")
    if reading is not None and _unnamed_strip(reading):
        caveats.append(
            "No lead name was read on the strip: it is taken for lead II. Check it on the paper."
        )
    if reading is not None and _chest_leads_by_place(reading, missing):
        caveats.append(
            "No name of a chest lead was read on the page: V1 to V6 are named by their usual "
            "places. Check them on the paper."
        )
    if reading is None:
        caveats.append("A digital recording: the lead pictures were not used.")
        if diagnosis.record.duration_s > ASSESSED_S + 0.05:
            caveats.append("The first ten seconds were assessed, and are shown.")
    elif any(0 < lead.seconds < 5 for lead in leads):
        caveats.append("Some leads show a few seconds only, as the paper does.")
    rate = diagnosis.heart_rate
    if rate is not None and rate.most_bpm > 1.2 * rate.least_bpm:
        caveats.append("The beats are uneven: the heart rate is a median.")
    if diagnosis.mi is not None:
        caveats.append(
            "The probability counts old and acute infarction alike. It was learned and calibrated "
            "on PTB-XL, ECGs of one hospital network of which "
            f"{100 * diagnosis.mi.prevalence:.0f} % show infarction: among people in whom it is "
            "rarer, it is too high. The posterior wall and rhythm were not assessed."
        )
    return caveats


def _against_pulses(reading: Reading) -> list[str]:
    """Where a person gave a speed or gain other than what the calibration pulses show."""
    told = reading.evidence.get("calibration", {})
    return [
        f"The calibration pulses show {shown:g} {unit}, but {used:g} {unit} was given."
        for source, shown, used, unit in (
            ("speed", told.get("pulse_speed_mm_per_s"), reading.speed_mm_per_s, "mm/s"),
            ("gain", told.get("pulse_gain_mm_per_mv"), reading.gain_mm_per_mv, "mm/mV"),
        )
        if told.get(source) == GIVEN and shown and abs(shown - used) > _OTHER_SCALE * used
    ]


def _unnamed_strip(reading: Reading) -> bool:
    """Whether a single strip is only taken for its lead."""
    named = reading.evidence.get("layout", {}).get("strips_named")
    return reading.layout == "strip" and named == 0


def _chest_leads_by_place(reading: Reading, missing: list[str]) -> bool:
    """Whether only their places tell which chest lead is which."""
    named = reading.evidence.get("layout", {}).get("names_matched")
    return (
        named is not None
        and set(CHEST_LEADS).isdisjoint(named)
        and not set(CHEST_LEADS).issubset(missing)
    )


def _rows(evidence: Mapping[str, Any], most: int = 14) -> list[tuple[str, str]]:
    """Evidence as short lines of text."""
    rows = []
    for key, value in evidence.items():
        text = _short(value)
        if text:
            rows.append((str(key).replace("_", " "), text))
    return rows[:most]


def _short(value: Any, depth: int = 0) -> str:
    if isinstance(value, Mapping):
        if depth > 1:
            return ""
        parts = ((str(k).replace("_", " "), _short(v, depth + 1)) for k, v in value.items())
        return ", ".join(f"{k} {v}" for k, v in parts if v)[:160]
    if isinstance(value, (list, tuple)):
        return ", ".join(_short(item, depth + 1) for item in value)[:160] if len(value) < 9 else ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, (float, np.floating)):
        return f"{value:.3g}" if np.isfinite(value) else ""
    return "" if value is None else str(value)[:160]


def _smaller(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    scale = OVERLAY_SIDE_PX / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8)


def _data_uri(picture: NDArray[np.uint8]) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(picture, 80)).decode()
