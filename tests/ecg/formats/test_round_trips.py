from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import wfdb

from ecg.formats.atomic import atomic_path
from ecg.formats.csv_format import read_csv, write_csv
from ecg.formats.wfdb_format import read_wfdb, write_wfdb
from ecg.leads import LEADS
from ecg.record import Record


def some_record(n: int = 700, rate_hz: float = 500) -> Record:
    signal = np.random.default_rng(0).normal(size=(12, n)).astype(np.float32)
    signal[3, : n // 2] = np.nan
    signal[7] = np.nan
    return Record(
        signal, rate_hz, "a photo (1)", "p 7", "photo.jpg", None, ("AMI", "SR"), 63.0, "female"
    )


def test_wfdb_keeps_everything(tmp_path: Path) -> None:
    record = some_record()
    write_wfdb(record, tmp_path / "record")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["record.dat", "record.hea"]
    back = read_wfdb(tmp_path / "record.hea")
    np.testing.assert_allclose(back.signal_mv, record.signal_mv, atol=0.000501, equal_nan=True)
    for name in ("rate_hz", "record_id", "patient_id", "source", "labels", "age_years", "sex"):
        assert getattr(back, name) == getattr(record, name)


def test_wfdb_is_what_others_read(tmp_path: Path) -> None:
    write_wfdb(some_record(), tmp_path / "record")
    raw = wfdb.rdrecord(str(tmp_path / "record"), physical=False)
    assert tuple(raw.sig_name) == LEADS
    assert (raw.d_signal[:, 7] == -32768).all()
    assert raw.fmt == ["16"] * 12
    assert raw.adc_gain == [1000.0] * 12


def test_wfdb_on_the_grid_is_exact(tmp_path: Path) -> None:
    signal = (np.arange(12 * 50).reshape(12, 50) / 1000).astype(np.float32)
    write_wfdb(Record(signal, 128.5, "r"), tmp_path / "r")
    back = read_wfdb(tmp_path / "r")
    np.testing.assert_array_equal(back.signal_mv, signal)
    assert back.rate_hz == 128.5
    assert (back.patient_id, back.age_years, back.sex, back.labels) == (None, None, None, ())


def test_wfdb_of_others_is_ordered_and_scaled(tmp_path: Path) -> None:
    wfdb.wrsamp(
        "x", fs=250, units=["uV", "mV", "mmHg"], sig_name=["V2", "avr", "ABP"],
        p_signal=np.array([[500.0, 1.0, 80], [-250.0, np.nan, 81]]), fmt=["16"] * 3,
        write_dir=str(tmp_path),
    )  # fmt: skip
    record = read_wfdb(tmp_path / "x")
    np.testing.assert_allclose(record.signal_mv[7], [0.5, -0.25], atol=1e-3)
    np.testing.assert_allclose(record.signal_mv[3], [1, np.nan], atol=1e-3)
    assert np.isfinite(record.signal_mv).any(axis=1).sum() == 2


def test_wfdb_refuses_what_it_cannot_hold(tmp_path: Path) -> None:
    tall = Record(np.full((12, 4), 40, np.float32), 500, "r")
    with pytest.raises(ValueError, match=r"32\.767"):
        write_wfdb(tall, tmp_path / "r")
    with pytest.raises(ValueError, match="letters"):
        write_wfdb(some_record(), tmp_path / "a b")
    with pytest.raises(FileNotFoundError, match="header"):
        read_wfdb(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("rate_hz", [500.0, 100.0, 257.0, 1025.0, 360.0])
def test_csv_keeps_signal_and_rate(tmp_path: Path, rate_hz: float) -> None:
    record = some_record(rate_hz=rate_hz)
    write_csv(record, tmp_path / "record.csv")
    back = read_csv(tmp_path / "record.csv")
    np.testing.assert_allclose(back.signal_mv, record.signal_mv, atol=6e-5, equal_nan=True)
    assert back.rate_hz == pytest.approx(rate_hz, rel=1e-5)
    assert back.record_id == "record"


def test_csv_looks_as_promised(tmp_path: Path) -> None:
    signal = np.full((12, 2), np.nan, np.float32)
    signal[0] = (0.5, -0.25)
    write_csv(Record(signal, 500, "r"), tmp_path / "r.csv")
    assert (tmp_path / "r.csv").read_bytes() == (
        b"time_s,I,II,III,aVR,aVL,aVF,V1,V2,V3,V4,V5,V6\n"
        b"0.0,0.5000,,,,,,,,,,,\n0.002,-0.2500,,,,,,,,,,,\n"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "time_s"),
        ("I,II\n1,2\n", "time_s"),
        ("time_s,I,i\n0,1,1\n1,1,1\n", "once"),
        ("time_s,X\n0,1\n1,1\n", "X"),
        ("time_s,I\n0,1\n", "two samples"),
        ("time_s,I\n0,1\n1,one\n", "line 3"),
        ("time_s,I\n0,1\n1,1,7\n", "line 3"),
        ("time_s,I\n0,1\n1,1\n5,1\n", "evenly"),
        ("time_s,I\n0,1\n0,1\n", "evenly"),
    ],
)
def test_csv_says_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=says):
        read_csv(path)


def test_csv_takes_some_leads_in_any_order(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("v6,time_s,AVL\n1,0,\n2,0.01,4\n")
    record = read_csv(tmp_path / "x.csv")
    np.testing.assert_array_equal(record.signal_mv[11], [1, 2])
    np.testing.assert_array_equal(record.signal_mv[4], [np.nan, 4])
    assert record.rate_hz == 100


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("old")

    def fail() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["x.txt"]


@pytest.mark.parametrize("write", [write_csv, write_wfdb])
def test_a_missing_folder_is_an_error(
    tmp_path: Path, write: Callable[[Record, Path], None]
) -> None:
    with pytest.raises(FileNotFoundError):
        write(some_record(), tmp_path / "none" / "record")
