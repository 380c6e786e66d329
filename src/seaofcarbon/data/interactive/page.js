// The map of a page that seaofcarbon.plot.interactive wrote. All data stand in script tags: nothing is fetched.

const page = JSON.parse(document.getElementById("page").textContent);
const { rows, columns, dlat, dlon } = page;
const global = columns * dlon > 359;
const left = page.west - dlon / 2, top_ = page.south - dlat / 2 + rows * dlat; // edges of the map, degrees
const months = page.months.length;

// Sea cells come as runs of the flat grid (south to north, west to east): from, how many.
const cells = [];
for (let i = 0; i < page.runs.length; i += 2)
  for (let k = 0; k < page.runs[i + 1]; k++) cells.push(page.runs[i] + k);
const cellAt = new Int32Array(rows * columns).fill(-1);
cells.forEach((place, cell) => (cellAt[place] = cell));

const palette = Uint8Array.from(page.colours.match(/../g), (two) => parseInt(two, 16));
const shown = { month: Math.min(5, months - 1), depth: page.depth, place: nearestSea(...page.start), layer: null };

// --- Numbers ---

function number(code) { return page.scale * Math.sinh(code * page.step); }

function words(x) { // three digits; more would not be true
  return Number(x.toPrecision(3)).toLocaleString("en").replace("-", "\u2212");
}

function degrees(x, positive, negative) {
  return `${Number(Math.abs(x).toFixed(2))}° ${x >= 0 ? positive : negative}`;
}

function latitude(place) { return page.south + dlat * Math.floor(place / columns); }
function longitude(place) { return ((page.west + dlon * (place % columns) + 540) % 360) - 180; }
function name(place) { return `${degrees(latitude(place), "N", "S")}, ${degrees(longitude(place), "E", "W")}`; }

function nearestSea(lat, lon) {
  const near = (place) => {
    const east = ((longitude(place) - lon + 540) % 360) - 180;
    return (latitude(place) - lat) ** 2 + (east * Math.cos((lat * Math.PI) / 180)) ** 2;
  };
  return cells.reduce((best, place) => (near(place) < near(best) ? place : best));
}

const layers = new Map();

function layerOf(depth) { // unpacked when it is first asked for, then kept
  if (!layers.has(depth)) layers.set(depth, unpack($(`depth-${depth}`).textContent));
  return layers.get(depth);
}

async function unpack(text) { // the other side of interactive.pack
  const packed = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const raw = new Uint8Array(await new Response(stream).arrayBuffer());
  const n = months * cells.length;
  const classes = (raw.length - 7 * n - 2) / 4; // of values: each has its width of the interval in two tables
  let at = n;
  const codes = [n, n, n, classes, classes, 1].map((size) => {
    const out = new Int16Array(size);
    for (let i = 0; i < size; i++) {
      const code = raw[at + i] | (raw[at + size + i] << 8);
      out[i] = (code >>> 1) ^ -(code & 1);
    }
    at += 2 * size;
    return out;
  });
  const [value, below, above, tableBelow, tableAbove, [first]] = codes;
  for (let i = 0, sum = 0; i < n; i++) {
    value[i] = sum += value[i];
    below[i] += tableBelow[sum - first];
    above[i] += tableAbove[sum - first];
  }
  return { state: raw.subarray(0, n), value, below, above };
}

function look(place, month = shown.month) { // what is known of a place, or null
  const cell = cellAt[place];
  if (!shown.layer || cell < 0) return null;
  const i = month * cells.length + cell, a = shown.layer;
  if (!a.state[i]) return null;
  const [value, lower, upper] = [a.value[i], a.value[i] - a.below[i], a.value[i] + a.above[i]].map(number);
  return { value, lower, upper, inside: a.state[i] === 2 };
}

function year(place) { return page.months.map((_, month) => look(place, month)); }

// --- Drawing ---

const margin = { left: 42, bottom: 22 };

function frame() { // the rectangle of the map in its canvas
  const width = $("map").clientWidth - margin.left - 1;
  return { x: margin.left, y: 1, width, height: (width * rows * dlat) / (columns * dlon) };
}

