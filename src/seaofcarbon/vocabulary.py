"""Words and numbers of the field: variables, units, flags, constants, parameters, sites.

Every number carries its source, in its name or beside it. Nothing here computes.
"""

from dataclasses import dataclass, field

# --- Constants -------------------------------------------------------------------------------

HALF_LIFE_TH234_D = 24.10
"""Half-life of 234Th in days, as the 234Th literature uses it."""

LAMBDA_TH234_PER_D = 0.6931471805599453 / HALF_LIFE_TH234_D
"""Decay constant of 234Th, d-1: ln 2 over its half-life."""

CARBON_G_PER_MOL = 12.011
"""Standard atomic weight of carbon, g mol-1 (IUPAC)."""

DPM_PER_BQ = 60.0
"""Decays per minute in one becquerel: 1 Bq is one decay a second."""

LITRES_PER_M3 = 1000.0
"""Litres in a cubic metre, by definition."""

EARTH_RADIUS_KM = 6371.0
"""Mean radius of the Earth, km, as of a sphere."""

TWIN_LABEL = "TWIN OCEAN, NOT OBSERVATIONS"
"""Stands on every figure, page and file that comes from the twin ocean."""

PROFILES = ("twin", "real")

CLIMATOLOGY_YEARS = (1991, 2020)
"""First and last year that files name for a climatology: those of the embedded sea surface temperature (NOAA OI SST
v2). Other fields are means of other years, which CF has no place for."""

MAX_DEPTH_M = 250.0
"""Deepest depth, in m, at which fluxes are mapped and predicted."""

SHELF_M = 200.0
"""Where the sea floor is shallower, in m, a place counts as shelf."""


# --- 238U from practical salinity --------------------------------------------------------------


@dataclass(frozen=True)
class U238Relation:
    """238U (dpm L-1) = slope * S + intercept, with the standard error of a prediction."""

    slope: float
    intercept: float
    sigma_dpm_l: float
    source: str


U238_RELATIONS = {
    "owens2011": U238Relation(0.0786, -0.315, 0.047, "Owens, Buesseler & Sims 2011, DOI not verified"),
    # 0.0012 is the standard error of the slope; at S = 35 it is 0.042 dpm L-1.
    "pates_muir2007": U238Relation(0.0713, 0.0, 0.042, "Pates & Muir 2007, coefficient as in the abstract"),
    # The abstract gives 3.162 to 3.281 ng g-1 of 238U at S = 35; per litre the slope lies in this range (a test).
    "chen1986": U238Relation(0.07081, 0.0, 0.047, "Chen, Edwards & Wasserburg 1986, coefficient not verified"),
}


# --- Variables ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Variable:
    """One quantity: the unit it has inside, the range that is not absurd, and how CF files name it.

    `cf_unit` and `cf_factor` turn the inside value into the unit of CF files
    (dpm is not a UDUNITS unit, so activities become Bq): cf = inside * cf_factor.
    """

    long_name: str
    unit: str
    low: float
    high: float
    cf_unit: str = ""
    cf_factor: float = 1.0
    standard_name: str = ""
    attrs: dict = field(default_factory=dict)


def _activity(name, low=-0.5, high=6.0):
    return Variable(name, "dpm L-1", low, high, "Bq m-3", LITRES_PER_M3 / DPM_PER_BQ)


def _ratio(name):
    # 1 umol dpm-1 = 1e-6 mol / (1/60 Bq) = 6e-5 mol Bq-1
    return Variable(name, "umol dpm-1", 0.0, 2000.0, "mol Bq-1", 1e-6 * DPM_PER_BQ)


_SECONDS_PER_D = 86400.0

