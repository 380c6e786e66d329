"""The reference: the command line, the public functions and the vocabulary, written from the things themselves.

Pages take the parts in with `{include} ../_generated/NAME.md`, so that they cannot be out of date.
"""

import ast
import contextlib
import functools
import inspect
import io
import pkgutil
import re
import shlex
import tempfile
from pathlib import Path

import pandas as pd

from seaofcarbon import vocabulary
from seaofcarbon.publish.markdown import markdown_table
from seaofcarbon.run import LoggedError

PROGRAM = "seaofcarbon.cli"
"""Found by its name, as Sphinx finds what it documents: nothing here depends on it."""

CAST = """cruise,station,time,latitude,longitude,depth_m,th234_total,th234_total_sigma,salinity
AN1,1,2001-05-03,36.5,-7.5,10,1.80,0.05,36.2
AN1,1,2001-05-03,36.5,-7.5,50,1.90,0.05,36.2
AN1,1,2001-05-03,36.5,-7.5,100,2.30,0.05,36.3
AN1,1,2001-05-03,36.5,-7.5,200,2.60,0.05,36.1
"""
"""A cast of four made-up bottles, for the examples."""

EXAMPLES = {
    "run": "run 05-maps --name deep -p depth_m=150",
    "book": "book --profile twin",
    "edition": "edition",
    "digitise": "digitise cruise.tab --out records.parquet --report quality",
    "figure": "figure figure3.png figure3.yml --out figure3.parquet",
    "flux": "flux cast.csv --depth 100 --depth equilibrium --out fluxes.csv",
    "predict": "predict points.csv --model runs/twin/model --out predictions.csv",
    "catalog list": "catalog list",
    "catalog check": "catalog check",
    "catalog show": "catalog show published_export_values",
    "catalog fetch": "catalog fetch mouw2016",
    "catalog cite": "catalog cite owens2011",
}
"""Command -> an example."""

SHOWN = ("flux", "catalog show", "catalog cite")
"""Examples that are run when the page is made, so that it shows what they print."""

PAGES = {
    "files": {
        "files": "UserError atomic content_hash data_dir from_cf read_csv read_json read_netcdf safe_join sha256 to_cf "
        "write_csv write_json write_netcdf write_parquet",
        "records": "cast_ids check_schema conform datapackage read record_ids table_schema to_dataset to_samples write",
        "catalog": "chlorophyll cite climatology fetch list_entries open_entry path show",
    },
    "sea": {
        "ocean": "at_depth basin bloom cell_area covariates day_length day_of_year days_between declination "
        "euphotic_depth hemispheres match month_day monthly_to_day nearest_sea_cell npp_vgpm observable on_grid "
        "season_angle season_of wrap wrap_grid year_matched",
        "satellite": "read_npp",
        "published": "values beside_casts in_box in_months",
    },
    "thorium": {
        "thorium": "u238_from_salinity steady_state_flux non_steady_flux non_steady_layer add_transport "
        "equilibrium_depth flux_covariance integrate fill_gaps residence_time deficit_inventory decay_constant "
        "Flux Integral",
    },
    "carbon": {
        "carbon": "poc_flux poc_flux_sigma ratio_owens2015 fit_power_law power_law fit_regional_laws law_of_region "
        "PowerLaw flux_change transfer_efficiency export_efficiency memory_weights henson2011 laws2000 laws2011 "
        "dunne2005 li_cassar2016 martin1987 Parameterisation",
    },
    "flux": {
        "flux": "fluxes from_dataset read_samples read_wide_csv parse_depths uranium revisits budget divergence "
        "choices deep_ratio without_sigma",
    },
    "digitise": {
        "digitise": "read read_many write Digitised",
        "digitise.figure": "read",
        "digitise.quality": "check deep_equilibrium cells confusion",
        "digitise.report": "report reasons",
        "digitise.units": "conversion",
    },
    "learn": {
        "learn.features": "training_table for_target enough matrix values_by_target interpolate_ratio transform "
        "inverse mean_factor random_sea",
        "learn.campaigns": "campaigns blocks folds leakage thin redrawn",
        "learn.tune": "tune leaky importance parts r2",
        "learn.models": "Model load",
        "learn.predict": "read_points predict_points",
        "learn.uncertainty": "conformal_half_width interval_score Width Area",
    },
    "judge": {
        "learn.validate": "cross_validate fold_numbers leakages scores residuals interval_table card_of write",
        "learn.seeds": "held_out table shown variants",
        "learn.judge": "climatology noise_free ceiling against_truth",
        "learn.deals": "over_deals over_fleets",
        "learn.effort": "learning_curve denser_southern_ocean",
        "learn.rivals": "published predict",
        "learn.explain": "permutation_importance shap_values shap_importance partial_dependence course "
        "without_coordinates",
        "learn.parameterise": "parameterise scored_rows closed_form apply_closed_form as_efficiency formula compare "
        "lookup_table",
        "learn.modelcode": "as_c as_fortran write",
    },
    "maps": {
        "maps": "predict_grid depth_levels depth_used depth_name at_depth applicable check_interval annual_mean "
        "in_season seasonal_mean area_weighted_mean weights bloom_split agreement zonal_mean finer coarse_means "
        "inputs_from_file fine_inputs taught coverage_at_sea implied_thorium",
        "blocks": "write_maps write_zarr read_zarr",
    },
    "totals": {
        "maps": "integrate_poc regions region_ratio latitude_band ratio_of_law to_mean law_table judge_laws "
        "cast_errors law_errors error_pairs error_correlation fit_field draw_totals interval_about ErrorField "
        "site_cells site_year site_sentences own_site at_published meeting product_maps own_totals compare_products",
        "sensitivity": "choices_of_run table shifted held_out_factor described kind_of noise Choices Study",
    },
    "twin": {
        "twin": "Parameters with_seed covariates truth truth_maps write_raw ranges ceiling",
    },
    "plot": {
        "plot.style": "use_style add_label ocean_axes ocean_map",
        "plot.records": "station_map years variables doubts",
        "plot.figures": "overlay print_cast compare",
        "plot.reports": "page",
        "plot.casts": "cast by_depth recovered bias_by_phase two_visits tornado",
        "plot.fields": "one_map panel_maps season_maps peak_maps difference_maps bloom_maps latitude_year "
        "predicted_vs_truth depth_profiles latitude_bands totals published_values site_years site_intervals axis_name",
        "plot.seasons": "onset_maps",
        "plot.interactive": "map_page",
    },
    "skill-figures": {
        "plot.tuning": "importance parallel_coordinates leaky_choice",
        "plot.skill": "observed_predicted r2_by_split score_table tuning_history coverage_bars importance_bars "
        "dependence campaigns_map sampled_sea",
        "plot.judge": "learning_curve scores",
        "plot.drivers": "cost_table form_and_table",
        "plot.carbon": "ratio_laws flux_maps published_on_map zonal_lines",
        "plot.draws": "region_totals",
        "plot.sensitivity": "tornado shown",
    },
    "run": {
        "run": "run artefact run_folder read_run check_value select cited",
        "profiles": "raw_files covariates label resolve_target",
        "provenance": "attrs",
        "publish": "book stage outside_requests",
    },
}
"""Page -> module -> its public functions and classes: what the chapters call, and what belongs beside it."""


