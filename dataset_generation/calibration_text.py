"""How recorders print speed and gain: "25 mm/s", "10mm/mV 25 mm/sec 40 Hz", "x1.0" and the like."""

from __future__ import annotations

import numpy as np

_SPEEDS = (
    "{v}{s}mm/s", "{v}{s}mm/s", "{v}{s}mm/s", "{v}{s}mm/sec", "{v}.0{s}mm/s", "{v}{s}MM/S",
    "{v}{s}mm / s",
)  # fmt: skip
_NAMED_SPEEDS = ("Speed: {t}", "Speed {t}", "Paper speed: {t}", "Spd:{t}", "SPEED = {t}", "V={t}")
_GAINS = (
    "{v}{s}mm/mV", "{v}{s}mm/mV", "{v}{s}mm/mV", "{v}.0{s}mm/mV", "{v}{s}MM/MV", "{v}{s}mm / mV",
)  # fmt: skip
_LIMB_AND_CHEST = (
    "Limb: {limb} mm/mV Chest: {chest} mm/mV", "Limb:{limb}mm/mV Chest:{chest}mm/mV",
    "{limb}/{chest} mm/mV", "Limb {limb} mm/mV, Chest {chest} mm/mV",
    "limb {limb} chest {chest} mm/mV",
)  # fmt: skip
_NAMED_GAINS = ("Gain: {t}", "Gain {t}", "Ampl: {t}", "Sens.: {t}", "CAL {t}", "Sensitivity {t}")
_FILTERS = (
    "0.05-150 Hz", "40 Hz", "0.67-25Hz AC50", "F 50~ 0.5-40 Hz", "0.5-40 Hz", "0.05-100Hz",
    "50~ 0.15-150 Hz W", "100 Hz", "60~ 0.05-40Hz", "DFT 35Hz AC",
)  # fmt: skip
_PER_USUAL_GAIN = {5.0: "x0.5", 10.0: "x1.0", 20.0: "x2.0"}


def speed_text(rng: np.random.Generator, speed_mm_per_s: float) -> str:
    """A paper speed as some recorder prints it."""
    pattern = str(rng.choice(_SPEEDS))
    if not float(speed_mm_per_s).is_integer():
        pattern = "{v}{s}mm/s"
    return pattern.format(v=f"{speed_mm_per_s:g}", s=_space(rng))


def gain_text(rng: np.random.Generator, gain_mm_per_mv: float) -> str:
    """A gain as some recorder prints it."""
    if gain_mm_per_mv in _PER_USUAL_GAIN and rng.random() < 0.05:
        return _PER_USUAL_GAIN[gain_mm_per_mv]
    pattern = str(rng.choice(_GAINS))
    if not float(gain_mm_per_mv).is_integer():
        pattern = "{v}{s}mm/mV"
    return pattern.format(v=f"{gain_mm_per_mv:g}", s=_space(rng))


def calibration_line(
    rng: np.random.Generator,
    speed_mm_per_s: float,
    gain_mm_per_mv: float,
    chest_gain_mm_per_mv: float | None = None,
) -> str:
    """One line with speed and gain, in any order, named or not, often with the filters.

    Args:
        rng: source of randomness.
        speed_mm_per_s: paper speed.
        gain_mm_per_mv: gain of all leads, or of the limb leads.
        chest_gain_mm_per_mv: gain of the chest leads where the line names both.
    """
    speed = speed_text(rng, speed_mm_per_s)
    if chest_gain_mm_per_mv is None:
        gain = gain_text(rng, gain_mm_per_mv)
    else:
        gain = str(rng.choice(_LIMB_AND_CHEST)).format(
            limb=f"{gain_mm_per_mv:g}", chest=f"{chest_gain_mm_per_mv:g}"
        )
    if rng.random() < 0.3:
        speed = str(rng.choice(_NAMED_SPEEDS)).format(t=speed)
        if chest_gain_mm_per_mv is None:
            gain = str(rng.choice(_NAMED_GAINS)).format(t=gain)
    parts = [speed, gain] if rng.random() < 0.6 else [gain, speed]
    if rng.random() < 0.5:
        parts.insert(int(rng.integers(3)), str(rng.choice(_FILTERS)))
    return str(rng.choice(["  ", " ", " ", ", ", "; ", " - ", "   "])).join(parts)


def _space(rng: np.random.Generator) -> str:
    return "" if rng.random() < 0.45 else " "