VARIABLES = {
    "th234_total": _activity("total 234Th activity"),
    "th234_dissolved": _activity("dissolved 234Th activity"),
    "th234_particulate": _activity("particulate 234Th activity"),
    "th234_particulate_small": _activity("particulate 234Th activity, small particles"),
    "th234_particulate_large": _activity("particulate 234Th activity, large particles"),
    "u238": _activity("238U activity", low=0.0, high=3.2),
    "salinity": Variable("practical salinity", "1", 0.0, 45.0, "1", 1.0, "sea_water_practical_salinity"),
    "temperature": Variable(
        "sea water temperature",
        "degree_Celsius",
        -3.0,
        40.0,
        "degree_Celsius",
        1.0,
        "sea_water_temperature",
        {"units_metadata": "temperature: on_scale"},
    ),
    "poc_small": Variable("particulate organic carbon, small particles", "umol L-1", 0.0, 500.0, "mol m-3", 1e-3),
    "poc_large": Variable("particulate organic carbon, large particles", "umol L-1", 0.0, 500.0, "mol m-3", 1e-3),
    "c_th": _ratio("POC to 234Th ratio of particles"),
    "c_th_small": _ratio("POC to 234Th ratio of small particles"),
    "c_th_large": _ratio("POC to 234Th ratio of large particles"),
    "th234_flux": Variable(
        "downward flux of 234Th on sinking particles", "dpm m-2 d-1", -5000.0, 20000.0, "Bq m-2 d-1", 1 / DPM_PER_BQ
    ),
    "poc_flux": Variable(
        "downward flux of particulate organic carbon",
        "mmol m-2 d-1",
        -50.0,
        500.0,
        "mol m-2 s-1",
        1e-3 / _SECONDS_PER_D,
        "sinking_mole_flux_of_particulate_organic_matter_expressed_as_carbon_in_sea_water",
    ),
    "npp": Variable(
        "net primary production of carbon, depth integrated",
        "mg m-2 d-1",
        0.0,
        30000.0,
        "mol m-2 s-1",
        1e-3 / CARBON_G_PER_MOL / _SECONDS_PER_D,
        "net_primary_mole_productivity_of_biomass_expressed_as_carbon_by_phytoplankton",
    ),
    "chlorophyll": Variable(
        "chlorophyll-a concentration",
        "mg m-3",
        0.0,
        200.0,
        "mg m-3",
        1.0,
        "mass_concentration_of_chlorophyll_a_in_sea_water",
    ),
    "fluorescence": Variable("chlorophyll fluorescence", "mg m-3", 0.0, 200.0, "mg m-3", 1.0),
    "par": Variable(
        "photosynthetically available radiation at the surface",
        "mol m-2 d-1",
        0.0,
        80.0,
        "mol m-2 d-1",
        1.0,
        "surface_downwelling_photosynthetic_photon_flux_in_air",
    ),
    "nitrate": Variable(
        "nitrate concentration", "umol L-1", 0.0, 60.0, "mmol m-3", 1.0, "mole_concentration_of_nitrate_in_sea_water"
    ),
    "sst": Variable(
        "sea surface temperature",
        "degree_Celsius",
        -3.0,
        40.0,
        "degree_Celsius",
        1.0,
        "sea_surface_temperature",
        {"units_metadata": "temperature: on_scale"},
    ),
    "mixed_layer_depth": Variable("mixed layer depth", "m", 0.0, 3000.0, "m", 1.0, "ocean_mixed_layer_thickness"),
    "bottom_depth": Variable(
        "depth of the sea floor", "m", 0.0, 11500.0, "m", 1.0, "sea_floor_depth_below_sea_surface"
    ),
    "euphotic_depth": Variable("depth of the euphotic zone", "m", 0.0, 400.0, "m"),
    "export_efficiency": Variable("POC flux at the base of the euphotic zone over NPP", "1", -5.0, 50.0, "1"),
}
"""All quantities by the name they have in records, tables and files; `unit` is the unit inside."""

TARGETS = ("th234_flux", "poc_flux", "th234_total", "c_th")
"""What the models learn. The main target is th234_flux on the twin and poc_flux on real data."""

MAIN_TARGET = {"twin": "th234_flux", "real": "poc_flux"}

METHODS = ("th234_ss", "th234_nss", "th234_unspecified", "trap", "bottle", "pump", "model")


# --- Units as printed -> inside ------------------------------------------------------------------


_D_PER_YEAR = 365.25
"""Days in a mean (Julian) year."""

_POC_MASS = {
    # 1 mg m-3 = 1 ug L-1 of carbon = 1/12.011 umol L-1
    "mg/m3": 1 / CARBON_G_PER_MOL, "ug/L": 1 / CARBON_G_PER_MOL, "mg/L": 1e3 / CARBON_G_PER_MOL,
    "ug/kg": 1 / CARBON_G_PER_MOL,
}  # fmt: skip

