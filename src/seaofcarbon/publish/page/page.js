// The table and the map of a page that seaofcarbon.publish.datapage wrote. All data stand in a script tag.

const ROWS = 50; // of the table at a time
const NEAR = 14; // pixels from the pointer to a station
const HUES = ["#1f6f8b", "#d1002f", "#a35f00", "#6a3d9a", "#2f7d32", "#666666", "#0050c8", "#c2185b"]; // on light
const PALE = ["#7cc4dd", "#ff8a80", "#ffb74d", "#c9a7f0", "#8fd694", "#b8b8b8", "#82b1ff", "#f48fb1"]; // on dark
const MARKS = ["circle", "square", "diamond", "triangle"];
let page, data, starts, fluxStarts, rows, shownCasts, first = 0, sorted = null, open = -1, near = [];
const view = { lon: -160, lat: 0, zoom: 1 };

// --- Data ---

async function unpack(text) { // the other side of datapage.pack
  const packed = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const raw = new Uint8Array(await new Response(stream).arrayBuffer());
  const size = new DataView(raw.buffer).getUint32(0, true);
  const facts = JSON.parse(new TextDecoder().decode(raw.subarray(4, 4 + size)));
  const types = { uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, float32: Float32Array };
  const arrays = {};
  let at = 4 + size;
  for (const [name, [type, n]] of Object.entries(facts.layout)) {
    const width = types[type].BYTES_PER_ELEMENT, bytes = new Uint8Array(n * width);
    for (let b = 0; b < width; b++) for (let i = 0; i < n; i++) bytes[i * width + b] = raw[at + b * n + i];
    at += n * width;
    arrays[name] = new types[type](bytes.buffer);
  }
  return [facts, arrays];
}

function startsOf(casts, n) { // rows of a cast stand together: where those of each begin
  const out = new Uint32Array(n + 1);
  for (const cast of casts) out[cast + 1]++;
  for (let i = 0; i < n; i++) out[i + 1] += out[i];
  return out;
}

const count = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
const digits = (x) => Number.isNaN(x) ? "" : String(Number(x.toPrecision(5))).replace("-", "\u2212");
const withSigma = (x, sigma) => digits(x) + (Number.isNaN(sigma) ? "" : ` ± ${String(Number(sigma.toPrecision(2)))}`);
const degrees = (x, sides) => x === null ? "" : `${Math.abs(x)}° ${sides[x < 0 ? 1 : 0]}`;
const castName = (c) => [page.casts.cruise[c] || "no cruise", page.casts.station[c] && `station ${page.casts.station[c]}`,
  page.casts.time[c]].filter(Boolean).join(", ");
const year = (c) => Number(page.casts.time[c].slice(0, 4)) || null;

// --- Filters ---

function filter() {
  const chosen = (id) => ($(id).value === "" ? null : Number($(id).value));
  const [ocean, variable, source] = ["ocean", "variable", "source"].map(chosen);
  const flags = $("flag").value && $("flag").value.split(",").map(Number);
  const [from, to] = ["from", "to"].map(chosen), text = $("text").value.trim().toLowerCase();
  const { casts } = page;
  const castOk = casts.ocean.map((sea, c) => {
    if (ocean !== null && sea !== ocean) return false;
    if (from !== null && !(year(c) >= from && year(c))) return false;
    if (to !== null && !(year(c) <= to && year(c))) return false;
    return !text || `${casts.cruise[c]} ${casts.station[c]}`.toLowerCase().includes(text);
  });
  const found = new Uint32Array(data.cast.length);
  let n = 0, values = 0;
  shownCasts = new Uint8Array(casts.ocean.length);
  const sources = new Set(), cruises = new Set();
  for (let i = 0; i < data.cast.length; i++) {
    const c = data.cast[i];
    if (!castOk[c] || (variable !== null && data.variable[i] !== variable)) continue;
    if ((source !== null && data.source[i] !== source) || (flags && !flags.includes(data.flag[i]))) continue;
    found[n++] = i;
    values += data.n[i];
    shownCasts[c] = 1;
    sources.add(data.source[i]);
    if (casts.cruise[c]) cruises.add(casts.cruise[c]);
  }
  rows = found.subarray(0, n);
  if (sorted) sortRows();
  first = 0;
  const shown = shownCasts.reduce((a, b) => a + b, 0);
  $("count").textContent = `${count(values, "record")} of ${count(shown, "cast")}, ${count(cruises.size, "cruise")}, ` +
    `${count(sources.size, "source")}.`;
  if (open < 0 || !shownCasts[open]) openCast(shownCasts.indexOf(1), []);
  drawMap();
  drawRows();
}

