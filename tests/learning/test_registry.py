from __future__ import annotations

import pytest
from torch import nn

from learning.registry import (
    UnknownNetworkError,
    build_network,
    import_network,
    network_module,
    register_network,
    registered_networks,
)


@register_network
class RegistryProbe(nn.Module):
    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.layer = nn.Linear(channels, 1)


def test_a_registered_network_is_built_with_its_arguments() -> None:
    network = build_network("RegistryProbe", channels=5)
    assert isinstance(network, RegistryProbe)
    assert network.layer.in_features == 5
    assert "RegistryProbe" in registered_networks()
    assert network_module("RegistryProbe") == RegistryProbe.__module__


def test_a_misspelt_name_is_told_the_near_one() -> None:
    with pytest.raises(UnknownNetworkError, match="RegistryProbe"):
        build_network("RegistryProb")


def test_arguments_that_json_cannot_hold_are_refused() -> None:
    with pytest.raises(TypeError, match="JSON"):
        build_network("RegistryProbe", channels=object())


def test_two_networks_of_one_name_are_refused() -> None:
    class RegistryProbe(nn.Module):
        pass

    with pytest.raises(ValueError, match="two networks"):
        register_network(RegistryProbe)


@pytest.mark.parametrize("module", ["no_such_module_here", "../evil", "math"])
def test_a_module_that_does_not_register_the_network_is_an_error(module: str) -> None:
    with pytest.raises(UnknownNetworkError):
        import_network("NobodyRegisteredThis", module)