UNIT_CONVERSIONS = {
    "dpm L-1": {  # activity: 1 Bq = 60 dpm, 1 m3 = 1000 L
        "dpm/L": 1.0, "dpm/100L": 1 / 100, "dpm/m3": 1 / LITRES_PER_M3,
        "Bq/L": DPM_PER_BQ, "mBq/L": 1e-3 * DPM_PER_BQ, "uBq/L": 1e-6 * DPM_PER_BQ,
        "Bq/m3": DPM_PER_BQ / LITRES_PER_M3, "mBq/m3": 1e-3 * DPM_PER_BQ / LITRES_PER_M3,
        "dpm/kg": 1.0, "dpm/100kg": 1 / 100,
        "Bq/kg": DPM_PER_BQ, "mBq/kg": 1e-3 * DPM_PER_BQ, "uBq/kg": 1e-6 * DPM_PER_BQ,
    },
    "umol L-1": {  # 1 mmol m-3 = 1 umol L-1
        "umol/L": 1.0, "mmol/L": 1e3, "nmol/L": 1e-3, "mmol/m3": 1.0, "umol/m3": 1e-3, "mol/m3": 1e3,
        "umol/kg": 1.0, "nmol/kg": 1e-3,
    },
    "poc_small": _POC_MASS,
    "poc_large": _POC_MASS,
    "umol dpm-1": {  # carbon to activity: 1 umol Bq-1 = 1/60 umol dpm-1; 1 ug of carbon = 1/12.011 umol
        "umol/dpm": 1.0, "mmol/dpm": 1e3, "nmol/dpm": 1e-3, "ug/dpm": 1 / CARBON_G_PER_MOL,
        "umol/Bq": 1 / DPM_PER_BQ, "mmol/Bq": 1e3 / DPM_PER_BQ, "mol/Bq": 1e6 / DPM_PER_BQ,
        "umol/mBq": 1e3 / DPM_PER_BQ, "nmol/mBq": 1 / DPM_PER_BQ,
    },
    "dpm m-2 d-1": {
        "dpm/m2/d": 1.0, "Bq/m2/d": DPM_PER_BQ, "mBq/m2/d": 1e-3 * DPM_PER_BQ,
        "dpm/cm2/d": 1e4, "dpm/m2/yr": 1 / _D_PER_YEAR,
    },
    "mmol m-2 d-1": {  # a POC flux is a flux of carbon, also where only its mass is printed
        "mmol/m2/d": 1.0, "umol/m2/d": 1e-3, "mol/m2/d": 1e3,
        "mmol/m2/yr": 1 / _D_PER_YEAR, "mol/m2/yr": 1e3 / _D_PER_YEAR,
        "mg/m2/d": 1 / CARBON_G_PER_MOL, "g/m2/d": 1e3 / CARBON_G_PER_MOL,
        "g/m2/yr": 1e3 / CARBON_G_PER_MOL / _D_PER_YEAR,
    },
    "mg m-2 d-1": {  # net primary production, of carbon
        "mg/m2/d": 1.0, "g/m2/d": 1e3, "g/m2/yr": 1e3 / _D_PER_YEAR,
        "mmol/m2/d": CARBON_G_PER_MOL, "mol/m2/d": 1e3 * CARBON_G_PER_MOL,
        "mol/m2/yr": 1e3 * CARBON_G_PER_MOL / _D_PER_YEAR,
    },
    "mg m-3": {"mg/m3": 1.0, "ug/L": 1.0, "mg/L": 1e3, "ng/L": 1e-3, "ug/kg": 1.0},
    "degree_Celsius": {"degC": 1.0},
    "mol m-2 d-1": {"mol/m2/d": 1.0, "E/m2/d": 1.0, "einstein/m2/d": 1.0},
    "m": {"m": 1.0},
    "1": {"1": 1.0},
    "salinity": {"1": 1.0, "psu": 1.0, "pss": 1.0, "pss-78": 1.0, "pss78": 1.0},
}  # fmt: skip
"""Unit inside (or the quantity, where only that one has them) -> unit as printed -> factor: inside = printed * factor,
for units per kg also times the density of the sample in kg L-1. Each unit stands once, spelling is folded; what is not
here (or could mean two things, such as g/kg or ppt of salinity, or 1/m3) is set aside."""


# --- Flags -----------------------------------------------------------------------------------------

FLAG_GOOD, FLAG_NOT_EVALUATED, FLAG_QUESTIONABLE, FLAG_BAD, FLAG_MISSING = 1, 2, 3, 4, 9

FLAGS = {1: "good", 2: "not evaluated", 3: "questionable", 4: "bad", 9: "missing"}
"""IODE primary level flags, the ones used inside."""

FLAG_SCHEMES = {
    "IODE": {"1": 1, "2": 2, "3": 3, "4": 4, "9": 9},
    # SeaDataNet L20; 6 below detection, 7 in excess, 8 interpolated: a value that is usable with care
    "SEADATANET": {"0": 2, "1": 1, "2": 1, "3": 3, "4": 4, "5": 3, "6": 3, "7": 3, "8": 3, "9": 9, "A": 3},
    # WOCE bottle; "2" means good here, "not evaluated" in IODE, "probably good" in SeaDataNet
    "WOCE": {"2": 1, "3": 3, "4": 4, "5": 9, "6": 1, "9": 9},
}


