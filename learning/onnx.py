"""Networks as ONNX graphs, which a CPU runs sooner and in less memory than torch.

A graph file is small, for it holds no weights: its initializers are external data that lie in the
checkpoint's own ``model.safetensors``, half precision and all, and are made float32 where a graph
is loaded. So there is one file of weights, and no second one that could differ from it.
"""

from __future__ import annotations

import functools
import json
import math
import os
import struct
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from learning.checkpoint import (
    WEIGHTS_FILE,
    CheckpointError,
    file_sha256,
    read_checkpoint,
    read_config,
    write_atomically,
)

if TYPE_CHECKING:
    import onnx

GRAPH_FILE = "model.onnx"
INT8_GRAPH_FILE = "model.int8.onnx"
OPSET = 17
TOLERANCE = 1e-3
"""A graph may differ from its network by this share of the largest output."""
_MADE_BY = {
    GRAPH_FILE: "make it with learning.onnx.export_graph",
    INT8_GRAPH_FILE: "make it with learning.quantize.quantize_graph",
}
_OUTPUT = "answer"
_WEIGHTS_SHA256 = "weights_sha256"
_MULTIPLE = "multiple"


@dataclass(frozen=True)
class GraphInput:
    """One input of a network that can become a graph.

    A network says what it takes in an attribute ``graph_inputs``: these by the names of its
    ``forward``'s arguments.

    Attributes:
        shape: sizes of an example.
        free_axes: axes that may have other sizes, multiples of the example's where the network
            has an attribute ``multiple``.
        dtype: numpy's name of the type.
    """

    shape: tuple[int, ...]
    free_axes: tuple[int, ...] = (0,)
    dtype: str = "float32"

    def example(self, rng: np.random.Generator, times: int = 1) -> NDArray[Any]:
        """Random values, the free axes so many times as long."""
        shape = [n * times if axis in self.free_axes else n for axis, n in enumerate(self.shape)]
        if self.dtype == "uint8":
            return rng.integers(0, 256, shape, np.uint8)
        return rng.random(shape).astype(self.dtype)


def export_graph(folder: Path) -> Path:
    """Writes the graph of a checkpoint beside its weights, and checks it against the network.

    Args:
        folder: a checkpoint whose network has ``graph_inputs``.

    Returns:
        The file written.

    Raises:
        CheckpointError: no checkpoint there, its network has no ``graph_inputs``, or the graph
            does not answer as the network does.
    """
    import onnx

    network: Any = read_checkpoint(folder).network
    inputs: Mapping[str, GraphInput] | None = getattr(network, "graph_inputs", None)
    if inputs is None:
        raise CheckpointError(
            f"the network in {folder} cannot become a graph: {type(network).__name__} has no "
            "graph_inputs; give it what learning.onnx.GraphInput describes"
        )
    feeds = {name: one.example(np.random.default_rng(0)) for name, one in inputs.items()}
    model = onnx.load_from_string(_traced(network, inputs, feeds))
    _fix_enlargements(model, feeds)
    _drop_unused(model)
    _refer_to_weights(model, folder / WEIGHTS_FILE)
    facts = {
        _WEIGHTS_SHA256: file_sha256(folder / WEIGHTS_FILE),
        _MULTIPLE: str(getattr(network, "multiple", 1)),
    }
    onnx.helper.set_model_props(model, facts)
    write_atomically(folder / GRAPH_FILE, model.SerializeToString())
    try:
        _compare(network, OnnxNetwork(folder), inputs)
    except CheckpointError:
        (folder / GRAPH_FILE).unlink()
        raise
    return folder / GRAPH_FILE


class OnnxNetwork:
    """A graph, ready to run on the CPU.

    Args:
        folder: a checkpoint with a graph.
        file: which of its graphs; ``learning.quantize`` makes the one of 8-bit integers.
        threads: threads of a run; by default ``thread_count()``.

    Attributes:
        facts: the metadata of the checkpoint.
        multiple: what the sides of a picture must be multiples of.

    Raises:
        CheckpointError: there is no graph, or it belongs to other weights.
    """

    def __init__(self, folder: Path, file: str = GRAPH_FILE, threads: int | None = None) -> None:
        import onnxruntime

        config = read_config(folder)
        if not (folder / file).is_file():
            raise CheckpointError(f"{folder} has no {file}; {_MADE_BY[file]}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or thread_count()
        # It would keep a plan and its memory for every size of picture that was ever seen.
        options.enable_mem_pattern = False
        _share_memory()
        options.add_session_config_entry("session.use_env_allocators", "1")
        # A thread that waits for work would keep a core from the rest of the program.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            str(folder / file), options, providers=["CPUExecutionProvider"]
        )
        facts = self._session.get_modelmeta().custom_metadata_map
        if facts.get(_WEIGHTS_SHA256) != config["sha256"]:
            raise CheckpointError(
                f"{folder / file} belongs to other weights than {WEIGHTS_FILE} beside it; "
                f"{_MADE_BY[file]}"
            )
        self.facts: Mapping[str, Any] = config["metadata"]
        self.multiple = int(facts[_MULTIPLE])
        self._shapes: list[tuple[int, ...]] = []
        self._shrink = onnxruntime.RunOptions()
        self._shrink.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._names = [one.name for one in self._session.get_inputs()]

    def __call__(self, *inputs: NDArray[Any]) -> NDArray[np.float32]:
        """The network's answer to its inputs, in the order of its ``forward``."""
        feeds = dict(zip(self._names, inputs, strict=True))
        shapes = [one.shape for one in inputs]
        # Pictures of one size use the same memory again; that of another size is given back.
        run_options = None if shapes == self._shapes else self._shrink
        self._shapes = shapes
        answer: NDArray[np.float32] = self._session.run(None, feeds, run_options)[0]
        return answer


