"""The universal record: one measured value a row, traceable to the cell it came from; records <-> casts."""

import functools
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from seaofcarbon import files
from seaofcarbon.files import UserError
from seaofcarbon.vocabulary import (
    FLAG_BAD,
    FLAG_MISSING,
    FLAG_NOT_EVALUATED,
    FLAG_QUESTIONABLE,
    FLAGS,
    METHODS,
    VARIABLES,
)

TEXT, NUMBER, TIME = "str", "float64", "datetime64[ns]"

COLUMNS = {
    "record_id": TEXT,
    "source_id": TEXT,
    "source_doi": TEXT,
    "cruise": TEXT,
    "station": TEXT,
    "sample_id": TEXT,
    "replicate": "Int64",
    "time": TIME,
    "time_end": TIME,
    "time_precision": TEXT,
    "latitude": NUMBER,
    "longitude": NUMBER,
    "depth_m": NUMBER,
    "variable": TEXT,
    "method": TEXT,
    "size_min_um": NUMBER,
    "size_max_um": NUMBER,
    "value": NUMBER,
    "unit": TEXT,
    "sigma": NUMBER,
    "sigma_kind": TEXT,
    "sigma_source": TEXT,
    "flag": "int8",
    "flag_source": TEXT,
    "flag_scheme": TEXT,
    "value_source": TEXT,
    "unit_source": TEXT,
    "origin": TEXT,
    "locator": TEXT,
    "curator": TEXT,
    "note": TEXT,
    "duplicate_of": TEXT,
}
"""Columns of the universal record and their dtypes. `value`, `sigma` and `unit` are harmonised; what ends in `_source`
stands as it was printed. `note` says in words what a reader or a check saw; `duplicate_of` is the record that is kept
when the same value came twice."""

MEANINGS = {
    "record_id": "hash of source_id, locator and variable",
    "source_id": "file or data set that the value is from",
    "source_doi": "DOI of that data set or paper",
    "cruise": "cruise, as the source names it",
    "station": "station, as the source names it",
    "sample_id": "sample or bottle, as the source numbers it",
    "replicate": "number of the replicate of a sample",
    "time": "time of sampling or start of deployment, UTC",
    "time_end": "end of deployment, UTC",
    "time_precision": "what of `time` is known: second, day, month or year",
    "latitude": "degrees north",
    "longitude": "degrees east, -180 to 180",
    "depth_m": "m below the surface, positive down",
    "variable": "quantity, by its name in the vocabulary",
    "method": "how it was measured: " + ", ".join(METHODS),
    "size_min_um": "smallest particle that was held back, um",
    "size_max_um": "largest particle that was let through, um",
    "value": "value in the harmonised unit",
    "unit": "harmonised unit of value and sigma",
    "sigma": "uncertainty of the value in the harmonised unit",
    "sigma_kind": "1sd, 2sd or se",
    "sigma_source": "uncertainty as it was printed",
    "flag": "IODE quality flag: " + ", ".join(f"{number} {word}" for number, word in FLAGS.items()),
    "flag_source": "flag as it was printed",
    "flag_scheme": "scheme of the flag that was printed",
    "value_source": "value as it was printed",
    "unit_source": "unit as it was printed",
    "origin": "where the value stood: table, figure or archive",
    "locator": "cell of the source that holds the value",
    "curator": "who or what took the value from the source",
    "note": "what a reader or a check saw",
    "duplicate_of": "record_id of the record that is kept of two that say the same",
}

UNITS = {
    "latitude": "degrees_north",
    "longitude": "degrees_east",
    "depth_m": "m",
    "size_min_um": "um",
    "size_max_um": "um",
}

SET_ASIDE = (FLAG_QUESTIONABLE, FLAG_BAD, FLAG_MISSING)
"""Flags of records that casts leave out."""

FLUXES = ("th234_flux", "poc_flux", "npp")
"""Quantities that belong to a deployment or a water column: they stay records and are no samples of sea water."""

SAME_DEPTH_M = 0.5
"""Values of a cast closer than this in depth are one sample: bottles and pumps never stop at the same centimetre."""

SAME_PLACE_DEG = 0.2
"""Rows of one station and day that are further apart than this are several casts."""

NIGHT_H = 3.0
"""A cast under way at midnight goes on: a row of the next morning this soon after the last one belongs to it."""

OF_THE_WATER = ("salinity", "temperature", "u238")
"""What is taken from beside a 234Th sample only if it was not measured in the sample itself."""