# --- Features ----------------------------------------------------------------------------------------

_SEED = (
    "temperature", "depth_m", "latitude", "longitude_sin", "longitude_cos", "npp", "day_sin", "day_cos", "chlorophyll",
)  # fmt: skip

FEATURE_SETS = {"seed": _SEED, "extended": (*_SEED, "sst", "bottom_depth")}
"""Inputs of the models. `seed` is temperature, depth, latitude, longitude, NPP, day of year, chlorophyll;
longitude and day of year are circular and enter as sine and cosine."""

COVARIATES = (
    "temperature",
    "npp",
    "chlorophyll",
    "sst",
    "mixed_layer_depth",
    "nitrate",
    "bottom_depth",
    "euphotic_depth",
)
"""Fields of the sea that the match-up puts beside each value."""


# --- Sites -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Site:
    """A named place; where a 1-degree grid has no usable cell, `no_number` says why, and what stands in."""

    latitude: float
    longitude: float
    note: str = ""
    no_number: str = ""


SITES = {
    "Gulf of Cadiz": Site(36.5, -7.5, "outer gulf; the inner gulf (36.5 N, 6.5 W) is land on a 1-degree grid"),
    "Alboran Sea": Site(35.5, -4.5, "western Alboran gyre"),
    "Eastern Alboran Sea": Site(35.5, -3.5, "eastern Alboran gyre"),
    "Malaga shelf": Site(
        36.6,
        -4.4,
        "northern shelf of the Alboran Sea",
        no_number="the cell (36.5 N, 4.5 W) is land on a 1-degree grid, and the shelf is narrower than a cell; "
        "the nearest open cell is that of the Alboran Sea",
    ),
    "Strait of Gibraltar": Site(
        35.95,
        -5.6,
        "between the Atlantic and the Mediterranean",
        no_number="one cell (35.5 N, 5.5 W) mixes two seas, shelf and sills, and water crosses it in days, so that "
        "neither the covariates nor a balance of 234Th without currents hold; the nearest open cells are those of the "
        "Gulf of Cadiz and the Alboran Sea",
    ),
    "DYFAMED": Site(43.42, 7.87, "Ligurian Sea, a French time series since 1991"),
    "BATS": Site(31.67, -64.17, "Bermuda Atlantic Time-series Study"),
    "HOT": Site(22.75, -158.0, "Hawaii Ocean Time-series, Station ALOHA"),
    "PAP": Site(49.0, -16.5, "Porcupine Abyssal Plain"),
    "K2": Site(47.0, 160.0, "western subarctic Pacific"),
    "Station Papa": Site(50.0, -145.0, "eastern subarctic Pacific"),
}


# --- Blooms ------------------------------------------------------------------------------------------

BLOOM_DEFINITIONS = {
    "threshold": "above {:g} annual medians",
    "half_amplitude": "above half the amplitude",
}
"""When a month is in bloom, in words; {} stands for the threshold. Brody et al. 2013 compare such definitions."""


# --- Published exports, to set beside ours ------------------------------------------------------------


@dataclass(frozen=True)
class PublishedTotal:
    """Sinking POC in Pg C yr-1, a value or a range, at about `depth`; for the kind "new production" what could sink."""

    low: float
    high: float
    depth: str
    kind: str
    source: str

    @property
    def where(self):
        """Depth, after the words "new production" where it is that: it is more than what sinks."""
        return f"{self.kind}, {self.depth}" if self.kind == "new production" else self.depth


PUBLISHED_TOTALS = {
    "Laws 2000": PublishedTotal(11.6, 11.6, "100 m", "new production", "Laws et al. 2000 at 100 m; satellite"),
    "Schlitzer 2000": PublishedTotal(8.9, 8.9, "100 m", "inverse model", "Schlitzer 2000"),
    "Dunne 2007": PublishedTotal(10.1, 10.1, "100 m", "satellite", "Dunne et al. 2007, as gridded at 100 m"),
    "Laws 2011": PublishedTotal(9.0, 13.0, "Ez", "new production", "Laws et al. 2011; satellite"),
    "Henson 2012": PublishedTotal(3.2, 3.2, "100 m", "234Th and satellite", "Henson et al. 2012, as gridded at 100 m"),
    "Siegel 2014": PublishedTotal(5.6, 5.6, "Ez", "food web and satellite", "Siegel et al. 2014"),
    "Wang 2019": PublishedTotal(6.2, 6.2, "Ez", "inverse model of 234Th", "Wang et al. 2019"),
    "Nowicki 2022": PublishedTotal(6.5, 6.5, "100 m", "inverse model", "Nowicki et al. 2022"),
    "Wang 2023": PublishedTotal(7.3, 7.3, "100 m", "inverse model", "Wang et al. 2023"),
    "Earth system models": PublishedTotal(4.3, 9.1, "100 m", "models", "RECCAP2 models, as gridded at 100 m"),
}
"""Global totals as others found them."""

