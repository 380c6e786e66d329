"""Files: written whole or not at all, with hashes, safe paths, and units that the field's readers understand."""

from seaofcarbon.files.axes import with_axes, without_axes
from seaofcarbon.files.cf import COORDINATES, DATED, from_cf, global_attrs, to_cf
from seaofcarbon.files.netcdf import content_hash, read_netcdf, write_netcdf
from seaofcarbon.files.tables import (
    KEY_RANGES,
    checked_numbers,
    checked_times,
    plain,
    read_csv,
    read_json,
    read_numbers,
    read_times,
    refuse_cells,
    slip_of,
    write_csv,
    write_json,
    write_parquet,
)  # fmt: skip
from seaofcarbon.files.whole import EMBEDDED, UserError, atomic, data_dir, safe_join, sha256
from seaofcarbon.files.words import counted, printable, suggest

__all__ = [
    "COORDINATES", "DATED", "EMBEDDED", "KEY_RANGES", "UserError", "atomic", "checked_numbers", "checked_times",
    "content_hash", "counted", "data_dir", "from_cf", "global_attrs", "plain", "printable", "read_csv", "read_json",
    "read_netcdf", "read_numbers", "read_times", "refuse_cells", "safe_join", "sha256", "slip_of", "suggest", "to_cf",
    "with_axes", "without_axes", "write_csv", "write_json", "write_netcdf", "write_parquet",
]  # fmt: skip
