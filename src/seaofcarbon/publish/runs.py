"""Pages of published runs: what was asked, how the results differ from the default run, and the map to fetch."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import xarray as xr

from seaofcarbon import files, notebook, ocean
from seaofcarbon.publish import downloads, parameters
from seaofcarbon.publish.headlines import HEADLINES
from seaofcarbon.publish.markdown import markdown_table
from seaofcarbon.run import read_run
from seaofcarbon.vocabulary import TWIN_LABEL, VARIABLES

FOLDER = "runs"
"""Folder of the stage for pages that git does not hold: the book's extension gives them no launch buttons."""

OFFERED = {
    "maps.nc": 'import xarray as xr; ds = xr.open_dataset("{}")',
    "seasons.nc": 'import xarray as xr; ds = xr.open_dataset("{}")',
    "carbon.nc": 'import xarray as xr; ds = xr.open_dataset("{}")',
    "sites.csv": 'import pandas as pd; df = pd.read_csv("{}")',
    "totals.csv": 'import pandas as pd; df = pd.read_csv("{}")',
}
"""Results of our own that a page offers, with the line that opens each; no values of others."""

LARGEST = 10_000_000
"""Bytes of the largest file that is offered."""

MEAN = """days = xr.DataArray({days}, dims="month")
season = (ds["month"] % 12 // 3 + 2 * (ds["lat"] < 0)) % 4  # of the hemisphere: {seasons}
layer = ds["{name}"].sel(depth={depth:g}, method="nearest")
mean = {factor:.10g} * layer.where(season == {number}).weighted(days).mean("month")  # {unit}"""
"""Lines that make the mean of a season from a file of maps, as `maps.in_season` and `maps.annual_mean`, in our unit."""

ABOUT = """# Runs

Each page here is a notebook of the walk that was run again with other parameters. It says what was asked, how its
results differ from those of the default run, and offers its files. The chapters themselves stay as they are.

{table}

A page is added with `--publish`, and `--no-publish` takes it out of the book again (the folder of the run stays):

```bash
seaofcarbon run 05-maps --name spring -p depth_m=150 -p season=spring --publish
seaofcarbon run --name spring --no-publish
```
"""


def published(root, profile, bound):
    """Return what run.json says of the published runs of a profile, without the run that the chapters are of.

    Parameters
    ----------
    root : Path
        The repository.
    profile, bound : str
        The profile, and the name of the run that is bound.

    Returns
    -------
    dict of Path to dict
    """
    found = {path.parent: files.read_json(path) for path in sorted((root / "runs").glob("*/run.json"))}
    return {
        folder: run
        for folder, run in found.items()
        if run.get("published") and run["profile"] == profile and folder.name != bound
    }


def write(folder, root, profile, bound, table):
    """Write the pages of published runs to the stage, and return their part of the contents (None without any).

    Parameters
    ----------
    folder : Path
        The stage.
    root : Path
        The repository.
    profile, bound : str
        As in `published`.
    table : dict of str to Chapter
        The notebooks.
    """
    found = published(root, profile, bound)
    pages, rows = [], []
    for run_dir, run in found.items():
        base = run["base"] or profile
        default = {"name": base} | read_run(root / "runs" / base)  # which may be gone
        finished = {path.stem for path in (run_dir / "manifest").glob("*.json")} & set(run["notebooks"])
        for chapter in (chapter for chapter in table if chapter in finished):
            page = f"{FOLDER}/{run_dir.name}-{chapter}"
            static = folder / "book" / "_static" / FOLDER / run_dir.name
            nb = _page(run_dir, run, default, chapter, root, static)
            (folder / FOLDER).mkdir(exist_ok=True)
            (folder / f"{page}.ipynb").write_text(json.dumps(nb, ensure_ascii=False), encoding="utf-8")
            pages.append({"file": page})
            changed = _differences(run, default, chapter)
            rows.append(
                {
                    "Run": f"[{run_dir.name}]({run_dir.name}-{chapter}.ipynb)",
                    "Notebook": f"[{chapter}](../notebooks/{chapter}.ipynb)",
                    "Differs in": ", ".join(f"`{name}={parameters.text_of(value)}`" for name, value in changed.items())
                    or "nothing",
                    "Since": "its base changed" if _stale(run, default, chapter) else "",
                }
            )
    if not pages:
        return None
    shown = pd.DataFrame(rows)
    shown = shown if shown["Since"].any() else shown.drop(columns="Since")
    (folder / FOLDER / "index.md").write_text(ABOUT.format(table=markdown_table(shown)), encoding="utf-8")
    return {"caption": "Runs", "chapters": [{"file": f"{FOLDER}/index", "sections": pages}]}


