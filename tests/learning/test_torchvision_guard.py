from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import learning.torchvision_guard as guard


def test_torchvision_is_importable_after_the_guard() -> None:
    code = "import learning.torchvision_guard, torchvision; print(torchvision.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "torchvision"


def test_another_failure_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise RuntimeError("something else is wrong")

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(RuntimeError, match="something else"):
        guard.import_torchvision()


def test_a_missing_operator_is_declared_and_the_import_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries: list[str] = []
    declared: list[str] = []

    class Library:
        def __init__(self, name: str, kind: str) -> None:
            assert (name, kind) == ("torchvision", "DEF")

        def define(self, schema: str) -> None:
            declared.append(schema.split("(")[0])

    def import_once_declared(name: str) -> None:
        tries.append(name)
        if not declared:
            raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(guard, "_libraries", [])
    monkeypatch.setattr(guard.torch.library, "Library", Library)  # type: ignore[attr-defined]
    monkeypatch.setattr(guard.sys, "modules", dict(sys.modules))  # type: ignore[attr-defined]
    monkeypatch.setattr(importlib, "import_module", import_once_declared)
    assert guard.import_torchvision()
    assert declared == ["nms", "qnms"]
    assert len(tries) == 2


def test_where_the_wheels_match_nothing_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_libraries", [])
    monkeypatch.setattr(importlib, "import_module", lambda name: None)
    assert not guard.import_torchvision()
