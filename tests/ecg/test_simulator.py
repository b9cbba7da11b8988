import numpy as np
import pytest
from scipy.signal import find_peaks

from ecg.heart_dipole import INFARCTS, STAGES, dipole_mv, infarcted
from ecg.leads import LEAD_INDEX, LEADS, einthoven_residual_mv
from ecg.simulator import SimulatorSource, simulate

RECIPROCAL = {"anterior": ("III",), "inferior": ("aVL",), "lateral": ("III", "V1")}


def mean_beat(seed: int, infarct: str | None, stage: str) -> np.ndarray:
    """(12, 400): mean beat in mV, 0.2 s before to 0.6 s after R, PR segment at zero."""
    record = simulate(
        np.random.default_rng(seed), infarct=infarct, stage=stage, heart_rate_bpm=60, noise=0
    )
    healthy = simulate(np.random.default_rng(seed), heart_rate_bpm=60, noise=0)
    strength = np.abs(np.diff(healthy.signal_mv, axis=1)).sum(axis=0)
    strength = np.convolve(strength, np.ones(25), "same")
    peaks, _ = find_peaks(strength, distance=250, height=0.5 * strength.max())
    peaks = peaks[(peaks > 100) & (peaks < 4700)]
    beats = np.stack([record.signal_mv[:, p - 100 : p + 300] for p in peaks]).mean(axis=0)
    return beats - beats[:, 75:76]


def test_limb_leads_obey_einthoven_to_the_last_bit() -> None:
    for seed in range(5):
        assert not einthoven_residual_mv(simulate(np.random.default_rng(seed)).signal_mv).any()


@pytest.mark.parametrize("bpm", [45, 60, 90, 140])
def test_the_rate_is_the_one_asked_for(bpm: int) -> None:
    record = simulate(np.random.default_rng(bpm), 30, 250, heart_rate_bpm=bpm, noise=0)
    steep = np.convolve(np.abs(np.diff(record.signal_mv, axis=1)).sum(axis=0), np.ones(15), "same")
    peaks, _ = find_peaks(steep, distance=250 * 0.6 * 60 / bpm, height=0.4 * steep.max())
    assert 60 * 250 / np.diff(peaks).mean() == pytest.approx(bpm, rel=0.05)
    assert record.labels == ("NORM", "SBRAD" if bpm < 60 else "STACH" if bpm > 100 else "SR")


def test_a_normal_heart_looks_normal() -> None:
    for seed in range(8):
        beat = mean_beat(seed, None, "old")
        qrs = beat[:, 75:130]
        r, s = qrs.max(axis=1), qrs.min(axis=1)
        v = {lead: LEAD_INDEX[lead] for lead in LEADS}
        assert r[v["V5"]] > r[v["V1"]]  # R grows across the chest
        assert -s[v["V1"]] > r[v["V1"]]
        assert r[v["II"]] > -s[v["II"]]
        assert -s[v["aVR"]] > r[v["aVR"]]
        t_wave = beat[:, 200:260].mean(axis=1)
        assert all(t_wave[v[lead]] > 0 for lead in ("I", "II", "V3", "V4", "V5", "V6"))
        assert 0.4 < np.ptp(qrs, axis=1).max() < 6


@pytest.mark.parametrize("infarct", INFARCTS)
@pytest.mark.parametrize("seed", range(4))
def test_infarcts_show_in_their_leads_and_mirror_in_the_opposite(infarct: str, seed: int) -> None:
    leads = [LEAD_INDEX[lead] for lead in INFARCTS[infarct].leads]
    opposite = [LEAD_INDEX[lead] for lead in RECIPROCAL[infarct]]
    normal = mean_beat(seed, None, "old")
    st_of = slice(150, 165)  # 100 to 130 ms after R
    acute = mean_beat(seed, infarct, "acute") - normal
    assert (acute[leads, st_of].mean(axis=1) > 0.08).all()
    assert (acute[opposite, st_of].mean(axis=1) < -0.03).all()
    old = mean_beat(seed, infarct, "old")
    early = slice(80, 98)  # the 40 ms before R
    assert ((old - normal)[leads, early].min(axis=1) < -0.15).all()
    evolving = mean_beat(seed, infarct, "evolving")
    t_of = slice(210, 250)
    assert ((evolving - normal)[leads, t_of].mean(axis=1) < -0.1).all()
    assert (evolving[leads, t_of].mean(axis=1) < 0).any()


def test_same_seed_same_record_and_other_seed_another() -> None:
    one, two, other = (
        simulate(np.random.default_rng(seed), infarct="anterior") for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one.signal_mv, two.signal_mv)
    assert (one.labels, one.age_years, one.sex) == (two.labels, two.age_years, two.sex)
    assert not np.array_equal(one.signal_mv, other.signal_mv)


def test_noise_is_added_to_the_same_heart() -> None:
    clean, noisy = (simulate(np.random.default_rng(5), noise=noise) for noise in (0, 1))
    difference = noisy.signal_mv - clean.signal_mv
    assert 0.001 < difference.std() < 0.3


@pytest.mark.parametrize(("duration_s", "rate_hz"), [(10, 500), (2.5, 100), (7.3, 257)])
def test_length_and_labels(duration_s: float, rate_hz: float) -> None:
    for infarct, label in (("anterior", "AMI"), ("inferior", "IMI"), ("lateral", "LMI")):
        record = simulate(np.random.default_rng(0), duration_s, rate_hz, infarct)
        assert record.signal_mv.shape == (12, round(duration_s * rate_hz))
        assert np.isfinite(record.signal_mv).all()
        assert record.labels[0] == label


def test_a_source_gives_each_record_alone() -> None:
    source = SimulatorSource(40, seed=3, duration_s=2, rate_hz=100)
    records = list(source)
    assert len(records) == len(source) == 40
    np.testing.assert_array_equal(source[17].signal_mv, records[17].signal_mv)
    assert len({record.record_id for record in records}) == 40
    assert {record.fold for record in records} == set(range(1, 11))
    share = np.mean([record.labels[0] != "NORM" for record in records])
    assert 0.15 < share < 0.65
    with pytest.raises(IndexError):
        source[40]


@pytest.mark.parametrize(
    "wrong",
    [
        {"infarct": "septal"},
        {"infarct": "anterior", "stage": "late"},
        {"rate_hz": 50},
        {"duration_s": 0},
        {"heart_rate_bpm": 0},
    ],
)
def test_wrong_wishes_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match=r"septal|late|100 Hz|heart_rate"):
        simulate(np.random.default_rng(0), **wrong)


def test_every_stage_changes_a_beat() -> None:
    from ecg.heart_dipole import NORMAL_BEAT

    times = np.array([0.5])
    normal = dipole_mv(NORMAL_BEAT, times, 500, 500)
    for stage in STAGES:
        for infarct in INFARCTS:
            changed = dipole_mv(infarcted(NORMAL_BEAT, infarct, stage), times, 500, 500)
            assert np.abs(changed - normal).max() > 0.1
