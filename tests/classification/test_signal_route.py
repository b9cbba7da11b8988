"""Several networks make one answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from classification.signal_route import NETWORK_SAMPLES, SignalRoute
from ecg.simulator import simulate


class _Answers:
    """A network whose answer is how much was measured, times a factor."""

    multiple = 1

    def __init__(self, factor: float, classes: tuple[str, ...] = ("MI", "NORM")) -> None:
        self.facts: Mapping[str, Any] = {"classes": list(classes)}
        self.factor = factor

    def __call__(self, *inputs: NDArray[Any]) -> NDArray[np.float32]:
        share = np.isfinite(inputs[0]).mean(axis=(1, 2))
        return (self.factor * np.stack([share, -share], axis=1)).astype(np.float32)


def _record() -> np.ndarray:
    return simulate(np.random.default_rng(0), rate_hz=100).signal_mv[:, :NETWORK_SAMPLES]


def test_networks_are_averaged():
    route = SignalRoute([_Answers(1.0), _Answers(3.0)])
    assert route.targets == ("MI", "NORM")
    np.testing.assert_allclose(route(_record()[None]), [[2.0, -2.0]])


@pytest.mark.parametrize("networks", [[], [_Answers(1.0), _Answers(1.0, ("MI", "STTC"))]])
def test_networks_of_other_targets_do_not_go_together(networks):
    with pytest.raises(ValueError, match="same targets"):
        SignalRoute(networks)
