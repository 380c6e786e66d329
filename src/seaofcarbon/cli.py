"""The command line: parse, call, print. Commands import what they need, so that `--help` is quick.

Exit codes: 0 done; 1 done, but rows or files were set aside; 2 nothing done, one line says what to mend; 70 our fault.
"""

import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="seaofcarbon",
    help="Ocean carbon export from 234Th: digitise, compute, learn, map, publish.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)
catalog_app = typer.Typer(help="What data there are, where they lie, how to cite them.", no_args_is_help=True)
app.add_typer(catalog_app, name="catalog")

ProfileOption = Annotated[str | None, typer.Option("--profile", help="twin (embedded; default) or real (open data)")]
OutOption = Annotated[Path, typer.Option("--out", help="file to write")]

DONE, SET_ASIDE, MEND, OURS = 0, 1, 2, 70


def _version(asked: bool):
    if asked:
        from seaofcarbon import __version__

        print(f"seaofcarbon {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
):
    """Ocean carbon export from 234Th: digitise, compute, learn, map, publish."""


def _say(text):
    from seaofcarbon.files import printable

    print(f"seaofcarbon: {printable(text)}", file=sys.stderr)


def _pairs(items):
    """Read NAME=VALUE pairs."""
    from seaofcarbon.files import UserError

    for item in items:
        if "=" not in item:
            raise UserError(f"-p {item}: write it as NAME=VALUE, such as -p depth_m=150")
    return {name.strip(): value for name, value in (item.split("=", 1) for item in items)}


def _writable(out, *suffixes, inputs=()):
    """Refuse an output file that could not be written, or would write over an input, before anything is computed."""
    from seaofcarbon.files import UserError

    if inputs:
        beside = (f"{out.stem}-{name}" for name in ("rejects.csv", "datapackage.json", "check.png"))
        written = {out.with_name(name).resolve() for name in (out.name, *beside)}
        if twice := next((path for path in inputs if path.resolve() in written), None):
            raise UserError(f"--out {out}: would write over the input {twice}: give another name")
    if out.suffix not in suffixes or out.is_dir():
        raise UserError(f"--out {out}: give the name of a {' or '.join(suffixes)} file")
    return out


# --- Runs and the book -------------------------------------------------------------------------------


@app.command()
def run(
    notebooks: Annotated[
        list[str] | None, typer.Argument(help="all (default where there is no --name), 05-maps, or 05-maps+")
    ] = None,
    profile: ProfileOption = None,
    name: Annotated[str | None, typer.Option(help="name of the run, kept in runs/NAME; default: the profile")] = None,
    base: Annotated[str | None, typer.Option(help="run that lends the rest; default: the profile's")] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="NAME=VALUE, e.g. depth_m=150 (m)")
    ] = None,
    publish: Annotated[
        bool | None,
        typer.Option("--publish/--no-publish", help="give the run pages in the book, or take them out (runs nothing)"),
    ] = None,
):
    """Run notebooks, parameters checked.

    05-maps+ also runs what depends on it. What did not change is not run again. Results go to runs/NAME, with run.json,
    which says what was done. A run of some notebooks reads the rest from its base. With --publish the book is built
    with a page for each notebook of the run, in the part Runs; its chapters stay as they are.
    """
    from seaofcarbon import run as runs
    from seaofcarbon.files import UserError, counted

    given = _pairs(parameter or [])
    if publish is not None:
        runs.check_own(name)
    if publish is False:
        _take_out(name, notebooks or given)
        return
    if not notebooks and name not in (None, profile or given.get("profile", "twin")):
        raise UserError(f"--name {name}: say what to run: all, or notebooks, as in `run 05-maps --name {name}`")
    done = runs.run(notebooks or ["all"], profile, name, base, given)
    cost = f"{done['seconds']:.0f} s of computing, {done['peak_memory_mb']:.0f} MB at most"
    print(f"runs/{done['name']}: {counted(len(done['notebooks']), 'notebook')}, {cost}")
    if publish:
        _show(name, True)
        for chapter in done["notebooks"]:
            print(f"book/_build/html/runs/{name}-{chapter}.html")


