"""The classifiers' networks: what must not matter does not, and sizes are right."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import classification.maps_network
import classification.picture_network
import classification.signal_task  # noqa: F401  (they register the networks)
from classification.maps_examples import clean_lead_maps, sample_lead_maps
from dataset_generation.printed_windows import PrintedWindows, sample_printed_windows
from ecg.leads import LEAD_INDEX
from ecg.simulator import simulate
from learning.registry import build_network

TINY = {"widths": [8, 8, 8, 8], "kernel": 3, "blocks": 1}


@pytest.fixture(scope="module")
def signal() -> np.ndarray:
    return simulate(np.random.default_rng(0), rate_hz=100).signal_mv


SIGNAL_NETWORKS = {
    "SignalResNet": TINY,
    "LeadwiseResNet": {"lead_widths": [8, 8], "widths": [8, 8], "kernel": 3},
    "RibeiroNet": {"widths": [8, 8, 8], "kernel": 5},
    "XResNet1d": {"blocks": [1, 1], "widths": [8, 8], "kernel": 3},
    "InceptionNet1d": {"depth": 3, "width": 4, "kernels": [9, 5, 3], "bottleneck": 4},
}


@pytest.fixture(params=SIGNAL_NETWORKS)
def network(request):
    torch.manual_seed(0)
    return build_network(request.param, **SIGNAL_NETWORKS[request.param]).eval()


def test_a_constant_offset_of_a_lead_changes_nothing(signal, network):
    moved = signal.copy()
    moved[3] += 0.7
    with torch.inference_mode():
        a, b = (network(torch.from_numpy(x)[None]) for x in (signal, moved))
    torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3)


def test_missing_samples_are_taken(signal, network):
    shown = PrintedWindows("3x4").show(signal, 100.0)
    with torch.inference_mode():
        answer = network(torch.from_numpy(shown)[None])
    assert answer.shape == (1, 5)
    assert torch.isfinite(answer).all()


def test_every_signal_network_learns(signal, network):
    """Tells a record from its mirror image after a few steps."""
    network.train()
    pair = torch.from_numpy(np.stack([signal, -signal])).repeat(4, 1, 1)
    target = torch.tensor([[1.0], [0.0]]).repeat(4, 5)
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    losses = []
    for _ in range(25):
        noisy = pair + 0.02 * torch.randn_like(pair)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(noisy), target)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss))
    assert min(losses[-5:]) < 0.25 < losses[0]


def test_every_signal_network_becomes_a_graph(network, tmp_path):
    from learning.checkpoint import write_checkpoint
    from learning.onnx import OnnxNetwork, export_graph

    name = type(network).__name__
    write_checkpoint(tmp_path / name, network, name, SIGNAL_NETWORKS[name])
    export_graph(tmp_path / name)  # compares it with the network
    answer = OnnxNetwork(tmp_path / name)(np.zeros((2, 12, 1000), np.float32))
    assert answer.shape == (2, 5)


@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("SignalResNet", 1.9),
        ("LeadwiseResNet", 1.9),
        ("RibeiroNet", 6.8),
        ("XResNet1d", 33),
        ("InceptionNet1d", 0.5),
    ],
)
def test_full_sizes_are_those_of_the_field(name, millions):
    with torch.device("meta"):
        network = build_network(name)
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, rel=0.2)


def test_windows_of_a_3x4_page_follow_one_another():
    mask = PrintedWindows("3x4", rhythm_leads=("II",)).mask(1000, 100.0)
    assert mask[LEAD_INDEX["V1"]].nonzero()[0].tolist() == list(range(500, 750))
    assert mask[LEAD_INDEX["II"]].all()


def test_random_pages_always_show_something():
    for seed in range(100):
        mask = sample_printed_windows(np.random.default_rng(seed)).mask(1000, 100.0)
        assert mask.any(axis=1).sum() >= 6


def test_maps_network_takes_maps_with_missing_leads(signal):
    torch.manual_seed(0)
    network = build_network("MapsNet", time_network=SIGNAL_NETWORKS["LeadwiseResNet"]).eval()
    maps = sample_lead_maps(signal, np.random.default_rng(3))
    ink = torch.from_numpy(maps.ink)[None]
    present = torch.from_numpy(maps.present.astype(np.float32))[None]
    with torch.inference_mode():
        answer = network(ink, present)
    assert answer.shape == (1, 5)
    assert torch.isfinite(answer).all()


def test_maps_network_does_not_see_the_ink_of_a_lead_that_is_absent(signal):
    torch.manual_seed(0)
    network = build_network("MapsNet", time_network=SIGNAL_NETWORKS["LeadwiseResNet"]).eval()
    torch.nn.init.normal_(
        network.get_parameter("picture.3.weight")
    )  # the picture path begins at nothing
    ink = torch.from_numpy(clean_lead_maps(signal, PrintedWindows("3x4")).ink)[None]
    without = ink.clone()
    without[0, 4] = 0
    present = torch.ones(1, 12)
    present[0, 4] = 0
    with torch.inference_mode():
        torch.testing.assert_close(network(ink, present), network(without, present))
        assert not torch.allclose(network(ink, torch.ones(1, 12)), network(without, present))


@pytest.mark.parametrize("view", ["leads", "merged"])
def test_the_picture_network_does_not_see_what_is_absent(signal, view):
    torch.manual_seed(0)
    network = build_network("MapsPictureNet", n_outputs=3, view=view).eval()
    maps = sample_lead_maps(signal, np.random.default_rng(0))
    present = torch.ones(1, 12)
    present[0, 4] = 0
    ink = torch.from_numpy(maps.ink)[None]
    without = ink.clone()
    without[0, 4] = 0
    with torch.inference_mode():
        torch.testing.assert_close(network(ink, present), network(without, present))
        assert not torch.allclose(network(ink, torch.ones(1, 12)), network(without, present))


def test_the_seed_systems_backbone_is_there_and_an_unknown_one_is_named():
    with torch.device("meta"):
        network = build_network(
            "MapsPictureNet", n_outputs=1000, backbone="resnet152", view="merged"
        )
    assert sum(weight.numel() for weight in network.parameters()) == 60_192_808
    with pytest.raises(ValueError, match="no backbone 'vgg16'; there are resnet101"):
        build_network("MapsPictureNet", backbone="vgg16")
