"""What all tests share: the folder of real data."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data():
    """Folder of the open data; tests that need it are skipped where it is not set."""
    folder = os.environ.get("SEAOFCARBON_DATA")
    if not folder:
        pytest.skip("SEAOFCARBON_DATA is not set: no real data here")
    if not Path(folder).is_dir():
        pytest.skip(f"SEAOFCARBON_DATA={folder} is no folder")
    return Path(folder).resolve()
