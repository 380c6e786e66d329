#!/usr/bin/env python3
"""Make src/seaofcarbon/data/climatology.nc, the climatology that comes with the package.

    SEAOFCARBON_DATA=FOLDER python catalogs/build_embedded_climatology.py

Reads FOLDER/climatology/ocean_climatology_1deg.nc (public-domain fields of NOAA and NASA on a 1-degree grid). To stay
under 10 MB values are kept to about what the sources know (0.02 degrees, 0.1 umol/L) and nitrate at four depths; the
mixed layer, which is noisy near coasts, is the median of 3 x 3 cells; what a source says of land is left out.
"""

from pathlib import Path

import numpy as np
import xarray as xr

from seaofcarbon import files

NITRATE_DEPTHS_M = (0, 50, 100, 200)

STEP = {
    "temperature": 0.02,
    "nitrate": 0.1,
    "salinity": 0.01,
    "sst": 0.02,
    "mixed_layer_depth": 0.5,
    "par": 0.05,
    "bottom_depth": 1.0,
}
"""Smallest difference that is kept, in the unit of each variable; packed values are integers of it."""

SOURCES = {
    "temperature": "World Ocean Atlas 2009, monthly: Locarnini et al. 2010, NOAA Atlas NESDIS 68",
    "nitrate": "World Ocean Atlas 2009, monthly: Garcia et al. 2010, NOAA Atlas NESDIS 71",
    "salinity": "Levitus World Ocean Atlas 1994, annual: Levitus et al. 1994, NOAA Atlas NESDIS 3",
    "sst": "NOAA OI SST v2, monthly means 1991-2020: Reynolds et al. 2002, Journal of Climate 15, 1609-1625",
    "mixed_layer_depth": "Monterey & Levitus 1997, variable density criterion, NOAA Atlas NESDIS 14; 3 x 3 median",
    "par": "MODIS-Aqua, NASA Ocean Biology Processing Group, 2002-2011; missing in polar night and under ice",
    "bottom_depth": "ETOPO60, NOAA National Geophysical Data Center 1988",
}


def median_of_neighbours(field):
    """Median over 3 x 3 cells of a (month, lat, lon) array, joined at the date line, missing cells left out."""
    padded = np.pad(field, ((0, 0), (1, 1), (0, 0)), constant_values=np.nan)
    padded = np.pad(padded, ((0, 0), (0, 0), (1, 1)), mode="wrap")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2)).reshape(*field.shape, 9)
    out = np.full(field.shape, np.nan)
    seen = np.isfinite(windows).any(axis=-1)
    out[seen] = np.nanmedian(windows[seen], axis=-1)
    return out


def build(source, path):
    """Write the embedded climatology from the full one."""
    with xr.open_dataset(source) as opened:
        ds = opened.load()
    sea = np.isfinite(ds["sst"].isel(month=0, drop=True))
    ds["mixed_layer_depth"].values = median_of_neighbours(ds["mixed_layer_depth"].values)
    ds["nitrate"] = ds["nitrate"].sel(depth=list(NITRATE_DEPTHS_M)).rename(depth="nitrate_depth")
    ds = ds.map(lambda da: da.where(sea), keep_attrs=True).transpose("month", "depth", "nitrate_depth", "lat", "lon")
    ds["nitrate_depth"].attrs = dict(ds["depth"].attrs)
    for name, source_text in SOURCES.items():
        ds[name].attrs["source"] = source_text
    ds.attrs = {
        "Conventions": "CF-1.11",
        "title": "Ocean climatology of the Sea of Carbon package: 1 degree, monthly, 0-300 m",
        "license": "public domain (NOAA, NASA)",
        "source": "; ".join(SOURCES.values()),
        "history": "catalogs/build_embedded_climatology.py",
    }
    packing = {"dtype": "i2", "_FillValue": -32768, "zlib": True, "complevel": 9, "shuffle": True}
    encoding = {name: packing | {"scale_factor": np.float32(step)} for name, step in STEP.items()}
    # float32 steps unpack to float32, half the memory; a month or a level is a chunk, so that one map is read alone
    for name in encoding:
        shape = ds[name].shape
        encoding[name]["chunksizes"] = (1,) * (len(shape) - 2) + shape[-2:]
        ds[name].encoding = {}
    with files.atomic(path) as temporary:
        ds.to_netcdf(temporary, engine="netcdf4", encoding=encoding)


if __name__ == "__main__":
    target = files.EMBEDDED / "climatology.nc"
    build(Path(files.data_dir()) / "climatology" / "ocean_climatology_1deg.nc", target)
    print(f"{target.name}: {target.stat().st_size / 1e6:.2f} MB, sha256 {files.sha256(target)}")
