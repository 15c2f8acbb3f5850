// Turns the drawing of the city into a map that can be moved, with layers that can be switched.
import { openMap } from "./map.js";

const target = document.getElementById("city-map");
const { layers, map } = await openMap(target, target.dataset);
if (layers.streets.getLayers().length) layers.streets.addTo(map);