def _take_out(name, asked):
    """Take the pages of a run out of the book."""
    from seaofcarbon import run as runs
    from seaofcarbon.files import UserError

    if asked:
        raise UserError(f"--no-publish runs nothing: give only `seaofcarbon run --name {name} --no-publish`")
    if runs.read_run(runs.run_folder(name)).get("published") is False:
        print(f"runs/{name} has no page in the book: nothing to take out")
    else:
        _show(name, False)


def _show(name, published):
    """Build the book with the pages of a run or without them; when that fails, the run stays as it was."""
    from seaofcarbon import run as runs

    before = runs.read_run(runs.run_folder(name)).get("published")
    profile = runs.mark(name, published)
    try:
        book(profile)
    except BaseException:
        runs.mark(name, before)
        raise


@app.command()
def book(
    profile: ProfileOption = None,
    name: Annotated[str | None, typer.Option(help="another run, when all notebooks ran in it")] = None,
):
    """Build the book of a run.

    The executed notebooks are bound with warnings as errors; no network is needed. The first page is
    book/_build/html/index.html.
    """
    from seaofcarbon import publish
    from seaofcarbon.run import check_value

    index, built = publish.book(check_value("profile", profile or "twin"), name)
    print(f"{index} ({'built' if built else 'up to date'})")


@app.command()
def edition(
    name: Annotated[str, typer.Option(help="run of all notebooks of the real profile")] = "real",
    ez_name: Annotated[str, typer.Option(help="run of 05-maps+ at the base of the euphotic zone")] = "real-ez",
    out: Annotated[Path | None, typer.Option(help="folder that is replaced; default: book/edition")] = None,
):
    """Freeze what the open data say.

    Maps, tables, figures and a model that needs no data folder go from two runs of the real profile into book/edition:
    less than 8 MB, and no measurement among them.
    """
    from seaofcarbon import edition as frozen
    from seaofcarbon.run import run_folder

    folder = out or frozen.folder()
    made = frozen.freeze(run_folder(name), run_folder(ez_name), folder)
    size = sum(part["bytes"] for part in made["files"].values())
    print(f"{folder}: {len(made['files'])} files, {size / 1e6:.1f} MB")


# --- Data in, numbers out ------------------------------------------------------------------------------


@app.command()
def digitise(
    files: Annotated[list[Path], typer.Argument(help="files of measurements", metavar="FILE")],
    out: Annotated[Path | None, typer.Option("--out", help="file to write; not needed with --check")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="only say what is doubted and set aside; write nothing")
    ] = False,
    format: Annotated[
        str, typer.Option(help="auto, pangaea, geotraces, bcodmo, seabass, erddap, workbook or tidy")
    ] = "auto",
    report: Annotated[Path | None, typer.Option(help="folder for a quality report of each source")] = None,
    casts: Annotated[Path | None, typer.Option(help="netCDF file for the casts, CF profiles in Bq")] = None,
):
    """Read files of measurements into records.

    A record is one measured value, in common units: activities dpm L-1, carbon umol L-1, ratios umol dpm-1, fluxes
    of 234Th dpm m-2 d-1 and of carbon mmol m-2 d-1, depths m. What cannot be read is set aside in OUT-rejects.csv, with
    file, row, column and reason; OUT-datapackage.json describes both and accounts for every cell. FILE.yml beside a
    file may say what its columns are. --check FILE tells what would be doubted and set aside, and what would mend it;
    its exit code is 0 where there is nothing to mend, and 1 where there is. It writes nothing but what --report asks.
    """
    from seaofcarbon import digitise as reading
    from seaofcarbon.files import UserError

    if check == bool(out or casts):
        raise UserError("--check writes no records: leave out --out and --casts" if check else "give --out, or --check")
    if check:
        return _checked(reading.read_many(files, format, progress=sys.stderr.isatty()), report)
    _writable(out, ".parquet", ".csv", inputs=files)
    if casts:
        _writable(casts, ".nc", inputs=files)
    found = reading.read_many(files, format, progress=sys.stderr.isatty())
    return _written(found, out, report, casts)


