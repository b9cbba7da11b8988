"""What other recorders write: curves on paper that are no ECG, none with a lead's name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.benchmark.not_ecg.sheet import BLACK, GRID_INKS, Rgb, Sheet, graph_paper

Picture = NDArray[np.uint8]
Curve = NDArray[np.float64]

_PAPER_MM = (280.0, 200.0)
_EEG = (
    "Fp1-F7", "F7-T3", "T3-T5", "T5-O1", "Fp2-F8", "F8-T4", "T4-T6", "T6-O2", "Fp1-F3",
    "F3-C3", "C3-P3", "P3-O1", "Fp2-F4", "F4-C4", "C4-P4", "P4-O2", "Fz-Cz", "Cz-Pz",
)  # fmt: skip


def eeg(rng: np.random.Generator) -> Picture:
    """An EEG: 8 to 18 channels of coloured noise with an alpha rhythm, electrode pairs named."""
    sheet = Sheet(*_PAPER_MM)
    if rng.random() < 0.5:
        sheet = graph_paper(rng, *_PAPER_MM)
    else:
        sheet.ruling(float(rng.choice([25.0, 30.0])), 0.2, (190, 190, 190), both=False)
    channels = int(rng.choice([8, 10, 12, 16, 18]))
    pitch = (_PAPER_MM[1] - 20) / channels
    x = np.arange(18, _PAPER_MM[0] - 4, 0.25)
    alpha = rng.uniform(0.2, 1.0) * np.sin(x * rng.uniform(2.0, 2.8))
    for channel in range(channels):
        y = 12 + pitch * (channel + 0.5)
        wave = _coloured(rng, len(x)) + alpha * rng.uniform(0.2, 1.2)
        _trace(sheet, x, y - 0.22 * pitch * wave, rng)
        sheet.words(_EEG[channel], 2, y - 1.2, 2.2)
    sheet.words("70 uV/cm  30 mm/s  LF 0.5 Hz  HF 70 Hz", 20, 3)
    return sheet.pixels


def seismogram(rng: np.random.Generator) -> Picture:
    """A drum recorder's sheet: rows of tremor with an earthquake in some."""
    sheet = graph_paper(rng, *_PAPER_MM) if rng.random() < 0.4 else Sheet(*_PAPER_MM)
    rows = int(rng.integers(6, 20))
    x = np.arange(16, _PAPER_MM[0] - 4, 0.2)
    for row in range(rows):
        y = 14 + (_PAPER_MM[1] - 24) * row / rows
        wave = rng.normal(0, 0.2, len(x))
        if rng.random() < 0.4:
            onset = rng.uniform(30, 220)
            after = np.clip(x - onset, 0, None)
            wave += np.sin(x * 5) * rng.normal(0, 6, len(x)) * after * np.exp(-after / 9) / 8
        _trace(sheet, x, y + wave, rng)
        sheet.words(f"{row:02d}:00", 2, y - 1.2, 2.2)
    sheet.words("STATION KLR  BHZ  2011-03-11", 20, 3)
    return sheet.pixels


def ventilation(rng: np.random.Generator) -> Picture:
    """Breathing: flow, volume and carbon dioxide on ECG-like paper."""
    return _monitor(rng, ("FLOW", "VOL", "CO2", "PAW", "RESP"), 0.06, 0.14)


def pressures(rng: np.random.Generator) -> Picture:
    """Arterial pressure, pulse oximeter and the like, at a heart's rate on ECG-like paper."""
    return _monitor(rng, ("ABP", "PLETH", "PAP", "CVP", "ICP"), 0.6, 1.6)


