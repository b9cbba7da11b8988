"""A simulated record, shared by the tests of the generator."""

import pytest

from ecg.record import Record
from ecg.simulator import SimulatorSource


@pytest.fixture(scope="session")
def record() -> Record:
    return SimulatorSource(seed=5)[3]
