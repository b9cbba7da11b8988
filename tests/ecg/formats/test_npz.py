"""NPZ: signal, confidence, rate and leads come back as they were."""

from pathlib import Path

import numpy as np
import pytest

from ecg.formats.npz_format import read_npz, write_npz
from ecg.leads import LEADS
from ecg.record import Record


def test_round_trip_is_exact(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(12, 300)).astype(np.float32)
    signal[5, 100:] = np.nan
    confidence = rng.random((12, 300)).astype(np.float32)
    write_npz(Record(signal, 257.5, "r"), tmp_path / "r.npz", confidence)
    back, sure = read_npz(tmp_path / "r.npz")
    np.testing.assert_array_equal(back.signal_mv, signal)
    np.testing.assert_array_equal(sure, confidence)
    assert (back.rate_hz, back.record_id) == (257.5, "r")
    with np.load(tmp_path / "r.npz") as file:
        assert tuple(file["leads"]) == LEADS


def test_some_leads_in_any_order(tmp_path: Path) -> None:
    some = np.ones((2, 5), np.float32)
    np.savez(tmp_path / "r.npz", signal_mv=some, confidence=some, rate_hz=100, leads=["V6", "avl"])
    back, sure = read_npz(tmp_path / "r.npz")
    assert [k for k in range(12) if np.isfinite(back.signal_mv[k]).any()] == [4, 11]
    assert sure[0].max() == 0


def test_what_is_no_recording_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_text("Dear colleague")
    np.savez(tmp_path / "b.npz", signal_mv=np.zeros((1, 3)))
    np.savez(
        tmp_path / "c.npz",
        signal_mv=np.zeros((2, 3)), confidence=np.zeros((2, 3)), rate_hz=9, leads=["I", "I"],
    )  # fmt: skip
    for name, says in (("a", "no recording"), ("b", "no recording"), ("c", "once")):
        with pytest.raises(ValueError, match=says):
            read_npz(tmp_path / f"{name}.npz")
    with pytest.raises(ValueError, match="confidence"):
        write_npz(Record(np.zeros((12, 4), np.float32), 1, "r"), tmp_path / "d.npz", np.zeros(3))


def test_what_unpacks_to_more_than_memory_holds_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, signal_mv=np.zeros((12, 100_000), np.float32))
    assert path.stat().st_size < 20_000
    monkeypatch.setattr("ecg.formats.npz_format.LARGEST_BYTES", 1_000_000)
    with pytest.raises(ValueError, match="unpacks to 5 MB"):
        read_npz(path)


def test_random_damage_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "record.npz"
    signal = np.random.default_rng(0).normal(size=(12, 500)).astype(np.float32)
    write_npz(Record(signal, 500.0, "a"), path, np.ones((12, 500), np.float32))
    whole = path.read_bytes()
    refused = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        damaged = bytearray(whole)
        for at in rng.integers(len(whole), size=20):
            damaged[at] = int(rng.integers(256))
        path.write_bytes(bytes(damaged))
        try:
            read_npz(path)
        except ValueError:
            refused += 1
    assert refused > 50
