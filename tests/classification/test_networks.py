"""The classifiers' networks: what must not matter does not, and sizes are right."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import classification.maps_network
import classification.signal_network  # noqa: F401  (both register networks)
from classification.maps_examples import sample_lead_maps
from dataset_generation.printed_windows import PrintedWindows, sample_printed_windows
from ecg.leads import LEAD_INDEX
from ecg.simulator import simulate
from learning.registry import build_network

TINY = {"widths": [8, 8, 8, 8], "kernel": 3, "blocks": 1}


@pytest.fixture(scope="module")
def signal() -> np.ndarray:
    return simulate(np.random.default_rng(0), rate_hz=100).signal_mv


def test_a_constant_offset_of_a_lead_changes_nothing(signal):
    torch.manual_seed(0)
    network = build_network("SignalResNet", **TINY).eval()
    moved = signal.copy()
    moved[3] += 0.7
    with torch.inference_mode():
        a, b = (network(torch.from_numpy(x)[None]) for x in (signal, moved))
    torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3)


def test_missing_samples_are_taken(signal):
    torch.manual_seed(0)
    network = build_network("SignalResNet", **TINY).eval()
    shown = PrintedWindows("3x4").show(signal, 100.0)
    with torch.inference_mode():
        answer = network(torch.from_numpy(shown)[None])
    assert answer.shape == (1, 5)
    assert torch.isfinite(answer).all()


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
    network = build_network("MapsNet", time_network=TINY).eval()
    maps = sample_lead_maps(signal, np.random.default_rng(3))
    ink = torch.from_numpy(maps.ink)[None]
    present = torch.from_numpy(maps.present.astype(np.float32))[None]
    with torch.inference_mode():
        answer = network(ink, present)
    assert answer.shape == (1, 5)
    assert torch.isfinite(answer).all()