def _page(run_dir, run, default, chapter, root, static):
    """Return the executed notebook of a run as a page: its own title, the box, links that hold from its folder."""
    text = (run_dir / "notebooks" / f"{chapter}.ipynb").read_text(encoding="utf-8")
    text = re.sub(r"\]\((?=\d\d-[\w-]+\.ipynb)", "](../notebooks/", text)
    nb = json.loads(text.replace("_static/map.html", f"_static/{FOLDER}/{run_dir.name}/map.html"))
    static.mkdir(parents=True, exist_ok=True)
    if (run_dir / "map.html").exists():
        shutil.copyfile(run_dir / "map.html", static / "map.html")
    title, _, rest = notebook.source(nb["cells"][0]).partition("\n")
    nb["cells"][0]["source"] = rest
    for cell in nb["cells"]:  # a figure has its name from the page of the chapter
        cell["metadata"].get("mystnb", {}).get("figure", {}).pop("name", None)
    name = title.lstrip("# ").split(":")[0]
    top = f"# Run {run_dir.name}: {name}\n\n{_what(run, default, chapter)}"
    box = _box(run_dir, run, default, chapter, root, static)
    parameters.fold(nb)
    title, box = parameters.markdown_cell("run-title", top), parameters.markdown_cell("run-box", box)
    nb["cells"] = [title, *_picture(nb), box, *nb["cells"]]
    return nb


def _picture(nb):
    """Return the first picture of a notebook as a list of one cell, or []; its caption stays where it was made."""
    for cell in nb["cells"]:
        # numbers glued beside it must not be glued twice
        if pictures := [output for output in cell.get("outputs", []) if "image/png" in output.get("data", {})]:
            told = {"image": cell["metadata"].get("mystnb", {}).get("image", {})}
            metadata = {"tags": ["remove-input"], "mystnb": told}
            return [cell | {"id": "run-picture", "metadata": metadata, "outputs": pictures[:1]}]
    return []


def _differences(run, default, chapter):
    """Return the parameters of a notebook that are not as in the default run."""
    mine, theirs = run["notebooks"][chapter]["parameters"], _part(default, chapter).get("parameters", {})
    return {k: v for k, v in mine.items() if k not in parameters.FIXED and theirs.get(k) != v}


def _part(run, chapter):
    return run.get("notebooks", {}).get(chapter, {})


def _stale(run, default, chapter):
    """Return those inputs from the base that are no longer what they were when a notebook ran."""
    made = {
        name: sha for part in default.get("notebooks", {}).values() for name, sha in part.get("outputs", {}).items()
    }
    inputs = run["notebooks"][chapter].get("inputs", {})
    return [n for n, item in inputs.items() if n in run.get("from_base", {}) and made.get(n) != item["sha256"]]


def _what(run, default, chapter):
    """Return what stands under the title: what the page is, and whether it is still true."""
    label = f"**{TWIN_LABEL}.** " if run["profile"] == "twin" else ""
    said = f"{label}This is [chapter {int(chapter[:2])}](../notebooks/{chapter}.ipynb) with other parameters. "
    said += "The chapter itself stays as it is."
    if old := _stale(run, default, chapter):
        said += (
            f"\n\n```{{warning}}\nThe default run changed since: its {', '.join(old)} (run `{default['name']}`) "
            "is no longer what this page was made from. The command below makes it anew.\n```"
        )
    return said


def _box(run_dir, run, default, chapter, root, static):
    """Return what stands under the picture: the files, the command, the differences."""
    part, theirs = run["notebooks"][chapter], _part(default, chapter)
    declared = notebook.parameters(notebook.read(root / "notebooks" / f"{chapter}.ipynb"), chapter)
    used = {k: v for k, v in part["parameters"].items() if k not in parameters.FIXED}
    asked = {k: v for k, v in used.items() if k not in declared or declared[k].default != v}
    changed = _differences(run, default, chapter)
    parts = [f"**Files of this run**\n\n{links}"] if (links := _links(run_dir, part, static)) else []
    parts.append(f"Made with\n\n```bash\n{parameters.command(chapter, run, asked, '--publish')}\n```")
    shown = {name: used[name] for name in changed}
    parts.append(
        parameters.parameter_table(shown, {f"Run {default['name']}": theirs.get("parameters", {})})
        if shown
        else "All parameters are those of the default run."
    )
    if numbers := _numbers(run_dir, run_dir.parent / default["name"], part, theirs):
        parts.append(f"What that changes, at the depth and time that each run shows:\n\n{numbers}")
    parts.append(f"````{{dropdown}} All parameters of this run\n{parameters.parameter_table(used)}\n````")
    out = f"seaofcarbon run --name {run_dir.name} --no-publish"
    parts.append(f"`{out}` takes this page out of the book.")
    return "\n\n".join(parts)


