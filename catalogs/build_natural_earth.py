#!/usr/bin/env python3
"""Make the land and coast lines of src/seaofcarbon/data/natural_earth (Natural Earth 1:110m, public domain).

    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
    python catalogs/build_natural_earth.py package/land-110m.json

world-atlas holds Natural Earth as TopoJSON, with shapes joined across the date line and Antarctica open towards the
pole. Here rings are unrolled, Antarctica is closed along 90 S, and all is cut at 180 degrees, as Natural Earth has it.
"""

import json
import sys
from pathlib import Path

import numpy as np
import shapefile
from shapely import box
from shapely.affinity import translate
from shapely.geometry import LineString, MultiLineString, Polygon
from shapely.geometry.polygon import orient
from shapely.ops import linemerge

from seaofcarbon import files

WGS84 = (
    'GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],'
    'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]'
)

WORLD = box(-180.0, -90.0, 180.0, 90.0)


def arcs_of(topology):
    """Return the arcs in degrees; TopoJSON keeps differences of integers."""
    scale, origin = np.array(topology["transform"]["scale"]), np.array(topology["transform"]["translate"])
    return [np.cumsum(np.array(arc), axis=0) * scale + origin for arc in topology["arcs"]]


def ring(numbers, arcs):
    """Return one ring, shape (n, 2), its longitudes unrolled so that no step is longer than half the globe."""
    parts = [arcs[n] if n >= 0 else arcs[~n][::-1] for n in numbers]
    points = np.concatenate([parts[0], *(part[1:] for part in parts[1:])])
    return np.column_stack([np.unwrap(points[:, 0], period=360.0), points[:, 1]])


def closed(points):
    """Close a ring that goes around the pole along 90 S; others are closed already."""
    if abs(points[-1, 0] - points[0, 0]) < 180.0:
        return points
    return np.concatenate([points, [[points[-1, 0], -90.0], [points[0, 0], -90.0], points[0]]])


def on_the_map(shape):
    """Cut a shape at 180 degrees and move what lies beyond to the other side."""
    pieces = [translate(shape, shift).intersection(WORLD) for shift in (-360.0, 0.0, 360.0)]
    return [part for piece in pieces for part in getattr(piece, "geoms", [piece]) if not part.is_empty]


def write(path, shape_type, rows):
    """Write one shapefile with its companions; `rows` are lists of rings or lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with shapefile.Writer(str(path), shapeType=shape_type) as out:
        out.field("featurecla", "C", 32)
        for parts in rows:
            (out.poly if shape_type == shapefile.POLYGON else out.line)(parts)
            out.record("Land" if shape_type == shapefile.POLYGON else "Coastline")
    path.with_suffix(".prj").write_text(WGS84)
    path.with_suffix(".cpg").write_text("UTF-8")


def build(topojson, folder):
    """Write ne_110m_land and ne_110m_coastline from world-atlas' land-110m.json."""
    topology = json.loads(Path(topojson).read_text())
    arcs = arcs_of(topology)
    shapes = [[ring(numbers, arcs) for numbers in polygon] for g in topology["objects"]["land"]["geometries"]
              for polygon in g["arcs"]]  # fmt: skip
    land, coast = [], []
    for outer, *holes in shapes:
        for part in on_the_map(Polygon(closed(outer), holes)):
            if isinstance(part, Polygon):
                part = orient(part, sign=-1.0)  # shapefiles have outer rings clockwise
                land.append([list(r.coords) for r in (part.exterior, *part.interiors)])
        for points in (outer, *holes):
            lines = [part for part in on_the_map(LineString(points)) if isinstance(part, LineString)]
            merged = linemerge(MultiLineString(lines))
            coast += [[list(line.coords)] for line in getattr(merged, "geoms", [merged])]
    write(folder / "ne_110m_land.shp", shapefile.POLYGON, land)
    write(folder / "ne_110m_coastline.shp", shapefile.POLYLINE, coast)
    print(f"{len(land)} pieces of land, {len(coast)} coast lines")


if __name__ == "__main__":
    build(sys.argv[1], files.EMBEDDED / "natural_earth" / "shapefiles" / "natural_earth" / "physical")
