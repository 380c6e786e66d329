"""Layouts in which the field writes its files: one function each, given the table of one cruise and a path."""

import gzip
import io
import re
import zipfile
from datetime import datetime

import gsw
import numpy as np
import pandas as pd
import xlsxwriter
import yaml

from seaofcarbon import files
from seaofcarbon.vocabulary import DPM_PER_BQ, TWIN_LABEL

WORKBOOK, SECOND_WORKBOOK = "twin_workbook.xlsx", "twin_second_workbook.xlsx"
"""The compilation of most cruises, and a second compiler's, who typed a few casts of it again."""

_ISO = "%Y-%m-%dT%H:%M:%S"

_QUANTITIES = (
    "salinity", "u238", "th234_total", "th234_dissolved", "th234_particulate_small", "th234_particulate_large",
    "c_th_small", "c_th_large",
)  # fmt: skip


def _headers(names, sigma):
    """Columns of the quantities and of their uncertainties, which `sigma` spells after those."""
    columns = {}
    for key, name in zip(_QUANTITIES, names, strict=True):
        columns |= {f"m_{key}": name, f"m_{key}_sigma": sigma(name)}
    return columns


_TYPED = _headers(
    ("salinity", "238U(dpm/L)", "total_234Th(dpm/L)", "diss_234Th(dpm/L)", "part_234Th_small(dpm/L)",
     "part_234Th_large(dpm/L)", "POC/Th_small(umol/dpm)", "POC/Th_large(umol/dpm)"),
    lambda name: "uncert_" + name.partition("(")[0].replace("_234Th", "234Th"),
)  # fmt: skip
"""Measured quantity -> column of the workbook (Ceballos-Romero et al. 2022)."""

_PANGAEA = _headers(
    ("Sal", "238U [dpm/l]", "234Th [dpm/l] (total)", "234Th [dpm/l] (dissolved)",
     "234Th [dpm/l] (particulate, 1-53 µm)", "234Th [dpm/l] (particulate, >53 µm)",
     "POC/234Th [µmol/dpm] (1-53 µm)", "POC/234Th [µmol/dpm] (>53 µm)"),
    lambda name: re.sub(r"\[.*\]", "std dev [±]", name),
)  # fmt: skip

_SEABASS = _headers(
    ("sal", "conc_U_238", "conc_Th_234", "conc_Th_234_dissolved", "conc_Th_234_1umfilt_51umprefilt",
     "conc_Th_234_51umfilt_335umprefilt", "POC_Th_234_1umfilt_51umprefilt", "POC_Th_234_51umfilt_335umprefilt"),
    "{}_unc".format,
)  # fmt: skip

_ERDDAP = _headers(
    ("salinity", "U238", "Th234_total", "Th234_dissolved", "Th234_particulate_small", "Th234_particulate_large",
     "POC_Th234_small", "POC_Th234_large"),
    "{}_uncertainty".format,
)  # fmt: skip

_BCODMO = _headers(
    ("Salinity", "U238", "total_Th234", "diss_Th234", "part_Th234_small", "part_Th234_large", "POC_Th234_small",
     "POC_Th234_large"),
    "{}_error".format,
)  # fmt: skip

_TIDY = _headers(
    ("Salinidad", "238U", "234Th total", "234Th disuelto", "234Th partículas finas", "234Th partículas gruesas",
     "C/Th finas", "C/Th gruesas"),
    "± {}".format,
)  # fmt: skip
"""Words that no alias knows: the sidecar says what they mean."""

_EXPORTS = {
    "m_salinity": "Salinity", "m_u238": "238U_dpm/L", "m_th234_total": "234Th_dpm/L",
    "m_th234_total_sigma": "234Th_ obs_uncert", "m_c_th_large": "POC/234Th_μmol/dpm", "m_c_th_large_sigma": "st dev",
}  # fmt: skip
"""Totals and one ratio, of whatever sinks: this table has no more columns."""