@app.command()
def figure(
    image: Annotated[Path, typer.Argument(help="PNG, JPEG or TIFF", metavar="IMAGE")],
    sidecar: Annotated[Path, typer.Argument(help="what the axes and markers mean", metavar="SIDECAR.yml")],
    out: OutOption,
    report: Annotated[Path | None, typer.Option(help="folder for a quality report")] = None,
):
    """Read the points of a published figure into records.

    SIDECAR.yml has the source, two pixels with their values for each axis, and colour, marker, variable and unit of
    each series. Look at OUT-check.png: it shows the points over the figure. Their sigma is that of reading alone.
    """
    import matplotlib

    matplotlib.use("Agg")
    from seaofcarbon.digitise import figure as reading
    from seaofcarbon.digitise import quality
    from seaofcarbon.plot import figures

    _writable(out, ".parquet", ".csv", inputs=[image, sidecar])
    found = reading.read(image, sidecar)
    found.records = quality.check(found.records)
    check = out.with_name(f"{out.stem}-check.png")
    figures.save(image, found.records, check)
    print(f"{check}: are all points where they should be?")
    return _written(found, out, report)


def _checked(found, report=None):
    """Say what is doubted, set aside and noted, and what would mend it; return the exit code."""
    from seaofcarbon.digitise.report import BY_SOURCE, checked
    from seaofcarbon.digitise.table import TRAVELS
    from seaofcarbon.files import printable

    print(_account(found))
    unread = [name for name in found.not_wanted if not name.endswith(TRAVELS)]
    if unread:
        more = f" and {len(unread) - 20} more" if len(unread) > 20 else ""
        print(printable(f"columns not read, because their names tell no quantity: {', '.join(unread[:20])}{more}"))
    table = checked(found)
    for source_id, rows in table.groupby("source_id"):
        print(printable(f"\n{source_id}"))
        for row in rows.itertuples():
            what = f"{row.variable}: {row.what}" if row.variable else row.what
            mend = f"; {row.mend}" if row.mend else ""
            print(printable(f"  {row.kind}, {row.n:,}: {what} ({row.example}){mend}"))
    problems = _reported(found, report)
    kind = table["kind"].where(table["kind"].isin(["set aside", "noted"]), "doubted by us")
    counts = table["n"].groupby(kind.mask(table["what"].str.startswith(BY_SOURCE), BY_SOURCE)).sum()
    told = [f"{counts[name]:,} {name}" for name in ("doubted by us", "set aside", BY_SOURCE) if name in counts]
    faults = counts.index.isin(["doubted by us", "set aside"]).any()
    print("\n" + ", ".join([*([] if faults else ["nothing was doubted or set aside"]), *told]))
    return SET_ASIDE if problems or faults else DONE


def _account(found):
    """Return in words how many records there are, and what became of all cells."""
    from seaofcarbon.digitise.table import TRAVELS
    from seaofcarbon.files import UserError

    if not found.account["cells"]:
        raise UserError("there are names of columns, but no row of data below them: nothing was written")
    parts = ", ".join(f"{n:,} {name}" for name, n in found.account.items() if name != "not_wanted")
    used = sum(n for name, n in found.not_wanted.items() if name.endswith(TRAVELS))
    rest = f"{used:,} used as place, time, name or uncertainty; {found.account['not_wanted'] - used:,} not read"
    return f"{len(found.records):,} records ({parts}; {rest})"


def _reported(found, report):
    """Write the quality report, if there is a folder for it, say which files could not be read, and return these."""
    if report:
        from seaofcarbon.plot import reports

        for path in reports.write(found, report):
            print(path)
    problems = found.meta.get("problems", [])
    for problem in problems:
        _say(problem)
    return problems