function paint(pick) { // one pixel a cell; pick gives [r, g, b, a] of a sea cell or nothing
  const small = document.createElement("canvas");
  [small.width, small.height] = [columns, rows];
  const g = small.getContext("2d"), image = g.createImageData(columns, rows);
  cells.forEach((place, cell) => {
    const rgba = pick(shown.month * cells.length + cell);
    const row = rows - 1 - Math.floor(place / columns);
    if (rgba) image.data.set(rgba, 4 * (row * columns + (place % columns)));
  });
  g.putImageData(image, 0, 0);
  return small;
}

function hatched(box) { // dark lines with a light one beside them are seen on every colour
  const tile = document.createElement("canvas"), sheet = document.createElement("canvas");
  tile.width = tile.height = 6;
  const t = tile.getContext("2d");
  for (const [shift, style] of [[0, "rgba(30,30,30,.7)"], [1.2, "rgba(255,255,255,.55)"]]) {
    t.strokeStyle = style;
    t.beginPath();
    for (const k of [-6, 0, 6]) { t.moveTo(k + shift - 1, 7); t.lineTo(k + shift + 7, -1); }
    t.stroke();
  }
  [sheet.width, sheet.height] = [Math.ceil(box.width), Math.ceil(box.height)];
  const g = sheet.getContext("2d");
  g.imageSmoothingEnabled = false;
  g.drawImage(paint((i) => shown.layer.state[i] === 1 && [0, 0, 0, 255]), 0, 0, box.width, box.height);
  g.globalCompositeOperation = "source-in";
  g.fillStyle = g.createPattern(tile, "repeat");
  g.fillRect(0, 0, sheet.width, sheet.height);
  return sheet;
}

function trace(g, box, lines) { // twice, a turn apart: the map may begin at any meridian
  const x = (lon) => box.x + ((lon - left) / (columns * dlon)) * box.width;
  const y = (lat) => box.y + ((top_ - lat) / (rows * dlat)) * box.height;
  g.beginPath();
  for (const turn of [-360, 0, 360])
    for (const line of lines)
      for (let i = 0; i < line.length; i += 2)
        g[i ? "lineTo" : "moveTo"](x(line[i] / 100 + turn), y(line[i + 1] / 100));
}

function drawMap() {
  const box = frame();
  const [g] = canvas("map", () => box.height + margin.bottom + 2);
  g.save();
  g.beginPath();
  g.rect(box.x, box.y, box.width, box.height);
  g.clip();
  g.fillStyle = colour("empty");
  g.fillRect(box.x, box.y, box.width, box.height);
  if (shown.layer) {
    g.imageSmoothingEnabled = false;
    const { state, value } = shown.layer;
    const picture = paint((i) => {
      if (!state[i]) return null;
      const share = (number(value[i]) - page.low) / (page.high - page.low);
      const k = 3 * Math.round(255 * Math.min(1, Math.max(0, share)));
      return [palette[k], palette[k + 1], palette[k + 2], 255];
    });
    g.drawImage(picture, box.x, box.y, box.width, box.height);
    g.drawImage(hatched(box), box.x, box.y);
  }
  trace(g, box, page.land);
  g.fillStyle = colour("land");
  g.fill("evenodd");
  trace(g, box, page.coast);
  g.strokeStyle = colour("coast");
  g.lineWidth = 0.7;
  g.stroke();
  const [cx, cy] = centre(shown.place);
  for (const [width, style] of [[5, "#ffffff"], [2.5, "#d1002f"]]) {
    [g.lineWidth, g.strokeStyle] = [width, style];
    g.beginPath();
    g.arc(cx, cy, 8, 0, 2 * Math.PI);
    g.stroke();
  }
  if (page.label) { // also in a picture that someone cuts out of the page
    g.font = `bold ${box.width > 500 ? 15 : 12}px sans-serif`;
    [g.textAlign, g.textBaseline, g.lineJoin, g.lineWidth] = ["center", "bottom", "round", 4];
    [g.strokeStyle, g.fillStyle] = ["#ffffff", "#a03030"];
    g.strokeText(page.label, box.x + box.width / 2, box.y + box.height - 4);
    g.fillText(page.label, box.x + box.width / 2, box.y + box.height - 4);
  }
  g.restore();
  graticule(g, box);
}