def write(folder):
    """Write all generated parts of the reference.

    Parameters
    ----------
    folder : Path
        Where the files go.
    """
    for name, text in parts().items():
        (folder / f"{name}.md").write_text(text + "\n", encoding="utf-8")


@functools.cache
def parts():
    """Return the generated parts (dict of name to Markdown)."""
    pages = {f"api-{page}": "\n\n".join(map(_module, modules, modules.values())) for page, modules in PAGES.items()}
    return {"cli": command_line(), "vocabulary": words(), **pages}


# --- Public functions ----------------------------------------------------------------------------------


def _module(module, names):
    """Return the part of a page that documents a module: its own words, a table, and the full entries.

    Sphinx reads the docstrings when it builds the page, so nothing heavy is imported here.
    """
    module, names = f"seaofcarbon.{module}", names.split()
    entries = [_entry(name) for name in names]
    table = [".. autosummary::", "   :nosignatures:", "", *(f"   {name}" for name in names)]
    head = [f".. automodule:: {module}", "   :noindex:", "", f".. currentmodule:: {module}", ""]
    rst = "\n".join([*head, *table, "", *entries])
    return f"## `{module}`\n\n```{{eval-rst}}\n{rst}\n```"


def _entry(name):
    """Return the directive of one entry; classes begin with a capital."""
    return f".. autoclass:: {name}\n   :members:\n" if name[0].isupper() else f".. autofunction:: {name}\n"


# --- Command line --------------------------------------------------------------------------------------


def commands():
    """Return the commands of the program by their full name ("catalog show"), each with its context.

    Returns
    -------
    dict of str to (Command, Context)
    """
    import typer

    program = typer.main.get_command(pkgutil.resolve_name(PROGRAM).app)
    return dict(_below(program, program.make_context("seaofcarbon", [], resilient_parsing=True), ""))


def _below(group, context, before):
    for name, command in group.commands.items():
        inside = command.make_context(name, [], parent=context, resilient_parsing=True)
        if hasattr(command, "commands"):
            yield from _below(command, inside, f"{before}{name} ")
        else:
            yield f"{before}{name}", (command, inside)


def command_line():
    """Return the reference of the command line as Markdown."""
    return "\n\n".join(_command(name, *found) for name, found in commands().items())