def _written(found, out, report=None, casts=None):
    """Write what was digitised, say so, and return the exit code."""
    from seaofcarbon import digitise as reading
    from seaofcarbon import files, records

    account = _account(found)
    rejects = reading.write(found, out, f"{out.stem}-")
    print(f"{out}: {account}")
    if casts:
        files.write_netcdf(records.to_dataset(found.records), casts, {"title": "Casts of 234Th"})
        print(f"{casts}: casts")
    problems = _reported(found, report)
    if len(found.rejects):
        _say(f"{files.counted(len(found.rejects), 'value')} set aside: {rejects} says which and why")
    return SET_ASIDE if problems or len(found.rejects) else DONE


@app.command()
def flux(
    source: Annotated[Path, typer.Argument(help="records, or a wide CSV", metavar="RECORDS_OR_CSV")],
    out: OutOption,
    depth: Annotated[list[str] | None, typer.Option(help="m (default 100), or equilibrium, ez, ppz, mld")] = None,
    u238: Annotated[str, typer.Option(help="238U from salinity: owens2011, pates_muir2007 or chen1986")] = "owens2011",
    method: Annotated[str, typer.Option(help="ss (steady state) or nss (between two visits to the same water)")] = "ss",
    integration: Annotated[str, typer.Option(help="trapezoid or layers")] = "trapezoid",
    window: Annotated[str, typer.Option(help="days between two visits, shortest and longest")] = "10,60",
    radius: Annotated[float, typer.Option(help="km between two visits, at most")] = 50.0,
    upwelling: Annotated[str, typer.Option(help="m d-1, positive upward, or with its sigma: 1,0.3")] = "0",
    diffusivity: Annotated[str, typer.Option(help="vertical, m2 d-1, or with its sigma: 0.86,0.4")] = "0",
    covariates: Annotated[
        Path | None, typer.Option(help="covariates.nc of a run: the depth ez needs its chlorophyll")
    ] = None,
):
    """Compute 234Th fluxes from casts.

    One row per cast and depth, in dpm m-2 d-1, positive downward, with its uncertainty; a missing flux has a reason. A
    wide CSV has cruise, station, time, latitude, longitude (degrees), depth_m, th234_total, th234_total_sigma (dpm L-1)
    and u238 with u238_sigma (dpm L-1) or salinity. Records of total 234Th that are flagged or have no time or place are
    left out and listed in OUT-rejects.csv, as are rows of a CSV with a cell that cannot be read.
    """
    from seaofcarbon import catalog, files
    from seaofcarbon import flux as calculator
    from seaofcarbon.run import check_value

    _writable(out, ".csv", ".parquet", inputs=[source, *([covariates] if covariates else [])])
    methods = calculator.METHODS
    if method not in methods:
        raise files.UserError(f"--method {method} is not one of {', '.join(methods)}{files.suggest(method, methods)}")
    days = _numbers("--window", window, "two numbers of days, such as 10,60")
    if len(days) != 2:
        raise files.UserError(f"--window {window}: give two numbers of days, such as 10,60")
    calculator.check_window(days, radius)
    rates = {
        "upwelling_m_d": _numbers("--upwelling", upwelling), "diffusivity_m2_d": _numbers("--diffusivity", diffusivity),
    }  # fmt: skip
    depths = calculator.parse_depths(depth or ["100"])
    relation, rule = check_value("u238_relation", u238), check_value("integration", integration)
    samples, left_out = calculator.read_samples(source)
    sea = files.read_netcdf(covariates) if covariates else catalog.climatology()
    found = calculator.fluxes(
        samples, depths, relation, rule, sea, method=method, window_d=days, max_km=radius, **rates
    )
    (files.write_csv if out.suffix == ".csv" else files.write_parquet)(found, out)
    rejects = out.with_name(f"{out.stem}-rejects.csv")
    if len(left_out):
        files.write_csv(left_out, rejects)
    else:
        rejects.unlink(missing_ok=True)  # that of an earlier run would be untrue
    given, counted = int(found["th234_flux"].notna().sum()), files.counted
    of = f"of {counted(len(found), 'flux', 'fluxes')} of {counted(found['cast_id'].nunique(), 'cast')}"
    print(f"{out}: {given:,} {of}{_without(len(found) - given, 'flux', 'fluxes')}")
    if covariates is None and found["reason"].str.contains("no covariate: ").any():
        _say("there are depths that need fields of the sea: give --covariates runs/twin/covariates.nc")
    for name, unsure in calculator.without_sigma(samples).items():
        if unsure:
            _say(f"no sigma of {name} for {counted(unsure, 'cast')}: where it is missing, their fluxes have none")
    if "row" in left_out and len(left_out):  # of a wide CSV
        of = f"{counted(left_out['row'].nunique(), 'row')} of {counted(left_out['cast_id'].nunique(), 'cast')}"
        _say(f"{of} set aside, and the fluxes are those of the other rows: {rejects} says which and why")
    elif len(left_out):
        _say(f"{counted(len(left_out), 'record')} of total 234Th left out: {rejects} says which and why")
    return SET_ASIDE if len(left_out) else DONE


