"""The completion network and its training task."""

import numpy as np
import pytest
import torch

from ecg.leads import LEADS, einthoven_residual_mv
from ecg.simulator import simulate
from learning.checkpoint import read_checkpoint, update_metadata
from learning.options import TrainingOptions
from learning.training import train
from reconstruction.completion_examples import CompletionExamples
from reconstruction.completion_network import CompletionNet
from reconstruction.completion_task import CompletionTask
from reconstruction.reconstructor import NetworkReconstructor, ReconstructionError
from reconstruction.visible import PAGE_3X4_1, lead_rows, sample_visible, show_leads

SMALL = {"width": 32, "before": 1, "after": 2, "heads": 1, "key_width": 8}


@pytest.fixture(scope="module")
def signals_uv():
    rng = np.random.default_rng(0)
    records = np.stack([simulate(rng).signal_mv[:, ::5][:, :1000] for _ in range(16)])
    return (1000 * records).astype(np.int16)


def test_any_part_gives_twelve_leads_that_agree(signals_uv):
    torch.manual_seed(0)
    network = CompletionNet(**SMALL).eval()
    rng = np.random.default_rng(0)
    truth = signals_uv.astype(np.float32) / 1000
    shown = np.stack(
        [np.where(sample_visible(rng, 1000, 100.0), one, np.float32(np.nan)) for one in truth]
    )
    with torch.inference_mode():
        answer = network(torch.from_numpy(shown)).numpy()
    assert answer.shape == (16, 24, 1000)
    assert np.isfinite(answer).all()
    assert (answer[:, 12:] > 0).all()
    assert max(1000 * np.abs(einthoven_residual_mv(one)).max() for one in answer[:, :12]) <= 1


def test_an_electrodes_offset_does_not_matter(signals_uv):
    torch.manual_seed(0)
    network = CompletionNet(**SMALL).eval()
    shown = torch.from_numpy(PAGE_3X4_1.show(signals_uv[0].astype(np.float32) / 1000, 100.0))[None]
    with torch.inference_mode():
        moved = network(shown + torch.linspace(-2, 2, 12)[:, None])
        torch.testing.assert_close(moved, network(shown), atol=1e-4, rtol=1e-3)


def test_the_lookup_brings_what_a_lead_showed_elsewhere(signals_uv):
    """Its answer is a mean of the lead's own measured samples, whatever the weights."""
    torch.manual_seed(0)
    network = CompletionNet(**SMALL).eval()
    mask = torch.zeros(1, 12, 1000)
    mask[:, 7, 100:300] = 1
    signal = mask * 0.7
    found, support = network.lookup(torch.randn(1, 250, 32), signal, mask)
    torch.testing.assert_close(
        found[..., 7], torch.full_like(found[..., 7], 0.7), atol=0.02, rtol=0
    )
    others = [lead for lead in range(12) if lead != 7]
    assert (found[..., others] == 0).all()
    assert (support[..., others] == 0).all()


def test_examples_hide_parts_and_keep_the_truth_whole(signals_uv):
    examples = CompletionExamples(signals_uv)
    rng = np.random.default_rng(0)
    hidden = []
    for index in range(60):
        shown, truth = examples.example(index % 16, rng)
        assert np.isfinite(truth).all()
        assert np.isfinite(shown).any()
        hidden.append(np.isnan(shown).mean())
        seen = np.isfinite(shown)
        assert np.abs(shown[seen] - truth[seen]).max() < 3
    assert 0.2 < np.mean(hidden) < 0.9
    again = examples.example(3, np.random.default_rng(7))
    for one, other in zip(again, examples.example(3, np.random.default_rng(7)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_it_trains_and_reads_back_as_a_reconstructor(signals_uv, tmp_path):
    options = TrainingOptions(
        ptbxl=tmp_path, out=tmp_path / "run", max_steps=2, batch_size=4, validate_every_steps=2
    )
    folder = train(CompletionTask(signals_uv, signals_uv[:4], SMALL), options.training_config())
    assert read_checkpoint(folder).metadata["model"] == "completion"
    update_metadata(folder, deviation=1.5)
    reconstructor = NetworkReconstructor.open(folder, "cpu")
    shown = show_leads(signals_uv[:2].astype(np.float32) / 1000, ("I", "V2"))
    found = reconstructor.estimate(shown)
    assert found.signal_mv.shape == found.deviation_mv.shape == (2, 12, 1000)
    with pytest.raises(ReconstructionError, match="no lead at all"):
        reconstructor.estimate(np.full_like(shown, np.nan))


def test_the_loss_falls_when_the_network_learns(signals_uv):
    """Overfits 16 records: filled leads correlate after 60 steps, not before."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    task = CompletionTask(signals_uv, signals_uv, SMALL)
    network = CompletionNet(**SMALL)
    optimizer = torch.optim.AdamW(network.parameters(), 4e-3)
    truth = torch.from_numpy(signals_uv.astype(np.float32) / 1000)
    shown = torch.from_numpy(show_leads(truth.numpy(), ("I", "II", "V3")))
    figures = []
    for _ in range(60):
        loss, figure = task.loss(network, (shown, truth))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        figures.append(figure["correlation"])
    assert figures[0] < 0.3
    assert figures[-1] > 0.8


@pytest.mark.parametrize("leads", [("X1",), (), ("I", "V9")])
def test_leads_that_are_none_are_refused(leads):
    with pytest.raises(ValueError, match=r"choose from|not one of the twelve"):
        lead_rows(leads)


def test_device_lead_sets_and_pages_are_drawn():
    rng = np.random.default_rng(0)
    whole = set()
    for _ in range(300):
        seen = sample_visible(rng, 1000, 100.0)
        assert seen.any()
        whole.add(tuple(np.array(LEADS)[seen.all(axis=1)]))
    assert ("I",) in whole
    assert ("I", "II", "V3") in whole
    assert ("II",) in whole  # of usual pages
