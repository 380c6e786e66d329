"""Sea of Carbon: ocean carbon export from 234Th, from raw files to maps."""

__version__ = "0.1.0"