_SECOND = {
    "Cruise_ID_2": "Cruise", "station_ID": "Station", "date": "Date", "lat_decimal_degrees": "Latitude",
    "lon_decimal_degrees": "Longitude", "depth(m)": "depth_m", "salinity": "Salinity", "238U(dpm/L)": "238U_dpm/L",
    "total_234Th(dpm/L)": "Total_234Th_dpm/L", "uncert_total234Th": "Total_234Th_uncert", "Comments": "Comments",
}  # fmt: skip
"""Column of the workbook -> column of a second compiler's, who spells cruises in another way."""


def _unit(name, none=""):
    """Unit of a measured quantity or its uncertainty."""
    return none if "salinity" in name else "umol/dpm" if "c_th" in name else "dpm/L"


def _printed(values):
    """Measured values with as many figures as laboratories print."""
    return values.round(4) if values.name == "m_salinity" else values.round(3)


def _measured(table, headers):
    """Columns of the layout, without those of quantities that the cruise did not measure."""
    there = [name for name in headers if name in table and table[name].notna().any()]
    return {name: headers[name] for name in there}, {headers[name]: _printed(table[name]) for name in there}


def _written(path, lines, data, **options):
    """Write lines, then a table as delimited text; .gz and .zip are packed without a date: same table, same bytes."""
    stream = io.StringIO()
    stream.writelines(f"{line}\n" for line in lines)
    data.to_csv(stream, index=False, lineterminator="\n", **options)
    content = stream.getvalue().encode()
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    with files.atomic(path) as temporary:
        if path.suffix == ".zip":
            member = zipfile.ZipInfo(path.stem, date_time=(2000, 1, 1, 0, 0, 0))
            with zipfile.ZipFile(temporary, "w") as archive:
                archive.writestr(member, content, zipfile.ZIP_DEFLATED)
        else:
            temporary.write_bytes(content)


