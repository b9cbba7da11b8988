"""Figures of infarction on other hospitals' ECGs and of the findings beside it."""

import csv
import dataclasses
from types import SimpleNamespace
from typing import cast

import cv2
import numpy as np
import pandas as pd
import pytest

from classification.findings import Findings
from ecg.reading import PageRejected
from pipeline.benchmark import BenchmarkError
from pipeline.benchmark.mi import _paired, _where_read, measure_mi
from pipeline.benchmark.mi_external import SAYS_NOTHING, recordings_figures, reports_figures
from pipeline.benchmark.mi_findings import finding_figures
from pipeline.benchmark.mi_groups import group_figures
from pipeline.diagnoser import Diagnoser
from pipeline.options import BenchmarkOptions
from tests.ecg.shard_packing import packed


def _findings(mi: float = 0.1, normal: float = 0.2, **others: float) -> Findings:
    chance = dict.fromkeys(
        ("STTC", "CD", "HYP", "anterior", "inferior", "lateral", "acute_injury"), 0.1
    )
    chance.update(others)
    return Findings(
        {"mi": mi, "normal": normal, "other": 1 - mi - normal},
        {name: chance[name] for name in ("STTC", "CD", "HYP")},
        {name: chance[name] for name in ("anterior", "inferior", "lateral")},
        chance["acute_injury"],
    )


@pytest.fixture
def rows():
    mi, normal, other = 30, 40, 30
    return pd.DataFrame(
        {
            "patient_id": range(mi + normal + other),
            "target": ["mi"] * mi + ["normal"] * normal + ["other"] * other,
            "superclasses": [("MI",)] * mi + [("NORM",)] * normal + [("CD",)] * other,
            "codes": [{"IMI": 100.0}] * mi + [{"NORM": 100.0}] * normal + [{"LAFB": None}] * other,
        }
    )


def test_findings_that_are_right_have_an_auroc_of_one(rows):
    told: list[Findings | None] = [
        _findings(
            mi=0.8 if target == "mi" else 0.1,
            normal=0.7 if target == "normal" else 0.05,
            inferior=0.7 if target == "mi" else 0.35,
            CD=0.6 if target == "other" else 0.1,
        )
        for target in rows["target"]
    ]
    found = {(f.case, f.metric): f for f in finding_figures("c", rows, told, "d", 0)}
    for name in ("normal", "other", "CD", "inferior"):
        assert found[f"c/finding/{name}", "auroc"].value == 1
    assert found["c/finding/three_way", "accuracy"].value == 1
    assert found["c/finding/anterior", "count"].value == 0
    assert ("c/finding/anterior", "auroc") not in found
    unread = finding_figures("c", rows, [*told[:20], None, *told[21:]], "d", 0)
    worse = {(f.case, f.metric): f for f in unread}
    assert worse["c/finding/inferior", "auroc"].value < 1
    assert worse["c/finding/inferior", "auroc"].n == 100
    assert worse["c/finding/three_way", "accuracy"].n == 99


class _Bright:
    """Tells infarction where the signal is high."""

    def assess_record(self, record):
        chance = float(np.clip(record.signal_mv[0, 0], 0, 1))
        decision = "mi" if chance > 0.5 else "no_mi"
        return SimpleNamespace(
            mi_decision=decision, mi=SimpleNamespace(probability=chance, decision=decision)
        )


def _read(pixels):
    if pixels.mean() < 25:
        raise PageRejected("No ECG grid was found.", "grid")
    return SimpleNamespace(signal_mv=np.full((12, 50), pixels.mean() / 255, np.float32))


def _tell(signal_mv, rate_hz):
    assert rate_hz == 500
    return _Bright().assess_record(SimpleNamespace(signal_mv=signal_mv)).mi


DIAGNOSER = cast(Diagnoser, _Bright())


def _values(figures):
    return {(one.case, one.metric): one.value for one in figures}


def test_what_paper_costs_is_told_on_the_same_recordings():
    recording = np.arange(24, dtype=np.float32).reshape(12, 2)
    read = np.full((12, 3), np.nan, np.float32)
    read[4, 1:] = 9.0
    shown = _where_read(recording, read)
    assert shown[4, 1] == recording[4, 1]
    assert np.isnan(shown).sum() == 23
    patients = pd.DataFrame({"mi": [True, False] * 4, "patient_id": range(8)})
    chances = {"recordings": [0.9, 0.1] * 4, "windows": [0.9, 0.9, 0.9, 0.1] * 2}
    read_chance = np.array([0.9, 0.9, 0.9, 0.1] * 2)
    figures = {one.metric: one for one in _paired("case", patients, read_chance, chances, 0)}
    assert figures["auroc_of_recordings"].value == 1.0
    assert figures["auroc_of_windows"].value == 0.75
    lost = figures["auroc_lost_to_recordings"]
    assert lost.value == pytest.approx(0.25)
    assert lost.low is not None
    assert lost.low < 0.25
    assert figures["auroc_lost_to_windows"].value == figures["auroc_lost_to_windows"].high == 0


