"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Gives a temporary path beside ``path`` and moves it there when the block succeeds.

    The temporary file is removed when the block raises. Its suffix is that of ``path``, for
    writers that choose a format by it.

    Raises:
        FileNotFoundError: if the folder of ``path`` does not exist.

    Example::

        with atomic_path(folder / "record.csv") as temporary:
            temporary.write_text("...")
    """
    final = Path(path)
    handle, name = tempfile.mkstemp(prefix=f".{final.stem}.", suffix=final.suffix, dir=final.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files that only the owner may read; what is kept follows the umask.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(final)
    finally:
        temporary.unlink(missing_ok=True)