def _sidecar(path, told):
    """Write a sidecar beside a file."""
    with files.atomic(path.with_name(f"{path.name}.yml")) as temporary:
        temporary.write_text(yaml.safe_dump(told, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _source(table):
    cruise = table["cruise"].iloc[0]
    return {"citation": f"234Th of cruise {cruise} in the twin ocean. {TWIN_LABEL}", "licence": "CC-BY-4.0"}


# --- Workbooks -----------------------------------------------------------------------------------------------


def sheet(table):
    """Cells of the compiled workbook: metadata, then pairs of value and uncertainty; `nd` where a value was lost.

    Parameters
    ----------
    table : DataFrame
        Samples of the cruises, as `cruises.samples` gives them.

    Returns
    -------
    DataFrame of object, index 0..n-1
    """
    table = table.reset_index(drop=True)
    time = table["time"].dt
    cruise = table["cruise"]
    cells = pd.DataFrame({
        "Ocean": table["ocean"], "Region": table["region"], "Project_Name": "Sea of Carbon, twin ocean",
        "Cruise_ID_1": cruise, "Cruise_ID_2": cruise.str.replace("TW", "Twin "), "station_ID": table["station"],
        "date": time.strftime("%Y-%m-%d"), "year": time.year, "month": time.month, "day": time.day,
        "lat_decimal_degrees": table["latitude"], "lon_decimal_degrees": table["longitude"],
        "bottom_depth(m)": table["bottom_depth"], "sampling_method": "Niskin bottle; in-situ pump for particles",
        "Reference": "Twin author " + cruise.str[2:], "Comments": TWIN_LABEL,
        "depth(m)": table["depth_m"],
    }).astype(object)  # fmt: skip
    for name in (name for name in _TYPED if name in table):
        values = _printed(table[name])
        # where a cruise measured less than half of its samples, most cells were never meant to be filled
        measured = values.notna().groupby(cruise).transform("mean") > 0.5
        cells[_TYPED[name]] = values.astype(object).where(values.notna(), np.where(measured, "nd", ""))
    return cells


def second_sheet(cells):
    """Rows of the compiled workbook as a second compiler types them: 2 decimals, longitudes 0-360."""
    other = cells[list(_SECOND)].copy()
    for name in ("salinity", "238U(dpm/L)", "total_234Th(dpm/L)", "uncert_total234Th"):
        other[name] = other[name].map(lambda cell: cell if isinstance(cell, str) else round(cell, 2))
    other["lon_decimal_degrees"] = other["lon_decimal_degrees"].map(lambda lon: round(lon % 360, 4))
    return other.rename(columns=_SECOND).reset_index(drop=True)


def write_workbook(cells, path):
    """Write a sheet as xlsx."""
    with files.atomic(path) as temporary:
        # strings stay in place and no date of creation: the same sheet gives the same bytes
        book = xlsxwriter.Workbook(str(temporary), {"constant_memory": True})
        book.set_properties({"title": f"Compilation of 234Th. {TWIN_LABEL}", "created": datetime(2000, 1, 1)})
        page = book.add_worksheet("data")
        page.write_row(0, 0, list(cells.columns))
        for number, row in enumerate(cells.itertuples(index=False, name=None), 1):  # the library writes by row
            page.write_row(number, 0, row)
        book.close()


# --- PANGAEA -----------------------------------------------------------------------------------------------------


def write_pangaea(table, path, in_columns=True):
    """Write a PANGAEA file; position and date in columns, or only in the events of the header."""
    cruise = table["cruise"].iloc[0]
    time = table["time"].dt.strftime(_ISO)
    label = cruise + "_" + table["station"]
    place = {
        "Campaign": table["cruise"], "Date/Time": time, "Latitude": table["latitude"], "Longitude": table["longitude"],
    }  # fmt: skip
    head = {"Event": label, "Station": table["station"]} | (place if in_columns else {})
    data = pd.DataFrame(head | {"Depth water [m]": table["depth_m"]} | _measured(table, _PANGAEA)[1])
    events = (
        label + " * LATITUDE: " + table["latitude"].map("{:.6f}".format) + " * LONGITUDE: "
        + table["longitude"].map("{:.6f}".format) + " * DATE/TIME: " + time
        + f" * CAMPAIGN: {cruise} * BASIS: Twin ship * METHOD/DEVICE: CTD/Rosette (CTD-RO)"
    ).drop_duplicates()  # fmt: skip
    lines = [
        "/* DATA DESCRIPTION:",
        f"Citation:\tSea of Carbon: 234Th of cruise {cruise} in the twin ocean. {TWIN_LABEL}",
        f"Comment:\t{TWIN_LABEL}: made by a model, has no DOI",
        "Event(s):\t" + "\n\t".join(events),
        "Parameter(s):\t" + "\n\t".join(f"{name} * PI: Twin ocean" for name in data.columns),
        "License:\tCreative Commons Attribution 4.0 International (CC-BY-4.0)",
        f"Size:\t{int(data.notna().sum().sum())} data points",
        "*/",
    ]
    _written(path, lines, data, sep="\t")


# --- GEOTRACES -----------------------------------------------------------------------------------------------------


def write_geotraces(table, path, underscores=False):
    """Write a GEOTRACES file: a row per bottle or pump, values per mass, a flag after each parameter.

    `table` needs a column temperature besides.
    """
    table = table.assign(s=table["m_salinity"].fillna(table["salinity"]).round(4))
    absolute = gsw.SA_from_SP(table["s"], 0, table["longitude"], table["latitude"])
    density = gsw.rho(absolute, gsw.CT_from_t(absolute, table["temperature"].round(4), 0), 0) / 1000
    per_mass = 1000 / DPM_PER_BQ / density  # dpm L-1 -> mBq kg-1, measured on deck
    particles = {size: table[f"m_th234_particulate_{size}"] for size in ("small", "large")}
    bottles = pd.DataFrame({
        "CTDTMP_T_VALUE_SENSOR [deg C]": table["temperature"].round(4), "CTDSAL_D_CONC_SENSOR [pss-78]": table["s"],
        "Th_234_T_CONC_BOTTLE [mBq/kg]": table["m_th234_total"] * per_mass,
        "1SD_Th_234_T_CONC_BOTTLE [mBq/kg]": table["m_th234_total_sigma"] * per_mass,
    })  # fmt: skip
    pumps = pd.DataFrame({
        "Th_234_SPT_CONC_PUMP [mBq/kg]": particles["small"] * per_mass,
        "Th_234_LPT_CONC_PUMP [mBq/kg]": particles["large"] * per_mass,
        "POC_SPT_CONC_PUMP [umolC/kg]": particles["small"] * table["m_c_th_small"] / density,
        "POC_LPT_CONC_PUMP [umolC/kg]": particles["large"] * table["m_c_th_large"] / density,
    }).dropna(how="all")  # fmt: skip
    rows = pd.concat([bottles.assign(device="CTD"), pumps.assign(device="SAP")]).sort_index(kind="stable")
    told = table.loc[rows.index]
    pressure = gsw.p_from_z(-told["depth_m"], told["latitude"])
    values = {"CTDPRS_T_VALUE_SENSOR [dbar]": pressure.round(3), "DEPTH [m]": told["depth_m"]}
    values |= {name: rows[name].round(6) for name in rows.columns.drop("device")}
    columns = [
        ("Cruise", told["cruise"]), ("Station:METAVAR:INDEXED_TEXT", told["station"]), ("Type", "B"),
        ("yyyy-mm-ddThh:mm:ss.sss", told["time"].dt.strftime(_ISO)),
        ("Longitude [degrees_east]", (told["longitude"] % 360).round(4)),
        ("Latitude [degrees_north]", told["latitude"]),
        ("Bot. Depth [m]", told["bottom_depth"]), ("Comment:METAVAR:INDEXED_TEXT", TWIN_LABEL),
        ("SamplingDevice:INDEXED_TEXT", rows["device"]), ("QV:SEADATANET", 0),
    ]  # fmt: skip
    for name, column in values.items():
        columns.append((name, column))
        if not name.startswith("1SD"):
            columns.append(("QV:SEADATANET", column.notna().map({True: 1, False: 9})))
    header = [name for name, _ in columns]
    if underscores:
        header = _underscored(header)
    data = pd.concat([pd.Series(column, rows.index) for _, column in columns], axis=1, ignore_index=True)
    _written(path, [], data, header=header, na_rep="NaN" if underscores else "")


def _underscored(header):
    """The other spelling: blanks left out, every sign an underscore, flags numbered from the second on."""
    plain = pd.Series(header).str.replace(" ", "").str.replace(r"[^A-Za-z0-9]", "_", regex=True)
    number = plain.groupby(plain).cumcount()
    return (plain + number.where(number > 0).map("{:.0f}".format, na_action="ignore").fillna("")).tolist()


# --- SeaBASS, ERDDAP, BCO-DMO, EXPORTS, tidy ---------------------------------------------------------------------


def write_seabass(table, path):
    """Write a SeaBASS file: a header that names fields and units, then values with -9999 for missing."""
    cruise, time = table["cruise"].iloc[0], table["time"].dt
    names, measured = _measured(table, _SEABASS)
    place = {
        "station": (table["station"], "none"), "date": (time.strftime("%Y%m%d"), "yyyymmdd"),
        "time": (time.strftime("%H:%M:%S"), "hh:mm:ss"), "lat": (table["latitude"], "degrees"),
        "lon": (table["longitude"], "degrees"), "depth": (table["depth_m"], "m"),
    }  # fmt: skip
    data = pd.DataFrame({name: column for name, (column, _) in place.items()} | measured)
    units = [unit for _, unit in place.values()] + [_unit(name, "PSU") for name in names]
    low, high = table[["latitude", "longitude", "time"]].min(), table[["latitude", "longitude", "time"]].max()
    lines = [
        "/begin_header", "/investigators=Twin_Author", "/affiliations=Sea_of_Carbon", "/contact=none",
        "/experiment=Twin_Ocean", f"/cruise={cruise}", "/station=NA", f"/data_file_name={path.name}",
        "/documents=none", "/calibration_files=none", "/data_type=bottle", "/data_status=final",
        f"/start_date={low['time']:%Y%m%d}", f"/end_date={high['time']:%Y%m%d}",
        f"/start_time={low['time']:%H:%M:%S}[GMT]", f"/end_time={high['time']:%H:%M:%S}[GMT]",
        f"/north_latitude={high['latitude']}[DEG]", f"/south_latitude={low['latitude']}[DEG]",
        f"/east_longitude={high['longitude']}[DEG]", f"/west_longitude={low['longitude']}[DEG]",
        "/water_depth=NA", "/missing=-9999", "/below_detection_limit=-8888", "/delimiter=comma",
        f"! {TWIN_LABEL}", f"/fields={','.join(data.columns)}", f"/units={','.join(units)}", "/end_header",
    ]  # fmt: skip
    _written(path, lines, data, header=False, na_rep="-9999")


def write_erddap(table, path):
    """Write the csv of an ERDDAP server: names, units in the second row, NaN for missing."""
    names, measured = _measured(table, _ERDDAP)
    place = {
        "cruise": (table["cruise"], ""), "station": (table["station"], ""),
        "time": (table["time"].dt.strftime(_ISO + "Z"), "UTC"), "latitude": (table["latitude"], "degrees_north"),
        "longitude": (table["longitude"], "degrees_east"), "depth": (table["depth_m"], "m"),
        "comment": (TWIN_LABEL, ""),
    }  # fmt: skip
    data = pd.DataFrame({name: column for name, (column, _) in place.items()} | measured)
    units = [unit for _, unit in place.values()] + [_unit(name, "PSU") for name in names]
    units = pd.DataFrame([units], columns=data.columns)
    _written(path, [], pd.concat([units, data.astype(object)]), na_rep="NaN")


def write_bcodmo(table, path):
    """Write a csv of BCO-DMO: one row of names, nd for missing, the units elsewhere (here: in a sidecar)."""
    names, measured = _measured(table, _BCODMO)
    data = pd.DataFrame({
        "Cruise_ID": table["cruise"], "Station": table["station"],
        "ISO_DateTime_UTC": table["time"].dt.strftime("%Y-%m-%dT%H:%MZ"), "Latitude": table["latitude"],
        "Longitude": table["longitude"], "Depth": table["depth_m"],
    } | measured | {"Comments": TWIN_LABEL})  # fmt: skip
    _written(path, [], data, na_rep="nd")
    units = {"Latitude": "degrees_north", "Longitude": "degrees_east", "Depth": "m"}
    units |= {header: _unit(name, "PSU") for name, header in names.items()}
    _sidecar(path, {"units": units, "source": _source(table)})


def write_exports(table, path):
    """Write a table of the EXPORTS kind: units in the names, totals and one ratio only."""
    place = {
        "Cruise": table["cruise"], "Station": table["station"], "Date": table["time"].dt.strftime("%Y-%m-%d %H:%M"),
        "Latitude": table["latitude"], "Longitude": table["longitude"], "Bottle Depth": table["depth_m"],
    }  # fmt: skip
    _written(path, [], pd.DataFrame(place | _measured(table, _EXPORTS)[1] | {"Comments": TWIN_LABEL}))


def write_tidy(table, path):
    """Write a table in a laboratory's own words, with semicolons and decimal commas; its sidecar says what is what."""
    names, measured = _measured(table, _TIDY)
    data = pd.DataFrame({
        "Estación": table["station"], "Fecha": table["time"].dt.strftime(_ISO), "Lat": table["latitude"],
        "Lon": table["longitude"], "Prof": table["depth_m"],
    } | measured | {  # fmt: skip
        "Calidad": table["m_th234_total"].notna().map({True: 2, False: 9}), "Observaciones": TWIN_LABEL,
    })  # fmt: skip
    _written(path, [], data, sep=";", decimal=",", na_rep="s.d.")
    columns = {"Estación": "station", "Fecha": "time", "Lat": "latitude", "Lon": "longitude", "Prof": "depth_m"}
    for name, header in names.items():
        if not name.endswith("_sigma"):
            pumped = "particulate" in name or "c_th" in name
            columns[header] = {"variable": name[2:], "unit": _unit(name, "1"), "method": "pump" if pumped else "bottle"}
            if f"{name}_sigma" in names:
                columns[header] |= {"sigma": names[f"{name}_sigma"], "sigma_kind": "1sd"}
    columns[_TIDY["m_th234_total"]]["flag"] = "Calidad"
    _sidecar(path, {
        "columns": columns, "source": _source(table), "constants": {"cruise": table["cruise"].iloc[0]},
        "delimiter": ";", "decimal": ",", "missing": ["s.d."], "flag_scheme": "WOCE",
    })  # fmt: skip