def conform(df):
    """Give a table the columns, order and dtypes of the universal record.

    Missing columns are filled (flag: not evaluated), others are left out, empty text becomes missing, and records
    without an id get one.

    Parameters
    ----------
    df : DataFrame
        Any subset of the columns of the record.

    Returns
    -------
    DataFrame with the columns `COLUMNS` and an index 0..n-1.
    """
    n = len(df)
    out = {}
    for name, dtype in COLUMNS.items():
        column = df[name].reset_index(drop=True) if name in df.columns else pd.Series([None] * n, dtype=object)
        if name == "flag":
            column = column.fillna(FLAG_NOT_EVALUATED) if name in df.columns else np.full(n, FLAG_NOT_EVALUATED)
        column = pd.Series(column).astype(dtype)
        out[name] = column.where(column != "") if dtype == TEXT else column
    table = pd.DataFrame(out)
    without = table["record_id"].isna()
    if without.any():
        table.loc[without, "record_id"] = record_ids(table[without])
    return table


_ALLOWED = {
    "variable": VARIABLES,
    "method": METHODS,
    "time_precision": ("second", "day", "month", "year"),
    "sigma_kind": ("1sd", "2sd", "se"),
    "flag": FLAGS,
    "origin": ("table", "figure", "archive"),
}

_UNITS_INSIDE = {name: variable.unit for name, variable in VARIABLES.items()}


@functools.cache
def _schema():
    """Build the schema of the universal record; its checks say in words what should be."""
    import pandera.pandas as pa

    checks = {name: pa.Check.isin(list(words), error=f"none of {', '.join(map(str, words))}")
              for name, words in _ALLOWED.items()}  # fmt: skip
    checks["sigma"] = pa.Check.ge(0, error="a negative uncertainty")
    needed = ("record_id", "variable", "unit", "flag")
    columns = {
        name: pa.Column(dtype, checks.get(name), nullable=name not in needed, unique=name == "record_id")
        for name, dtype in COLUMNS.items()
    }
    rows = {
        "unit": (lambda df: df["unit"] == df["variable"].map(_UNITS_INSIDE), "not the unit of its variable"),
        "latitude": (lambda df: df["latitude"].between(-90, 90) | _known_bad(df), "off the globe, and not flagged bad"),
        "longitude": (
            lambda df: df["longitude"].between(-180, 180, inclusive="left") | _known_bad(df),
            "not from -180 to 180 (180 is -180), and not flagged bad",
        ),
    }
    checks = [pa.Check(check, name=name, error=words) for name, (check, words) in rows.items()]
    return pa.DataFrameSchema(columns, checks=checks)


def _known_bad(df):
    return df["flag"].isin((FLAG_BAD, FLAG_MISSING))


def check_schema(df):
    """Hold records against the schema: columns, dtypes, words, units, uncertainties, positions, unique ids.

    Parameters
    ----------
    df : DataFrame
        Universal records.

    Raises
    ------
    UserError
        Naming the first column that breaks it, the first value that does, and how many do.
    """
    import pandera.errors

    df = df.reset_index(drop=True)
    try:
        _schema().validate(df, lazy=True)
    except pandera.errors.SchemaErrors as problem:
        raise UserError(_broken(df, problem.schema_errors)) from None


def _broken(df, errors):
    """One line for the first of the errors of a schema."""
    error, check = errors[0], errors[0].check
    if check == "column_in_dataframe":
        return f"records: the column {error.failure_cases} is missing"
    name = check.name if getattr(check, "name", None) in COLUMNS else error.schema.name
    if isinstance(check, str) and check.startswith("dtype"):
        return f"records: column {name} is of type {df[name].dtype}, not {COLUMNS[name]}"
    if check == "not_nullable":
        return f"records: column {name}: missing in {df[name].isna().sum()} of {len(df)} records"
    if check == "field_uniqueness":
        bad, words = df[name].duplicated(), "there more than once (was one file given twice, or do two have one name?)"
    else:
        good = error.check_output.reindex(df.index, fill_value=True)  # missing values are not checked
        bad, words = ~good.astype(bool), check.error
    return f"records: column {name}: {df[name][bad].iloc[0]!r} is {words}, in {bad.sum()} of {len(df)} records"


def record_ids(df):
    """Identify each record by a hash of its source, its cell and its variable.

    Parameters
    ----------
    df : DataFrame
        With source_id, locator, variable.

    Returns
    -------
    ndarray of str, shape (n,)
        16 hexadecimal digits; the same for the same cell in every run.
    """
    parts = df[["source_id", "locator", "variable"]].fillna("")
    text = (parts["source_id"] + "\t" + parts["locator"] + "\t" + parts["variable"]).to_numpy(object)
    return np.char.mod("%016x", pd.util.hash_array(text, categorize=False)) if len(text) else np.array([], dtype=object)