function graticule(g, box) { // numbers at the edges
  const every = (span, room) => [1, 2, 5, 10, 15, 30, 60].find((step) => span / step <= room) || 90;
  const mark = (x, sides) => `${Math.abs(x)}°${x === 0 || Math.abs(x) === 180 ? "" : sides[x > 0 ? 0 : 1]}`;
  [g.fillStyle, g.strokeStyle, g.lineWidth] = [colour("soft"), colour("rule"), 1];
  [g.textAlign, g.textBaseline] = ["right", "middle"];
  g.strokeRect(box.x + 0.5, box.y + 0.5, box.width - 1, box.height - 1);
  const dy = every(rows * dlat, box.height / 28), dx = every(columns * dlon, box.width / 56);
  for (let lat = Math.ceil((top_ - rows * dlat) / dy) * dy; lat <= top_; lat += dy) {
    const y = box.y + ((top_ - lat) / (rows * dlat)) * box.height;
    if (y > box.y + 6 && y < box.y + box.height - 6) g.fillText(mark(lat, "NS"), box.x - 5, y);
  }
  [g.textAlign, g.textBaseline] = ["center", "top"];
  for (let lon = Math.ceil(left / dx) * dx; lon <= left + columns * dlon; lon += dx) {
    const x = box.x + ((lon - left) / (columns * dlon)) * box.width;
    const text = mark(((lon + 540) % 360) - 180, "EW");
    if (x > box.x + 14 && x < box.x + box.width - 18) g.fillText(text, x, box.y + box.height + 5);
  }
}

function centre(place) { // of a cell, in pixels of the canvas
  const box = frame(), row = rows - 1 - Math.floor(place / columns);
  return [box.x + (((place % columns) + 0.5) / columns) * box.width, box.y + ((row + 0.5) / rows) * box.height];
}

function ticks(low, high, room) { // round numbers, at most `room` steps
  const raw = (high - low) / Math.max(1, room), ten = 10 ** Math.floor(Math.log10(raw));
  const step = ten * [1, 2, 5, 10].find((k) => k * ten >= raw * 0.999);
  const out = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) out.push(k * step);
  return out;
}

function drawBar() {
  const [g, width] = canvas("bar", () => 42);
  const x0 = 24, x1 = width - 24, y0 = 2, y1 = 18;
  const fill = (k) => `#${page.colours.slice(6 * k, 6 * k + 6)}`;
  for (let x = x0; x < x1; x++) {
    g.fillStyle = fill(Math.round((255 * (x - x0)) / (x1 - x0 - 1)));
    g.fillRect(x, y0, 1.5, y1 - y0);
  }
  for (const [x, tip, k] of [[x0, x0 - 12, 0], [x1, x1 + 12, 255]]) { // there are smaller and larger numbers
    g.fillStyle = fill(k);
    g.beginPath(); g.moveTo(x, y0); g.lineTo(tip, (y0 + y1) / 2); g.lineTo(x, y1); g.fill();
  }
  [g.strokeStyle, g.fillStyle, g.textAlign, g.textBaseline] = [colour("soft"), colour("ink"), "center", "top"];
  g.beginPath();
  g.moveTo(x0, y0); g.lineTo(x1, y0); g.lineTo(x1 + 12, (y0 + y1) / 2); g.lineTo(x1, y1); g.lineTo(x0, y1);
  g.lineTo(x0 - 12, (y0 + y1) / 2); g.closePath();
  for (const x of ticks(page.low, page.high, width / 60)) {
    const at = x0 + ((x - page.low) / (page.high - page.low)) * (x1 - x0);
    g.moveTo(at, y1); g.lineTo(at, y1 + 4);
    g.fillText(words(x), at, y1 + 7);
  }
  g.stroke();
  $("bar").setAttribute("aria-label", `Colour bar from ${words(page.low)} to ${words(page.high)} ${page.unit}`);
}

