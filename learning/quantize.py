"""Graphs whose convolutions run in 8-bit integers: nearly twice as quick on today's processors.

As ``learning.onnx`` has it, the file holds no weights: they are folded, scaled and rounded where
the graph is loaded, from the half-precision ones in ``model.safetensors``. What it does hold are
the ranges of what flows between the layers, as seen on examples.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from learning.checkpoint import WEIGHTS_FILE, CheckpointError, write_atomically
from learning.onnx import GRAPH_FILE, INT8_GRAPH_FILE

if TYPE_CHECKING:
    import onnx

_QUANTIZED = ("Add", "Concat", "Conv", "MaxPool", "Relu", "Resize")
_RAW, _FOLDED, _BIAS, _GAIN = "_raw", "_folded", "_bias", "_gain"


def quantize_graph(folder: Path, examples: Iterable[Sequence[NDArray[Any]]]) -> Path:
    """Writes the 8-bit graph of a checkpoint beside its graph.

    The last convolution, which gives the answer, stays in floating point.

    Args:
        folder: a checkpoint with a graph of convolutions.
        examples: inputs that are like those to come.

    Returns:
        The file written.

    Raises:
        CheckpointError: there is no graph, or no convolution in it.
    """
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from safetensors.numpy import load_file

    if not (folder / GRAPH_FILE).is_file():
        raise CheckpointError(f"{folder} has no {GRAPH_FILE}; make it with export_graph")
    model = onnx.load(folder / GRAPH_FILE, load_external_data=False)
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    props = {one.key: one.value for one in model.metadata_props}
    gains = _fold_norms(model, load_file(folder / WEIGHTS_FILE))
    convolutions = [node.name for node in model.graph.node if node.op_type == "Conv"]
    if not convolutions:
        raise CheckpointError(f"the graph in {folder} has no convolutions to quantize")
    with tempfile.TemporaryDirectory() as scratch:
        plain, quantized = Path(scratch) / "plain.onnx", Path(scratch) / "quantized.onnx"
        onnx.save(model, plain)
        quantize_static(
            plain,
            quantized,
            _Examples([one.name for one in model.graph.input], examples),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=list(_QUANTIZED),
            nodes_to_exclude=convolutions[-1:],
        )
        model = onnx.load(quantized)
    _refer_to_weights(model, stored, gains)
    onnx.helper.set_model_props(model, props)
    write_atomically(folder / INT8_GRAPH_FILE, model.SerializeToString())
    return folder / INT8_GRAPH_FILE


class _Examples:
    """Examples as ONNX Runtime's calibration asks for them."""

    def __init__(self, names: list[str], examples: Iterable[Sequence[NDArray[Any]]]) -> None:
        self._names, self._examples = names, iter(examples)

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        """The next inputs by name, None after the last."""
        inputs = next(self._examples, None)
        return None if inputs is None else dict(zip(self._names, inputs, strict=True))


def _fold_norms(
    model: onnx.ModelProto, weights: dict[str, NDArray[Any]]
) -> dict[str, NDArray[np.float32]]:
    """Take batch norms into the convolutions before them; all weights become plain float32.

    Returns:
        By name of a folded kernel, ``<its name in weights>_folded``, what its output channels
        were multiplied by.
    """
    from onnx import numpy_helper

    graph = model.graph
    full = {name: value.astype(np.float32) for name, value in weights.items()}
    uses = [name for node in graph.node for name in node.input]
    maker = {name: node for node in graph.node for name in node.output}
    gains: dict[str, NDArray[np.float32]] = {}
    new: dict[str, NDArray[np.float32]] = {}
    for node in list(graph.node):
        if node.op_type != "BatchNormalization":
            continue
        before = maker.get(node.input[0])
        if before is None or before.op_type != "Conv" or uses.count(node.input[0]) != 1:
            continue
        kernel = before.input[1]
        gamma, beta, mean, variance = (full[name] for name in node.input[1:5])
        epsilon = next((one.f for one in node.attribute if one.name == "epsilon"), 1e-5)
        gain = (gamma / np.sqrt(variance + epsilon)).astype(np.float32)
        bias = full[before.input[2]] if len(before.input) > 2 else np.float32(0)
        gains[kernel + _FOLDED] = gain
        new[kernel + _FOLDED] = full[kernel] * gain[:, None, None, None]
        new[kernel + _BIAS] = (beta + (bias - mean) * gain).astype(np.float32)
        del before.input[1:]
        before.input.extend([kernel + _FOLDED, kernel + _BIAS])
        before.output[0] = node.output[0]
        graph.node.remove(node)
    used = {name for node in graph.node for name in node.input}
    inside = [
        tensor for tensor in graph.initializer if tensor.name in used and not tensor.external_data
    ]
    new |= {name: full[name] for name in used if name in full}
    casts = [node for node in graph.node if node.op_type == "Cast" and node.output[0] in full]
    for node in casts:
        graph.node.remove(node)
    del graph.initializer[:]
    graph.initializer.extend(inside)
    graph.initializer.extend(numpy_helper.from_array(new[name], name) for name in sorted(new))
    return gains


def _refer_to_weights(
    model: onnx.ModelProto,
    stored: dict[str, onnx.TensorProto],
    gains: dict[str, NDArray[np.float32]],
) -> None:
    """Have the 8-bit kernels computed, when the graph is loaded, from those in the weights."""
    from onnx import TensorProto, helper, numpy_helper

    suffix = "_quantized"
    nodes, kept = [], []
    for tensor in model.graph.initializer:
        folded = tensor.name.removesuffix(suffix)
        if folded == tensor.name or folded not in gains:
            kept.append(tensor)
            continue
        kernel = folded.removesuffix(_FOLDED)
        half = f"{kernel}_stored"
        source = stored[half if half in stored else kernel]
        kept.append(source)
        gain = gains[folded][:, None, None, None]
        kept.append(numpy_helper.from_array(gain, kernel + _GAIN))
        nodes += [
            helper.make_node("Cast", [source.name], [kernel + _RAW], to=TensorProto.FLOAT),
            helper.make_node("Mul", [kernel + _RAW, kernel + _GAIN], [folded]),
            helper.make_node(
                "QuantizeLinear",
                [folded, f"{folded}_scale", f"{folded}_zero_point"],
                [tensor.name],
                axis=0,
            ),
        ]
    nodes += model.graph.node
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