def thread_count() -> int:
    """Threads that a run may use: ``OMP_NUM_THREADS`` where it is set, else the cores here."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@functools.cache
def _share_memory() -> None:
    """Let all graphs of this process use one memory arena, grown by no more than is asked for."""
    import onnxruntime

    place = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    arena = onnxruntime.OrtArenaCfg({"arena_extend_strategy": 1})
    onnxruntime.create_and_register_allocator(place, arena)


def _traced(
    network: Any, inputs: Mapping[str, GraphInput], feeds: Mapping[str, NDArray[Any]]
) -> bytes:
    """The graph as torch writes it, its initializers named as the network's own tensors."""
    import torch

    axes = {
        name: {axis: f"{name}_{axis}" for axis in one.free_axes} for name, one in inputs.items()
    }
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / GRAPH_FILE
        torch.onnx.export(
            network,
            tuple(torch.from_numpy(feed) for feed in feeds.values()),
            str(path),
            dynamo=False,  # the other exporter needs a further package
            opset_version=OPSET,
            do_constant_folding=False,  # it would rename and change the weights
            input_names=list(inputs),
            output_names=[_OUTPUT],
            dynamic_axes=axes,
        )
        return path.read_bytes()


def _fix_enlargements(model: onnx.ModelProto, feeds: Mapping[str, NDArray[Any]]) -> None:
    """Give what repeats pixels by whole factors these factors in place of computed sizes.

    ONNX Runtime keeps the layout of its fast convolutions through the former only.
    """
    import onnx
    import onnxruntime

    enlargements = [
        node
        for node in model.graph.node
        if node.op_type == "Resize"
        and any(one.name == "mode" and one.s == b"nearest" for one in node.attribute)
    ]
    if not enlargements:
        return
    seen = onnx.ModelProto()
    seen.CopyFrom(model)
    names = [name for node in enlargements for name in (node.input[0], node.output[0])]
    del seen.graph.output[:]
    seen.graph.output.extend(
        onnx.helper.make_empty_tensor_value_info(name) for name in dict.fromkeys(names)
    )
    session = onnxruntime.InferenceSession(
        seen.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    values = session.run(names, dict(feeds))
    for number, node in enumerate(enlargements):
        small, large = values[2 * number].shape, values[2 * number + 1].shape
        if any(b % a for a, b in zip(small, large, strict=True)):
            continue
        factors = [float(b // a) for a, b in zip(small, large, strict=True)]
        name = f"{node.output[0]}_factors"
        model.graph.initializer.append(
            onnx.helper.make_tensor(name, onnx.TensorProto.FLOAT, [len(factors)], factors)
        )
        source = node.input[0]
        del node.input[:]
        node.input.extend([source, "", name])


def _drop_unused(model: onnx.ModelProto) -> None:
    """Take out the nodes and initializers of which nothing comes."""
    while True:
        used = {name for node in model.graph.node for name in node.input}
        used |= {output.name for output in model.graph.output}
        nodes = [node for node in model.graph.node if used.intersection(node.output)]
        if len(nodes) == len(model.graph.node):
            break
        del model.graph.node[:]
        model.graph.node.extend(nodes)
    kept = [tensor for tensor in model.graph.initializer if tensor.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def _refer_to_weights(model: onnx.ModelProto, weights: Path) -> None:
    """Let the initializers that lie in a safetensors file be read from there."""
    import onnx

    with weights.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        stored = json.loads(file.read(length))
    types = {"F16": onnx.TensorProto.FLOAT16, "F32": onnx.TensorProto.FLOAT}
    casts = []
    for tensor in model.graph.initializer:
        place = stored.get(tensor.name)
        if place is None or place["dtype"] not in types:
            continue
        if list(tensor.dims) != place["shape"]:
            raise CheckpointError(
                f"{tensor.name} is {list(tensor.dims)} in the graph and {place['shape']} in "
                f"{weights}; was the network changed after it was trained?"
            )
        if place["dtype"] == "F16":
            stored_name = f"{tensor.name}_stored"
            casts.append(
                onnx.helper.make_node(
                    "Cast", [stored_name], [tensor.name], to=onnx.TensorProto.FLOAT
                )
            )
            tensor.name = stored_name
        begin, end = place["data_offsets"]
        for field in ("raw_data", "float_data"):
            tensor.ClearField(field)
        tensor.data_type = types[place["dtype"]]
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in {
            "location": weights.name,
            "offset": 8 + length + begin,
            "length": end - begin,
        }.items():
            tensor.external_data.add(key=key, value=str(value))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _compare(network: Any, graph: OnnxNetwork, inputs: Mapping[str, GraphInput]) -> None:
    """Hold that both answer alike, at the example's size and at another.

    Raises:
        CheckpointError: they do not.
    """
    import torch

    for times in (1, 2):
        rng = np.random.default_rng(times)
        feeds = [one.example(rng, times) for one in inputs.values()]
        with torch.inference_mode():
            expected = network(*(torch.from_numpy(feed) for feed in feeds)).numpy()
        found = graph(*feeds)
        same = found.shape == expected.shape
        error = float(np.abs(found - expected).max()) if same else math.inf
        if not error <= TOLERANCE * max(1.0, float(np.abs(expected).max())):
            raise CheckpointError(
                f"the graph of {type(network).__name__} answers {found.shape}, "
                f"the network {expected.shape}; they differ by {error:.2g}"
            )
