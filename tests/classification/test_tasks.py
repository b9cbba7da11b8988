"""Both MI routes train through the one training entry and give a checkpoint that loads."""

import numpy as np
import pandas as pd
import pytest
import torch

from classification.diagnosis_task import BUDGET
from classification.leadwise_network import LeadwiseResNet
from classification.maps_examples import clean_lead_maps
from classification.maps_network import MapsNet
from classification.maps_task import MapsTask, maps_logits
from classification.readings_task import ReadingsTask
from classification.signal_network import SignalResNet
from classification.signal_task import SignalTask, signal_logits
from classification.targets import ACUTE_INJURY, STATEMENTS, TARGETS, targets_of
from dataset_generation.printed_windows import PrintedWindows
from dataset_generation.readings_folder import ReadingRow, ReadingsError, write_maps, write_rows
from ecg.simulator import simulate
from learning.checkpoint import read_checkpoint
from learning.inference import TorchNetwork
from learning.options import TrainingOptions
from learning.training import train


@pytest.fixture(scope="module")
def records():
    rng = np.random.default_rng(0)
    signals = np.stack([simulate(rng).signal_mv[:, ::5][:, :1000] for _ in range(8)])
    targets = np.zeros((8, len(TARGETS)), np.float32)
    targets[::2, 0] = targets[1::2, 1] = targets[::3, 2] = targets[::4, 3] = targets[::5, 4] = 1
    targets[::2, 5:9] = np.eye(4)
    targets[1, 9:] = np.nan
    return (signals * 1000).astype(np.int16), targets


def _options(folder):
    return TrainingOptions(
        ptbxl=folder, out=folder / "run", max_steps=2, batch_size=4, validate_every_steps=2
    )


def test_signal_route_trains(records, tmp_path):
    folder = train(SignalTask(*records, *records), _options(tmp_path).training_config(**BUDGET))
    checkpoint = read_checkpoint(folder)
    logits = signal_logits(TorchNetwork(checkpoint.network), records[0])
    assert logits.shape == (8, len(TARGETS))
    assert np.isfinite(logits).all()
    assert checkpoint.metadata["classes"] == list(TARGETS)
    assert checkpoint.metadata["rate_hz"] == 100


def test_maps_route_begins_with_the_signal_networks_weights_and_trains(records, tmp_path):
    uv, targets = records
    torch.manual_seed(0)
    initial = LeadwiseResNet(n_outputs=len(TARGETS)).eval()
    task = MapsTask(uv, targets, uv, targets, initial=initial)
    fresh = MapsNet(**task.network_arguments).eval()
    page = PrintedWindows("3x4")
    from_signals = signal_logits(TorchNetwork(initial), uv, page)
    before = np.abs(maps_logits(fresh, uv, page) - from_signals).mean()
    task.prepare(fresh)
    after = np.abs(maps_logits(fresh, uv, page) - from_signals).mean()
    assert after < 0.1 * before
    folder = train(task, _options(tmp_path).training_config(**BUDGET))
    logits = maps_logits(read_checkpoint(folder).network, records[0], PrintedWindows("3x4"))
    assert logits.shape == (8, len(TARGETS))
    assert np.isfinite(logits).all()


def test_the_signal_route_may_begin_with_a_network_of_other_outputs(records):
    torch.manual_seed(0)
    uv, targets = records
    initial = SignalResNet(n_outputs=5)
    task = SignalTask(uv, targets, uv, targets, initial=initial)
    fresh = SignalResNet(**task.network_arguments)
    task.prepare(fresh)
    taken, given = fresh.state_dict(), initial.state_dict()
    torch.testing.assert_close(taken["stem.0.weight"], given["stem.0.weight"])
    assert taken["head.3.weight"].shape[0] == len(TARGETS)


