"""README's pictures of the catalog: the script makes them, and they are of the size of those that README shows."""

from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support import pictures


def size(data: bytes) -> tuple[int, int]:
    """Return the width and the height of a PNG picture. Source: PNG, section 11.2.2 (IHDR)."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def test_the_script_makes_the_pictures_of_the_catalog(tmp_path: Path) -> None:
    if pictures.chromium() is None:
        pytest.skip("no browser is installed: apt-get install chromium")
    with ThreadPoolExecutor(1) as aside:  # Playwright of other tests may hold this thread's loop
        made = aside.submit(pictures.catalog_pictures, tmp_path / "site").result()
    assert set(made) == {"catalog-light.png", "catalog-dark.png"}
    assert made["catalog-light.png"] != made["catalog-dark.png"]
    for name, data in made.items():
        assert size(data) == size((pictures.HOME / name).read_bytes()) == (pictures.WIDTH, pictures.HEIGHT)
        assert len(data) > 20_000  # no blank page
