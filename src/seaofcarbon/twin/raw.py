"""Raw files of the twin's cruises, as the field writes them: a compiled workbook, PANGAEA files, GEOTRACES files."""

from datetime import datetime
from pathlib import Path

import gsw
import numpy as np
import pandas as pd
import xlsxwriter

from seaofcarbon import files, ocean
from seaofcarbon.twin.cruises import samples
from seaofcarbon.twin.mistakes import make_mistakes
from seaofcarbon.twin.recipe import DEFAULT
from seaofcarbon.twin.sea import covariates
from seaofcarbon.twin.truth import TRUTH, truth
from seaofcarbon.vocabulary import DPM_PER_BQ, MAX_DEPTH_M, TWIN_LABEL

WORKBOOK = "twin_workbook.xlsx"
FLUX_DEPTHS_M = (10.0, *np.arange(25.0, MAX_DEPTH_M + 1, 25.0))
"""Depths of the true fluxes that are kept, m."""

_CAST = ["cruise", "station", "time", "latitude", "longitude"]
_MISSING = "nd"

_VALUES = {
    "m_salinity": "salinity",
    "m_u238": "238U(dpm/L)", "m_u238_sigma": "uncert_238U",
    "m_th234_total": "total_234Th(dpm/L)", "m_th234_total_sigma": "uncert_total234Th",
    "m_th234_dissolved": "diss_234Th(dpm/L)", "m_th234_dissolved_sigma": "uncert_diss234Th",
    "m_th234_particulate_small": "part_234Th_small(dpm/L)",
    "m_th234_particulate_small_sigma": "uncert_part234Th_small",
    "m_th234_particulate_large": "part_234Th_large(dpm/L)",
    "m_th234_particulate_large_sigma": "uncert_part234Th_large",
    "m_c_th_small": "POC/Th_small(umol/dpm)", "m_c_th_small_sigma": "uncert_POC/Th_small",
    "m_c_th_large": "POC/Th_large(umol/dpm)", "m_c_th_large_sigma": "uncert_POC/Th_large",
}  # fmt: skip
"""Measured quantity -> column of the workbook (Ceballos-Romero et al. 2022)."""

_SMALL, _LARGE = "(particulate, 1-53 µm)", "(particulate, >53 µm)"
_PANGAEA = {
    "m_salinity": "Sal",
    "m_u238": "238U [dpm/l]", "m_u238_sigma": "238U std dev [±]",
    "m_th234_total": "234Th [dpm/l] (total)", "m_th234_total_sigma": "234Th std dev [±] (total)",
    "m_th234_dissolved": "234Th [dpm/l] (dissolved)", "m_th234_dissolved_sigma": "234Th std dev [±] (dissolved)",
    "m_th234_particulate_small": f"234Th [dpm/l] {_SMALL}",
    "m_th234_particulate_small_sigma": f"234Th std dev [±] {_SMALL}",
    "m_th234_particulate_large": f"234Th [dpm/l] {_LARGE}",
    "m_th234_particulate_large_sigma": f"234Th std dev [±] {_LARGE}",
    "m_c_th_small": "POC/234Th [µmol/dpm] (1-53 µm)", "m_c_th_small_sigma": "POC/234Th std dev [±] (1-53 µm)",
    "m_c_th_large": "POC/234Th [µmol/dpm] (>53 µm)", "m_c_th_large_sigma": "POC/234Th std dev [±] (>53 µm)",
}  # fmt: skip
"""Measured quantity -> column of a PANGAEA file."""