def _numbers(name, text, wanted="one number, or two with a comma between them"):
    """Read one number, or two with a comma between them."""
    from seaofcarbon.files import UserError

    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if not (1 <= len(numbers) <= 2 and all(abs(number) < 1e6 for number in numbers)):
        raise UserError(f"{name} {text}: give {wanted}")
    return numbers


@app.command()
def predict(
    points: Annotated[Path, typer.Argument(help="CSV of points", metavar="POINTS.csv")],
    model: Annotated[Path, typer.Option(help="model folder of a run, such as runs/twin/model, or book/edition/model")],
    out: OutOption,
    target: Annotated[str | None, typer.Option(help="default: the main target of the run")] = None,
):
    """Predict at places, days and depths.

    POINTS.csv has time (UTC), latitude, longitude (degrees), depth_m (m), and the model's covariates where you know
    better ones than its own fields. Added are prediction, lower, upper (90 % interval), applicable, unit, reason (empty
    where there is a number) and covariate_distance_km (km). Units: th234_flux dpm m-2 d-1, poc_flux mmol m-2 d-1,
    th234_total dpm L-1, c_th umol dpm-1. A point without a number is an answer, not an error; one with a cell that
    cannot be read is set aside: its reason names the cell, and the exit code is 1.
    """
    from seaofcarbon import catalog, files
    from seaofcarbon.learn import models
    from seaofcarbon.learn.features import covariates_needed
    from seaofcarbon.learn.predict import is_far, is_set_aside, predict_points, read_points
    from seaofcarbon.run import covariates_of

    _writable(out, ".csv", inputs=[points])
    table = read_points(points)
    if not (model / "card.json").exists() and (model / "model" / "card.json").exists():
        raise files.UserError(f"{model} is a run, its models are in {model / 'model'}: give that")
    trained = models.load(model, target)
    lacking = set(covariates_needed(trained.features)) - set(table.columns)
    sea = covariates_of(model, trained.card) if lacking else catalog.climatology()  # which tells land from sea
    found = predict_points(table, trained, sea, path=points)
    files.write_csv(found, out)
    unread = int(is_set_aside(found).sum())
    given = int(found["prediction"].notna().sum())
    print(f"{out}: {files.counted(given, 'prediction')} of {trained.target}{_without(len(found) - given, 'point')}")
    if far := int(is_far(found, sea).sum()) if lacking else 0:
        takes = "takes its inputs" if far == 1 else "take their inputs"
        print(f"{files.counted(far, 'point')} {takes} from another cell than the own: see covariate_distance_km")
    if unread:
        _say(f"{files.counted(unread, 'point')} could not be read: the column reason of {out} says why")
    return SET_ASIDE if unread else DONE


def _without(number, *noun):
    """Say how many of what was asked have no number, if there are any."""
    from seaofcarbon.files import counted

    return f"; {counted(number, *noun)} without a number: the column reason says why" if number else ""


