"""The one-way arrows between packages, read from the sources."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

MAY_IMPORT: dict[str, set[str]] = {
    "ecg": set(),
    "learning": set(),
    "checkpoints": {"learning"},
    "dataset_generation": {"ecg"},
    "digitization": {"ecg"},
    "segmentation": {"ecg", "learning", "checkpoints", "dataset_generation", "digitization"},
    "classification": {"ecg", "learning", "checkpoints", "dataset_generation"},
    "reconstruction": {"ecg", "learning", "checkpoints", "dataset_generation", "classification"},
}
MAY_IMPORT["pipeline"] = set(MAY_IMPORT)

FORBIDDEN_LIBRARIES: dict[str, set[str]] = {
    "ecg": {"torch", "torchvision", "cv2", "lightning", "albumentations", "onnxruntime"},
    "digitization": {"torch", "torchvision", "lightning", "onnxruntime"},
    "dataset_generation": {"torch", "torchvision", "lightning", "onnxruntime"},
    "learning": {"wfdb", "pydicom"},
}
PACKAGES = [package for package in MAY_IMPORT if (ROOT / package / "__init__.py").exists()]


def sources(package: str) -> Iterator[Path]:
    yield from sorted((ROOT / package).rglob("*.py"))


def imported_names(source: Path) -> Iterator[tuple[str, int]]:
    """Top-level name and line of every import, those inside functions and type checks too."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"), str(source))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.split(".")[0], node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source}:{node.lineno} imports relatively"
            yield (node.module or "").split(".")[0], node.lineno
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, (ast.Name, ast.Attribute))
            and (node.func.id if isinstance(node.func, ast.Name) else node.func.attr)
            in ("import_module", "__import__")
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            yield str(node.args[0].value).split(".")[0], node.lineno


@pytest.mark.parametrize("package", PACKAGES)
def test_package_imports_only_what_its_arrows_allow(package: str) -> None:
    allowed = MAY_IMPORT[package] | {package}
    wrong = [
        f"{source.relative_to(ROOT)}:{line} imports {name}"
        for source in sources(package)
        for name, line in imported_names(source)
        if name in MAY_IMPORT and name not in allowed
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("package", [p for p in PACKAGES if p in FORBIDDEN_LIBRARIES])
def test_package_stays_free_of_the_libraries_it_must_not_know(package: str) -> None:
    wrong = [
        f"{source.relative_to(ROOT)}:{line} imports {name}"
        for source in sources(package)
        for name, line in imported_names(source)
        if name in FORBIDDEN_LIBRARIES[package]
    ]
    assert not wrong, "\n".join(wrong)


def test_every_package_of_the_repository_has_arrows() -> None:
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert found <= set(MAY_IMPORT)


def test_a_forbidden_import_would_be_seen(tmp_path: Path) -> None:
    source = tmp_path / "bad.py"
    source.write_text("def f():\n    from pipeline.photos import Photo\n    import cv2.dnn\n")
    assert list(imported_names(source)) == [("pipeline", 2), ("cv2", 3)]


def test_the_command_line_starts_without_heavy_libraries() -> None:
    """--help answers at once because nothing heavy is imported before a sub-command runs."""
    code = (
        "import sys, pipeline.command\n"
        "heavy = {'numpy', 'scipy', 'pandas', 'cv2', 'torch', 'PIL', 'matplotlib', 'lightning'}\n"
        "print(','.join(sorted(heavy & set(sys.modules))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == ""