def _monitor(
    rng: np.random.Generator, names: tuple[str, ...], slowest_hz: float, fastest_hz: float
) -> Picture:
    sheet = graph_paper(rng, _PAPER_MM[0], float(rng.uniform(50, 150)))
    rows = int(rng.integers(1, 5))
    rate = rng.uniform(slowest_hz, fastest_hz)
    x = np.arange(4, _PAPER_MM[0] - 4, 0.1)
    phase = (x / 25 * rate) % 1
    pitch = (sheet.height_mm - 12) / rows
    for row in range(rows):
        rise, fall, notch = rng.uniform(0.08, 0.3), rng.uniform(1.5, 5), rng.uniform(0, 0.25)
        wave = np.minimum(phase / rise, 1) * np.exp(-fall * np.clip(phase - rise, 0, None))
        wave += notch * np.exp(-(((phase - 0.5) / 0.06) ** 2))
        base = 8 + pitch * (row + 0.8)
        _trace(sheet, x, base - 0.6 * pitch * wave * rng.uniform(0.5, 1), rng)
        if rng.random() < 0.7:
            sheet.words(str(rng.choice(names)), 5, base - 0.8 * pitch, 2.4)
    if rng.random() < 0.6:
        sheet.words(f"25 mm/s   {rng.integers(60, 180)}/{rng.integers(30, 60)} mmHg", 5, 1.5)
    return sheet.pixels


def cardiotocogram(rng: np.random.Generator) -> Picture:
    """A fetal monitor's strip: heart rate above, contractions below."""
    sheet = Sheet(_PAPER_MM[0], 150, (252, 245, 238))
    ink = GRID_INKS[int(rng.integers(4))]
    for top, bottom, pitch in ((8.0, 88.0, 4.0), (98.0, 142.0, 4.0)):
        for y in np.arange(top, bottom + 0.1, pitch):
            strong = 0.4 if round((y - top) / pitch) % 5 == 0 else 0.15
            sheet.line([(0, y), (sheet.width_mm, y)], strong, ink)
        for k, x in enumerate(np.arange(0, sheet.width_mm, 5)):
            sheet.line([(x, top), (x, bottom)], 0.4 if k % 6 == 0 else 0.15, ink)
    x = np.arange(0, sheet.width_mm, 0.3)
    rate = 45 + 4 * _coloured(rng, len(x)) + rng.normal(0, 0.6, len(x))
    _trace(sheet, x, rate, rng)
    humps = sum(
        rng.uniform(8, 25) * np.exp(-(((x - at) / 9) ** 2))
        for at in np.arange(rng.uniform(10, 40), sheet.width_mm, rng.uniform(35, 70))
    )
    _trace(sheet, x, 138 - humps + rng.normal(0, 0.3, len(x)), rng)
    for value in (60, 100, 140, 180, 220):
        sheet.words(str(value), 120, 88 - (value - 30) / 210 * 80, 2.2)
    sheet.words("FHR 240 bpm   TOCO 0-100   1 cm/min", 6, 2)
    return sheet.pixels


def blank_paper(rng: np.random.Generator) -> Picture:
    """Graph paper on which nothing is written, or no more than a date."""
    sheet = graph_paper(rng, *_PAPER_MM)
    if rng.random() < 0.4:
        sheet.words("Name:            Date:            Class: 7b", 10, 4, 3)
    return sheet.pixels


def exercise(rng: np.random.Generator) -> Picture:
    """Functions drawn with axes on graph paper, as in school."""
    sheet = graph_paper(rng, *_PAPER_MM)
    for _ in range(int(rng.integers(1, 4))):
        left, width = rng.uniform(10, 60), rng.uniform(120, 200)
        y, height = rng.uniform(40, 170), rng.uniform(10, 40)
        sheet.line([(left, y), (left + width, y)], 0.4)
        sheet.line([(left + 10, y - height), (left + 10, y + height)], 0.4)
        x = np.linspace(0, 1, 500)
        functions = (
            np.sin(2 * np.pi * x * rng.uniform(1, 9)),
            np.abs((x * rng.uniform(2, 8)) % 1 - 0.5) * 2,
            (x - 0.4) ** 2 * 4,
            np.exp(-4 * x) * np.cos(30 * x),
            np.sign(np.sin(2 * np.pi * x * rng.uniform(1, 6))),
        )
        curve = functions[int(rng.integers(len(functions)))]
        _trace(sheet, left + width * x, y - 0.8 * height * curve, rng)
        sheet.words(str(rng.choice(["y = f(x)", "U(t)", "s in m", "T/K"])), left + 12, y - height)
    return sheet.pixels


