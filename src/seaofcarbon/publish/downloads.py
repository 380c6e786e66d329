"""Files that the book offers: what the licences let us pass on, with a schema and a line that opens each."""

import gzip
import shutil
import zipfile
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import xarray as xr

from seaofcarbon import catalog, files, records, run
from seaofcarbon.catalog import LICENCE
from seaofcarbon.learn.features import covariates_needed
from seaofcarbon.vocabulary import VARIABLES

DEPTH_M = 100.0
"""Depth of the map that is offered, m; the run holds all of them."""

OWN_DEPTHS = ("depth_used", "depth_used_m")
"""Depth by cell and month in maps and sites that follow light: on the real profile it gives back the chlorophyll, whose
licence keeps it here."""

FLUX_FIELDS = {
    "cast_id": "name of the cast: cruise/station/day",
    "source_id": "source of the records",
    "cruise": "cruise, as the source names it",
    "station": "station, as the source names it",
    "time": "time of the cast, UTC",
    "latitude": "degrees north",
    "longitude": "degrees east, -180 to 180",
    "depth_kind": "fixed, ez (base of the euphotic zone), ppz, mld or equilibrium",
    "depth_m": "depth through which the flux goes, m",
    "th234_flux": "flux of 234Th, positive down, dpm m-2 d-1",
    "th234_flux_sigma": "its standard uncertainty, dpm m-2 d-1",
    "sigma_measurement": "part of it that is independent between bottles, dpm m-2 d-1",
    "sigma_common": "part of it that all bottles share, dpm m-2 d-1",
    "sigma_integration": "part of it that lies between the bottles, dpm m-2 d-1",
    "method": "th234_ss (steady state) or th234_nss (non-steady)",
    "integration": "rule of integration",
    "u238_source": "measured, or the relation of 238U and salinity",
    "n_samples": "samples above the depth",
    "flag": "IODE quality flag",
    "reason": "why a flux is flagged or missing",
}
"""Column of the table of fluxes -> what it holds."""

TOTAL_FIELDS = {
    "kind": "this book, truth (of the twin) or same grid (a published form on the fields of this book)",
    "source": "way to carbon, or the published form; mean, or middle value",
    "depth_m": "depth through which the flux goes, m; of one that is not fixed the mean over the sea",
    "depth_kind": "fixed, ez (base of the euphotic zone), ppz or mld",
    "region_kind": "global, basin or band (of latitude)",
    "region": "name of the region",
    "total_pg_yr": "POC that sinks through the depth, Pg C a year",
    "area_m2": "area that has a value, mean over the year, m2",
    "mean_flux": "mean POC flux where there is a value, mmol C m-2 d-1",
    "area_share": "share of the sea and the months of the region that has a value, 0 to 1",
    "share_outside": "share of the total that is outside the area of applicability, 0 to 1",
    "share_shelf": "share of the total over a sea floor shallower than 200 m, 0 to 1",
    "lower_pg_yr": "lower end of the 90 % interval of the total, Pg C a year",
    "upper_pg_yr": "upper end of the 90 % interval of the total, Pg C a year",
    "n_draws": "number of drawn maps behind the interval",
}
"""Column of totals.csv -> what it holds."""

FLUX_VALUES = ("th234_flux", "th234_flux_sigma", "sigma_measurement", "sigma_common", "sigma_integration")
"""Columns of that table that were computed."""


@dataclass(frozen=True)
class Download:
    """A file beside the book: its name, what it holds, its licence, its schema, and lines that open it."""

    name: str
    title: str
    licence: str
    lines: dict = field(default_factory=dict)
    schema: dict = field(default_factory=dict)


# --- What may be passed on ---------------------------------------------------------------------------


def only_open(table, sources):
    """Return those rows of a table whose source may be passed on, and the licences that go with them."""
    kept = sources[sources["open"]]
    rows = table[table["source_id"].isin(kept["source_id"])].reset_index(drop=True)
    used = kept.loc[kept["source_id"].isin(rows["source_id"]), "licence"]
    return rows, " and ".join(dict.fromkeys([LICENCE, *sorted(used)]))