LATITUDE_BANDS = {
    "60-90S": 144.0,
    "40-60S": 127.0,
    "23-40S": 32.0,
    "10-23S": 40.0,
    "10S-10N": 38.0,
    "10-23N": 52.0,
    "23-40N": 64.0,
    "40-60N": 95.0,
    "60-90N": 82.0,
}
"""Median 234Th-derived POC flux near 100 m in a merged compilation, mg C m-2 d-1: biased to blooms, negatives left out,
not annual means (n = 7 in 23-40S)."""


# --- Parameters of the notebooks -----------------------------------------------------------------------


@dataclass(frozen=True)
class Parameter:
    """What a notebook parameter may be. `choices` or `low`..`high`; a list is text with commas."""

    kind: type
    meaning: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple = ()
    is_list: bool = False


PARAMETERS = {
    "run_dir": Parameter(str, "folder of the run"),
    "profile": Parameter(str, "where the data come from", choices=PROFILES),
    "target": Parameter(
        str,
        "quantity that is modelled; auto: th234_flux on the twin, poc_flux on real data",
        choices=("auto", *TARGETS),
    ),
    "seed": Parameter(int, "seed of everything random", low=0, high=2**31 - 1),
    "u238_relation": Parameter(str, "238U from salinity", choices=tuple(U238_RELATIONS)),
    "integration": Parameter(str, "integration rule", choices=("trapezoid", "layers")),
    "feature_set": Parameter(str, "inputs of the models", choices=tuple(FEATURE_SETS)),
    "max_distance_km": Parameter(float, "furthest sea cell a value may be matched with", "km", 0.0, 1000.0),
    "n_cruises": Parameter(int, "cruises that sample the twin ocean", "1", 5, 1000),
    "n_trials": Parameter(int, "Optuna trials of each model", "1", 1, 1000),
    "n_folds": Parameter(int, "folds of the validation", "1", 2, 20),
    "n_seeds": Parameter(int, "seeds of the folds, for targets with few values", "1", 1, 100),
    "model": Parameter(str, "which model draws the map", choices=("mean", "rf", "xgb")),
    "depth_m": Parameter(float, "depth at which the flux is shown", "m", 0.0, MAX_DEPTH_M),
    "depth_levels_m": Parameter(float, "depths of the map", "m", 0.0, MAX_DEPTH_M, is_list=True),
    "depth_kind": Parameter(
        str,
        "fixed depth, base of the euphotic zone, primary production zone or mixed layer",
        choices=("fixed", "ez", "ppz", "mld"),
    ),
    "grid_degrees": Parameter(float, "spacing of the map", "degrees", 1 / 48, 1.0),
    "covariates_file": Parameter(str, "file with inputs on a grid of one's own"),
    "scheduler": Parameter(str, "where maps are computed: threads, serial, or the address of a Dask scheduler"),
    "bloom_threshold": Parameter(float, "bloom: chlorophyll above this many annual medians", "1", 1.0, 5.0),
    "bloom_definition": Parameter(
        str,
        "bloom: above a multiple of the annual median, or above half the amplitude",
        choices=tuple(BLOOM_DEFINITIONS),
    ),
    "c_th_choice": Parameter(
        str,
        "C:234Th by the second ML model, by one power law in depth, or by a power law of each basin",
        choices=("ml", "power_law", "regional"),
    ),
    "site_latitude": Parameter(float, "latitude of a place of your own", "degrees_north", -90.0, 90.0),
    "site_longitude": Parameter(float, "longitude of a place of your own", "degrees_east", -180.0, 360.0),
    "month": Parameter(int, "month that is drawn", "1", 1, 12),
    "season": Parameter(
        str,
        "time of the mean map and its numbers: the year, or a season of the hemisphere",
        choices=("year", "winter", "spring", "summer", "autumn"),
    ),
}
"""Every notebook parameter with its unit and the values it may take; the runner refuses others."""
