"""One ECG recording."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ecg.leads import LEAD_INDEX, canonical_lead
from ecg.resampling import resample


@dataclass(frozen=True, eq=False)
class Record:
    """A 12-lead recording that checks itself.

    Attributes:
        signal_mv: ``(12, n)`` float32 in mV, rows in the order of ``ecg.leads.LEADS``, NaN where
            nothing was measured.
        rate_hz: samples a second.
        record_id: name of the record, unique in its source.
        patient_id: who it was taken from; records of one patient share it.
        source: where it came from, for instance ``ptbxl``, ``simulator``, or a file's name.
        fold: cross-validation fold, 1 to 10 in PTB-XL.
        labels: SCP diagnosis codes.
        age_years: age when it was taken.
        sex: ``male`` or ``female``.
    """

    signal_mv: NDArray[np.float32]
    rate_hz: float
    record_id: str
    patient_id: str | None = None
    source: str = ""
    fold: int | None = None
    labels: tuple[str, ...] = ()
    age_years: float | None = None
    sex: str | None = None

    def __post_init__(self) -> None:
        signal = self.signal_mv
        if not isinstance(signal, np.ndarray) or signal.ndim != 2 or signal.shape[0] != 12:
            raise ValueError(
                f"record {self.record_id!r}: signal_mv must be a (12, samples) array, "
                f"not {np.shape(signal)}"
            )
        if signal.dtype != np.float32:
            raise ValueError(
                f"record {self.record_id!r}: signal_mv must be float32, not {signal.dtype}"
            )
        if np.isinf(signal).any():
            raise ValueError(
                f"record {self.record_id!r}: signal_mv is infinite somewhere; "
                "missing samples are NaN"
            )
        if not (np.isfinite(self.rate_hz) and self.rate_hz > 0):
            raise ValueError(
                f"record {self.record_id!r}: rate_hz must be positive, not {self.rate_hz}"
            )
        if self.sex not in (None, "male", "female"):
            raise ValueError(f"record {self.record_id!r}: sex is 'male', 'female' or None")

    @property
    def n_samples(self) -> int:
        """Samples in each lead."""
        return self.signal_mv.shape[1]

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.rate_hz

    def lead(self, name: str) -> NDArray[np.float32]:
        """``(n,)`` samples of one lead in mV."""
        return self.signal_mv[LEAD_INDEX[canonical_lead(name)]]

    def resampled(self, rate_hz: float) -> Record:
        """The same recording at another rate, band-limited; see ``ecg.resampling.resample``."""
        if rate_hz == self.rate_hz:
            return self
        signal = resample(self.signal_mv, self.rate_hz, rate_hz).astype(np.float32, copy=False)
        return replace(self, signal_mv=signal, rate_hz=float(rate_hz))

    def window(self, start_s: float, stop_s: float) -> Record:
        """The part from ``start_s`` to ``stop_s`` seconds, ends rounded to samples.

        Raises:
            ValueError: if the window is empty or leaves the record.
        """
        start, stop = round(start_s * self.rate_hz), round(stop_s * self.rate_hz)
        if not 0 <= start < stop <= self.n_samples:
            raise ValueError(
                f"record {self.record_id!r} lasts {self.duration_s:g} s: "
                f"no window from {start_s:g} to {stop_s:g} s"
            )
        return replace(self, signal_mv=self.signal_mv[:, start:stop].copy())
