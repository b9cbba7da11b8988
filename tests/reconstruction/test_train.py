"""The training command: one set of leads, several compared, and what it refuses."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from ecg.simulator import simulate
from learning.checkpoint import read_config
from pipeline.command import main
from reconstruction import models, train
from reconstruction.options import ModelName, TrainReconstructor
from reconstruction.reconstructor import NetworkReconstructor
from reconstruction.rescnn_task import RescnnSmallTask

TINY = {"width": 4, "lead_blocks": 1, "output_blocks": 1, "kernel": 3, "fold": 8}


@pytest.fixture(autouse=True)
def small_data(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    signals = np.stack([simulate(rng, rate_hz=100).signal_mv for _ in range(8)])
    targets = np.zeros((8, 5), np.float32)
    targets[::2, 0] = 1
    split = ((1000 * signals).astype(np.int16), targets)
    monkeypatch.setattr("classification.records.load_split", lambda *_: split)
    monkeypatch.setattr("reconstruction.rescnn_task.SMALL", TINY)


def _arguments(tmp_path: Path, *more: str) -> list[str]:
    return [
        "train", "reconstructor", "--ptbxl", str(tmp_path), "--model", "rescnn_small",
        "--out", str(tmp_path / "run"), "--max-steps", "2", "--batch-size", "4",
        "--validate-every-steps", "1", "--threads", "1", "--device", "cpu", *more,
    ]  # fmt: skip


def test_every_name_has_its_model() -> None:
    assert set(get_args(ModelName)) == set(models.MODELS)


def test_one_set_of_leads_gives_a_checkpoint_that_reconstructs(tmp_path: Path) -> None:
    assert main(_arguments(tmp_path, "--leads", "i, ii,v3")) == 0
    folder = tmp_path / "run" / "checkpoint"
    model = NetworkReconstructor.open(folder, "cpu")
    assert (model.name, model.needs) == ("rescnn_small", ("I", "II", "V3"))
    before = read_config(folder)
    assert len(before["metadata"]["deviation"]) == 12
    assert main(_arguments(tmp_path, "--leads", "I,II,V3")) == 0  # finished: nothing changes
    assert read_config(folder) == before


def test_several_sets_are_compared(tmp_path: Path) -> None:
    assert main(_arguments(tmp_path, "--leads", "I,II;I,II,V3;II,I")) == 0
    with (tmp_path / "run" / "comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["leads"] for row in rows] == ["I+II", "I+II+V3"]
    assert list(rows[0]) == ["leads", "pearson", "r2", "steps", "minutes"]
    for row, name in zip(rows, ("I-II", "I-II-V3"), strict=True):
        facts = read_config(tmp_path / "run" / name / "checkpoint")["metadata"]
        assert float(row["pearson"]) == pytest.approx(facts["metrics"]["pearson"], abs=1e-4)
        assert row["steps"] == "2"
        assert "deviation" in facts


def test_the_papers_comparison_of_inputs_is_a_preset(tmp_path: Path) -> None:
    options = TrainReconstructor(ptbxl=tmp_path, model="rescnn", preset="compare-inputs")
    sets = train.lead_sets(options)
    assert sets[:2] == [("I", "II"), ("I", "II", "V1")]
    assert len(sets) == 7


def test_training_goes_through_the_shipped_detector(tmp_path: Path) -> None:
    main(_arguments(tmp_path))
    first = tmp_path / "run" / "checkpoint"
    more = ("--alpha", "0.5", "--start-from", str(first), "--out", str(tmp_path / "fine"))
    assert main(_arguments(tmp_path, *more)) == 0
    facts = read_config(tmp_path / "fine" / "checkpoint")["metadata"]
    assert facts["alpha"] == 0.5
    assert {"mixture", "cross_entropy", "pearson"} <= set(facts["metrics"])


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--leads", "I,V7"], "'V7' is not one of the twelve leads"),
        (["--leads", ""], "'' is not one of the twelve leads"),
        (["--leads", "I,II,V1,V2,V3,V4,V5,V6"], "already give all twelve leads"),
        (["--leads", "I,II", "--preset", "compare-inputs"], "give one of them"),
        (["--model", "completion", "--leads", "I"], "leave --leads and --preset out"),
        (["--model", "completion", "--alpha", "0.5"], "--alpha works with rescnn"),
        (["--alpha", "1.5"], "from 0 to 1, not 1.5"),
        (["--start-from", "nowhere"], "nowhere is no checkpoint"),
        (["--start-from", "nowhere", "--leads", "I;II"], "one set at a time"),
        (["--max-steps", "0"], "must be at least 1"),
    ],
)
def test_bad_input_gets_one_sentence(
    more: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(_arguments(tmp_path, *more)) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.startswith("ecgphoto: ")
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_another_networks_folder_and_weights_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(_arguments(tmp_path))
    capsys.readouterr()
    assert main(_arguments(tmp_path, "--leads", "I,II")) == 2
    assert "choose another --out" in capsys.readouterr().err
    start = ["--start-from", str(tmp_path / "run" / "checkpoint")]
    other = ["--leads", "I,II,V2", "--out", str(tmp_path / "other")]
    assert main(_arguments(tmp_path, *start, *other)) == 2
    assert "was trained with the leads I, II, V3" in capsys.readouterr().err
    other = ["--model", "u_resnet", "--out", str(tmp_path / "other")]
    assert main(_arguments(tmp_path, *start, *other)) == 2
    assert "do not fit UResNet" in capsys.readouterr().err


def test_a_task_refuses_leads_that_leave_nothing_to_find() -> None:
    records = np.zeros((1, 12, 1000), np.int16)
    with pytest.raises(ValueError, match="already give all"):
        RescnnSmallTask(records, records, ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6"))