def write(df, path):
    """Write records as Parquet or CSV, by the ending of `path`.

    CSV comes back equal after one normalisation: empty text is missing (formula-like text is protected on the way).

    Parameters
    ----------
    df : DataFrame
        Records, as `conform` gives them.
    path : str or Path
        Ends in .parquet or .csv.
    """
    df = conform(df)
    if Path(path).suffix == ".parquet":
        files.write_parquet(df, path)
    elif Path(path).suffix == ".csv":
        files.write_csv(df, path)
    else:
        raise UserError(f"{path}: records are written as .parquet or .csv")


def read(path):
    """Read records that `write` wrote.

    Parameters
    ----------
    path : str or Path
        Parquet, or CSV by its ending.

    Returns
    -------
    DataFrame
        With the columns `COLUMNS`.

    Raises
    ------
    UserError
        When the file is missing, unreadable or no table of records.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"no file of records at {path}")
    if path.suffix == ".csv":
        texts = {name: dtype for name, dtype in COLUMNS.items() if dtype not in (TIME, "int8")}
        df = files.read_csv(path, dtype=texts)
    else:
        try:
            df = pd.read_parquet(path)
        except Exception as problem:  # pyarrow raises many kinds for junk
            raise UserError(f"{path} is no Parquet file: {str(problem).splitlines()[0]}") from None
    absent = {"variable", "value", "depth_m"} - set(df.columns)
    if absent:
        raise UserError(f"{path} holds no records: column {sorted(absent)[0]} is missing")
    return conform(df)


def cast_ids(df):
    """Name the cast of each row: cruise/station/YYYY-MM-DD.

    The source stands in for a missing cruise, the position for a missing station; a cast under way at midnight keeps
    the day on which it began. Where rows of one station and day are further apart than 0.2 degrees, their position
    (to 0.1 degree) is added.

    Parameters
    ----------
    df : DataFrame
        With cruise, station, source_id, time, latitude, longitude.

    Returns
    -------
    Series of str
    """
    cruise, station, source = (df[name].astype(TEXT) for name in ("cruise", "station", "source_id"))
    position = df["latitude"].round(3).astype(TEXT) + "N " + df["longitude"].round(3).astype(TEXT) + "E"
    place = cruise.fillna(source).fillna("") + "/" + station.fillna(position) + "/"
    day = pd.Series(np.datetime_as_string(_day_of_cast(place, df["time"])), index=df.index, dtype=TEXT)
    name = place + day.replace("NaT", "undated")
    # one station and day, but places far apart: several casts, told apart by their position
    places = df[["latitude", "longitude"]]
    key = pd.factorize(name, use_na_sentinel=False)[0]
    away = places - places.groupby(key).transform("first")
    away["longitude"] = (away["longitude"] + 180.0) % 360.0 - 180.0
    far = (away.abs() > SAME_PLACE_DEG).any(axis=1).groupby(key).transform("any").to_numpy()
    rough = df["latitude"].round(1).astype(TEXT) + "N " + df["longitude"].round(1).astype(TEXT) + "E"
    return name.where(~far, name + " " + rough)


def _day_of_cast(place, time):
    """Day on which the cast of each row began: the day before, for what goes on after midnight without a pause."""
    time = time.to_numpy("datetime64[ns]")
    day = time.astype("datetime64[D]")
    code = pd.factorize(place)[0]
    order = np.lexsort((time, code))
    pause = np.diff(time[order], prepend=np.datetime64("NaT")) > np.timedelta64(int(60 * NIGHT_H), "m")
    begins = pause | np.isnat(time[order]) | (np.diff(code[order], prepend=-1) != 0)
    first = np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    began = np.empty_like(day)
    began[order] = day[order][first]
    early = time - day < np.timedelta64(6, "h")
    return np.where(early & (day - began == np.timedelta64(1, "D")), began, day)


def _sample_rows(df):
    """Number the samples of a table sorted by cast and depth; none spans more than SAME_DEPTH_M.

    Where depths follow each other closely (a sensor beside bottles), they are cut every SAME_DEPTH_M.
    """
    chain = ((df["cast_id"] != df["cast_id"].shift()) | (df["depth_m"].diff() > SAME_DEPTH_M)).cumsum()
    below = df["depth_m"] - df["depth_m"].groupby(chain).transform("first")
    part = np.ceil(below / SAME_DEPTH_M - 1e-9).clip(lower=1)
    return ((chain != chain.shift()) | (part != part.shift())).cumsum()


def _of_the_sample(df):
    """Of what was measured in a 234Th sample and beside it (by a sensor, in the next bottle), keep what is nearest."""
    total = df["depth_m"].where(df["variable"] == "th234_total").groupby(df["row"]).transform("mean")
    away = (df["depth_m"] - total).abs().where(df["variable"].isin(OF_THE_WATER)).fillna(0.0)
    return df[away <= away.groupby([df["row"], df["variable"]]).transform("min") + 1e-6]


def _one_size(df):
    """Keep one size class of particles of each variable and sample: that next to the mesh between small and large.

    Pumps that split small and large particles further give several; they are no replicates, and never added.
    """
    large = df["variable"].str.endswith("_large")
    size = df["size_min_um"].where(large, -df["size_max_um"]).fillna(np.inf)
    return df[size == size.groupby([df["row"], df["variable"]]).transform("min")]


def to_samples(records):
    """Lay records out as casts: one row for each cast and depth, one column for each variable of sea water.

    Flags are honoured (questionable, bad and missing are left out), replicates are averaged, and bottle and pump values
    of a cast within 0.5 m share a row, at the depth of the total 234Th sample if there is one. Of several size classes
    that one is taken which is next to the mesh between small and large. Fluxes stay records.

    Parameters
    ----------
    records : DataFrame
        Universal records.

    Returns
    -------
    DataFrame
        Sorted by cast_id and depth_m: cast_id, source_id, cruise, station, time, latitude, longitude, depth_m, and for
        each variable `<variable>` and `<variable>_sigma` (one standard deviation) in the units of the vocabulary; of
        th234_total also how many replicates were averaged (`_n`) and how far apart they were (`_range`). Time
        (the earliest) and position (of the shallowest sample) are the same in all rows of a cast.
    """
    keep = ~records["flag"].isin(SET_ASIDE) & ~records["variable"].isin(FLUXES)
    keep &= records[["value", "depth_m", "time", "latitude", "longitude"]].notna().all(axis=1)
    df = records[keep]
    df = df.assign(cast_id=cast_ids(df)).sort_values(["cast_id", "depth_m", "record_id"], kind="stable")
    df["row"] = _sample_rows(df)
    df["sigma"] = df["sigma"] / np.where(df["sigma_kind"] == "2sd", 2.0, 1.0)
    df = _of_the_sample(_one_size(df))

    by_row = df.groupby("row", sort=True)
    head = by_row[["cast_id", "source_id", "cruise", "station", "time", "latitude", "longitude"]].first()
    total = df["depth_m"].where(df["variable"] == "th234_total").groupby(df["row"]).mean()
    head["depth_m"] = total.fillna(by_row["depth_m"].mean())
    by_cast = head.groupby("cast_id", sort=False)
    head["time"] = by_cast["time"].transform("min")
    for name in ("source_id", "latitude", "longitude"):
        head[name] = by_cast[name].transform("first")

    df["square"] = df["sigma"] ** 2
    cells = {"index": "row", "columns": "variable"}
    values = df.pivot_table(**cells, values="value", aggfunc="mean")
    # independent replicates: the sigma of a mean of n is the rms sigma over the root of n
    square = df.pivot_table(**cells, values="square", aggfunc="mean", dropna=False).reindex(columns=values.columns)
    sigmas = np.sqrt(square / df.pivot_table(**cells, values="value", aggfunc="count")).add_suffix("_sigma")
    present = [name for name in VARIABLES if name in values.columns]
    columns = [c for name in present for c in (name, f"{name}_sigma")]
    total = df[df["variable"] == "th234_total"].groupby("row")["value"]
    replicates = {"th234_total_n": total.size(), "th234_total_range": total.max() - total.min()}
    out = head.join(values).join(sigmas)[[*head.columns, *columns]].assign(**replicates if len(total) else {})
    return out.reset_index(drop=True)


def to_dataset(records):
    """Lay records out as CF profiles (featureType "profile", contiguous ragged array).

    Parameters
    ----------
    records : DataFrame
        Universal records.

    Returns
    -------
    xarray.Dataset, dims (cast, obs)
        row_size(cast) counts the samples of each cast; variables and sigmas in units inside (`files.write_netcdf` turns
        them into CF units).
    """
    samples = to_samples(records).sort_values(["time", "cast_id", "depth_m"], ignore_index=True)
    casts = samples.drop_duplicates("cast_id").reset_index(drop=True)
    row_size = samples.groupby("cast_id", sort=False).size().to_numpy("int32")
    names = {"cast_id": "name of the cast", "cruise": "name of the cruise", "station": "name of the station"}
    ds = xr.Dataset(
        {name: ("cast", casts[name].fillna("").to_numpy(object), {"long_name": text}) for name, text in names.items()},
        attrs={"featureType": "profile", "cdm_data_type": "Profile", "cdm_profile_variables": "cast_id"},
    )
    ds["cast_id"].attrs["cf_role"] = "profile_id"
    ds["row_size"] = ("cast", row_size, {"long_name": "number of samples of the cast", "sample_dimension": "obs"})
    where = {
        "time": {"long_name": "time of the cast, UTC", "axis": "T"},
        "latitude": {"long_name": "latitude of the cast", "units": "degrees_north", "axis": "Y"},
        "longitude": {"long_name": "longitude of the cast", "units": "degrees_east", "axis": "X"},
    }
    for name, attrs in where.items():
        ds = ds.assign_coords({name: ("cast", casts[name].to_numpy(), {"standard_name": name} | attrs)})
    depth = {"long_name": "depth of the sample", "units": "m", "positive": "down", "axis": "Z"}
    ds = ds.assign_coords(depth=("obs", samples["depth_m"].to_numpy(), {"standard_name": "depth"} | depth))
    for name, variable in VARIABLES.items():
        if name in samples.columns:
            sigma = f"{name}_sigma"
            ds[name] = ("obs", samples[name].to_numpy(), {"units": variable.unit, "ancillary_variables": sigma})
            ds[sigma] = ("obs", samples[sigma].to_numpy(), {"units": variable.unit})
    return ds


# --- Frictionless data package -------------------------------------------------------------------

_FIELD_TYPES = {TEXT: "string", NUMBER: "number", TIME: "datetime", "Int64": "integer", "int8": "integer"}


def table_schema():
    """Describe the universal record as a Frictionless table schema (dict).

    Returns
    -------
    dict

    Examples
    --------
    >>> next(field for field in table_schema()["fields"] if field["name"] == "depth_m")["unit"]
    'm'
    """
    fields = []
    for name, dtype in COLUMNS.items():
        field = {"name": name, "type": _FIELD_TYPES[dtype], "title": MEANINGS[name]}
        if dtype == TIME:
            field["format"] = "any"
        if name in UNITS:
            field["unit"] = UNITS[name]
        fields.append(field)
    return {"fields": fields, "primaryKey": "record_id", "missingValues": [""]}


def datapackage(path, tables, account, sources, title="234Th records", licence=""):
    """Write a Frictionless datapackage.json beside the tables it describes.

    Parameters
    ----------
    path : str or Path
        The datapackage.json to write.
    tables : sequence of str or Path
        Files in the same folder: first that of the records, which gets the schema of the universal record.
    account : dict
        The five numbers of the cell account (cells, records, missing, rejects, not_wanted) and what belongs to them.
    sources : list of dict
        title, path (a DOI or file name) and licence of each source.
    title, licence : str
        Of the package; without a licence, each source keeps its own.

    Raises
    ------
    UserError
        When the account does not add up: then cells were lost, and the package is not written.
    """
    parts = sum(account[name] for name in ("records", "missing", "rejects", "not_wanted"))
    if parts != account["cells"]:
        raise UserError(f"the cell account does not add up: {account['cells']} cells, {parts} accounted for")
    resources = []
    for number, table in enumerate(map(Path, tables)):
        resource = {"name": table.stem.lower(), "path": table.name, "format": table.suffix[1:]}
        resource["hash"] = f"sha256:{files.sha256(table)}"
        resource |= {"profile": "tabular-data-resource", "encoding": "utf-8"} if table.suffix == ".csv" else {}
        if number == 0:
            resource["schema"] = table_schema()
        elif table.suffix == ".csv":
            names = files.read_csv(table, nrows=0, dtype="str").columns
            kinds = {"row": "integer"}
            resource["schema"] = {"fields": [{"name": name, "type": kinds.get(name, "string")} for name in names]}
        resources.append(resource)
    units = {name: variable.unit for name, variable in VARIABLES.items()}
    package = {
        "name": "sea-of-carbon-records",
        "title": title,
        **({"licenses": [{"name": licence}]} if licence else {}),  # else each source has its own
        "sources": sources,
        "units": units,
        "account": account,
        "resources": resources,
    }
    files.write_json(package, path)
