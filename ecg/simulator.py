"""Simulated 12-lead ECGs: the source of records where PTB-XL is absent.

Every draw comes from the generator that is passed in, in an order that does not depend on the
infarct or the noise: the same seed gives the same heart with and without them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ecg.heart_dipole import DOWER, INFARCTS, NORMAL_BEAT, STAGES, Lobe, dipole_mv, infarcted
from ecg.leads import goldberger
from ecg.record import Record

# Leads I and II are rounded to this, so that the limb identities hold to the last float32 bit.
ADC_STEP_MV = 2.0**-10


def simulate(
    rng: np.random.Generator,
    duration_s: float = 10.0,
    rate_hz: float = 500.0,
    infarct: str | None = None,
    *,
    stage: str | None = None,
    heart_rate_bpm: float | None = None,
    noise: float = 1.0,
    record_id: str = "simulated",
    patient_id: str | None = None,
    fold: int | None = None,
) -> Record:
    """Makes one recording.

    Args:
        rng: source of everything that varies: rate and its variability, axis, amplitudes,
            widths, PR interval, the chest that the leads see through, age, sex, noise.
        duration_s: length.
        rate_hz: samples a second, at least 100.
        infarct: None, ``anterior``, ``inferior`` or ``lateral``.
        stage: ``acute``, ``evolving`` or ``old``; None draws one.
        heart_rate_bpm: mean heart rate; None draws 50 to 110.
        noise: factor on baseline wander, muscle noise and mains hum; 0 for none.
        record_id: of the record.
        patient_id: of the record.
        fold: of the record.

    Returns:
        A record with labels NORM, AMI, IMI or LMI, and SR, SBRAD or STACH. Its limb leads obey
        Einthoven and Goldberger exactly.

    Raises:
        ValueError: if the rate is below 100 Hz, the duration or heart rate not positive, or the
            infarct or stage unknown.
    """
    if rate_hz < 100 or duration_s <= 0:
        raise ValueError("a simulated ECG needs 100 Hz or more and a positive duration")
    drawn_bpm = float(np.clip(rng.normal(74, 13), 50, 110))
    drawn_stage = STAGES[int(rng.integers(len(STAGES)))]
    strength = rng.uniform(0.8, 1.3)
    bpm = drawn_bpm if heart_rate_bpm is None else float(heart_rate_bpm)
    if not bpm > 0:
        raise ValueError(f"heart_rate_bpm must be positive, not {bpm}")
    n_samples = round(duration_s * rate_hz)
    beat = _varied(NORMAL_BEAT, rng)
    if infarct is not None:
        beat = infarcted(beat, infarct, stage or drawn_stage, strength)
    dipole = _beating(beat, bpm, n_samples, rate_hz, rng)
    chest = DOWER * rng.normal(1.0, 0.06, DOWER.shape)
    independent = chest @ dipole + noise * _noise_mv(rng, n_samples, rate_hz)
    independent[:2] = np.round(independent[:2] / ADC_STEP_MV) * ADC_STEP_MV
    signal = np.concatenate([goldberger(independent[0], independent[1]), independent[2:]])
    rhythm = "SBRAD" if bpm < 60 else "STACH" if bpm > 100 else "SR"
    return Record(
        signal.astype(np.float32),
        float(rate_hz),
        record_id=record_id,
        patient_id=patient_id,
        source="simulator",
        fold=fold,
        labels=("NORM" if infarct is None else INFARCTS[infarct].label, rhythm),
        age_years=float(rng.integers(20, 89)),
        sex=("male", "female")[int(rng.integers(2))],
    )


@dataclass(frozen=True)
class SimulatorSource:
    """Simulated records by number: ``source[k]`` is the same whatever was asked before.

    Folds 1 to 10 take turns; each record is its own patient.

    Attributes:
        n_records: how many there are.
        seed: of all of them.
        duration_s: length of each.
        rate_hz: samples a second.
        infarct_share: share with an infarct.
    """

    n_records: int = 1000
    seed: int = 0
    duration_s: float = 10.0
    rate_hz: float = 500.0
    infarct_share: float = 0.4

    def __len__(self) -> int:
        return self.n_records

    def __getitem__(self, number: int) -> Record:
        if not 0 <= number < self.n_records:
            raise IndexError(f"record {number} of {self.n_records}")
        rng = np.random.default_rng([self.seed, number])
        kind = list(INFARCTS)[int(rng.integers(len(INFARCTS)))]
        name = f"sim-{self.seed}-{number:05d}"
        return simulate(
            rng,
            self.duration_s,
            self.rate_hz,
            kind if rng.random() < self.infarct_share else None,
            record_id=name,
            patient_id=name,
            fold=number % 10 + 1,
        )

    def __iter__(self) -> Iterator[Record]:
        return (self[number] for number in range(self.n_records))


def _varied(beat: tuple[Lobe, ...], rng: np.random.Generator) -> tuple[Lobe, ...]:
    """A heart of its own: turned, stronger or weaker, with its own widths and PR interval."""
    turn = _rotation(rng.normal(0, np.deg2rad((5, 7, 11))))
    gain = float(np.exp(rng.normal(0, 0.18)))
    pr_shift = rng.uniform(-0.03, 0.015)
    varied = []
    for lobe in beat:
        vector = turn @ np.array(lobe.vector_mv) * gain * np.exp(rng.normal(0, 0.12))
        width = float(np.exp(rng.normal(0, 0.08)))
        varied.append(
            replace(
                lobe,
                center_s=lobe.center_s + (pr_shift if lobe.name == "P" else 0.0),
                rise_s=lobe.rise_s * width,
                fall_s=lobe.fall_s * width,
                vector_mv=(float(vector[0]), float(vector[1]), float(vector[2])),
            )
        )
    return tuple(varied)


def _rotation(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(3, 3)`` rotation about x, then y, then z, in radians."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def _beating(
    beat: tuple[Lobe, ...], bpm: float, n_samples: int, rate_hz: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """``(3, n_samples)`` dipole in mV with breathing and heart rate variability."""
    interval = 60.0 / bpm
    duration = n_samples / rate_hz
    beats = int(np.ceil(duration / interval * 1.3)) + 4
    breath_hz, phase = rng.uniform(0.18, 0.32), rng.uniform(0, 2 * np.pi)
    sway, jitter, depth = rng.uniform(0.0, 0.04), rng.uniform(0.003, 0.015), rng.uniform(0, 0.06)
    start = -interval * rng.uniform(1.0, 2.0)
    breath = np.sin(2 * np.pi * breath_hz * (start + interval * np.arange(beats)) + phase)
    intervals = interval * (1 + sway * breath + jitter * rng.standard_normal(beats))
    r_times = start + np.concatenate([[0.0], np.cumsum(intervals[:-1])])
    # Bazett: the QT interval goes with the square root of the beat's length.
    repolarisation = np.sqrt(np.clip(intervals, 0.3, 1.6))
    return dipole_mv(beat, r_times, n_samples, rate_hz, repolarisation, 1 + depth * breath)


def _noise_mv(rng: np.random.Generator, n_samples: int, rate_hz: float) -> NDArray[np.float64]:
    """``(8, n_samples)``: baseline wander, muscle noise and mains hum of the independent leads."""
    from scipy.signal import butter, sosfilt

    t = np.arange(n_samples) / rate_hz
    wander = np.zeros((8, n_samples))
    strength = rng.gamma(1.5, 0.02)
    for frequency in rng.uniform(0.05, 0.5, 4):
        phases = rng.uniform(0, 2 * np.pi, (8, 1))
        wander += rng.normal(0, strength, (8, 1)) * np.sin(2 * np.pi * frequency * t + phases)
    band = butter(2, (15, min(150, 0.45 * rate_hz)), "bandpass", fs=rate_hz, output="sos")
    muscle = sosfilt(band, rng.standard_normal((8, n_samples)))
    muscle *= rng.gamma(2.0, 0.003) / max(1e-12, float(muscle.std()))
    mains_hz = (50.0, 60.0)[int(rng.integers(2))]
    hum = rng.gamma(1.0, 0.002) * rng.normal(0, 1, (8, 1))
    mains_phase = rng.uniform(0, 2 * np.pi)
    if mains_hz < 0.45 * rate_hz:
        wander += hum * np.sin(2 * np.pi * mains_hz * t + mains_phase)
    return wander + muscle
