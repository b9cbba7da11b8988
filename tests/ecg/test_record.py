import subprocess
import sys
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from ecg.record import Record


def test_length_leads_and_windows() -> None:
    signal = np.arange(12 * 1000, dtype=np.float32).reshape(12, 1000)
    record = Record(signal, 100, "r")
    assert record.duration_s == 10
    np.testing.assert_array_equal(record.lead("avr"), signal[3])
    part = record.window(2.5, 5)
    np.testing.assert_array_equal(part.signal_mv, signal[:, 250:500])
    assert part.record_id == "r"


@pytest.mark.parametrize("span", [(-1, 2), (0, 10.02), (3, 3), (5, 4)])
def test_a_window_outside_is_refused(span: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="no window"):
        Record(np.zeros((12, 1000), np.float32), 100, "r").window(*span)


def test_resampled_keeps_the_rest() -> None:
    signal = np.full((12, 5000), np.nan, np.float32)
    signal[0, :1250] = 1
    record = Record(signal, 500, "r", patient_id="p", labels=("AMI",), fold=3, sex="male")
    new = record.resampled(100)
    assert (new.signal_mv.shape, new.rate_hz) == ((12, 1000), 100.0)
    assert (new.patient_id, new.labels, new.fold, new.sex) == ("p", ("AMI",), 3, "male")
    assert np.isfinite(new.signal_mv[0]).sum() == 250
    assert record.resampled(500) is record


def test_it_is_frozen() -> None:
    record = Record(np.zeros((12, 10), np.float32), 100, "r")
    with pytest.raises(FrozenInstanceError):
        record.rate_hz = 5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("signal", "rate_hz", "says"),
    [
        (np.zeros((11, 10), np.float32), 100, "12, samples"),
        (np.zeros((12, 10)), 100, "float32"),
        (np.full((12, 10), np.inf, np.float32), 100, "infinite"),
        (np.zeros((12, 10), np.float32), 0, "rate_hz"),
    ],
)
def test_it_checks_itself(signal: np.ndarray, rate_hz: float, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Record(signal, rate_hz, "r")


def test_importing_is_light() -> None:
    code = (
        "import sys, ecg.leads, ecg.record, ecg.labels, ecg.splits, ecg.ptbxl, ecg.simulator, "
        "ecg.metrics.page, ecg.metrics.diagnosis, ecg.formats.csv_format, ecg.formats.wfdb_format; "
        "print([m for m in ('pandas', 'scipy', 'sklearn', 'wfdb', 'torch', 'cv2') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
