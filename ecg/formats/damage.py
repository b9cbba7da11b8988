"""Damaged recordings: what their readers raise, in words."""

from __future__ import annotations

import csv
import tokenize
import zipfile
import zlib

DAMAGED = (
    ValueError, LookupError, TypeError, AttributeError, OSError, EOFError, MemoryError,
    ArithmeticError, RuntimeError, csv.Error, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What readers of records meet damaged files with."""


def told(error: BaseException) -> str:
    """An error of a reader in words; many name nothing but a key or an index."""
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return "its header asks for more memory than there is"
    if len(text) < 12 or "index out of range" in text:
        return f"its header or data is damaged ({type(error).__name__}: {text})"
    return text