# --- Catalogue -----------------------------------------------------------------------------------------


@catalog_app.command("list")
def list_():
    """List all entries.

    "here": a copy lies on this machine.
    """
    from seaofcarbon import catalog

    for row in catalog.list_entries().itertuples():
        print(f"{row.name:26}{row.catalogue:14}{'here' if row.here else '-':6}{row.description}")


@catalog_app.command()
def show(name: Annotated[str, typer.Argument(help="name of an entry")]):
    """Show source, citation, licence and units of an entry."""
    import yaml

    from seaofcarbon import catalog

    print(yaml.safe_dump(catalog.show(name), sort_keys=False, allow_unicode=True, width=110), end="")


@catalog_app.command()
def check():
    """Open every entry that is at hand, and say which are not, and how to get them; nothing is fetched."""
    from seaofcarbon import catalog
    from seaofcarbon.files import UserError, counted

    table, faults = catalog.list_entries(), 0
    for row in table.itertuples():
        said = f"not at hand: {catalog.way_to(row.name)}"
        try:
            if row.here:
                said = f"opens as {type(catalog.open_entry(row.name)).__name__}"
        except (UserError, ValueError, OSError) as problem:
            said, faults = f"DOES NOT OPEN: {problem}", faults + 1
        print(f"{row.name:26}{said}")
    here = int(table["here"].sum())
    print(f"{counted(here - faults, 'entry', 'entries')} opened, {faults} not, {len(table) - here} not at hand")
    return SET_ASIDE if faults else DONE


@catalog_app.command()
def fetch(name: Annotated[str, typer.Argument(help="name of an entry")]):
    """Fetch a file once and check its bytes."""
    from seaofcarbon import catalog

    print(catalog.fetch(name))


@catalog_app.command()
def cite(
    names: Annotated[list[str] | None, typer.Argument(help="names of entries, or keys of methods")] = None,
    run: Annotated[str | None, typer.Option(help="cite the data and methods that this run used")] = None,
):
    """Print BibTeX for data and methods."""
    from seaofcarbon import catalog
    from seaofcarbon import run as runs
    from seaofcarbon.files import UserError

    if not (names or run):
        raise UserError("give the name of an entry, or --run NAME")
    print(catalog.cite([*(names or []), *(runs.cited(runs.run_folder(run)) if run else [])]), end="")


# --- Errors ----------------------------------------------------------------------------------------------


def main(arguments=None):
    """Run a command and return its exit code; whatever goes wrong is said in one line.

    Parameters
    ----------
    arguments : list of str, optional
        Without the name of the program; those of the process by default.

    Returns
    -------
    int
    """
    try:
        code = app(args=arguments, standalone_mode=False)
        return code if isinstance(code, int) else DONE
    except KeyboardInterrupt:
        _say("stopped; what was finished is kept")
        return 130
    except BrokenPipeError:  # the reader of our output left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as problem:
        return _explain(problem)


def _explain(problem):
    """Say what went wrong in one line and return the exit code."""
    if hasattr(problem, "format_message"):  # a slip in the usage, as typer sees it
        text = problem.format_message()
        is_help = type(problem).__name__ == "NoArgsIsHelpError"
        print(text, file=sys.stderr) if is_help else _say(" ".join(text.split()))
        return MEND
    from seaofcarbon.files import UserError
    from seaofcarbon.run import LoggedError

    if isinstance(problem, UserError):
        _say(" ".join(str(problem).split()))
        return MEND
    if isinstance(problem, LoggedError):
        _say(problem)
        return OURS
    with tempfile.NamedTemporaryFile("w", prefix="seaofcarbon-", suffix=".log", delete=False, encoding="utf-8") as log:
        log.write("".join(traceback.format_exception(problem)))
    _say(f"a bug of ours: {type(problem).__name__}: {' '.join(str(problem).split())[:300]} (see {log.name})")
    return OURS


if __name__ == "__main__":
    sys.exit(main())
