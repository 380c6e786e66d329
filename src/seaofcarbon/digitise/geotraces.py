"""GEOTRACES IDP (an ODV spreadsheet as csv): each parameter is followed by its own quality column."""

import re

from seaofcarbon.digitise import headers
from seaofcarbon.digitise.opening import split_cells
from seaofcarbon.digitise.table import Column

PARAMETERS = {
    "Th_234_T_CONC": "th234_total",
    "Th_234_D_CONC": "th234_dissolved",
    "Th_234_TP_CONC": "th234_particulate",
    "Th_234_SPT_CONC": "th234_particulate_small",
    "Th_234_LPT_CONC": "th234_particulate_large",
    "POC_SPT_CONC": "poc_small",
    "POC_LPT_CONC": "poc_large",
    "CTDSAL_D_CONC": "salinity",
    "SALINITY_D_CONC": "salinity",
    "CTDTMP_T_VALUE": "temperature",
    "NITRATE_D_CONC": "nitrate",
}
"""Parameter without sampling system and unit -> variable."""

METHODS = {"BOTTLE": "bottle", "PUMP": "pump"}
"""Sampling system, the last word of a parameter -> method; other systems have none in the vocabulary."""

SYSTEMS = ("BOAT_PUMP", "SUBICE_PUMP", "BOTTLE", "PUMP", "SENSOR", "FISH", "UWAY")

FIELDS = {
    "cruise": r"Cruise",
    "station": r"Station(_METAVAR.*)?",
    "time": r"yyyy_mm_dd.*",
    "longitude": r"Longitude(_degrees_east)?",
    "latitude": r"Latitude(_degrees_north)?",
    "depth_m": r"DEPTH_m",
    "bottom_depth": r"Bot_Depth(_m)?",
    "sample_id": r"BODCBottleNumber.*",
}
"""Field of the record -> pattern of the flattened column name."""

UNITS = {
    "mBq_kg": "mBq/kg",
    "uBq_kg": "uBq/kg",
    "umolC_kg": "umolC/kg",
    "umol_kg": "umol/kg",
    "nmol_kg": "nmol/kg",
    "pss_78": "pss-78",
    "deg_C": "degC",
}
"""Flattened units of the copy with underscores -> units."""

_PARAMETER = re.compile(rf"(?P<name>.+?)_(?P<system>{'|'.join(SYSTEMS)})(?:_(?P<unit>.*))?")
_FLAG = re.compile(r"QV_SEADATANET_?\d*")
_SIGMA = re.compile(r"(1SD|STANDARD_DEV\w*?)_(?P<of>.+)")


def flatten(name):
    """Fold both spellings of a column name into one: `Th_234_T_CONC_BOTTLE [mBq/kg]` -> `Th_234_T_CONC_BOTTLE_mBq_kg`.

    >>> flatten("QV:SEADATANET.12"), flatten("DEPTH [m]")
    ('QV_SEADATANET_12', 'DEPTH_m')
    """
    return re.sub(r"[^A-Za-z0-9]+", "_", name.strip()).strip("_")


def recognise(source):
    """Tell whether an opened file is of this layout."""
    first = source.text[:20_000].partition("\n")[0] if source.text is not None else ""
    return "SEADATANET" in first and "Cruise" in first


def read(source):
    """Read an opened GEOTRACES file into tables (one).

    Longitudes are 0-360 in these files; units are per mass.
    """
    first = source.text.partition("\n")[0]
    delimiter = "\t" if first.count("\t") > first.count(",") else ","
    names, cells, rows, odd = split_cells(source, source.text, delimiter)
    values, fields = columns(names)
    return [
        headers.table(
            source,
            names,
            cells,
            rows + 1,
            values,
            fields,
            meta={"citation": "GEOTRACES Intermediate Data Product", "licence": "GEOTRACES IDP terms"},
            flag_scheme="SEADATANET",
            odd=[(i + 1, row) for i, row in odd],
        )
    ]


def columns(names):
    """Tell what the columns are; a quality column belongs to the parameter just before it.

    Returns
    -------
    values : dict of int -> Column
    fields : dict of str -> int
    """
    flat = [flatten(name) for name in names]
    values, fields, sigmas = {}, {}, {}
    for position, name in enumerate(flat):
        if found := _SIGMA.fullmatch(name):
            sigmas[found["of"]] = position
            continue
        for field, pattern in FIELDS.items():
            if re.fullmatch(pattern, name):
                fields.setdefault(field, position)
        found = _PARAMETER.fullmatch(name)
        if found and found["name"] in PARAMETERS:
            unit = found["unit"] or ""
            flagged = position + 1 < len(flat) and _FLAG.fullmatch(flat[position + 1])
            values[position] = Column(
                PARAMETERS[found["name"]],
                UNITS.get(unit, unit),
                METHODS.get(found["system"]),
                flag=position + 1 if flagged else None,
            )
    for position, column in values.items():
        column.sigma = sigmas.get(flat[position])
    return values, fields
