// Keys of a queue, and how many cases are chosen. Everything here is a help: without it links and boxes work alone.
// Focus is real and stands on the links of cases, so screen readers follow it; the keys can be turned off.
const queue = document.querySelector("[data-queue]");
const OFF = "paidan-queue-keys-off";
const LAST = "paidan-queue-last";
const help = queue.querySelector("[data-help]");
const search = queue.querySelector("input[type=search]");
const links = [...queue.querySelectorAll("a[data-case]")];
const boxes = [...queue.querySelectorAll("tbody .choose input")];
const all = queue.querySelector("[data-choose-all]");
const chosen = queue.querySelector("[data-chosen]");
const switched = queue.querySelector("[data-keys-on]");

const stored = (storage, name) => {
  try { return storage.getItem(name); } catch { return null; } // forbidden by the browser's settings
};
const store = (storage, name, value) => {
  try { storage.setItem(name, value); } catch { /* as above */ }
};

const count = () => {
  const number = boxes.filter((each) => each.checked).length;
  if (all) {
    all.checked = number > 0 && number === boxes.length;
    all.indeterminate = number > 0 && number < boxes.length;
  }
  if (chosen) chosen.textContent = number ? queue.dataset.textChosen.replace("{count}", number) : "";
};

const at = () => {
  const row = document.activeElement?.closest("tbody tr");
  return links.findIndex((each) => row?.contains(each));
};
const step = (by) => {
  const now = at();
  const last = links.findIndex((each) => each.getAttribute("href") === stored(sessionStorage, LAST));
  const from = now >= 0 ? now : last;
  const next = links[Math.min(Math.max(from + by, 0), links.length - 1)];
  next?.focus();
};
const toggle = () => boxes[at()]?.click();

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  x: toggle,
  a: () => queue.querySelector("#bulk button")?.focus(),
  "/": () => search.select(),
  "?": () => help.showModal(),
};
const isWritten = (target) => target.closest("input:not([type=checkbox]), select, textarea, [contenteditable]");
addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
  if (help.open || isWritten(event.target)) return;
  const isArrow = event.key === "ArrowDown" || event.key === "ArrowUp";
  if (isArrow && links.includes(event.target)) {
    event.preventDefault();
    step(event.key === "ArrowDown" ? 1 : -1);
  } else if (Object.hasOwn(KEYS, event.key) && switched.checked) {
    event.preventDefault();
    KEYS[event.key]();
  }
});

links.forEach((each) => each.addEventListener("focus", () => store(sessionStorage, LAST, each.getAttribute("href"))));
boxes.forEach((each) => each.addEventListener("change", count));
all?.addEventListener("change", () => {
  boxes.forEach((each) => { each.checked = all.checked; });
  count();
});
queue.querySelector("[data-keys]").addEventListener("click", () => help.showModal());
switched.checked = stored(localStorage, OFF) === null;
switched.addEventListener("change", () => {
  if (switched.checked) localStorage.removeItem(OFF);
  else store(localStorage, OFF, "1");
});
addEventListener("pageshow", count); // a browser that goes back keeps what was chosen
queue.dataset.ready = "";
