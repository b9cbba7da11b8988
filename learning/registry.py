"""Networks by name.

A network is registered by one decorator and built by name; its constructor arguments are the
whole truth about it, so that a name and its arguments in a JSON file remake it anywhere.
"""

from __future__ import annotations

import difflib
import importlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from torch import nn

Constructor = TypeVar("Constructor", bound=Callable[..., Any])

_constructors: dict[str, Callable[..., Any]] = {}


class UnknownNetworkError(LookupError):
    """No network of this name is registered."""


def register_network(constructor: Constructor) -> Constructor:
    """Registers a network class, or a function that returns a network, under its own name.

    Example:
        >>> from torch import nn
        >>> @register_network
        ... class TwoTaps(nn.Module):
        ...     def __init__(self, channels: int = 1) -> None:
        ...         super().__init__()
        ...         self.taps = nn.Conv1d(channels, channels, 2)
        >>> build_network("TwoTaps", channels=3).taps.in_channels
        3

    Raises:
        ValueError: another constructor has the name.
    """
    name = constructor.__name__
    known = _constructors.get(name)
    if known is not None and (known.__module__, known.__qualname__) != (
        constructor.__module__,
        constructor.__qualname__,
    ):
        raise ValueError(
            f"two networks are named {name}: one in {known.__module__}, one in "
            f"{constructor.__module__}; rename one of them"
        )
    _constructors[name] = constructor
    return constructor


def registered_networks() -> tuple[str, ...]:
    """Returns the names of all networks registered so far, sorted."""
    return tuple(sorted(_constructors))


def network_module(name: str) -> str:
    """Returns the module that registers a network, for the checkpoint to name it.

    Raises:
        UnknownNetworkError: no such network.
    """
    return str(_constructor(name).__module__)


def import_network(name: str, module: str) -> None:
    """Imports the module that registers a network, unless it is registered already.

    Raises:
        UnknownNetworkError: the module is missing, or does not register the name.
    """
    if name in _constructors:
        return
    if not all(part.isidentifier() for part in module.split(".")):
        raise UnknownNetworkError(f"{module!r}, said to register the network {name}, is no module")
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise UnknownNetworkError(
            f"the network {name} is registered by {module}, which cannot be imported: {error}"
        ) from error
    _constructor(name)


def build_network(name: str, **arguments: Any) -> nn.Module:
    """Builds a registered network.

    Args:
        name: the name of its class or function.
        **arguments: its constructor arguments; anything that JSON holds.

    Raises:
        UnknownNetworkError: no such network; the message names the nearest ones.
        TypeError: an argument that JSON cannot hold, or that the constructor does not take.
    """
    constructor = _constructor(name)
    try:
        json.dumps(arguments)
    except TypeError as error:
        raise TypeError(
            f"the arguments of {name} must be such that JSON holds them: {error}"
        ) from None
    network: nn.Module = constructor(**arguments)
    return network


def _constructor(name: str) -> Callable[..., Any]:
    if name in _constructors:
        return _constructors[name]
    near = difflib.get_close_matches(name, _constructors, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {sorted(_constructors)}"
    raise UnknownNetworkError(
        f"no network is named {name!r}; {hint} (a network is known once its module is imported)"
    )