# --- The files ---------------------------------------------------------------------------------------


def write(run_dir, folder, table, fluxes, sources, target):
    """Write the files that the book offers.

    Parameters
    ----------
    run_dir : Path
    folder : Path
        Where they go; it is made.
    table, fluxes : DataFrame
        Universal records, and the fluxes that were derived from them.
    sources : DataFrame
        From `catalog.sources_of`.
    target : str
        Quantity whose map and model are offered.

    Returns
    -------
    list of Download
    """
    folder.mkdir(parents=True, exist_ok=True)
    own, licence = only_open(table, sources)
    schema = records.table_schema()
    found = [
        _parquet(own, folder, "records", f"Records: one measured value a row; {len(own):,} rows", licence, schema),
        _csv(own, folder, "records", "The same as CSV", licence, schema),
    ]
    derived, licence = only_open(fluxes, sources)
    if len(derived):
        # seven digits are more than a flux has, and half of the bytes
        derived = derived.astype({name: "float32" for name in FLUX_VALUES if name in derived})
        schema = {"fields": [_field(name, derived[name], FLUX_FIELDS[name]) for name in derived.columns]}
        title = f"Fluxes of ²³⁴Th: one row for each cast and depth; {len(derived):,} rows"
        found.append(_parquet(derived, folder, "fluxes", title, licence, schema))
        found.append(_csv(derived, folder, "fluxes", "The same as CSV", licence, schema))
    found.append(_totals(run_dir, folder))
    profile = run.read_run(run_dir)["profile"]
    found.append(write_map(run.artefact(run_dir, "maps.nc"), folder, target, profile))
    found += _model(run_dir, folder, target, sources)
    bib = folder / "citations.bib"
    bib.write_text(catalog.cite(run.cited(run_dir)), encoding="utf-8")
    return [*found, Download(bib.name, "Citations: all data and methods of the run, BibTeX", "facts")]


def _field(name, column, title):
    kinds = {"f": "number", "i": "integer", "u": "integer", "M": "datetime"}
    kind = kinds.get(getattr(column.dtype, "kind", "O"), "string")
    return {"name": name, "type": kind, "title": title} | ({"format": "any"} if kind == "datetime" else {})


def _parquet(rows, folder, stem, title, licence, schema):
    """Write a table as Parquet, packed harder than the run's own: it is fetched more often than written."""
    path = folder / f"{stem}.parquet"
    split = [name for name in rows.select_dtypes("float") if rows[name].nunique() > len(rows) / 2]
    others = [name for name in rows if name not in split]  # numbers that hardly repeat gain nothing from a dictionary
    rows.to_parquet(
        path, index=False, compression="zstd", compression_level=19, use_dictionary=others, use_byte_stream_split=split
    )
    by = "variable" if stem == "records" else "depth_kind"
    lines = {
        "pandas": f'import pandas as pd; df = pd.read_parquet("{path.name}")',
        "DuckDB": f"import duckdb; duckdb.sql(\"SELECT {by}, count(*) FROM '{path.name}' GROUP BY {by}\").show()",
    }
    return Download(path.name, title, licence, lines, schema)


def _csv(rows, folder, stem, title, licence, schema):
    """Write a table as compressed CSV, whose bytes depend on its rows only."""
    plain, packed = folder / f"{stem}.csv", folder / f"{stem}.csv.gz"
    files.write_csv(rows, plain)
    packed.write_bytes(gzip.compress(plain.read_bytes(), mtime=0))
    plain.unlink()
    lines = {
        "pandas": f'import pandas as pd; df = pd.read_csv("{packed.name}", low_memory=False)',
        "R": f'df <- read.csv("{packed.name}")',
    }
    return Download(packed.name, title, licence, lines, schema)


def _totals(run_dir, folder):
    source = run.artefact(run_dir, "totals.csv")
    totals = files.read_csv(source)
    shutil.copyfile(source, folder / "totals.csv")
    lines = {
        "pandas": 'import pandas as pd; df = pd.read_csv("totals.csv")',
        "R": 'df <- read.csv("totals.csv")',
    }
    schema = {"fields": [_field(name, totals[name], TOTAL_FIELDS[name]) for name in totals.columns]}
    return Download(
        "totals.csv", "Totals of carbon export by region, with published forms on the same grid", LICENCE, lines, schema
    )


