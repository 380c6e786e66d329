"""Small raw files in the layouts of the field, built by their documented rules, for the tests of the readers."""

import xlsxwriter

PANGAEA = """/* DATA DESCRIPTION:
Citation:\tAuthor, A (2001): Thorium-234 of a test. PANGAEA, https://doi.org/10.1594/PANGAEA.123456,
\tIn supplement to: Author, A (2001): A paper. Deep Sea Research, https://doi.org/10.1000/xyz
Event(s):\tPS1_01 (01-CTD) * LATITUDE: 60.5 * LONGITUDE: -10.25 * DATE/TIME: 2001-05-03T10:20:00 * CAMPAIGN: PS1 (A)
\tPS1_02 * LATITUDE: 61.0 * LONGITUDE: 350.0 * DATE/TIME START: 2001-05-04T00:00:00 * CAMPAIGN: PS1 (A)
Parameter(s):\tEvent label (Event) * PI: Author, A
\tDEPTH, water [m] (Depth water) * GEOCODE
\tThorium-234 [dpm/l] (234Th) * PI: Author, A * COMMENT: total
\tThorium-234, standard deviation [±] (234Th std dev) * PI: Author, A
\tThorium-234 [dpm/l] (234Th) * PI: Author, A * COMMENT: particulate, >53 µm
\tThorium-234, standard deviation [±] (234Th std dev) * PI: Author, A
\tFish [#] (Fish) * PI: Author, A
License:\tCreative Commons Attribution 3.0 Unported (CC-BY-3.0)
Size:\t18 data points
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
    ("Pacifc Ocean", "a", "C1", 12, 2005, 6, 7, 10.0, 330.0, 5, 35.0, 2.44, 2.10, 0.05, 4.0, 0.4),
    ("Pacifc Ocean", "a", "C1", 12, 2005, 6, 7, 10.0, -30.0, 50, 35.1, "2.40-2.45", " 2.2 ,", 0.05, "nd", "nd"),
    (
        "Pacifc Ocean",
        "a",
        "C1",
        12,
        2005,
        "nd",
        "nd",
        10.0,
        -30.0,
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


SEABASS = """/begin_header
/investigators=Ada_Author,Ben_Author
/experiment=EXPORTS
/cruise=EX99
/station=NA
/data_file_name=EX99_pumps.sb
/start_date=20180814
/end_date=20180816
/start_time=01:00:00[GMT]
/end_time=09:00:00[GMT]
/north_latitude=50.500[DEG]
/south_latitude=50.100[DEG]
/east_longitude=-144.900[DEG]
/west_longitude=-145.100[DEG]
/water_depth=4200
! a remark, with commas, and /slashes=too
/missing=-9999
/below_detection_limit=-8888
/above_detection_limit=-7777
/delimiter=comma
/fields=station,date,time,lat,lon,depth,Wt,sal,conc_Th_234,conc_Th_234_unc,conc_Th_234_51umfilt_335umprefilt,@
/units=none,yyyymmdd,hh:mm:ss,degrees,degrees,m,degreesC,PSU,dpm/L,dpm/L,dpm/L,dpm/L,dpm/L,mg/m^3,mg/m^3
/end_header
S1,20180814,09:30:00,50.1,-145.0,5,14.1,32.5,1.90,0.05,0.10,0.01,0.40,12.011,24.022
! a remark among the data
S1,20180814,09:30:00,50.1,-145.0,50,8.1,32.6,-9999,-9999,-8888,-9999,0.30,-9999,10.0
S1,20180814,09:30:00,50.1,-145.0,100,6.1,32.9,2.30,-9999,-7777,0.01,-9999.0,2.0,5.0
S2,20180816,bad,50.5,-144.9,20,13.0,32.5,2.00,0.06,0.20,0.02,1.9.1,1.0,4.0
""".replace(
    "@",
    "conc_Th_234_51umfilt_335umprefilt_unc,conc_Th_234_1umfilt_51umprefilt,POC_51umfilt,POC",
)
"""4 rows x 15 columns. Missing words, limits of detection, a bad time and a bad number."""

ERDDAP = """time,latitude,longitude,depth,station,Th234_total,Th234_total_sd,Th_228,POC_Th234_large,NO3,comment
UTC,degrees_north,degrees_east,m,,disintegrations per minute per liter (dpm/L),dpm/L,dpm/L,umol/dpm,umol/kg,
2012-03-01T10:20:00Z,45.0,-30.0,10.0,1,2.11,0.05,0.3,4.5,5.1,"good, calm"
2012-03-01T10:20:00Z,45.0,-30.0,60.0,1,NaN,NaN,0.3,NaN,7.1,
2012-03-02T00:00:00Z,45.5,330.5,25.0,2,2.22,0.04,NaN,<0.1,6.0,
"""
"""3 rows x 11 columns."""

BCODMO = """# A dataset
# version: 1, with, commas
Cruise_ID,Station,ISO_DateTime_UTC,Latitude,Longitude,Depth,Th234_total,Th234_total_err,U238,uncert_U238,Salinity,Notes
BC1,A,2010-02-03T04:05:00Z,45.0,-30.0,10,2.11,0.05,2.40,0.04,35.1,nd
BC1,A,2010-02-03T04:05:00Z,45.0,-30.0,nd,2.25,0.05,2.41,0.04,35.2,
BC1,B,2010-02-05,46.0,-31.0,40,nd,nd,2.42,-0.04,35.3,odd
"""
"""3 rows x 12 columns; no column of values tells its unit."""

EXPORTS = """Cruise,Station,Date,Latitude,Longitude,Bottle Depth,238U_dpm/L,234Th_dpm/L,234Th_ obs_uncert,@
EX,1,2018-08-14,50.1,-145.0,5,2.24,1.90,0.05,4.1,0.4,good
EX,1,2018-08-14,50.1,-145.0,100,2.25,"2,30",0.06,nd,nd,
EX,2,2018-08-16,50.5,-144.9,20,#DIV/0!,2.00,,3.0,0.3,good
""".replace("@", "POC/234Th_μmol/dpm,st dev,remark")
"""3 rows x 12 columns."""

TIDY = """# Instituto
Estación;Fecha;Lat;Lon;Prof;Torio total;Err torio;Bandera;C/Th gruesas;Notas
A;2005-06-07;36,5;-7,5;5;2,10;0,10;2;4,5;x
A;2005-06-07;36,5;-7,5;1.000;2,45;0,12;3;s.d.;x
B;07/06/2005;36,6;-7,6;20;1.95;0,10;2;<LD;
"""
"""3 rows x 10 columns, decimal commas; 1.000 could be one or a thousand."""

TIDY_SIDECAR = """source: {doi: 10.1000/xyz, citation: Autora (2005), licence: CC-BY-4.0, curator: A. Autora}
columns:
  Estación: station
  Fecha: time
  LAT: latitude
  Lon: longitude
  Prof: depth_m
  Torio total: {variable: th234_total, unit: dpm/L, sigma: Err torio, sigma_kind: 2sd, flag: Bandera}
  C/Th gruesas: {variable: c_th_large, unit: µmol/dpm, method: pump, size_min_um: 53}
constants: {cruise: GIB05}
header_row: 2
delimiter: ";"
decimal: ","
missing: [s.d.]
below_detection: [<LD]
flag_scheme: WOCE
"""


def written(folder, name, text):
    """Write a raw text file."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def adds_up(result):
    """Tell whether the five numbers add up, and rejects and records are as many as they say."""
    account = result.account
    assert len(result.records) == account["records"] and len(result.rejects) == account["rejects"]
    return account["cells"] == sum(account[name] for name in ("records", "missing", "rejects", "not_wanted"))
