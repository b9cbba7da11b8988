"""Networks of fixed leads learn, also through a classifier, and tell how far they err."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from ecg.simulator import simulate
from learning.checkpoint import CheckpointError, read_checkpoint, read_config
from learning.options import TrainingOptions
from learning.registry import build_network
from learning.training import STATE_FILE, train
from reconstruction.completion_task import CompletionTask
from reconstruction.deviation import store_deviation
from reconstruction.reconstructor import NetworkReconstructor
from reconstruction.rescnn_task import SMALL, RescnnSmallTask, RescnnTask, negative_r2
from reconstruction.task import millivolts
from reconstruction.through_classification import ThroughClassificationTask
from reconstruction.u_resnet_task import UResNetTask
from reconstruction.visible import show_leads

LEADS_GIVEN = ("I", "II", "V3")
TINY = {"width": 4, "lead_blocks": 1, "output_blocks": 1, "kernel": 3, "fold": 4}


@pytest.fixture(scope="module")
def records() -> np.ndarray:
    rng = np.random.default_rng(0)
    signals = np.stack([simulate(rng, rate_hz=100, noise=0.3).signal_mv for _ in range(32)])
    return (signals * 1000).astype(np.int16)


def _train(task, folder, steps, rate=3e-3):
    options = TrainingOptions(
        ptbxl=folder, out=folder / "run", max_steps=steps, batch_size=8, threads=1,
        learning_rate=rate, validate_every_steps=steps, device="cpu",
    )  # fmt: skip
    return train(task, options.training_config(ema_decay=0.9, warmup_steps=10))


@pytest.mark.parametrize(
    ("task", "arguments", "steps"),
    [
        (RescnnTask, {"width": 8, "kernel": 5, "fold": 4}, 110),
        (RescnnSmallTask, {**SMALL, "width": 12, "trunk_blocks": 1}, 80),
        (UResNetTask, {"widths": [12, 16, 16, 24, 24], "bottleneck": 16, "dropout": 0.0}, 100),
    ],
)
def test_network_overfits_32_records(task, arguments, steps, records, tmp_path):
    one = task(records, records, LEADS_GIVEN, arguments)
    torch.manual_seed(0)
    before = one.validation(build_network(one.network_name, **one.network_arguments).eval())
    figures = read_config(_train(one, tmp_path, steps))["metadata"]["metrics"]
    assert before["pearson"] < 0.5
    assert figures["pearson"] > 0.9
    assert figures["r2"] > 0.75


def test_r2_loss_is_exact_above_zero_and_bounded_in_effect_below():
    rng = np.random.default_rng(0)
    truth = torch.from_numpy(rng.normal(0, 1, (1, 3, 1000)).astype(np.float32)) + 0.7
    truth[:, 2] = 0.0  # a constant lead
    near = truth + 0.1 * torch.from_numpy(rng.normal(0, 1, (1, 3, 1000)).astype(np.float32))
    loss = negative_r2(near, truth)
    assert loss[0, :2].tolist() == pytest.approx([-0.99, -0.99], abs=2e-3)
    assert torch.isfinite(loss).all()
    far = (truth + 100).requires_grad_()
    negative_r2(far, truth).sum().backward()
    assert loss[0, 2] < 6
    assert far.grad is not None
    assert float(far.grad.abs().max()) < 1


class _Detector(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(12, 2)

    def forward(self, signal_mv):
        return self.layer(signal_mv.std(-1))


def _through_classification(records, alpha):
    torch.manual_seed(1)
    labels = (np.arange(len(records)) % 2).astype(np.float32)
    own = RescnnTask(records, records, LEADS_GIVEN, TINY)
    detector = _Detector()
    return ThroughClassificationTask(own, labels, records, labels, detector, alpha), detector


def test_the_detector_teaches_the_reconstructor_and_stays_as_it_is(records, tmp_path):
    task, detector = _through_classification(records[:8], alpha=0.0)
    network = build_network(task.network_name, **task.network_arguments)
    batch = task.collate([task.train_dataset()[index] for index in range(4)])
    loss, _ = task.loss(network, batch)
    loss.backward()
    assert all(
        p.grad is not None and p.grad.abs().sum() > 0
        for p in network.get_submodule("outputs").parameters()
    )
    assert all(p.grad is None for p in detector.parameters())
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    folder = _train(task, tmp_path, 4)
    for name, value in detector.state_dict().items():
        assert torch.equal(value, before[name])
    checkpoint = read_checkpoint(folder)
    assert set(checkpoint.network.state_dict()) == set(network.state_dict())
    assert {"mixture", "pearson", "cross_entropy", "auroc_mi"} <= set(
        checkpoint.metadata["metrics"]
    )
    state = torch.load(tmp_path / "run" / STATE_FILE, weights_only=True)
    held = sum(len(group["params"]) for group in state["optimizer"]["param_groups"])
    assert held == len(list(network.parameters()))


def test_alpha_mixes_the_two_losses(records):
    def loss(alpha):
        task, _ = _through_classification(records[:8], alpha)
        torch.manual_seed(0)
        network = build_network(task.network_name, **task.network_arguments).eval()
        batch = task.collate([task.train_dataset()[index] for index in range(4)])
        return float(task.loss(network, batch)[0].detach())

    assert loss(0.25) == pytest.approx(0.25 * loss(1.0) + 0.75 * loss(0.0), rel=1e-4)


def test_a_run_starts_from_another_checkpoint_of_the_same_leads_only(records, tmp_path):
    first = _train(RescnnTask(records, records[:4], LEADS_GIVEN, TINY), tmp_path, 3)
    task = RescnnTask(records, records[:4], LEADS_GIVEN, TINY)
    task.start_from = first
    network = build_network(task.network_name, **task.network_arguments)
    task.prepare(network)
    kept = read_checkpoint(first).network.state_dict()
    assert all(torch.equal(value, kept[name]) for name, value in network.state_dict().items())
    other = RescnnTask(records, records[:4], ("I", "II", "V2"), TINY)
    other.start_from = first
    with pytest.raises(CheckpointError, match="do not fit"):
        other.prepare(build_network(other.network_name, **other.network_arguments))


def test_the_deviation_holds_two_thirds_of_the_errors(records, tmp_path):
    folder = _train(RescnnTask(records, records, LEADS_GIVEN, TINY), tmp_path, 20)
    deviation = store_deviation(folder, records)
    assert store_deviation(folder, records) == deviation  # again after a resume
    assert isinstance(deviation, list)
    assert [value > 0 for value in deviation] == [False] * 6 + [True, True, False] + [True] * 3
    model = NetworkReconstructor.open(folder, "cpu")
    truth = millivolts(records)
    estimate = model.estimate(show_leads(truth, LEADS_GIVEN))
    from ecg.metrics.reconstruction import high_pass_matrix

    error = np.abs((estimate.signal_mv - truth) @ high_pass_matrix(1000))[:, 7, 50:-50]
    assert (error < estimate.deviation_mv[:, 7, 50:-50]).mean() == pytest.approx(0.68, abs=0.01)


def test_completion_gets_one_factor_for_its_scales(records, tmp_path):
    tiny = {"width": 16, "before": 1, "after": 1, "heads": 1, "key_width": 4}
    folder = _train(CompletionTask(records[:8], records[:4], tiny), tmp_path, 2)
    factor = store_deviation(folder, records[:4])
    assert isinstance(factor, float)
    assert factor > 0
    assert read_config(folder)["metadata"]["deviation"] == factor