const HEADS = [ // title, key to sort by, is it a number
  ["Cast", (i) => data.cast[i]], ["Date", (i) => page.casts.time[data.cast[i]]],
  ["Ocean", (i) => page.casts.ocean[data.cast[i]]], ["Latitude", (i) => page.casts.lat[data.cast[i]], 1],
  ["Longitude", (i) => page.casts.lon[data.cast[i]], 1], ["Quantity", (i) => data.variable[i]],
  ["Depth, m", (i) => data.depth[i], 1], ["Value", (i) => data.value[i], 1], ["Unit", (i) => data.variable[i]],
  ["Flag", (i) => data.flag[i]], ["Source", (i) => data.source[i]],
];

function sortRows() { // missing last, whichever way; equal rows keep their order
  const { by, down } = sorted, key = HEADS[by][1], missing = (x) => x === null || Number.isNaN(x) || x === "";
  rows.sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    if (missing(x) || missing(y)) return missing(x) - missing(y) || a - b;
    return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1) || a - b;
  });
}

function cell(text, name) {
  const td = document.createElement("td");
  td.append(text);
  if (name) td.className = name;
  return td;
}

function drawRows() {
  const { casts } = page;
  $("rows").replaceChildren(...Array.from(rows.subarray(first, first + ROWS), (i) => {
    const c = data.cast[i], [name, unit] = page.variables[data.variable[i]], row = document.createElement("tr");
    const button = document.createElement("button");
    [button.type, button.textContent] = ["button", castName(c)];
    button.addEventListener("click", () => { openCast(c, []); drawMap(); $("cast-name").scrollIntoView({ block: "nearest" }); });
    const value = page.sources[data.source[i]][2] ? withSigma(data.value[i], data.sigma[i]) : `${count(data.n[i], "value")}, at the source`;
    row.append(cell(button), cell(casts.time[c]), cell(page.oceans[casts.ocean[c]]), cell(degrees(casts.lat[c], "NS"), "number"),
      cell(degrees(casts.lon[c], "EW"), "number"), cell(name), cell(digits(data.depth[i]), "number"), cell(value, "number"),
      cell(unit), cell(page.flags[data.flag[i]]), cell(page.sources[data.source[i]][0]));
    return row;
  }));
  const last = Math.min(first + ROWS, rows.length);
  $("rows-shown").textContent = rows.length ? `Rows ${(first + 1).toLocaleString("en")} to ${last.toLocaleString("en")} of ${rows.length.toLocaleString("en")}` : "No row";
  $("back").disabled = first === 0;
  $("on").disabled = last >= rows.length;
}

function drawHeads() {
  $("heads").replaceChildren(...HEADS.map(([title, , isNumber], k) => {
    const th = document.createElement("th"), button = document.createElement("button");
    th.scope = "col";
    if (isNumber) th.className = "number";
    const mine = sorted && sorted.by === k;
    th.setAttribute("aria-sort", mine ? (sorted.down ? "descending" : "ascending") : "none");
    [button.type, button.textContent] = ["button", title + (mine ? (sorted.down ? " ▼" : " ▲") : "")];
    button.addEventListener("click", () => {
      sorted = { by: k, down: Boolean(mine) && !sorted.down };
      sortRows();
      first = 0;
      drawHeads();
      drawRows();
      $("heads").querySelectorAll("button")[k].focus();
    });
    th.append(button);
    return th;
  }));
}