def _numbers(run_dir, default_dir, part, theirs):
    """Return a table of the headline numbers of both runs, and how far they are apart."""
    rows = []
    for name, function in HEADLINES.items():
        if name not in part["outputs"]:
            continue
        mine = function(run_dir / name, part["parameters"])
        there = name in theirs.get("outputs", {}) and (default_dir / name).exists()
        other = function(default_dir / name, theirs["parameters"]) if there else {}
        for what in dict.fromkeys([*mine, *other]):
            a, b = mine.get(what, np.nan), other.get(what, np.nan)
            change = 100 * (a / b - 1) if b else np.nan
            rows.append({"Number": what, "This run": a, f"Run {default_dir.name}": b, "Change, %": change})
    if not rows:
        return ""
    found = pd.DataFrame(rows)
    found["Change, %"] = [f"{x:+.1f}" if np.isfinite(x) else "" for x in found["Change, %"]]
    return markdown_table(found)


def _links(run_dir, part, static):
    """Copy what a page offers, and return the links with the lines that open each.

    A large map is cut to its depth, as is one that tells depths which may not be passed on.
    """
    lines, real = [], read_run(run_dir)["profile"] == "real"
    for name, line in OFFERED.items():
        if name not in part["outputs"]:
            continue
        path, said = run_dir / name, name
        closed = real and _tells_depths(path)
        if name == "maps.nc" and (closed or path.stat().st_size > LARGEST):
            made = downloads.write_map(path, static, *_mapped(part["parameters"]), _drawn(part["parameters"]))
            path, said = static / made.name, made.title
        elif closed and path.suffix == ".csv":
            rows = files.read_csv(path).drop(columns=list(downloads.OWN_DEPTHS), errors="ignore")
            path = static / name
            files.write_csv(rows, path)
        elif closed:
            continue
        elif path.stat().st_size <= LARGEST:
            path = shutil.copyfile(path, static / name)
        if path.parent == static and path.stat().st_size <= LARGEST:
            size = f"{path.stat().st_size / 1e6:.1f} MB"
            href = f"../_static/{FOLDER}/{run_dir.name}/{path.name}"
            opened = f"```python\n{line.format(path.name)}\n```"
            if name == "maps.nc":
                said += f". {_unit(part['parameters'])}"
            if name == "maps.nc" and part["parameters"].get("season", "year") != "year":
                opened += (
                    f"\n\nThe mean of the season, as in the picture:\n\n```python\n{_mean(part['parameters'])}\n```"
                )
            lines.append(f'<a href="{href}" download>{path.name}</a> ({size}): {said}\n\n{opened}')
    return "\n\n".join(lines)


def _tells_depths(path):
    """Tell whether a file holds the depths of a map that follows light, by cell and month."""
    if path.suffix == ".csv":
        names = pd.read_csv(path, nrows=0).columns
    else:
        with xr.open_dataset(path, engine="netcdf4", decode_cf=False) as ds:
            names = ds.variables
    return any(name in names for name in downloads.OWN_DEPTHS)


def _mapped(used):
    from seaofcarbon import profiles

    return profiles.resolve_target(used["profile"], used["target"]), used["profile"], used["depth_m"]


def _drawn(used):
    """Return the name of the variable in maps.nc that the pictures show."""
    target, model = _mapped(used)[0], used.get("model", "mean")
    return target if model == "mean" else f"{target}_{model}"


def _unit(used):
    """Say in which unit a file holds the quantity of a map, and how to come to ours."""
    from seaofcarbon.plot.interactive import unit_text

    name = _mapped(used)[0]
    quantity = VARIABLES[name]
    ours = f" (times {1 / quantity.cf_factor:,.10g}: {unit_text(quantity.unit)})" if quantity.cf_unit else ""
    return f"`{name}` is in {unit_text(quantity.cf_unit or quantity.unit)}{ours}."


def _mean(used):
    """Return the lines that make the mean of the season that was asked for."""
    number = ocean.SEASONS.index(used["season"])
    seasons = ", ".join(f"{i} {name}" for i, name in enumerate(ocean.SEASONS))
    days = f"[{', '.join(f'{d:g}' for d in ocean.MONTH_LENGTHS_D)}]"
    quantity = VARIABLES[_mapped(used)[0]]
    told = {"name": _drawn(used), "depth": used["depth_m"], "factor": 1 / quantity.cf_factor, "unit": quantity.unit}
    return MEAN.format(days=days, seasons=seasons, number=number, **told)
