/* Desks, and the forms of a case and of a call. Everything here is a help: without it the plain forms work.
   What was filled in is kept in the browser until it has been decided, and is sent under one id however often. */
"use strict";
(() => {
  const desk = document.querySelector("[data-desk]");
  if (!desk) return;
  const { owner } = desk.dataset;
  const LONGEST_SIDE = 1600;
  const QUALITY = 0.85;
  const RETRY_MS = 15000;
  const ANSWER_MS = 60000;
  const POSITION_MS = 10000;
  const STORE = "actions";
  const underWay = new Set();
  const text = name => desk.dataset[`text${name}`] || "";

  const newId = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = [...bytes].map(each => each.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  };

  const settled = request =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  const opened = (() => {
    let database;
    return () => {
      database ??= (() => {
        const request = indexedDB.open("paidan-desk", 1);
        request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "key" });
        return settled(request);
      })();
      return database;
    };
  })();
  const store = async mode => (await opened()).transaction(STORE, mode).objectStore(STORE);
  const keep = async item => settled((await store("readwrite")).put(item));
  const forget = async key => settled((await store("readwrite")).delete(key));
  const kept = async () => (await settled((await store("readonly")).getAll())).filter(each => each.owner === owner);

  /* Drawn anew, a photo is small enough for a bad line, and holds no position or device any more. */
  async function drawn(file) {
    try {
      const image = await createImageBitmap(file, { imageOrientation: "from-image" });
      const scale = Math.min(1, LONGEST_SIDE / Math.max(image.width, image.height));
      const canvas = document.createElement("canvas");
      canvas.width = Math.max(1, Math.round(image.width * scale));
      canvas.height = Math.max(1, Math.round(image.height * scale));
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      const blob = await new Promise(resolve => canvas.toBlob(resolve, "image/jpeg", QUALITY));
      return (blob || file).arrayBuffer();
    } catch {
      return file.arrayBuffer(); // intake says what is wrong with it
    }
  }

  /* Null where none is given in time, even while the browser still asks whether it may. */
  const position = () =>
    Promise.race([
      new Promise(resolve => {
        const options = { enableHighAccuracy: true, timeout: POSITION_MS, maximumAge: 60000 };
        if (navigator.geolocation) navigator.geolocation.getCurrentPosition(resolve, () => resolve(null), options);
        else resolve(null);
      }),
      new Promise(resolve => setTimeout(resolve, POSITION_MS, null)),
    ]);

  /* About a metre, and whether it was asked for in vain. */
  async function whereDone(form) {
    if (!form.querySelector("[data-consent=position]")?.checked) return [{}, false];
    sayAt(form, text("Sending"));
    const found = await position();
    if (!found) return [{}, true];
    const { latitude, longitude } = found.coords;
    return [{ "action.latitude": latitude.toFixed(5), "action.longitude": longitude.toFixed(5) }, false];
  }

  async function collected(form) {
    const fields = {};
    for (const [name, value] of new FormData(form)) if (typeof value === "string" && name !== "csrf") fields[name] = value;
    const input = form.querySelector("input[type=file]");
    const chosen = input ? await Promise.all([...input.files].map(drawn)) : [];
    const photos = chosen.length ? chosen : form.keptPhotos || [];
    const consent = form.querySelector("[data-consent=time]");
    if (consent && consent.checked) fields.occurred_at = new Date().toISOString();
    const [place, withoutPosition] = await whereDone(form);
    Object.assign(fields, place);
    const path = new URL(form.action).pathname;
    const title = form.closest("[data-title]")?.dataset.title || "";
    return { key: fields.key, owner, path, title, fields, photos, photoName: input?.name || "", withoutPosition, state: "waiting" };
  }

  function bodyOf(item) {
    const body = new FormData();
    body.append("csrf", desk.dataset.csrf);
    for (const [name, value] of Object.entries(item.fields)) body.append(name, value);
    body.set("key", item.key);
    for (const each of item.photos) body.append(item.photoName, new Blob([each], { type: "image/jpeg" }), "photo.jpg");
    return body;
  }

  async function ask(item) {
    try {
      const answer = await fetch(item.path, {
        method: "POST", body: bodyOf(item), headers: { Accept: "application/json" }, redirect: "manual",
        credentials: "same-origin", signal: AbortSignal.timeout(ANSWER_MS),
      });
      if (answer.type === "opaqueredirect" || answer.status === 403) return { result: "signed-out" };
      if (answer.status >= 500 || answer.status === 408 || answer.status === 429) return { result: "no-line" };
      return await answer.json().catch(() => ({ result: "refused", errors: { "": answer.status === 404 ? text("Gone") : String(answer.status) } }));
    } catch {
      return { result: "no-line" };
    }
  }

  async function send(item) {
    if (underWay.has(item.key)) return;
    underWay.add(item.key);
    show(item, "sending");
    const told = await ask(item);
    underWay.delete(item.key);
    if (told.result === "applied") {
      await forget(item.key);
      done(item);
    } else if (told.result === "refused") {
      await forget(item.key);
      const changed = { ...item, key: newId(), state: "refused", errors: told.errors || {} };
      await keep(changed);
      unlist(item);
      refuse(changed);
    } else {
      show(item, told.result === "taken" ? "taken" : told.result);
    }
  }

  async function sendAll() {
    for (const item of await kept()) if (item.state === "waiting") await send(item);
  }

  const formOf = item => [...desk.querySelectorAll("form.action")].find(each => new URL(each.action).pathname === item.path);
  const list = desk.querySelector(".kept ol");
  const rowOf = item => [...list.children].find(each => each.dataset.key === item.key);

  function row(item) {
    const found = rowOf(item);
    if (found) return found;
    const made = desk.querySelector("template").content.firstElementChild.cloneNode(true);
    made.dataset.key = item.key;
    made.querySelector("strong").textContent = item.title;
    made.querySelector("[data-again]").addEventListener("click", () => send(item));
    made.querySelector("[data-discard]").addEventListener("click", async () => {
      await forget(item.key);
      unlist(item);
      const form = formOf(item);
      if (!form) return;
      form.elements.key.value = newId();
      sayAt(form, "");
      lock(form, false);
    });
    list.append(made);
    desk.querySelector(".kept").hidden = false;
    return made;
  }

  function unlist(item) {
    rowOf(item)?.remove();
    desk.querySelector(".kept").hidden = !list.children.length;
  }

  function lock(form, isLocked) {
    form.querySelectorAll("button[type=submit]").forEach(each => { each.disabled = isLocked; });
  }

  const NAMES = { sending: "Sending", taken: "Taken", "no-line": "NoLine", "signed-out": "SignedOut", refused: "Refused" };
  function show(item, state) {
    const shown = row(item);
    const words = wordsOf(item, text(NAMES[state]));
    shown.querySelector("[data-state]").textContent = words;
    shown.querySelector("[data-sign-in]").hidden = state !== "signed-out";
    shown.querySelector("[data-again]").disabled = state === "sending";
    const form = formOf(item);
    if (!form) return;
    lock(form, true);
    sayAt(form, words);
  }

  const wordsOf = (item, words) => (item.withoutPosition ? `${words} ${text("WithoutPosition")}` : words);

  /* Beside the button that was pressed: the list of what is kept may be far above. */
  function sayAt(form, words) {
    const said = form.querySelector("[data-said]") || form.appendChild(document.createElement("p"));
    said.dataset.said = "";
    said.className = "hint";
    said.textContent = words;
  }

  function done(item) {
    unlist(item);
    const form = formOf(item);
    if (form && desk.dataset.then) return location.assign(desk.dataset.then + (item.withoutPosition ? "-without-position" : ""));
    const task = form?.closest(".task");
    if (!task) return;
    const notice = document.createElement("p");
    notice.className = "notice good";
    notice.setAttribute("role", "status");
    notice.textContent = wordsOf(item, text("Done"));
    task.querySelectorAll("form, details").forEach(each => each.remove());
    task.append(notice);
  }

  function refuse(item) {
    const form = formOf(item);
    if (!form) {
      const shown = row(item);
      shown.querySelector("[data-state]").textContent = `${text("Refused")} ${Object.values(item.errors).join(" ")}`;
      shown.querySelector("[data-again]").hidden = true;
      return;
    }
    lock(form, false);
    sayAt(form, "");
    clear(form);
    for (const [name, value] of Object.entries(item.fields)) if (form.elements[name] && name !== "csrf") form.elements[name].value = value;
    form.elements.key.value = item.key;
    form.keptPhotos = item.photos;
    const input = form.querySelector("input[type=file]");
    if (input && item.photos.length) {
      input.required = false;
      const note = Object.assign(document.createElement("p"), { className: "hint js-error", textContent: text("PhotosKept") });
      input.parentElement.append(note);
    }
    for (const [name, message] of Object.entries(item.errors)) point(form, name, message);
    form.closest("details")?.setAttribute("open", "");
    form.querySelector("[aria-invalid]")?.focus();
  }

  function clear(form) {
    form.querySelectorAll(".js-error").forEach(each => each.remove());
    form.querySelectorAll(".field.wrong").forEach(each => each.classList.remove("wrong"));
    form.querySelectorAll("[aria-invalid]").forEach(each => each.removeAttribute("aria-invalid"));
  }

  function point(form, name, message) {
    const field = name && form.elements[name];
    const error = document.createElement("p");
    error.className = field ? "error js-error" : "notice bad js-error";
    error.setAttribute("role", "alert");
    error.textContent = message;
    if (!field) return form.prepend(error);
    error.id = `${field.id}-told`;
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", `${field.getAttribute("aria-describedby") || ""} ${error.id}`.trim());
    field.closest(".field").classList.add("wrong");
    field.closest(".field").append(error);
  }

  async function submitted(event) {
    event.preventDefault();
    const form = event.currentTarget;
    lock(form, true);
    try {
      const item = await collected(form);
      await keep(item);
      clear(form);
      await send(item);
    } catch {
      form.submit(); // a browser that keeps nothing still sends
    }
  }

  async function previewed(event) {
    const input = event.currentTarget;
    const place = input.parentElement.querySelector(".previews") || document.createElement("div");
    place.className = "previews";
    place.replaceChildren();
    input.after(place);
    for (const file of input.files) {
      try {
        const image = await createImageBitmap(file);
        const canvas = Object.assign(document.createElement("canvas"), { width: 144, height: 144 });
        const side = Math.min(image.width, image.height);
        canvas.getContext("2d").drawImage(image, (image.width - side) / 2, (image.height - side) / 2, side, side, 0, 0, 144, 144);
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", file.name);
        place.append(canvas);
      } catch { /* no picture to preview */ }
    }
  }

  function metresBetween(here, task) {
    const north = (task.dataset.latitude - here.latitude) * 111320;
    const east = (task.dataset.longitude - here.longitude) * 111320 * Math.cos((here.latitude * Math.PI) / 180);
    return Math.hypot(north, east);
  }

  /* The position stays in the browser: it orders what is shown, and is not sent. */
  function nearestFirst(position) {
    const tasks = [...desk.querySelectorAll(".task")];
    const far = new Map(tasks.map(each => [each, each.dataset.latitude ? metresBetween(position.coords, each) : Infinity]));
    for (const [task, metres] of far) {
      const place = task.querySelector("[data-metres]");
      if (place && metres < Infinity) place.textContent = ` · ${text("Metres").replace("{metres}", Math.round(metres))}`;
    }
    tasks.sort((one, other) => far.get(one) - far.get(other)).forEach(each => each.parentElement.append(each));
  }

  const near = desk.querySelector("[data-near]");
  if (near && navigator.geolocation) {
    near.hidden = false;
    near.addEventListener("click", () =>
      navigator.geolocation.getCurrentPosition(nearestFirst, () => { near.nextElementSibling.textContent = text("NoPosition"); },
        { timeout: 10000, maximumAge: 60000 }));
  }
  desk.querySelectorAll("[data-consent=position]").forEach(each => // the browser asks whether it may, before it is needed
    each.addEventListener("change", () => { if (each.checked) position(); }));
  desk.querySelectorAll("[data-with-script]").forEach(each => { each.hidden = false; });
  desk.querySelectorAll("form.action[data-keep]").forEach(each => each.addEventListener("submit", submitted));
  desk.querySelectorAll("form.action input[type=file]").forEach(each => each.addEventListener("change", previewed));
  addEventListener("online", () => sendAll());
  setInterval(sendAll, RETRY_MS);
  kept().then(async items => {
    for (const item of items) if (item.state === "refused") refuse(item); else show(item, "sending");
    await sendAll();
  }).catch(() => {});
})();