function drawYear() {
  const [g, width, height] = canvas("year", () => 250), known = year(shown.place);
  const got = known.filter(Boolean);
  [g.textAlign, g.textBaseline] = ["center", "middle"];
  if (!got.length) return g.fillText("No value here at this depth.", width / 2, height / 2);
  const low = Math.min(0, ...got.map((m) => m.lower)), high = Math.max(...got.map((m) => m.upper));
  const x0 = 62, x1 = width - 10, y0 = 10, y1 = height - 44;
  const x = (month) => x0 + ((month + 0.5) / months) * (x1 - x0);
  const y = (value) => y1 - ((value - low) / (high - low || 1)) * (y1 - y0);
  g.fillStyle = colour("rule");
  g.fillRect(x(shown.month) - 1, y0, 2, y1 - y0);
  [g.strokeStyle, g.fillStyle] = [colour("rule"), colour("ink")];
  for (const value of ticks(low, high, 5)) {
    g.beginPath(); g.moveTo(x0, y(value)); g.lineTo(x1, y(value)); g.stroke();
    g.textAlign = "right";
    g.fillText(words(value), x0 - 5, y(value));
  }
  g.textAlign = "center";
  page.months.forEach((month, k) => g.fillText(month[0], x(k), y1 + 13));
  g.fillText("month", (x0 + x1) / 2, height - 10);
  g.save();
  g.translate(12, (y0 + y1) / 2);
  g.rotate(-Math.PI / 2);
  g.fillText(`${page.name}, ${page.unit}`, 0, 0);
  g.restore();
  let start = 0; // a month without a value is a gap in line and band
  for (let k = 0; k <= months; k++) {
    if (k < months && known[k]) continue;
    const run = [...Array(k - start).keys()].map((i) => start + i);
    g.beginPath();
    run.forEach((m) => g.lineTo(x(m), y(known[m].upper)));
    run.reverse().forEach((m) => g.lineTo(x(m), y(known[m].lower)));
    g.fillStyle = colour("band");
    g.fill();
    if (run.length === 1) {
      const { lower, upper } = known[run[0]];
      g.fillRect(x(run[0]) - 3, y(upper), 6, y(lower) - y(upper));
    }
    g.beginPath();
    run.forEach((m) => g.lineTo(x(m), y(known[m].value)));
    [g.strokeStyle, g.lineWidth] = [colour("line"), 2];
    g.stroke();
    start = k + 1;
  }
  known.forEach((m, k) => {
    if (!m) return;
    g.beginPath();
    g.arc(x(k), y(m.value), k === shown.month ? 5.5 : 4, 0, 2 * Math.PI);
    g.fillStyle = colour(m.inside ? "line" : "panel");
    g.fill(); g.stroke();
  });
}

// --- Words: the same for eyes and for screen readers ---

const NOTHING = "No value: land, shallower than the depth, dark, or without input data";

function said(found) {
  if (!found) return [NOTHING, "", ""];
  return [`${words(found.value)} ${page.unit}`, `90 % interval ${words(found.lower)} to ${words(found.upper)}`,
    found.inside ? "inside the area of applicability" : "extrapolation: outside the area of applicability"];
}

function write() {
  const month = page.months[shown.month], depth = page.depths[shown.depth];
  const [value, interval, where] = said(look(shown.place));
  $("month-name").value = month;
  $("month").setAttribute("aria-valuetext", month);
  $("place-name").textContent = name(shown.place);
  const strong = document.createElement("strong");
  strong.textContent = value;
  $("readout").replaceChildren(strong, ...[`${month}, ${depth}`, interval, where].filter(Boolean)
    .flatMap((line) => [document.createElement("br"), line]));
  const known = year(shown.place);
  $("numbers").replaceChildren(...known.map((found, k) => {
    const row = document.createElement("tr");
    const texts = !found ? ["none", "", ""] : [words(found.value), `${words(found.lower)} to ${words(found.upper)}`,
      found.inside ? "inside" : "extrapolation"];
    for (const text of [page.months[k], ...texts]) row.insertCell().textContent = text;
    return row;
  }));
  document.querySelector("caption").textContent = `${page.name}, ${page.unit}, ${depth}`;
  const here = name(shown.place), answer = [value, interval, where].filter(Boolean).join(", ");
  $("map").setAttribute("aria-label", `Map of ${page.name}, ${month}, ${depth}. Chosen: ${here}: ${answer}`);
  $("year").setAttribute("aria-label", `Year of ${page.name} at ${here}, ${depth}; the table below has its numbers`);
}

function draw() {
  $("tip").hidden = true; // it spoke of what was drawn before
  drawMap(); drawBar(); drawYear(); write();
}

// --- What a reader does ---

function placeAt(event) {
  const rect = $("map").getBoundingClientRect(), box = frame();
  const column = Math.floor(((event.clientX - rect.left - box.x) / box.width) * columns);
  const row = rows - 1 - Math.floor(((event.clientY - rect.top - box.y) / box.height) * rows);
  return column >= 0 && column < columns && row >= 0 && row < rows ? row * columns + column : -1;
}