def test_pages_are_told_apart_by_their_quality():
    n = 180
    rng = np.random.default_rng(0)
    mi = np.arange(n) % 2 == 0
    quality = rng.permutation(np.linspace(0.5, 1, n))
    best = quality > np.quantile(quality, 0.67)
    chance = np.where(best, mi, rng.random(n))  # only the best pages are told at all
    quality[:6], chance[:6] = np.nan, 0.5
    index = pd.DataFrame(
        {
            "mi": mi,
            "age_years": 60.0,
            "sex": "female",
            "patient_id": range(n),
            "codes": [{"IMI": 100.0} if sick else {} for sick in mi],
        }
    )
    ptbxl = SimpleNamespace(index=index)
    found = _values(group_figures("photo", ptbxl, np.arange(n), chance, 0, quality))
    assert found["photo/quality_highest_third", "auroc"] == 1
    assert found["photo/quality_lowest_third", "auroc"] < 0.8
    counts = [found[f"photo/quality_{third}_third", "mi_count"] for third in ("lowest", "middle")]
    assert sum(counts) + found["photo/quality_highest_third", "mi_count"] == mi[6:].sum()
    without = _values(group_figures("signal", ptbxl, np.arange(n), chance, 0))
    assert not [case for case, _ in without if "quality" in case]


def test_recordings_are_told_and_the_uncertain_left_out(tmp_path):
    level_uv = np.array([900, 800, 100, 200, 950], np.int16)
    signals = np.repeat(level_uv, 12 * 50).reshape(5, 12, 50)
    names = np.array([f"r{number}" for number in range(5)])
    np.savez_compressed(tmp_path / "a.npz", record=names, fs=np.array([500]), **packed(signals))
    with (tmp_path / "index.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("record", "source", "patient", "mi", "mi_uncertain", "file"))
        for name, mi, uncertain in zip(names, "11000", "00001", strict=True):
            writer.writerow((name, "ludb", name, mi, uncertain, "a.npz"))
    found = _values(recordings_figures(tmp_path, DIAGNOSER, 0))
    assert found["recordings/ludb", "auroc"] == 1
    assert found["recordings/all", "mi_count"] == 2
    assert found["recordings/all", "sensitivity_decided"] == 1
    assert found["recordings/all", "specificity_decided"] == 1
    assert found["recordings/all", "no_answer_percent"] == 0


def test_report_pages_are_told_once_and_rejected_ones_count(tmp_path):
    labels = ("MI", "HISTORY_OF_MI", "NORMAL", "NORMAL", "ABNORMAL", "")
    shades = (220, 20, 30, 60, 70, 80)
    with (tmp_path / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "archive", "kind", "layout", "label", "patient_key"))
        for number, (label, shade) in enumerate(zip(labels, shades, strict=True)):
            name = f"{number}.png"
            cv2.imwrite(str(tmp_path / name), np.full((80, 90, 3), shade, np.uint8))
            writer.writerow((name, "", "scan", "3x4", label, number))
    kept = tmp_path / "kept"
    found = _values(reports_figures(tmp_path, _read, _tell, kept, 0))
    assert found["reports/mi_against_normal", "auroc"] == 1
    assert found["reports/any_mi_against_all", "mi_count"] == 2
    assert found["reports/any_mi_against_all", "no_answer_percent"] == pytest.approx(20)
    assert SAYS_NOTHING > 60 / 255  # the rejected page ranks between: nothing was said of it
    assert len(list(kept.rglob("*.npy"))) == 5
    for picture in tmp_path.glob("*.png"):
        picture.unlink()
    again = reports_figures(tmp_path, _read, _tell, kept, 0)  # nothing is read twice
    assert _values(again) == found


def test_a_case_without_its_data_says_what_to_name(tmp_path):
    options = BenchmarkOptions("mi", out=tmp_path, cases=("recordings",))
    with pytest.raises(BenchmarkError, match="--other-ecgs"):
        measure_mi(options)
    with pytest.raises(BenchmarkError, match="no case 'x'"):
        measure_mi(dataclasses.replace(options, cases=("x",)))
