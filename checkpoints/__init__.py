"""The networks that ship: their names, their facts and their weights, as package data.

One folder each, of the format of ``learning.checkpoint``; ``manifest.json`` holds the sha256 of
every file, checked when it is loaded. Nothing is downloaded and nothing is unpickled.

    >>> import checkpoints
    >>> network = checkpoints.load("mi_signals")  # doctest: +SKIP
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from learning.checkpoint import (
    CARD_FILE,
    CONFIG_FILE,
    WEIGHTS_FILE,
    CheckpointError,
    file_sha256,
    put_folder,
    read_config,
    write_atomically,
)

if TYPE_CHECKING:
    from torch import nn

FOLDER = Path(__file__).parent
MANIFEST_FILE = "manifest.json"
MAX_NETWORK_BYTES = 15_000_000
MAX_TOTAL_BYTES = 40_000_000

__all__ = ["CheckpointError", "available", "install", "install_facts", "load", "metadata", "path"]


def available() -> tuple[str, ...]:
    """Returns the names of what ships, sorted."""
    return tuple(sorted(_manifest()))


def path(name: str) -> Path:
    """Returns the verified folder of a shipped checkpoint.

    Raises:
        CheckpointError: nothing of the name ships, or a file of it is missing or damaged.
    """
    manifest = _manifest()
    if name not in manifest:
        raise CheckpointError(f"no checkpoint named {name!r} ships; there are {sorted(manifest)}")
    folder = FOLDER / name
    for file, expected in manifest[name].items():
        if not (folder / file).is_file():
            raise CheckpointError(f"{folder / file} is missing; install ecgphoto again")
        if file_sha256(folder / file) != expected:
            raise CheckpointError(
                f"{folder / file} is not the file that shipped (its sha256 differs from "
                f"{MANIFEST_FILE}); install ecgphoto again"
            )
    return folder


def load(name: str) -> nn.Module:
    """Loads a shipped network: float32, in evaluation mode, on the CPU.

    Raises:
        CheckpointError: nothing of the name ships, or a file of it is missing or damaged.
    """
    from learning.checkpoint import read_checkpoint

    return read_checkpoint(path(name)).network


def metadata(name: str) -> dict[str, Any]:
    """Returns the facts stored with a shipped network (input size, classes, metrics, ...).

    Raises:
        CheckpointError: as :func:`load`.
    """
    facts: dict[str, Any] = read_config(path(name))["metadata"]
    return facts


def install(folder: Path, name: str) -> Path:
    """Writes a trained checkpoint into the package; the developer's step before shipping.

    A network that can become a graph (``learning.onnx``) gets one, made anew from its weights; an
    8-bit graph (``learning.quantize``) goes with it where there is one.

    Args:
        folder: a folder of the format of ``learning.checkpoint``.
        name: the name to ship it under; an older one of the name is replaced.

    Returns:
        The folder in the package.

    Raises:
        CheckpointError: no checkpoint there, it is too large to ship, or its graph does not
            answer as it does.
    """
    from learning.checkpoint import read_checkpoint
    from learning.onnx import INT8_GRAPH_FILE, OnnxNetwork, export_graph

    network = read_checkpoint(folder).network
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch)
        for file in _NETWORK_FILES:
            shutil.copy(folder / file, copy)
        if hasattr(network, "graph_inputs"):
            export_graph(copy)
        if (folder / INT8_GRAPH_FILE).is_file():
            shutil.copy(folder / INT8_GRAPH_FILE, copy)
            OnnxNetwork(copy, INT8_GRAPH_FILE)  # refuses one of other weights
        return _install_files({file.name: file for file in copy.iterdir()}, name)


def install_facts(folder: Path, name: str) -> Path:
    """Like :func:`install`, for a folder of JSON and Markdown only (no network).

    Raises:
        CheckpointError: the folder has neither, or it is too large to ship.
    """
    files = {file.name: file for file in folder.iterdir() if file.suffix in (".json", ".md")}
    if not files:
        raise CheckpointError(f"{folder} holds no .json or .md to ship")
    return _install_files(files, name)


_NETWORK_FILES = (WEIGHTS_FILE, CONFIG_FILE, CARD_FILE)


def _install_files(files: dict[str, Path], name: str) -> Path:
    if not name.isidentifier():
        raise CheckpointError(f"{name!r} is no good name for a checkpoint; use a_name_like_this")
    size = sum(file.stat().st_size for file in files.values())
    if size > MAX_NETWORK_BYTES:
        raise CheckpointError(f"{name} has {size} bytes; {MAX_NETWORK_BYTES} may ship")
    manifest = _manifest()
    others = sum(
        (FOLDER / other / file).stat().st_size
        for other, listed in manifest.items()
        if other != name
        for file in listed
    )
    if others + size > MAX_TOTAL_BYTES:
        raise CheckpointError(f"with {name} {others + size} bytes ship; {MAX_TOTAL_BYTES} may")
    target = FOLDER / name
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix=f".{name}-") as scratch:
        new = Path(scratch) / "new"
        new.mkdir()
        for file, source in files.items():
            content = source.read_bytes()
            if file == CARD_FILE:  # a card is titled by its folder
                content = _titled(content.decode(), name).encode()
            (new / file).write_bytes(content)
        manifest[name] = {
            file: hashlib.sha256((new / file).read_bytes()).hexdigest() for file in sorted(files)
        }
        put_folder(new, target)
    text = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
    write_atomically(FOLDER / MANIFEST_FILE, text.encode())
    return target


def _titled(card: str, name: str) -> str:
    lines = card.splitlines()
    if lines and lines[0].startswith("# "):
        lines[0] = f"# {name}"
    return "\n".join(lines) + "\n"


def _manifest() -> dict[str, dict[str, str]]:
    try:
        manifest: dict[str, dict[str, str]] = json.loads((FOLDER / MANIFEST_FILE).read_text())
    except FileNotFoundError:
        return {}
    return manifest
