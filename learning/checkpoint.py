"""The checkpoint format: a folder of weights, facts and a card; nothing in it is unpickled.

``model.safetensors`` holds the weights (float16 where that loses nothing that matters),
``config.json`` the network's name, its constructor arguments, the sha256 of the weights and free
metadata (input size, pixels per mm, classes, metrics, training data, licence, citation), and
``README.md`` the same for people.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from learning.registry import build_network, import_network, network_module

if TYPE_CHECKING:
    import torch
    from torch import nn

WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"
CARD_FILE = "README.md"
FORMAT = 1


class CheckpointError(Exception):
    """A checkpoint that is missing, damaged or of another network."""


@dataclass(frozen=True)
class Checkpoint:
    """A network read from a folder and the facts stored beside it.

    Attributes:
        network: the network with its weights, float32, in evaluation mode, on the CPU.
        network_name: its registered name.
        network_arguments: its constructor arguments.
        metadata: the free facts.
    """

    network: nn.Module
    network_name: str
    network_arguments: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict)


def write_checkpoint(
    folder: Path,
    network: nn.Module,
    network_name: str,
    network_arguments: Mapping[str, Any],
    metadata: Mapping[str, Any] | None = None,
    half: bool = True,
) -> Path:
    """Writes a checkpoint folder; a reader sees the old folder or the new one, never a half.

    Args:
        folder: where; an older checkpoint there is replaced.
        network: the network; parameters and buffers are stored.
        network_name: its registered name.
        network_arguments: the arguments that it was built with.
        metadata: free facts, such as JSON holds.
        half: store float parameters as float16. Buffers (such as the running variances of batch
            normalisation) and parameters beyond float16's range stay float32.

    Returns:
        The folder.

    Raises:
        CheckpointError: the folder holds something that is not a checkpoint.
        UnknownNetworkError: the network is not registered, so nobody could load it.
    """
    from safetensors.torch import save_file

    if folder.exists() and any(folder.iterdir()) and not (folder / CONFIG_FILE).exists():
        raise CheckpointError(f"{folder} holds files but no checkpoint; choose another folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        new = Path(scratch) / "new"
        new.mkdir()
        save_file(_stored_tensors(network, half), new / WEIGHTS_FILE)
        config = {
            "format": FORMAT,
            "network": network_name,
            "arguments": dict(network_arguments),
            "module": network_module(network_name),
            "sha256": file_sha256(new / WEIGHTS_FILE),
            "parameters": sum(p.numel() for p in network.parameters()),
            "metadata": dict(metadata or {}),
        }
        (new / CONFIG_FILE).write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n")
        (new / CARD_FILE).write_text(_card(folder.name, config))
        (new / WEIGHTS_FILE).chmod(0o644)
        put_folder(new, folder)
    return folder


def put_folder(new: Path, folder: Path) -> None:
    """Put a new folder in a folder's place, which goes beside it, or back where that fails."""
    old = new.with_name("old")
    try:
        if folder.exists():
            os.replace(folder, old)
        os.replace(new, folder)
    except BaseException:
        if old.exists() and not folder.exists():
            os.replace(old, folder)
        raise


def read_checkpoint(folder: Path, sha256: str | None = None) -> Checkpoint:
    """Reads and verifies a checkpoint folder.

    Args:
        folder: where.
        sha256: what the weights must hash to; by default what ``config.json`` says.

    Raises:
        CheckpointError: a file is missing or damaged, or the weights do not fit the network.
        UnknownNetworkError: the network is not known here.
    """
    from safetensors.torch import load

    config = read_config(folder)
    import_network(config["network"], config["module"])
    try:
        content = (folder / WEIGHTS_FILE).read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"{folder} has no {WEIGHTS_FILE}; copy it there again") from None
    expected = sha256 or config["sha256"]
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise CheckpointError(
            f"{folder / WEIGHTS_FILE} is damaged: its sha256 is {found[:12]}…, "
            f"expected {expected[:12]}…; copy it there again"
        )
    network = build_network(config["network"], **config["arguments"])
    own = network.state_dict()
    stored = {
        name: tensor.to(own[name].dtype) if name in own else tensor
        for name, tensor in load(content).items()
    }
    try:
        network.load_state_dict(stored)
    except RuntimeError as error:
        raise CheckpointError(f"the weights in {folder} do not fit: {error}") from error
    return Checkpoint(
        network=network.eval(),
        network_name=config["network"],
        network_arguments=config["arguments"],
        metadata=config["metadata"],
    )


def read_config(folder: Path) -> dict[str, Any]:
    """Reads ``config.json`` alone: no torch, no weights.

    Raises:
        CheckpointError: there is none, or it is no such file.
    """
    try:
        config = json.loads((folder / CONFIG_FILE).read_text())
    except FileNotFoundError:
        raise CheckpointError(f"{folder} is no checkpoint: it has no {CONFIG_FILE}") from None
    except json.JSONDecodeError as error:
        raise CheckpointError(f"{folder / CONFIG_FILE} is damaged: {error}") from None
    needed = {"format", "network", "arguments", "module", "sha256", "metadata"}
    if not isinstance(config, dict) or not needed <= config.keys():
        raise CheckpointError(f"{folder / CONFIG_FILE} lacks one of {sorted(needed)}")
    if config["format"] != FORMAT:
        raise CheckpointError(f"{folder} has format {config['format']}; this code reads {FORMAT}")
    return config


def update_metadata(folder: Path, **facts: Any) -> None:
    """Adds facts (metrics, licence, ...) to a checkpoint and rewrites its card.

    Raises:
        CheckpointError: no checkpoint there.
    """
    config = read_config(folder)
    config["metadata"].update(facts)
    for name, text in (
        (CONFIG_FILE, json.dumps(config, indent=2, ensure_ascii=False) + "\n"),
        (CARD_FILE, _card(folder.name, config)),
    ):
        write_atomically(folder / name, text.encode())


def file_sha256(path: Path) -> str:
    """Returns the sha256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file so that a reader, or a kill, sees the old content or the new."""
    descriptor, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        shutil.copymode(path, scratch) if path.exists() else os.chmod(scratch, 0o644)
        os.replace(scratch, path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise


def _stored_tensors(network: nn.Module, half: bool) -> dict[str, torch.Tensor]:
    import torch

    parameters = {name for name, _ in network.named_parameters(remove_duplicate=False)}
    tensors = {}
    for name, tensor in network.state_dict().items():
        tensor = tensor.detach().cpu()
        if half and name in parameters and tensor.dtype == torch.float32:
            shorter = tensor.half()
            tensor = shorter if bool(torch.isfinite(shorter).all()) else tensor
        tensors[name] = tensor.clone().contiguous()  # shared tensors are not accepted
    return tensors


def _card(name: str, config: Mapping[str, Any]) -> str:
    lines = [f"# {name}", ""]
    metadata = dict(config["metadata"])
    if "description" in metadata:
        lines += [str(metadata.pop("description")), ""]
    lines += [f"- **network**: `{config['network']}`, {config['parameters']:,} parameters"]
    lines += [f"- **arguments**: `{json.dumps(config['arguments'])}`"]
    for key, value in metadata.items():
        title = f"- **{key.replace('_', ' ')}**:"
        if isinstance(value, Mapping):
            lines += [title] + [f"  - {k.replace('_', ' ')}: {_short(v)}" for k, v in value.items()]
        else:
            lines += [f"{title} {_short(value)}"]
    lines += [f"- **sha256**: `{config['sha256']}`"]
    return "\n".join(lines) + "\n"


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, str):
        return value
    return f"`{json.dumps(value, ensure_ascii=False)}`"
