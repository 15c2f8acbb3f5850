// Desks, and the forms of a case and of a call. Everything here is a help: without it the plain forms work.
// What was filled in is kept in the browser until it has been decided, and is sent under one id however often.
import { clearErrors, lock, sayAt, showError, writtenIn } from "./form_messages.js";
import { PendingForms } from "./pending_forms.js";
import { drawn, preview } from "./photos.js";
import { offerNearestFirst, position } from "./position.js";

const desk = document.querySelector("[data-desk]");
const pending = new PendingForms(desk);

// About a metre, and whether it was asked for in vain.
async function whereDone(form) {
  if (!form.querySelector("[data-consent=position]")?.checked) return [{}, false];
  sayAt(form, pending.text("Sending"));
  const found = await position();
  if (!found) return [{}, true];
  const { latitude, longitude } = found.coords;
  return [{ "action.latitude": latitude.toFixed(5), "action.longitude": longitude.toFixed(5) }, false];
}

async function collected(form) {
  const written = [...new FormData(form)].filter(([name, value]) => typeof value === "string" && name !== "csrf");
  const fields = Object.fromEntries(written);
  const input = form.querySelector("input[type=file]");
  const chosen = input ? await Promise.all([...input.files].map(drawn)) : [];
  const photos = chosen.length ? chosen : form.keptPhotos || [];
  if (form.querySelector("[data-consent=time]")?.checked) fields.occurred_at = new Date().toISOString();
  const [place, withoutPosition] = await whereDone(form);
  Object.assign(fields, place);
  const path = new URL(form.action).pathname;
  const title = form.closest("[data-title]")?.dataset.title || "";
  const { owner } = desk.dataset;
  const words = writtenIn(form);
  return { written: words, key: fields.key, owner, path, title, fields, photos, photoName: input?.name || "", withoutPosition, state: "waiting" };
}

async function submitted(event) {
  event.preventDefault();
  const form = event.currentTarget;
  lock(form, true);
  try {
    await pending.submit(form, await collected(form));
  } catch {
    form.submit(); // a browser that keeps nothing still sends
  }
}

// A browser does not send a form in which a field is not valid, and says why.
function chosen(event) {
  const input = event.currentTarget;
  const isTooMany = input.files.length > Number(input.dataset.most);
  const words = isTooMany ? pending.text("TooMany").replace("{most}", input.dataset.most) : "";
  clearErrors(input.form);
  input.setCustomValidity(words);
  if (isTooMany) showError(input.form, input.name, words);
  preview(input);
}

offerNearestFirst(desk);
// The browser asks whether it may, before it is needed.
desk.querySelectorAll("[data-consent=position]").forEach((each) =>
  each.addEventListener("change", () => {
    if (each.checked) position();
  }));
desk.querySelectorAll("form.action[data-keep]").forEach((each) => each.addEventListener("submit", submitted));
desk.querySelectorAll("form.action input[type=file]").forEach((each) => each.addEventListener("change", chosen));
desk.dataset.ready = "";
pending.begin().catch(() => {});
