"""Fragments of pages: numbers of a run as Markdown, which pages take in with `{include} _generated/NAME.md`."""

import pandas as pd

from seaofcarbon.files import read_csv, read_json
from seaofcarbon.publish import checks, lessons
from seaofcarbon.publish.markdown import markdown_table
from seaofcarbon.run import artefact, read_run
from seaofcarbon.vocabulary import VARIABLES


def _status(run_dir, table):
    run = read_run(run_dir)
    rows = []
    for chapter in table:
        part = run["notebooks"][chapter]
        used = {k: v for k, v in part["parameters"].items() if k not in ("run_dir", "profile")}
        rows.append(
            {
                "Notebook": f"[{chapter}](../notebooks/{chapter}.ipynb)",
                "Time, s": round(part["seconds"]),
                "Peak memory, MB": round(part["peak_memory_mb"] or 0) or None,
                "Parameters": ", ".join(f"`{name}={value}`" for name, value in used.items()),
            }
        )
    whole = f"All notebooks together took {run['seconds'] / 60:.1f} minutes of computing (two run side by side); "
    whole += f"the largest needed {run['peak_memory_mb']:,.0f} MB. Profile: `{run['profile']}`."
    versions = next(iter(run["notebooks"].values()))["versions"]
    libraries = pd.DataFrame({"Library": list(versions), "Version": list(versions.values())})
    return f"{whole}\n\n{markdown_table(pd.DataFrame(rows))}\n\n## Versions\n\n{markdown_table(libraries)}"


SKILL = {
    "campaign": "campaigns", "r2_low": "from", "r2_high": "to", "block": "blocks", "coverage": "coverage",
    "random": "random",
}  # fmt: skip
"""Columns of the tables of skill: the honest ones first, what flatters last."""


def _skill(run_dir, table):
    from seaofcarbon.learn import validate
    from seaofcarbon.plot.skill import NAMES

    scores = validate.scores(read_csv(artefact(run_dir, "validation.csv")))
    scores["model"] = scores["model"].replace(NAMES)
    r2 = scores.pivot_table("r2", ["target", "model"], "split", sort=False)
    outside = scores[scores["split"] == "campaign"].set_index(["target", "model"])
    number = r2.join(outside[["r2_low", "r2_high", "coverage"]])[list(SKILL)].rename(columns=SKILL)
    # adding zero turns -0.00 into 0.00
    said = number.map(lambda x: "" if pd.isna(x) else f"{round(x, 2) + 0.0:.2f}")
    return "\n\n".join(
        f"**{VARIABLES[target].long_name}**\n\n{markdown_table(rows.droplevel('target').reset_index())}"
        for target, rows in said.groupby("target", sort=False)
    )


TOTALS = {
    "kind": "Kind", "source": "Source", "depth_m": "Depth, m", "total_pg_yr": "Pg C a year",
    "mean_flux": "Mean, mmol m-2 d-1", "area_share": "Sea covered, %",
}  # fmt: skip
"""Columns of totals.csv that pages show."""


def _totals(run_dir, table):
    totals = read_csv(artefact(run_dir, "totals.csv"))
    shown = totals[totals["region"] == "global"].filter(list(TOTALS)).round(2)
    if "area_share" in shown:
        shown["area_share"] = (100 * shown["area_share"]).round()
    return markdown_table(shown.rename(columns=TOTALS))


def _counts(run_dir, table):
    records = pd.read_parquet(artefact(run_dir, "records.parquet"), columns=["variable", "source_id", "cruise"])
    counts = records.groupby("variable").agg(
        records=("variable", "size"), sources=("source_id", "nunique"), cruises=("cruise", "nunique")
    )
    rejects = len(read_csv(artefact(run_dir, "rejects.csv")))
    training = pd.read_parquet(artefact(run_dir, "training.parquet"), columns=["target", "campaign", "cast_id"])
    targets = training.groupby("target").agg(
        values=("target", "size"), casts=("cast_id", "nunique"), campaigns=("campaign", "nunique")
    )
    return (
        f"Records digitised: {len(records):,}. Cells set aside: {rejects:,}.\n\n"
        f"{markdown_table(counts.reset_index())}\n\nOf these the models could learn from:\n\n"
        f"{markdown_table(targets.reset_index())}"
    )


def _twin(run_dir, table):
    from seaofcarbon import twin

    maker = next(chapter for chapter, row in table.items() if "raw" in row.makes)
    used = read_json(run_dir / "manifest" / f"{maker}.json")["parameters"]
    ranges = twin.ranges(twin.with_seed(used["seed"]), used["n_cruises"])
    wanted = [
        f"{low:g} to {high:g}" if high == high else f"at least {low:,.0f}" if low == low else ""
        for low, high in zip(ranges["low"], ranges["high"], strict=True)
    ]
    shown = ranges.assign(value=ranges["value"].map(lambda v: f"{v:,.0f}" if v >= 1000 else f"{v:.3g}"), wanted=wanted)
    return markdown_table(shown[["quantity", "value", "wanted", "unit"]])


FRAGMENTS = {
    "status": (_status, ()),
    "skill": (_skill, ("validation.csv",)),
    "totals": (_totals, ("totals.csv",)),
    "twin": (_twin, ("raw",)),
    "counts": (_counts, ("records.parquet", "rejects.csv", "training.parquet")),
    **checks.FRAGMENTS,
    **lessons.FRAGMENTS,
}
"""Fragment -> (function, artefacts it reads). Pages take them in with `{include} _generated/NAME.md`."""


def write(run_dir, folder, table):
    """Write those fragments whose artefacts the notebooks of a table make.

    Parameters
    ----------
    run_dir, folder : Path
        The run, and where the files go.
    table : dict of str to Chapter
        The notebooks.
    """
    made = {name for row in table.values() for name in row.makes}
    for name, (function, reads) in FRAGMENTS.items():
        if made.issuperset(reads):
            (folder / f"{name}.md").write_text(function(run_dir, table) + "\n", encoding="utf-8")