function hover(event) {
  const place = placeAt(event), tip = $("tip"), rect = $("map").getBoundingClientRect();
  tip.hidden = place < 0;
  if (place < 0) return;
  tip.textContent = [name(place), ...said(look(place))].filter(Boolean).join("\n");
  const x = event.clientX - rect.left, y = event.clientY - rect.top; // beside the pointer, where there is room
  tip.style.left = `${Math.max(0, x + 14 + tip.offsetWidth > rect.width ? x - 14 - tip.offsetWidth : x + 14)}px`;
  tip.style.top = `${y > rect.height / 2 ? y - 10 - tip.offsetHeight : y + 14}px`;
}

function choose(place) { shown.place = place; draw(); }

let loaded = null;

function setDepth(depth) {
  shown.depth = depth;
  loaded = layerOf(depth).then((layer) => {
    if (shown.depth === depth) { shown.layer = layer; draw(); } // the reader may have chosen another one meanwhile
  });
  return loaded;
}

function setMonth(month) { shown.month = month; $("month").value = month; draw(); }

let playing = 0;

function play() {
  if (playing) playing = clearInterval(playing) || 0;
  else playing = setInterval(() => setMonth((shown.month + 1) % months), 900);
  $("play").setAttribute("aria-pressed", String(!!playing));
  $("play").textContent = playing ? "❚❚ Pause" : "▶ Play";
  $("readout").setAttribute("aria-live", playing ? "off" : "polite"); // a voice would never come to an end
}

const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [1, 0], ArrowDown: [-1, 0] };

function key(event) {
  if (!ARROWS[event.key]) return;
  event.preventDefault();
  const [up, right] = ARROWS[event.key].map((k) => k * (event.shiftKey ? 10 : 1));
  const row = Math.min(rows - 1, Math.max(0, Math.floor(shown.place / columns) + up));
  const column = (shown.place % columns) + right;
  choose(row * columns + (global ? (column + columns) % columns : Math.min(columns - 1, Math.max(0, column))));
}

async function selfTest() { // with #selftest the page drives its own controls; tests read what it found
  const put = (id, value) => { $(id).value = value; $(id).dispatchEvent(new Event("input", { bubbles: true })); };
  put("month", Math.max(0, page.months.indexOf("July")));
  put("depth", (shown.depth + 1) % page.depths.length);
  await loaded;
  const place = cells[cells.length >> 1], [x, y] = centre(place), rect = $("map").getBoundingClientRect();
  const at = { clientX: rect.left + x, clientY: rect.top + y, bubbles: true };
  $("map").dispatchEvent(new PointerEvent("pointermove", at));
  const tip = $("tip").textContent;
  $("map").dispatchEvent(new MouseEvent("click", at));
  const ratio = window.devicePixelRatio || 1;
  const pixel = [...$("map").getContext("2d").getImageData(Math.round(x * ratio), Math.round(y * ratio), 1, 1).data];
  const found = { month: page.months[shown.month], depth: page.depths[shown.depth], tip, pixel,
    lat: latitude(shown.place), lon: longitude(shown.place), here: look(shown.place), year: year(shown.place),
    readout: $("readout").textContent, table: $("numbers").rows.length };
  $("map").dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
  found.east = longitude(shown.place);
  found.requests = performance.getEntriesByType("resource").filter((r) => !r.name.startsWith("data:")).length;
  found.overflow = document.documentElement.scrollWidth - window.innerWidth;
  document.body.dataset.selftest = JSON.stringify(found);
}

$("month").max = months - 1;
$("month").value = shown.month;
$("depth").append(...page.depths.map((text, k) => new Option(text, k, false, k === shown.depth)));
$("month").addEventListener("input", (event) => setMonth(Number(event.target.value)));
$("depth").addEventListener("input", (event) => setDepth(Number(event.target.value)));
$("play").addEventListener("click", play);
$("map").addEventListener("pointermove", hover);
$("map").addEventListener("pointerleave", () => ($("tip").hidden = true));
$("map").addEventListener("click", (event) => { const place = placeAt(event); if (place >= 0) choose(place); });
$("map").addEventListener("keydown", key);
document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
window.addEventListener("resize", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
new MutationObserver(draw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
draw();
if (typeof DecompressionStream === "undefined")
  $("readout").textContent = "This browser is too old to unpack the map (it has no DecompressionStream).";
else setDepth(shown.depth).then(() => { if (location.hash === "#selftest") return selfTest(); });
