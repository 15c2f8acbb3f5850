// Where the browser is: asked for only when somebody wants it.
const POSITION_MS = 10000;
const OPTIONS = { timeout: POSITION_MS, maximumAge: 60000 };
const METRES_PER_DEGREE = 111320;

// Null where none is given in time, even while the browser still asks whether it may.
export const position = () =>
  Promise.race([
    new Promise((resolve) => {
      if (!navigator.geolocation) return resolve(null);
      navigator.geolocation.getCurrentPosition(resolve, () => resolve(null), { ...OPTIONS, enableHighAccuracy: true });
    }),
    new Promise((resolve) => setTimeout(resolve, POSITION_MS, null)),
  ]);

function metresBetween(here, task) {
  const north = (task.dataset.latitude - here.latitude) * METRES_PER_DEGREE;
  const east = (task.dataset.longitude - here.longitude) * METRES_PER_DEGREE * Math.cos((here.latitude * Math.PI) / 180);
  return Math.hypot(north, east);
}

// The position stays in the browser: it orders what is shown, and is not sent.
function orderByDistance(tasks, here, metresText) {
  const far = new Map(tasks.map((each) => [each, each.dataset.latitude ? metresBetween(here, each) : Infinity]));
  for (const [task, metres] of far) {
    const place = task.querySelector("[data-metres]");
    if (place && metres < Infinity) place.textContent = ` · ${metresText.replace("{metres}", Math.round(metres))}`;
  }
  tasks.sort((one, other) => far.get(one) - far.get(other)).forEach((each) => each.parentElement.append(each));
}

// Shows the button that puts the nearest task first.
export function offerNearestFirst(desk) {
  const button = desk.querySelector("[data-near]");
  if (!button || !navigator.geolocation) return;
  const show = ({ coords }) => orderByDistance([...desk.querySelectorAll(".task")], coords, desk.dataset.textMetres);
  const tell = () => {
    button.nextElementSibling.textContent = desk.dataset.textNoPosition;
  };
  button.hidden = false;
  button.addEventListener("click", () => navigator.geolocation.getCurrentPosition(show, tell, OPTIONS));
}
