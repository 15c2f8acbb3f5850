// Keeps the overview up to date. Without it the page is whole, and renews itself.
import { openMap, text } from "./map.js";

const page = document.getElementById("overview");
const texts = page.dataset;
const live = document.getElementById("live");
const RETRY_MS = 3000;
const MAX_RETRY_MS = 60000;
let retryMs = RETRY_MS;
const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function showState(on) {
  const state = on ? "on" : "off";
  if (live.className === `live ${state}`) return;
  live.className = `live ${state}`;
  live.textContent = on ? texts.textLive : texts.textLost;
}

function replaceParts(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const part of fresh.body.children) {
    const shown = document.getElementById(part.id);
    if (!shown) continue;
    for (const details of shown.querySelectorAll("details[open]")) {
      const same = part.querySelector(`#${details.id}`);
      if (same) same.open = true;
    }
    if (shown.innerHTML !== part.innerHTML && !shown.contains(document.activeElement)) {
      shown.replaceChildren(...part.childNodes);
    }
  }
  // Of the parts only what is in them is replaced: the time stands on the fresh one.
  document.getElementById("now").textContent = fresh.getElementById("figures-totals").dataset.now;
  drawPlot();
  colorPlaces();
}

function listen() {
  const stream = new EventSource(texts.live);
  stream.addEventListener("open", () => {
    retryMs = RETRY_MS;
    showState(true);
  });
  stream.addEventListener("signed-out", () => {
    stream.close();
    location.reload();
  });
  stream.addEventListener("figures", (event) => {
    showState(true);
    replaceParts(event.data);
  });
  stream.addEventListener("map", (event) => {
    if (event.data === drawnLayers || !points) return;
    drawnLayers = event.data;
    drawLayers(JSON.parse(event.data));
  });
  stream.addEventListener("error", () => {
    showState(false);
    if (stream.readyState !== EventSource.CLOSED) return;
    setTimeout(listen, retryMs);
    retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
  });
}

let plot = null;

function readHours() {
  const table = document.getElementById("hours");
  const rows = [...table.tBodies[0].rows];
  const number = (cell) => (cell.textContent.trim() === "" ? null : Number(cell.textContent));
  return [rows.map((_, hour) => hour), rows.map((row) => number(row.cells[1])), rows.map((row) => number(row.cells[2]))];
}

function drawPlot() {
  if (typeof uPlot === "undefined") return;
  const target = document.getElementById("plot");
  if (plot) {
    plot.setData(readHours());
    return;
  }
  target.replaceChildren();
  const font = `${0.75 * rem}px sans-serif`;
  const axis = { font, gap: 0.3 * rem, stroke: color("--muted"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line") } };
  const wall = matchMedia("(min-width: 1900px) and (min-height: 1000px)");
  const height = () => (wall.matches ? Math.max(target.clientHeight - 2 * rem, 4 * rem) : Math.max(target.clientWidth / 5, 11 * rem));
  const size = () => ({ width: target.clientWidth, height: height() });
  plot = new uPlot({
    ...size(),
    padding: [rem / 2, 1.5 * rem, 0, 0],
    scales: { x: { time: false }, y: { range: (_, low, high) => [0, Math.max(high, 4)] } },
    legend: { live: false },
    axes: [{ ...axis, size: 2 * rem, space: 3.5 * rem, incrs: [1, 2, 3, 4, 6, 12], values: (_, hours) => hours.map((hour) => `${hour}:00`) }, { ...axis, size: 3 * rem, space: 1.4 * rem, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000] }],
    series: [
      { label: texts.textHour },
      { label: texts.textToday, stroke: color("--accent"), width: 0.19 * rem, points: { size: 0.4 * rem } },
      { label: texts.textBefore, stroke: color("--muted"), width: 0.12 * rem, dash: [0.4 * rem, 0.25 * rem], points: { show: false } },
    ],
  }, readHours(), target);
  new ResizeObserver(() => plot.setSize(size())).observe(target);
}

let map = null;
let drawnLayers = "";
let places = new Map();
let points = null;
let heat = null;
const markers = new Map();

function rowOf(code) {
  return document.querySelector(`#districts tr[data-code="${CSS.escape(code)}"], #streets tr[data-code="${CSS.escape(code)}"]`);
}

function colorPlaces() {
  for (const [code, layer] of places) {
    const { level, name } = layer.feature.properties;
    if (level === "area") continue;
    const row = rowOf(code);
    const element = layer.getElement();
    if (element) {
      element.classList.remove("light-soon", "light-late");
      if (row) element.classList.add(`light-${row.dataset.light}`);
    }
    const figures = row ? `${row.dataset.open} ${texts.textOpen}, ${row.dataset.overdue} ${texts.textOverdue}` : `0 ${texts.textOpen}`;
    layer.setTooltipContent(text(`${name}: ${figures}`));
  }
}

async function drawMap() {
  if (typeof L === "undefined") return;
  const target = document.getElementById("map");
  document.getElementById("map-note").hidden = false;
  const opened = await openMap(target, texts);
  ({ map, places } = opened);
  heat = L.layerGroup();
  points = L.markerClusterGroup({
    showCoverageOnHover: false,
    animate: false,
    maxClusterRadius: 4 * rem,
    iconCreateFunction: (cluster) => L.divIcon({ html: String(cluster.getChildCount()), className: "group", iconSize: null }),
  }).addTo(map);
  opened.control.addOverlay(points, texts.textPoints);
  opened.control.addOverlay(heat, texts.textHeat);
  for (const layer of Object.values(opened.layers)) layer.on("add", colorPlaces);
  const layers = await (await fetch(texts.map)).json();
  if (!opened.hasExtent && layers.points.length) map.fitBounds(L.latLngBounds(layers.points.map((each) => each.at)), { animate: false });
  // More cases than points: the heat tells of all.
  const counted = layers.cells.reduce((sum, cell) => sum + cell[2], 0);
  if (counted > layers.points.length) heat.addTo(map);
  drawLayers(layers);
  colorPlaces();
}

function drawLayers(layers) {
  if (!points) return;
  drawPoints(layers.points);
  const most = Math.max(1, ...layers.cells.map((cell) => cell[2]));
  const size = layers.cell;
  heat.clearLayers();
  for (const [south, west, open, overdue] of layers.cells) {
    L.rectangle([[south, west], [south + size, west + size]], {
      stroke: false, fillColor: color("--accent"), fillOpacity: 0.15 + 0.6 * (open / most),
    }).bindTooltip(text(`${open} ${texts.textOpen}, ${overdue} ${texts.textOverdue}`), { sticky: true }).addTo(heat);
  }
}

function drawPoints(list) {
  const present = new Set(list.map((each) => each.id));
  for (const [id, marker] of markers) {
    if (!present.has(id)) {
      points.removeLayer(marker.layer);
      markers.delete(id);
    }
  }
  for (const each of list) {
    const key = JSON.stringify(each);
    const shown = markers.get(each.id);
    if (shown && shown.key === key) continue;
    if (shown) points.removeLayer(shown.layer);
    const layer = markerOf(each);
    markers.set(each.id, { key, layer });
    points.addLayer(layer);
  }
}

function markerOf(each) {
  const late = each.light === "late";
  const icon = L.divIcon({ className: `pin ${each.light}`, html: late ? "▲" : "", iconSize: null });
  const link = document.createElement("a");
  link.href = `/cases/${encodeURIComponent(each.id)}`;
  link.textContent = each.text;
  return L.marker(each.at, { icon, title: each.text }).bindPopup(link);
}

listen();
drawPlot();
drawMap();
