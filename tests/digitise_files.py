"""Small raw files in the layouts of the field, built by their documented rules, for the tests of the readers."""

import xlsxwriter

PANGAEA = """/* DATA DESCRIPTION:
Citation:\tAuthor, A (2001): Thorium-234 of a test. PANGAEA, https://doi.org/10.1594/PANGAEA.123456,
\tIn supplement to: Author, A (2001): A paper. Deep Sea Research, https://doi.org/10.1000/xyz
Event(s):\tPS1_01 (01-CTD) * LATITUDE: 60.5 * LONGITUDE: -10.25 * DATE/TIME: 2001-05-03T10:20:00 * CAMPAIGN: PS1 (A)
\tPS1_02 * LATITUDE: 61.0 * LONGITUDE: 350.0 * DATE/TIME START: 2001-05-04T00:00:00 * CAMPAIGN: PS1 (A)
Parameter(s):\tEvent label (Event) * PI: Author, A
\tDEPTH, water [m] (Depth water) * GEOCODE
License:\tCreative Commons Attribution 3.0 Unported (CC-BY-3.0)
Size:\t20 data points
*/
@NAMES@
PS1_01\t10\t2.10\t0.05\t0.11\t0.01\t3
PS1_01\t50.0\t2.40\t0.06\tnd\t\t
PS1_02\t10_30\t2.2,\t0.05\t<0.1\t\t1
PS1_02\tbottom\t2.50\t0.05\t\t\t
"""

PANGAEA = PANGAEA.replace(
    "@NAMES@",
    "Event\tDepth water [m]\t234Th [dpm/l] (total)\t234Th std dev [±]\t"
    "234Th [dpm/l] (particulate, >53 µm)\t234Th std dev [±]\tFish [#]",
)

GEOTRACES_HEADER = (
    "Cruise,Station:METAVAR:INDEXED_TEXT,Type,yyyy-mm-ddThh:mm:ss.sss,"
    "Longitude [degrees_east],Latitude [degrees_north],"
    "DEPTH [m],QV:SEADATANET,CTDTMP_T_VALUE_SENSOR [degC],QV:SEADATANET,CTDSAL_D_CONC_SENSOR [pss-78],QV:SEADATANET,"
    "Th_234_T_CONC_BOTTLE [mBq/kg],QV:SEADATANET,1SD_Th_234_T_CONC_BOTTLE [mBq/kg],"
    "Th_234_LPT_CONC_PUMP [mBq/kg],QV:SEADATANET,"
    "POC_LPT_CONC_PUMP [umolC/kg],QV:SEADATANET,Fe_D_CONC_BOTTLE [nmol/kg],QV:SEADATANET"
)

GEOTRACES_ROWS = """GA99,1,B,2014-05-19T18:19:18,349.96399,40.3333,20.0,1,15.0,1,35.0,1,31.0,1,1.0,NaN,9,NaN,9,0.1,1
GA99,1,B,2014-05-19T18:19:18,349.96399,40.3333,40.0,1,13.0,1,35.2,2,33.0,3,1.1,NaN,9,NaN,9,NaN,9
GA99,1,B,2014-05-19T18:19:18,349.96399,40.3333,30.0,1,NaN,9,NaN,9,NaN,9,NaN,2.0,1,0.5,A,NaN,9
"""


def geotraces(underscored):
    """One of the two spellings: brackets and repeated QV columns, or underscores and numbered ones."""
    if not underscored:
        return GEOTRACES_HEADER + "\n" + GEOTRACES_ROWS
    names, count = [], 0
    for name in GEOTRACES_HEADER.split(","):
        flat = "".join(c if c.isalnum() else "_" for c in name)
        if flat == "QV_SEADATANET":
            flat, count = flat + (str(count) if count else ""), count + 1
        names.append(flat)
    return ",".join(names) + "\n" + GEOTRACES_ROWS


WORKBOOK_HEADER = (
    "Ocean", "Region", "Cruise_ID_1", "station_ID", "year", "month", "day", "lat_decimal_degrees",
    "lon_decimal_degrees", "depth(m)", "salinity", "238U(dpm/L)", "total_234Th(dpm/L)", "uncert_total234Th",
    "POC/Th_large(umol/dpm)", "uncert_POC/Th_large",
)  # fmt: skip

WORKBOOK_ROWS = (
    ("Pacifc Ocean", "a", "C1", 12, 2005, 6, 7, 10.0, 350.0, 5, 35.0, 2.44, 2.10, 0.05, 4.0, 0.4),
    ("Pacifc Ocean", "a", "C1", 12, 2005, 6, 7, 10.0, -10.0, 50, 35.1, "2.40-2.45", " 2.2 ,", 0.05, "nd", "nd"),
    (
        "Pacifc Ocean",
        "a",
        "C1",
        12,
        2005,
        "nd",
        "nd",
        10.0,
        -10.0,
        "90_110",
        "nd",
        2.45,
        "#DIV/0!",
        "#VALUE!",
        2.0,
        0.2,
    ),
    ("Artic", "b", "C1", 13, 2005, 7, "", 80.0, 179.0, "surface", 34.0, 2.36, 2.0, 0.1, "", ""),
    ("Artic", "b", "C1", 13, 2005, 7, 9, 80.0, 181.0, 20, 34.0, 2.36, "2,05", 0.1, "<0.1", ""),
)


def workbook(path, header=WORKBOOK_HEADER, rows=WORKBOOK_ROWS):
    """Write the small workbook: a title line, a header, dirt of all kinds, and a sheet of remarks."""
    book = xlsxwriter.Workbook(str(path))
    remarks = book.add_worksheet("readme")
    remarks.write_string(0, 0, "total 234Th of a test")
    sheet = book.add_worksheet("metadata&data")
    sheet.write_string(0, 0, "A compilation")
    for i, row in enumerate((header, *rows)):
        for j, cell in enumerate(row):
            if isinstance(cell, str) and cell.startswith("#"):
                sheet.write_formula(i + 1, j, "=1/0", None, cell)
            elif cell != "":
                sheet.write(i + 1, j, cell)
    book.close()
    return path