def test_an_unknown_target_does_not_move_the_loss(records):
    torch.manual_seed(0)
    task = SignalTask(*records, *records)
    network = SignalResNet(**task.network_arguments).eval()
    signals = torch.from_numpy(records[0].astype(np.float32) / 1000)
    targets = torch.from_numpy(records[1])
    loss, _ = task.loss(network, (signals, targets))
    assert torch.isfinite(loss)
    changed = targets.clone()
    changed[0, TARGETS.index("MI")] = 1 - changed[0, TARGETS.index("MI")]
    assert task.loss(network, (signals, changed))[0] != loss
    only_known = targets.clone()
    only_known[1, TARGETS.index("MI")] = np.nan
    assert torch.isfinite(task.loss(network, (signals, only_known))[0])


def test_targets_are_unknown_where_the_codes_are_not():
    index = pd.DataFrame(
        {
            "superclasses": [("MI", "STTC"), ("MI",), ("NORM",)],
            "codes": [{"INJIL": 100.0, "SR": None}, None, None],
        }
    )
    found = pd.DataFrame(targets_of(index), columns=list(TARGETS))
    assert found["MI"].tolist() == [1, 1, 0]
    assert found["STTC"].tolist() == [1, 0, 0]
    assert found.loc[0, ["anterior", "inferior", "lateral", ACUTE_INJURY]].tolist() == [0, 1, 1, 1]
    assert found.loc[1, ["anterior", ACUTE_INJURY]].isna().all()
    assert found.loc[2, ["anterior", ACUTE_INJURY]].tolist() == [0, 0]
    assert found["SR"].tolist()[0] == 1
    assert found.loc[1:, list(STATEMENTS)].isna().all(axis=None)


@pytest.fixture
def readings(records, tmp_path):
    """Twelve readings: eight to train on, one of them poor, and four of fold 9."""
    folder = tmp_path / "readings"
    (folder / "maps").mkdir(parents=True)
    (folder / "merged").mkdir()
    rows = []
    for number in range(12):
        row = ReadingRow(
            f"r{number}",
            fold=1 if number < 8 else 9,
            target="mi" if number % 2 else "normal",
            status="kept",
            quality=0.2 if number == 0 else 0.9,
        )
        maps = clean_lead_maps(
            records[0][number % 8].astype(np.float32) / 1000, PrintedWindows("3x4")
        )
        rows.append(write_maps(maps, folder, row))
    rows.append(ReadingRow("rejected", fold=1, target="mi", status="rejected", reason="dark"))
    rows.append(write_maps(maps, folder, ReadingRow("unknown", fold=1, status="kept")))
    write_rows(rows, folder)
    return folder


@pytest.mark.parametrize("view", ["leads", "merged"])
def test_a_picture_network_trains_on_readings(readings, tmp_path, view):
    task = ReadingsTask(
        readings,
        least_quality=0.5,
        network_name="MapsPictureNet",
        network_arguments={"view": view},
        loss="focal",
    )
    assert len(task.train_dataset()) == 7
    checkpoint = read_checkpoint(train(task, _options(tmp_path).training_config(**BUDGET)))
    assert checkpoint.metadata["loss"] == "focal"
    ink, present, _ = task.train_dataset()[0]
    with torch.inference_mode():
        logits = checkpoint.network(torch.from_numpy(ink)[None], torch.from_numpy(present)[None])
    assert logits.shape == (1, len(TARGETS))


def test_readings_of_one_kind_only_are_refused(readings):
    with pytest.raises(ReadingsError, match=r"0 readings of folds 1-8 .* 4 of fold 9"):
        ReadingsTask(readings, least_quality=0.95)


def test_focal_loss_counts_what_is_told_well_less(records):
    torch.manual_seed(0)
    network = SignalResNet(n_outputs=len(TARGETS)).eval()
    signals = torch.from_numpy(records[0].astype(np.float32) / 1000)
    batch = (signals, torch.from_numpy(records[1]))
    plain, focal = (
        SignalTask(*records, *records, loss=name).loss(network, batch)[0]
        for name in ("bce", "focal")
    )
    assert 0 < float(focal) < float(plain)