def write_map(path, folder, target, profile, depth_m=DEPTH_M, drawn=None):
    """Cut one depth and one quantity out of the map; what the file says of itself goes along, as far as still true.

    `drawn` is the variable of one model, where that is what pictures show.

    The depths of a map that follows light (`OWN_DEPTHS`) go along on the twin only.
    """
    names = dict.fromkeys([target, drawn or target, f"{target}_lower", f"{target}_upper", "applicable"])
    with xr.open_dataset(path, engine="netcdf4", decode_cf=False) as ds:
        depth = int(np.abs(ds["depth"].to_numpy() - depth_m).argmin())
        beside = ["lat_bnds", "lon_bnds", "climatology_bounds", *(OWN_DEPTHS if profile == "twin" else ())]
        cut = ds[[name for name in [*names, *beside] if name in ds]].isel(depth=[depth]).load()
    metres = float(cut["depth"][0])
    for end in ("min", "max"):
        cut.attrs[f"geospatial_vertical_{end}"] = metres
    cut.attrs["history"] = f"{cut.attrs.get('history', '')}\ncut to {target} at {metres:g} m from maps.nc".strip()
    for da in cut.variables.values():
        da.encoding = {"zlib": True, "complevel": 6, "shuffle": True} if {"lat", "lon"} <= set(da.dims) else {}
        da.encoding |= {} if "_FillValue" in da.attrs else {"_FillValue": None}
    path = folder / f"map-{target}-{metres:.0f}m.nc"
    with files.atomic(path) as temporary:
        cut.to_netcdf(temporary, engine="netcdf4")
    unit = cut[target].attrs.get("units", "")
    title = f"Map: {target} at {metres:.0f} m by month, with its 90 % interval and where it is applicable, in {unit}"
    lines = {
        "xarray": f'import xarray as xr; ds = xr.open_dataset("{path.name}")',
        "R": f'nc <- ncdf4::nc_open("{path.name}"); x <- ncdf4::ncvar_get(nc, "{target}")  # lon, lat, month',
    }
    schema = {"fields": [{"name": n, "type": "number", "title": _said(da)} for n, da in cut.data_vars.items()]}
    return Download(path.name, title, LICENCE, lines, schema)


def _said(da):
    words = [str(da.attrs.get(name, "")) for name in ("long_name", "units")]
    return ", ".join(filter(None, [*words, " × ".join(da.dims)]))


def _model(run_dir, folder, target, sources):
    """Pack a model, when all that it learnt from may be passed on: a forest remembers single values."""
    source = run.artefact(run_dir, "model") / target
    training = pd.read_parquet(run.artefact(run_dir, "training.parquet"), columns=["target", "source_id"])
    learnt = set(training.loc[training["target"] == target, "source_id"])
    if not learnt or not learnt <= set(sources.loc[sources["open"], "source_id"]):
        return []
    path = folder / f"model-{target}.zip"
    with files.atomic(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as packed:
        for part in sorted(p for p in source.iterdir() if p.is_file()):
            packed.writestr(zipfile.ZipInfo(part.name), part.read_bytes(), zipfile.ZIP_DEFLATED)
    needed = covariates_needed(files.read_json(source / "card.json")["features"])
    columns = ["time, latitude, longitude, depth_m", *(f"{name} ({VARIABLES[name].unit})" for name in needed)]
    lines = {
        "Python": f'import shutil; shutil.unpack_archive("{path.name}", "model")\n'
        'from seaofcarbon.learn import models; model = models.load("model")',
        "shell": f"# columns of points.csv: {', '.join(columns)}\n"
        "seaofcarbon predict points.csv --model model --out predictions.csv",
    }
    used = sources.loc[sources["source_id"].isin(learnt), "licence"]
    licence = " and ".join(dict.fromkeys([LICENCE, *sorted(used)]))
    return [
        Download(path.name, f"Model of {target}: forest, boosted trees, area of applicability, card", licence, lines)
    ]
