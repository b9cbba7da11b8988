"""Two processes, joined by gloo, train as one process with twice the batch does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

_SCRIPT = """
import sys
from pathlib import Path
sys.path[:0] = [{root!r}, {tests!r}]
import test_training
from learning.training import train
devices, batch = int(sys.argv[2]), int(sys.argv[3])
config = test_training._config(Path(sys.argv[1]), 30, devices=devices, batch_size=batch)
train(test_training._SumTask(), config)
"""


def test_two_processes_train_as_one_with_twice_the_batch(tmp_path: Path) -> None:
    tests = Path(__file__).parent
    script = tmp_path / "trains.py"
    script.write_text(_SCRIPT.format(root=str(tests.parent.parent), tests=str(tests)))
    weights = []
    for name, devices, batch in (("one", 1, 16), ("two", 2, 8)):
        out = tmp_path / name
        done = subprocess.run(
            [sys.executable, str(script), str(out), str(devices), str(batch)],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        weights.append(load_file(out / "checkpoint" / "model.safetensors"))
    assert "gloo" in done.stderr
    for key, value in weights[0].items():
        # Weights are kept in half precision.
        torch.testing.assert_close(weights[1][key], value, rtol=2e-3, atol=2e-3)
