// The map of a city: borders, streets, named areas and the unit grid of its pack, as layers that can be switched.
const CELLS_FROM_PX = 5;
const MAX_CELLS = 40000;
const WIDE_FROM_REM = 45;

export function text(content) {
  return document.createTextNode(content);
}

// Draws the unit grid where it is looked at: single cells where they are large enough to see, else the ground they cover.
function gridLayer(source) {
  const layer = L.layerGroup();
  const renderer = L.canvas({ padding: 0.1 });
  let grid = null;

  function bounds(row, begin, end) {
    const north = grid.north - row * grid.height;
    return [[north - grid.height, grid.west + begin * grid.width], [north, grid.west + end * grid.width]];
  }

  function draw() {
    if (!grid || !layer._map) return;
    const map = layer._map;
    layer.clearLayers();
    const view = map.getBounds();
    const cellPx = Math.abs(map.latLngToContainerPoint([grid.north, grid.west]).y - map.latLngToContainerPoint([grid.north - grid.height, grid.west]).y);
    const style = { renderer, interactive: false, className: "grid", color: getComputedStyle(document.documentElement).getPropertyValue("--muted").trim(), weight: cellPx < CELLS_FROM_PX ? 0 : 0.7, fillOpacity: cellPx < CELLS_FROM_PX ? 0.25 : 0 };
    let drawn = 0;
    for (const [row, begin, end] of grid.runs) {
      const [[south, west], [north, east]] = bounds(row, begin, end);
      if (!view.intersects([[south, west], [north, east]])) continue;
      if (cellPx < CELLS_FROM_PX) {
        L.rectangle([[south, west], [north, east]], style).addTo(layer);
        continue;
      }
      for (let column = begin; column < end && drawn < MAX_CELLS; column += 1, drawn += 1) {
        L.rectangle(bounds(row, column, column + 1), style).addTo(layer);
      }
    }
  }

  function cellAt(at) {
    const row = Math.floor((grid.north - at.lat) / grid.height);
    const column = Math.floor((at.lng - grid.west) / grid.width);
    const run = grid.runs.find(([ofRun, begin, end]) => ofRun === row && begin <= column && column < end);
    return run ? run[3] + String(run[4] + column - run[1]).padStart(3, "0") : "";
  }

  layer.on("add", async () => {
    layer._map.on("moveend", draw);
    grid = grid ?? (await (await fetch(source)).json());
    draw();
  });
  layer.on("remove", () => layer._map.off("moveend", draw));
  layer.cellAt = (at) => (grid && layer._map ? cellAt(at) : "");
  return layer;
}

// Returns the map with its layers by name; `places` holds the drawn districts and streets by code.
export async function openMap(target, texts) {
  const borders = await (await fetch(texts.borders)).json();
  target.replaceChildren();
  target.setAttribute("role", "region");
  target.setAttribute("aria-label", texts.textMap);
  const map = L.map(target, { attributionControl: false, zoomSnap: 0.25, maxZoom: 19 }).setView([0, 0], 2);
  if (texts.tiles) L.tileLayer(texts.tiles, { maxZoom: 19 }).addTo(map);
  const isCompact = target.clientWidth < WIDE_FROM_REM * parseFloat(getComputedStyle(document.documentElement).fontSize);
  const places = new Map();
  const of = (...levels) => L.geoJSON(borders, {
    filter: (feature) => levels.includes(feature.properties.level),
    style: (feature) => ({ className: `place ${feature.properties.level}` }),
    onEachFeature: (feature, layer) => {
      layer.bindTooltip(text(feature.properties.name), { sticky: true });
      if (feature.properties.code) places.set(feature.properties.code, layer);
    },
  });
  const layers = { districts: of("city", "district").addTo(map), streets: of("street"), areas: of("area") };
  const grid = gridLayer(texts.grid);
  const control = L.control.layers(null, {}, { collapsed: isCompact });
  const names = { districts: texts.textDistricts, streets: texts.textStreets, areas: texts.textAreas };
  for (const [name, layer] of Object.entries(layers)) if (layer.getLayers().length) control.addOverlay(layer, names[name]);
  if (texts.hasGrid) control.addOverlay(grid, texts.textGrid);
  control.addTo(map);
  const shown = document.createElement("output");
  shown.className = "cell-name";
  target.after(shown);
  map.on("mousemove", ({ latlng }) => {
    const code = grid.cellAt(latlng);
    shown.textContent = code ? `${texts.textCell} ${code}` : "";
  });
  const extent = L.featureGroup(Object.values(layers).filter((layer) => layer.getLayers().length)).getBounds();
  if (extent.isValid()) {
    const beside = isCompact ? 10 : control.getContainer().offsetWidth;
    map.fitBounds(extent, { paddingTopLeft: [10, 10], paddingBottomRight: [beside < target.clientWidth / 3 ? beside : 10, 10], animate: false });
  }
  new ResizeObserver(() => map.invalidateSize()).observe(target);
  return { map, control, places, layers, hasExtent: extent.isValid() };
}