def write_raw(folder, parameters=DEFAULT, n_cruises=250):
    """Send the cruises to sea and write their raw files, the mistakes that were planted, and the truth.

    Parameters
    ----------
    folder : str or Path
        Made if it is not there. Files `twin_TW*` of an earlier call are removed.
    parameters : Parameters
    n_cruises : int
        A tenth of them write a PANGAEA file each, a tenth a GEOTRACES file each (in both spellings), the others stand
        in the workbook.

    Returns
    -------
    list of Path
        The data files: workbook, .tab, .csv. Beside them are written

        - truth_samples.parquet: each bottle, noise-free (columns of the cast, depth_m, and `truth.TRUTH`);
        - truth_fluxes.parquet: each cast at `FLUX_DEPTHS_M`, with th234_flux_inventory, which is lambda times the exact
          integral of the noise-free deficit;
        - mistakes.csv: file, row (line of the file or sheet), column, kind, mistake (number: a slip may touch many
          cells), cruise, station, meant, written.
    """
    folder, p = Path(folder), parameters
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("twin_TW*"):
        old.unlink()
    casts, table = samples(p, n_cruises)
    rng = np.random.default_rng([p.cruise_seed, 3])
    names = rng.permutation(casts["cruise"].unique())
    some = max(n_cruises // 10, 2)
    tabs, sections, compiled = names[:some], names[some : 2 * some], names[2 * some :]

    sheet, mistakes = make_mistakes(_sheet(table[table["cruise"].isin(compiled)]), rng)
    _write_workbook(sheet, folder / WORKBOOK)
    paths = [folder / WORKBOOK]
    for number, cruise in enumerate(sorted(tabs)):
        paths.append(folder / f"twin_{cruise}.tab")
        _write_pangaea(table[table["cruise"] == cruise], paths[-1], in_columns=number % 2 == 0)
    at_sea = table[table["cruise"].isin(sections)]
    at_sea = at_sea.assign(temperature=_temperature(at_sea, p))
    for number, cruise in enumerate(sorted(sections)):
        paths.append(folder / f"twin_{cruise}.csv")
        _write_geotraces(at_sea[at_sea["cruise"] == cruise], paths[-1], underscores=number % 2 == 1)

    files.write_parquet(table[[*_CAST, "depth_m", *TRUTH]], folder / "truth_samples.parquet")
    files.write_parquet(_true_fluxes(casts, p), folder / "truth_fluxes.parquet")
    files.write_csv(mistakes.assign(file=WORKBOOK)[["file", *mistakes.columns]], folder / "mistakes.csv")
    return paths


def _true_fluxes(casts, p):
    """Truth of each cast at the standard depths."""
    points = casts[_CAST].loc[casts.index.repeat(len(FLUX_DEPTHS_M))].reset_index(drop=True)
    points["depth_m"] = np.tile(FLUX_DEPTHS_M, len(casts))
    known = truth(points, p)
    # with 238U constant in time, lambda times the deficit above z is the mean of the flux over the memory of 234Th
    known = known.assign(th234_flux_inventory=known["th234_flux_memory"])
    columns = ["th234_flux_inventory", "th234_flux", "th234_flux_memory", "poc_flux", "c_th", "bloom_phase_d"]
    return pd.concat([points, known[columns]], axis=1)


def _rounded(values):
    """Measured values with as many figures as laboratories print."""
    return values.round(4) if values.name == "m_salinity" else values.round(3)


# --- The workbook --------------------------------------------------------------------------------------------


def _sheet(table):
    """Cells of the workbook: metadata, then pairs of value and uncertainty; `nd` where a value was lost."""
    table = table.reset_index(drop=True)
    time = table["time"].dt
    cruise = table["cruise"]
    sheet = pd.DataFrame({
        "Ocean": table["ocean"], "Region": table["region"], "Project_Name": "Sea of Carbon, twin ocean",
        "Cruise_ID_1": cruise, "Cruise_ID_2": cruise.str.replace("TW", "Twin "), "station_ID": table["station"],
        "date": time.strftime("%Y-%m-%d"), "year": time.year, "month": time.month, "day": time.day,
        "lat_decimal_degrees": table["latitude"], "lon_decimal_degrees": table["longitude"],
        "bottom_depth(m)": table["bottom_depth"], "sampling_method": "Niskin bottle; in-situ pump for particles",
        "Reference": "Twin author " + cruise.str[2:], "Comments": TWIN_LABEL,
        "depth(m)": table["depth_m"],
    }).astype(object)  # fmt: skip
    for name, header in _VALUES.items():
        values = _rounded(table[name])
        # where a cruise measured less than half of its samples, most cells were never meant to be filled
        measured = values.notna().groupby(cruise).transform("mean") > 0.5
        sheet[header] = values.astype(object).where(values.notna(), np.where(measured, _MISSING, ""))
    return sheet


def _write_workbook(sheet, path):
    with files.atomic(path) as temporary:
        # strings stay in place and no date of creation: the same sheet gives the same bytes
        book = xlsxwriter.Workbook(str(temporary), {"constant_memory": True})
        book.set_properties({"title": f"Compilation of 234Th. {TWIN_LABEL}", "created": datetime(2000, 1, 1)})
        page = book.add_worksheet("data")
        page.write_row(0, 0, list(sheet.columns))
        for number, cells in enumerate(sheet.itertuples(index=False, name=None), 1):  # the library writes by row
            page.write_row(number, 0, cells)
        book.close()


# --- PANGAEA -----------------------------------------------------------------------------------------------------


def _write_pangaea(table, path, in_columns):
    """One cruise as a PANGAEA file; position and date in columns, or only in the events of the header."""
    cruise = table["cruise"].iloc[0]
    time = table["time"].dt.strftime("%Y-%m-%dT%H:%M:%S")
    label = cruise + "_" + table["station"]
    place = {
        "Campaign": table["cruise"], "Date/Time": time, "Latitude": table["latitude"], "Longitude": table["longitude"],
    }  # fmt: skip
    head = {"Event": label, "Station": table["station"]} | (place if in_columns else {})
    measured = {h: _rounded(table[name]) for name, h in _PANGAEA.items() if table[name].notna().any()}
    data = pd.DataFrame(head | {"Depth water [m]": table["depth_m"]} | measured)
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
    with files.atomic(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as stream:
        stream.write("\n".join(lines) + "\n")
        data.to_csv(stream, sep="\t", index=False, lineterminator="\n")


# --- GEOTRACES -----------------------------------------------------------------------------------------------------


def _temperature(table, p):
    """Temperature of each bottle from the climatology of the nearest cell; below 300 m that of 300 m."""
    fields = covariates(p)
    points = table.assign(depth_m=table["depth_m"].clip(upper=float(fields["depth"].max())))
    temperature = ocean.match(points, fields)["temperature"].astype(float)
    return temperature.groupby([table["cruise"], table["station"]]).ffill()


def _write_geotraces(table, path, underscores):
    """One cruise as a GEOTRACES file: a row per bottle or pump, values per mass, a flag after each parameter."""
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
        ("yyyy-mm-ddThh:mm:ss.sss", told["time"].dt.strftime("%Y-%m-%dT%H:%M:%S")),
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
    with files.atomic(path) as temporary:
        data.to_csv(temporary, header=header, index=False, na_rep="NaN" if underscores else "", lineterminator="\n")


def _underscored(header):
    """The other spelling: blanks left out, every sign an underscore, flags numbered from the second on."""
    plain = pd.Series(header).str.replace(" ", "").str.replace(r"[^A-Za-z0-9]", "_", regex=True)
    number = plain.groupby(plain).cumcount()
    return (plain + number.where(number > 0).map("{:.0f}".format, na_action="ignore").fillna("")).tolist()
