"""Several networks and several views make one answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from classification.signal_route import SAMPLES, SignalRoute
from dataset_generation.printed_windows import PrintedWindows
from ecg.simulator import simulate


class _Answers:
    """A network whose answer is how much was measured, times a factor; it keeps what it saw."""

    multiple = 1

    def __init__(self, factor: float, classes: tuple[str, ...] = ("MI", "NORM")) -> None:
        self.facts: Mapping[str, Any] = {"classes": list(classes)}
        self.factor = factor
        self.seen: list[NDArray[np.float32]] = []

    def __call__(self, *inputs: NDArray[Any]) -> NDArray[np.float32]:
        self.seen.append(inputs[0])
        share = np.isfinite(inputs[0]).mean(axis=(1, 2))
        return (self.factor * np.stack([share, -share], axis=1)).astype(np.float32)


def _record() -> np.ndarray:
    return simulate(np.random.default_rng(0), rate_hz=100).signal_mv[:, :SAMPLES]


def test_networks_are_averaged():
    route = SignalRoute([_Answers(1.0), _Answers(3.0)])
    assert route.targets == ("MI", "NORM")
    np.testing.assert_allclose(route.logits(_record()[None]), [[2.0, -2.0]])


def test_a_whole_record_is_seen_as_pages_too_and_a_page_is_not():
    network = _Answers(1.0)
    route = SignalRoute([network])
    whole = _record()
    page = PrintedWindows("3x4").show(whole, 100.0)
    answers = route.assess(np.stack([whole, page]))
    assert [len(signals) for signals in network.seen] == [2, 1, 1, 1, 1]
    np.testing.assert_allclose(answers[:, 0], [(1 + 0.25) / 2, 0.25], atol=1e-6)


def test_pages_of_a_record_show_each_quarter_of_each_lead_once():
    network = _Answers(1.0)
    whole = _record()
    SignalRoute([network]).assess(whole[None])
    pages = [np.roll(page[0], -250 * turn, axis=1) for turn, page in enumerate(network.seen[1:])]
    seen = np.isfinite(pages)
    assert (seen.sum(axis=0) == 1).all()
    together = np.where(seen, pages, 0).sum(axis=0)
    np.testing.assert_array_equal(together, whole)


@pytest.mark.parametrize("networks", [[], [_Answers(1.0), _Answers(1.0, ("MI", "STTC"))]])
def test_networks_of_other_targets_do_not_go_together(networks):
    with pytest.raises(ValueError, match="same targets"):
        SignalRoute(networks)