function csv() { // text that a spreadsheet would run gets an apostrophe, as in the CSV of the book
  const quoted = (x) => { const text = /^[=+\-@\t\r']/.test(x) ? `'${x}` : x; return /[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text; };
  const bare = (x) => (x === null || Number.isNaN(x) ? "" : Number(x.toPrecision(7)));
  const closed = page.sources.some(([, , own]) => !own); // only then a row may stand for several values
  const more = [...(closed ? ["n_values"] : []), ...(page.label ? ["label"] : [])];
  const lines = [["cruise,station,date,ocean,latitude,longitude,variable,depth_m,value,sigma,unit,flag,source", ...more].join(",")];
  for (const i of rows) {
    const c = data.cast[i], k = page.casts, [, unit, variable] = page.variables[data.variable[i]];
    lines.push([quoted(k.cruise[c]), quoted(k.station[c]), k.time[c], page.oceans[k.ocean[c]], bare(k.lat[c]), bare(k.lon[c]), variable,
      bare(data.depth[i]), bare(data.value[i]), bare(data.sigma[i]), unit, data.flag[i], quoted(page.sources[data.source[i]][0]),
      ...(closed ? [data.n[i]] : []), ...(page.label ? [quoted(page.label)] : [])].join(","));
  }
  return lines.join("\n") + "\n";
}

function saveCsv() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
  link.download = "records-chosen.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// --- Drawing ---

const turned = (lon) => ((((lon - view.lon + 180) % 360) + 360) % 360) - 180; // degrees from the middle of the map
const scale = () => ($("map").clientWidth / 360) * view.zoom; // pixels per degree
const mapHeight = (width) => Math.round(width * 0.48);

function spot(c) { // of a cast on the map, or null where its place is not known
  const { lat, lon } = page.casts, k = scale(), width = $("map").clientWidth;
  return lat[c] === null || lon[c] === null ? null : [width / 2 + turned(lon[c]) * k, mapHeight(width) / 2 - (lat[c] - view.lat) * k];
}

function drawMap() {
  const [g, width, height] = canvas("map", mapHeight), k = scale();
  g.fillStyle = colour("empty");
  g.fillRect(0, 0, width, height);
  g.beginPath();
  for (const turn of [-360, 0, 360])
    for (const line of page.land)
      for (let i = 0; i < line.length; i += 2)
        g[i ? "lineTo" : "moveTo"](width / 2 + (line[i] / 100 - view.lon + turn) * k, height / 2 - (line[i + 1] / 100 - view.lat) * k);
  [g.fillStyle, g.strokeStyle, g.lineWidth] = [colour("land"), colour("coast"), 0.7];
  g.fill("evenodd");
  g.stroke();
  const size = Math.min(6, 2.5 + view.zoom / 2);
  [g.fillStyle, g.strokeStyle, g.lineWidth] = [colour("line"), colour("back"), 0.6];
  shownCasts.forEach((shown, c) => {
    const at = shown && spot(c);
    if (!at) return;
    g.beginPath();
    g.arc(at[0], at[1], size, 0, 2 * Math.PI);
    g.fill();
    g.stroke();
  });
  const at = open >= 0 && spot(open);
  if (at) for (const [line, style] of [[5, "#ffffff"], [2.5, "#d1002f"]]) {
    [g.lineWidth, g.strokeStyle] = [line, style];
    g.beginPath();
    g.arc(at[0], at[1], 9, 0, 2 * Math.PI);
    g.stroke();
  }
  label(g, width, height);
  $("map").style.touchAction = view.zoom > 1 ? "none" : "manipulation";
  $("map").setAttribute("aria-label", `Map of stations. Chosen: ${open < 0 ? "none" : castName(open)}`);
}

function label(g, width, y) { // also in a picture that someone cuts out of the page
  if (!page.label) return;
  g.font = `bold ${width > 500 ? 15 : width > 300 ? 12 : 9}px sans-serif`;
  [g.textAlign, g.textBaseline, g.lineJoin, g.lineWidth] = ["center", "bottom", "round", 4];
  [g.strokeStyle, g.fillStyle] = ["#ffffff", "#a03030"];
  g.strokeText(page.label, width / 2, y - 4);
  g.fillText(page.label, width / 2, y - 4);
}

function zoomBy(factor) {
  view.zoom = Math.min(64, Math.max(1, view.zoom * factor));
  if (view.zoom === 1) [view.lon, view.lat] = [-160, 0];
  else if (factor > 1 && view.zoom === factor && open >= 0 && spot(open)) [view.lon, view.lat] = [page.casts.lon[open], page.casts.lat[open]];
  drawMap();
}

function ticks(low, high, room) { // round numbers, at most `room` steps
  const raw = (high - low) / Math.max(1, room) || 1, ten = 10 ** Math.floor(Math.log10(raw));
  const step = ten * [1, 2, 5, 10].find((k) => k * ten >= raw * 0.999);
  const out = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) out.push(k * step);
  return out;
}

function mark(g, shape, x, y, r, full) {
  g.beginPath();
  if (shape === "circle") g.arc(x, y, r, 0, 2 * Math.PI);
  else if (shape === "square") g.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8);
  else for (const [dx, dy] of shape === "diamond" ? [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]] : [[0, -1.2], [1.2, 0.9], [-1.2, 0.9]]) g.lineTo(x + dx * r, y + dy * r);
  g.closePath();
  if (full) g.fill();
  g.stroke();
}

function plot(id, series, title, deepest) { // "quantity, unit" above: points with their sigma against depth, which grows downwards
  const points = series.flatMap((s) => s.points);
  const [g, width, height] = canvas(id, () => (points.length ? 330 : 60));
  if (!points.length) {
    g.textAlign = "center";
    g.fillText(title, width / 2, height / 2);
    return $(id).setAttribute("aria-label", title);
  }
  const ends = points.flatMap((p) => [p.x - (p.sigma || 0), p.x + (p.sigma || 0)]);
  let low = Math.min(...ends), high = Math.max(...ends);
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  [low, high] = [low >= 0 && low < 0.4 * high ? 0 : low - room, high + room];
  const x0 = 50, x1 = width - 8, y0 = 60, y1 = height - 22;
  const x = (value) => x0 + ((value - low) / (high - low)) * (x1 - x0), y = (depth) => y0 + (depth / deepest) * (y1 - y0);
  [g.strokeStyle, g.fillStyle, g.textAlign, g.textBaseline] = [colour("rule"), colour("ink"), "right", "middle"];
  for (const depth of ticks(0, deepest, 6)) {
    g.beginPath(); g.moveTo(x0, y(depth)); g.lineTo(x1, y(depth)); g.stroke();
    g.fillText(digits(depth), x0 - 5, y(depth));
  }
  g.textAlign = "center";
  for (const value of ticks(low, high, width / 62)) {
    g.beginPath(); g.moveTo(x(value), y0); g.lineTo(x(value), y1); g.stroke();
    g.fillText(digits(value), x(value), y0 - 10);
  }
  title.split(", ").forEach((line, k) => g.fillText(line, (x0 + x1) / 2, 10 + 17 * k));
  g.save();
  g.translate(8, (y0 + y1) / 2);
  g.rotate(-Math.PI / 2);
  g.fillText("depth, m", 0, 0);
  g.restore();
  for (const s of series) {
    [g.strokeStyle, g.fillStyle, g.lineWidth] = [s.colour, s.colour, 1.5];
    if (s.line) {
      g.beginPath();
      s.points.filter((p) => p.line).forEach((p) => g.lineTo(x(p.x), y(p.depth)));
      g.stroke();
    }
    for (const p of s.points) {
      if (p.sigma) { g.beginPath(); g.moveTo(x(p.x - p.sigma), y(p.depth)); g.lineTo(x(p.x + p.sigma), y(p.depth)); g.stroke(); }
      mark(g, s.shape, x(p.x), y(p.depth), 4, p.good);
    }
  }
  label(g, width, height);
  $(id).setAttribute("aria-label", `${title} against depth, ${points.length} points; the numbers stand in the table below`);
}

// --- A cast ---

function rowsOf(c) { return Array.from({ length: starts[c + 1] - starts[c] }, (_, k) => starts[c] + k); }

function hue(k) {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark";
  return (dark ? PALE : HUES)[k % HUES.length];
}

function openCast(c, others) {
  open = c;
  near = others;
  $("near-label").hidden = near.length < 2;
  $("near").replaceChildren(...near.map((other) => new Option(castName(other), other, false, other === c)));
  for (const id of ["unit-label", "profile", "flux"]) $(id).hidden = c < 0;
  if (c < 0) {
    $("cast-name").textContent = "No cast matches";
    for (const id of ["cast-facts", "cast-rows", "flux-rows", "series"]) $(id).replaceChildren();
    return;
  }
  const { casts } = page, mine = rowsOf(c), sources = [...new Set(mine.map((i) => data.source[i]))];
  $("cast-name").textContent = castName(c);
  $("cast-facts").replaceChildren(...[
    `${page.oceans[casts.ocean[c]]}${casts.lat[c] === null ? "" : `, ${degrees(casts.lat[c], "NS")}, ${degrees(casts.lon[c], "EW")}`}`,
    ...sources.map((s) => `Source ${page.sources[s][0]}: ${page.sources[s][1]}`),
    ...sources.filter((s) => !page.sources[s][2]).map(() => "Its licence does not let us pass the values on: take them at the source."),
  ].flatMap((line, k) => (k ? [document.createElement("br"), line] : [line])));
  const units = [...new Set(mine.filter((i) => !Number.isNaN(data.value[i])).map((i) => page.variables[data.variable[i]][1]))];
  const rank = (unit) => Math.min(...mine.filter((i) => page.variables[data.variable[i]][1] === unit).map((i) => page.variables[data.variable[i]][2] === "th234_total" ? 0 : 1));
  units.sort((a, b) => rank(a) - rank(b));
  $("unit").replaceChildren(...units.map((unit) => new Option(
    [...new Set(mine.filter((i) => page.variables[data.variable[i]][1] === unit).map((i) => page.variables[data.variable[i]][0]))].join(", ") + `, ${unit}`, unit)));
  $("unit-label").hidden = units.length < 2;
  $("cast-rows").replaceChildren(...mine.map((i) => {
    const [name, unit] = page.variables[data.variable[i]], row = document.createElement("tr");
    const value = page.sources[data.source[i]][2] ? withSigma(data.value[i], data.sigma[i]) : count(data.n[i], "value");
    row.append(cell(name), cell(digits(data.depth[i]), "number"), cell(value, "number"), cell(unit), cell(page.flags[data.flag[i]]));
    return row;
  }));
  $("flux-rows").replaceChildren(...fluxesOf(c).map((i) => {
    const row = document.createElement("tr");
    row.append(cell(digits(data.fluxDepth[i]), "number"), cell(page.kinds[data.fluxKind[i]]), cell(withSigma(data.flux[i], data.fluxSigma[i]), "number"),
      cell(page.flags[data.fluxFlag[i]]), cell(page.reasons[data.fluxReason[i]]));
    return row;
  }));
  drawCast();
}

function fluxesOf(c) { return Array.from({ length: fluxStarts[c + 1] - fluxStarts[c] }, (_, k) => fluxStarts[c] + k); }

function drawCast() {
  if (open < 0) return;
  const good = (flag) => flag < 3, mine = rowsOf(open).filter((i) => !Number.isNaN(data.value[i]) && !Number.isNaN(data.depth[i]));
  const shown = mine.filter((i) => page.variables[data.variable[i]][1] === $("unit").value);
  const series = [...new Set(shown.map((i) => data.variable[i]))].map((v, k) => ({
    colour: hue(k), shape: MARKS[k % MARKS.length], name: page.variables[v][0], line: true,
    points: shown.filter((i) => data.variable[i] === v)
      .map((i) => ({ x: data.value[i], depth: data.depth[i], sigma: data.sigma[i], good: good(data.flag[i]), line: good(data.flag[i]) })),
  }));
  const fluxes = fluxesOf(open).map((i) => ({ x: data.flux[i], depth: data.fluxDepth[i], sigma: data.fluxSigma[i],
    good: good(data.fluxFlag[i]), line: page.kinds[data.fluxKind[i]] === "fixed" }));
  const deepest = Math.max(10, ...shown.map((i) => data.depth[i]), ...fluxes.map((p) => p.depth)) * 1.04;
  plot("profile", series, shown.length ? `value, ${$("unit").value}` : "No value to show", deepest);
  plot("flux", [{ colour: hue(0), shape: "circle", line: true, points: fluxes }], fluxes.length ? "²³⁴Th flux, dpm m⁻² d⁻¹" : "No flux of ²³⁴Th", deepest);
  $("series").replaceChildren(...series.map((s) => {
    const item = document.createElement("li"), small = document.createElement("canvas"), ratio = window.devicePixelRatio || 1;
    [small.width, small.height] = [14 * ratio, 14 * ratio];
    small.setAttribute("aria-hidden", "true");
    small.setAttribute("style", "display:inline-block;width:14px;height:14px;vertical-align:-2px;margin-right:6px");
    const g = small.getContext("2d");
    g.scale(ratio, ratio);
    [g.fillStyle, g.strokeStyle] = [s.colour, s.colour];
    mark(g, s.shape, 7, 7, 4, true);
    item.append(small, s.name);
    return item;
  }));
}

function step(by) { // to the next cast that the filters leave, round and round
  const n = shownCasts.length;
  for (let k = 1; k <= n; k++) {
    const c = (((open + by * k) % n) + n) % n;
    if (shownCasts[c]) { openCast(c, []); break; }
  }
  const at = spot(open), width = $("map").clientWidth;
  if (at && (at[0] < 0 || at[0] > width || at[1] < 0 || at[1] > mapHeight(width))) [view.lon, view.lat] = [page.casts.lon[open], page.casts.lat[open]];
  drawMap();
}

// --- The pointer and the keys on the map ---

let drag = null;

function pick(event) {
  const rect = $("map").getBoundingClientRect(), x = event.clientX - rect.left, y = event.clientY - rect.top;
  const found = [];
  shownCasts.forEach((shown, c) => {
    const at = shown && spot(c), far = at && Math.hypot(at[0] - x, at[1] - y);
    if (at && far <= NEAR) found.push([far, c]);
  });
  found.sort((a, b) => a[0] - b[0]);
  if (found.length) { openCast(found[0][1], found.slice(0, 200).map(([, c]) => c)); drawMap(); }
}

function move(event) {
  if (!drag || view.zoom === 1) return;
  const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
  if (!drag.moved && Math.hypot(dx, dy) < 5) return;
  drag.moved = true;
  [view.lon, view.lat] = [drag.lon - dx / scale(), Math.min(90, Math.max(-90, drag.lat + dy / scale()))];
  drawMap();
}

function key(event) {
  const does = { ArrowLeft: () => step(-1), ArrowRight: () => step(1), "+": () => zoomBy(2), "=": () => zoomBy(2), "-": () => zoomBy(0.5) }[event.key];
  if (!does) return;
  event.preventDefault();
  does();
}

function listen() {
  for (const id of ["ocean", "variable", "source", "flag", "from", "to", "text"]) $(id).addEventListener("input", filter);
  $("clear").addEventListener("click", () => setTimeout(filter));
  $("save").addEventListener("click", saveCsv);
  $("in").addEventListener("click", () => zoomBy(2));
  $("out").addEventListener("click", () => zoomBy(0.5));
  $("before").addEventListener("click", () => step(-1));
  $("after").addEventListener("click", () => step(1));
  $("back").addEventListener("click", () => { first = Math.max(0, first - ROWS); drawRows(); });
  $("on").addEventListener("click", () => { first += ROWS; drawRows(); });
  $("unit").addEventListener("input", drawCast);
  $("near").addEventListener("input", (event) => { openCast(Number(event.target.value), near); drawMap(); });
  $("map").addEventListener("pointerdown", (event) => { drag = { x: event.clientX, y: event.clientY, ...view, moved: false }; });
  window.addEventListener("pointermove", move);
  window.addEventListener("pointerup", () => setTimeout(() => (drag = null)));
  $("map").addEventListener("click", (event) => { if (!drag || !drag.moved) pick(event); });
  $("map").addEventListener("keydown", key);
  document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  const draw = () => { drawMap(); drawCast(); };
  window.addEventListener("resize", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  new MutationObserver(draw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
}

function selfTest() { // with #selftest the page drives its own controls; tests read what it found
  const put = (id, value) => { $(id).value = value; $(id).dispatchEvent(new Event("input", { bubbles: true })); };
  const found = { ready: performance.now(), all: $("count").textContent, csv: csv(), years: [$("from").placeholder, $("to").placeholder] };
  put("ocean", page.oceans.indexOf("North Atlantic"));
  found.ocean = $("count").textContent;
  put("variable", page.variables.findIndex((v) => v[2] === "th234_total"));
  found.variable = $("count").textContent;
  put("from", 2010);
  [found.year, found.rows] = [$("count").textContent, $("rows").rows.length];
  put("from", "");
  put("flag", "1");
  found.flag = $("count").textContent;
  document.querySelector("form").reset();
  filter();
  put("source", page.sources.length - 1);
  found.source = $("count").textContent;
  put("source", "");
  const c = page.casts.station.lastIndexOf("X7"), at = spot(c), rect = $("map").getBoundingClientRect();
  $("map").dispatchEvent(new MouseEvent("click", { clientX: rect.left + at[0], clientY: rect.top + at[1], bubbles: true }));
  Object.assign(found, { cast: $("cast-name").textContent, facts: $("cast-facts").textContent,
    values: [...$("cast-rows").rows].map((r) => r.textContent), fluxes: [...$("flux-rows").rows].map((r) => r.textContent) });
  $("heads").querySelectorAll("button")[7].click();
  found.least = $("rows").rows[0].cells[7].textContent;
  $("rows").rows[0].querySelector("button").click();
  found.fromTable = $("cast-name").textContent;
  $("map").dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
  found.next = $("cast-name").textContent;
  found.requests = performance.getEntriesByType("resource").filter((r) => !/^(data|blob):/.test(r.name)).length;
  found.overflow = document.documentElement.scrollWidth - window.innerWidth;
  document.body.dataset.selftest = JSON.stringify(found);
}

async function start() {
  [page, data] = await unpack($("packed").textContent);
  const n = page.casts.ocean.length;
  starts = startsOf(data.cast, n);
  fluxStarts = startsOf(data.fluxCast, n);
  const fill = (id, all, names) => $(id).append(new Option(all, ""), ...names.map((name, k) => new Option(name, k)));
  fill("ocean", "all", page.oceans);
  fill("variable", "all", page.variables.map(([name, unit]) => `${name}, ${unit}`));
  fill("source", "all", page.sources.map(([name]) => name));
  $("flag").append(new Option("all", ""), new Option("good or not evaluated", "1,2"),
    ...Object.entries(page.flags).map(([number, word]) => new Option(word, number)));
  [$("from").placeholder, $("to").placeholder] = page.years.map(String);
  drawHeads();
  listen();
  filter();
  document.body.dataset.ready = Math.round(performance.now());
  if (location.hash === "#selftest") selfTest();
}

if (typeof DecompressionStream === "undefined")
  $("count").textContent = "This browser is too old to unpack the data (it has no DecompressionStream).";
else start();