def _command(name, command, context):
    rows = {"argument": [], "option": []}
    for parameter in command.params:
        if (record := parameter.get_help_record(context)) and parameter.name != "help":
            rows[parameter.param_type_name].append((f"`{record[0]}`", with_exponents(record[1])))
    tables = [
        markdown_table(pd.DataFrame(found, columns=[kind.capitalize(), "Meaning"]))
        for kind, found in rows.items()
        if found
    ]
    usage = command.get_usage(context).removeprefix("Usage: ")
    example = f"For example:\n\n```bash\nseaofcarbon {EXAMPLES[name]}\n```"
    if name in SHOWN:
        example += f"\n\n```text\n{printed(EXAMPLES[name])}```"
    return "\n\n".join(
        [f"## `seaofcarbon {name}`", f"```text\n{usage}\n```", with_exponents(command.help), *tables, example]
    )


def with_exponents(text):
    """Write the units of a text with exponents, since a hyphen would break at the end of a line.

    >>> with_exponents("dpm m-2 d-1, of step-1")
    'dpm m⁻² d⁻¹, of step-1'
    """
    return re.sub(
        r"\b(m|km|d|s|h|yr|L|g|kg|mol|dpm)-([123])\b", lambda found: f"{found[1]}⁻{'⁰¹²³'[int(found[2])]}", text
    )


def printed(example):
    """Return what an example prints, run in a folder that holds `CAST` as cast.csv; one that fails is no example."""
    said = io.StringIO()
    main = pkgutil.resolve_name(PROGRAM).main
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "cast.csv").write_text(CAST, encoding="utf-8")
        with contextlib.chdir(folder), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = main(shlex.split(example))
            written = Path("fluxes.csv")
            table = written.read_text(encoding="utf-8") if written.exists() else ""
    if code:
        raise LoggedError(f"the example `seaofcarbon {example}` ends with {code}: {' '.join(said.getvalue().split())}")
    return said.getvalue() + (f"\n{written}:\n{table}" if table else "")


# --- Vocabulary ----------------------------------------------------------------------------------------


def words():
    """Return the tables of the vocabulary as Markdown: constants, 238U, variables, flags, features and parameters."""
    tables = {
        "Constants": _constants(),
        "Uranium from salinity": pd.DataFrame(
            [(f"`{name}`", one.slope, one.intercept, one.sigma_dpm_l, one.source)
             for name, one in vocabulary.U238_RELATIONS.items()],
            columns=["Name", "Slope", "Intercept", "Standard error, dpm L⁻¹", "Source"],
        ),
        "Variables": pd.DataFrame(
            [(f"`{name}`", one.long_name, one.unit, f"{one.low:g} to {one.high:g}")
             for name, one in vocabulary.VARIABLES.items()],
            columns=["Name", "What it is", "Unit", "Not absurd"],
        ),
        "Variables in CF files": pd.DataFrame(
            [(f"`{name}`", one.cf_unit or one.unit, one.standard_name.replace("_", "\u200b_"))
             for name, one in vocabulary.VARIABLES.items()],
            columns=["Name", "Unit", "Standard name"],
        ),
        "Flags": pd.DataFrame(
            [(str(number), meaning, *(_digits(scheme, number) for scheme in vocabulary.FLAG_SCHEMES.values()))
             for number, meaning in vocabulary.FLAGS.items()],
            columns=["Flag", "Meaning", *(f"From {scheme}" for scheme in vocabulary.FLAG_SCHEMES)],
        ),
        "Parameters of the notebooks": pd.DataFrame(
            [(f"`{name}`", one.meaning, _allowed(one), one.unit if one.unit != "1" else "")
             for name, one in vocabulary.PARAMETERS.items()],
            columns=["Name", "Meaning", "Allowed", "Unit"],
        ),
    }  # fmt: skip
    return "\n\n".join(f"## {title}\n\n{markdown_table(table)}" for title, table in tables.items())


def _constants():
    """Return the numbers of the vocabulary that have words below them: name, value, what they are and their source."""
    rows, body = [], ast.parse(inspect.getsource(vocabulary)).body
    for line, below in zip(body, body[1:], strict=False):
        if isinstance(line, ast.Assign) and isinstance(below, ast.Expr):
            value = getattr(vocabulary, name := line.targets[0].id)
            if isinstance(value, float) and not name.startswith("_"):
                told = with_exponents(" ".join(below.value.value.split()))
                rows.append((f"`{name}`", f"{value:.6g}", told))
    return pd.DataFrame(rows, columns=["Name", "Value", "What it is, and its source"])


def _digits(scheme, number):
    return ", ".join(digit for digit, ours in scheme.items() if ours == number)


def _allowed(parameter):
    several = "list of " if parameter.is_list else ""
    if parameter.choices:
        return several + ", ".join(f"`{choice}`" for choice in parameter.choices)
    if parameter.low is not None:
        return f"{several}{parameter.low:.10g} to {parameter.high:.10g}"
    return f"{several}text"