def fever_chart(rng: np.random.Generator) -> Picture:
    """A ward's chart: temperature and pulse, dots joined by lines on a squared form."""
    sheet = Sheet(*_PAPER_MM)
    for k, y in enumerate(np.arange(30, 150.1, 3)):
        sheet.line([(25, y), (270, y)], 0.35 if k % 5 == 0 else 0.12, (120, 120, 130))
    for k, x in enumerate(np.arange(25, 270.1, 5)):
        sheet.line([(x, 30), (x, 150)], 0.35 if k % 3 == 0 else 0.12, (120, 120, 130))
    inks: tuple[Rgb, ...] = ((200, 40, 40), (40, 60, 180))
    for ink in inks:
        x = np.arange(27.5, 268, 5)
        y = 90 + 18 * _coloured(rng, len(x))
        sheet.line(np.stack([x, y], 1), 0.4, ink)
        for one in zip(x, y, strict=True):
            sheet.disc(*one, 0.8, ink)
    for k, value in enumerate(("41", "40", "39", "38", "37", "36")):
        sheet.words(value, 17, 34 + 20 * k)
    sheet.words("Patient:                 Ward:            Temp.  Pulse  Resp.  BP", 25, 12, 3)
    return sheet.pixels


def oscilloscope(rng: np.random.Generator) -> Picture:
    """A screen of 10 by 8 divisions with one to four bright traces."""
    sheet = Sheet(200, 150, (12, 16, 20))
    for k in range(11):
        sheet.line([(10 + 15 * k, 12), (10 + 15 * k, 132)], 0.2, (70, 80, 80))
    for k in range(9):
        sheet.line([(10, 12 + 15 * k), (160, 12 + 15 * k)], 0.2, (70, 80, 80))
    x = np.linspace(10, 160, 1200)
    inks: tuple[Rgb, ...] = ((250, 240, 60), (60, 230, 240), (240, 80, 220), (90, 240, 90))
    for ink in inks[: int(rng.integers(1, 5))]:
        turn = (x - 10) * rng.uniform(0.1, 1.2)
        waves = (np.sin(turn), np.sign(np.sin(turn)), turn / np.pi % 2 - 1, np.exp(-turn % 6))
        wave = waves[int(rng.integers(len(waves)))] + rng.normal(0, 0.03, len(x))
        sheet.line(np.stack([x, rng.uniform(35, 110) - rng.uniform(5, 20) * wave], 1), 0.4, ink)
    sheet.box(164, 12, 30, 120, (60, 66, 72), 0)
    return sheet.pixels


def sound(rng: np.random.Generator) -> Picture:
    """Speech or a lie detector's channels: bursts about level lines on graph paper."""
    sheet = graph_paper(rng, *_PAPER_MM)
    x = np.arange(5, _PAPER_MM[0] - 5, 0.12)
    rows = int(rng.integers(1, 6))
    for row in range(rows):
        y = _PAPER_MM[1] * (row + 0.5) / rows
        loud = np.clip(_coloured(rng, len(x)), 0, None)
        _trace(sheet, x, y + _PAPER_MM[1] / rows / 4 * loud * rng.normal(0, 1, len(x)), rng)
    return sheet.pixels


def _coloured(rng: np.random.Generator, length: int) -> Curve:
    """Noise of unit variance that falls off towards high frequencies."""
    spectrum = np.fft.rfft(rng.normal(0, 1, length)) / np.sqrt(1 + np.arange(length // 2 + 1))
    spectrum[0] = 0
    wave = np.fft.irfft(spectrum, length)
    return np.asarray(wave / max(float(wave.std()), 1e-9))


def _trace(sheet: Sheet, x_mm: Curve, y_mm: Curve, rng: np.random.Generator) -> None:
    sheet.line(np.stack([x_mm, y_mm], axis=1), float(rng.uniform(0.15, 0.45)), BLACK)
