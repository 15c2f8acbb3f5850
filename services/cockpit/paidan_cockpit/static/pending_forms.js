// Forms that are kept until they are decided: sent under one id however often, listed, and shown again when refused.
import { clearErrors, lock, noticeOf, sayAt, showDraft, showError, showHint } from "./form_messages.js";
import { forget, keep, keptOf, newId, replace } from "./pending_store.js";

const RETRY_MS = 15000;
const ANSWER_MS = 60000;
const STATE_TEXTS = { sending: "Sending", taken: "Taken", "no-line": "NoLine", "signed-out": "SignedOut", refused: "Refused" };

export class PendingForms {
  #desk;
  #list;
  #pressed = ""; // whose button was pressed on this page
  #busy = new Set(); // what is on its way, and what was refused while the browser had no room for the changed one

  constructor(desk) {
    this.#desk = desk;
    this.#list = desk.querySelector(".kept ol");
  }

  text(name) {
    return this.#desk.dataset[`text${name}`] || "";
  }

  async begin() {
    addEventListener("online", () => this.#sendAll());
    setInterval(() => this.#sendAll(), RETRY_MS);
    for (const item of await this.#kept()) {
      if (item.state === "refused") this.#showFormer(item);
      else this.#show(item, "sending");
    }
    await this.#sendAll();
  }

  async submit(form, item) {
    await (form.formerKey ? replace(form.formerKey, item) : keep(item));
    form.formerKey = "";
    clearErrors(form);
    this.#pressed = item.key;
    await this.#send(item);
  }

  #kept() {
    return keptOf(this.#desk.dataset.owner);
  }

  async #sendAll() {
    for (const item of await this.#kept()) if (item.state === "waiting") await this.#send(item);
  }

  async #send(item) {
    if (this.#busy.has(item.key)) return;
    this.#busy.add(item.key);
    this.#show(item, "sending");
    const told = await this.#ask(item);
    if (told.result === "refused") return this.#refuse(item, told.errors || {});
    this.#busy.delete(item.key);
    if (told.result !== "applied") return this.#show(item, told.result);
    await forget(item.key);
    this.#showDone(item);
  }

  async #ask(item) {
    try {
      const answer = await fetch(item.path, {
        method: "POST", body: this.#bodyOf(item), headers: { Accept: "application/json" }, redirect: "manual",
        credentials: "same-origin", signal: AbortSignal.timeout(ANSWER_MS),
      });
      if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) return { result: "signed-out" };
      if (answer.status >= 500 || answer.status === 408 || answer.status === 429) return { result: "no-line" };
      const told = await answer.json().catch(() => ({}));
      if (told.result) return told;
      if (answer.ok) return { result: "no-line" }; // not ours: a network that asks for its own sign-in
      return { result: "refused", errors: { "": this.#whyNot(answer.status, told.error) } };
    } catch {
      return { result: "no-line" };
    }
  }

  #whyNot(status, error) {
    if (status === 404) return this.text("Gone");
    const message = document.documentElement.lang.startsWith("zh") ? error?.message_zh : error?.message;
    return `${this.text("Refused")} ${message || status}`;
  }

  #bodyOf(item) {
    const body = new FormData();
    body.append("csrf", this.#desk.dataset.csrf);
    for (const [name, value] of Object.entries(item.fields)) body.append(name, value);
    body.set("key", item.key);
    for (const each of item.photos) body.append(item.photoName, new Blob([each], { type: "image/jpeg" }), "photo.jpg");
    return body;
  }

  async #refuse(item, errors) {
    const changed = { ...item, key: newId(), state: "refused", errors };
    const form = this.#formOf(item);
    try {
      await replace(item.key, changed);
      this.#busy.delete(item.key);
    } catch {
      if (form) form.formerKey = item.key; // stays kept as it was sent, until the changed one is
    }
    this.#unlist(item);
    this.#showRefusal(changed);
  }

  #formOf(item) {
    return [...this.#desk.querySelectorAll("form.action")].find((each) => new URL(each.action).pathname === item.path);
  }

  #rowOf(item) {
    return [...this.#list.children].find((each) => each.dataset.key === item.key) || this.#newRow(item);
  }

  #newRow(item) {
    const row = this.#desk.querySelector("template").content.firstElementChild.cloneNode(true);
    row.dataset.key = item.key;
    row.querySelector("[data-title]").textContent = item.title;
    row.querySelector("[data-open]").href = item.path.replace(/\/actions\/[^/]*$/, "");
    row.querySelector("[data-words]").textContent = this.#written(item);
    row.querySelector("[data-again]").addEventListener("click", () => this.#send(item));
    row.querySelector("[data-discard]").addEventListener("click", () => this.#discard(item));
    this.#list.append(row);
    this.#desk.querySelector(".kept").hidden = false;
    return row;
  }

  // What was written, and how many photos there are: one would know it before it is discarded.
  #written(item) {
    const words = Object.entries(item.fields).filter(([name, value]) => name.startsWith("action.") && /\D/.test(value));
    const photos = item.photos.length ? [this.text("Photos").replace("{number}", item.photos.length)] : [];
    return [...words.map(([, value]) => value), ...photos].join(" · ");
  }

  async #discard(item) {
    await forget(item.key);
    this.#unlist(item);
    const form = this.#formOf(item);
    if (!form) return;
    form.reset();
    form.keptPhotos = [];
    form.querySelector(".previews")?.replaceChildren();
    form.elements.key.value = newId();
    clearErrors(form);
    sayAt(form, "");
    lock(form, false);
  }

  #unlist(item) {
    [...this.#list.children].find((each) => each.dataset.key === item.key)?.remove();
    this.#desk.querySelector(".kept").hidden = !this.#list.children.length;
  }

  #show(item, state) {
    const row = this.#rowOf(item);
    const words = this.#wordsOf(item, this.text(STATE_TEXTS[state]));
    row.querySelector("[data-state]").textContent = words;
    row.querySelector("[data-sign-in]").hidden = state !== "signed-out";
    row.querySelector("[data-again]").disabled = state === "sending";
    const form = this.#formOf(item);
    if (!form) return;
    lock(form, true);
    sayAt(form, words);
    if (state === "sending" || this.#pressed !== item.key) return;
    this.#pressed = ""; // told once where it was pressed: that may be far down, and the list of what is kept above it grew
    form.querySelector("[data-said]").scrollIntoView({ block: "nearest" });
  }

  #wordsOf(item, words) {
    return item.withoutPosition ? `${words} ${this.text("WithoutPosition")}` : words;
  }

  #showDone(item) {
    this.#unlist(item);
    const form = this.#formOf(item);
    const then = this.#desk.dataset.then;
    if (form && then) return location.assign(then + (item.withoutPosition ? "-without-position" : ""));
    const task = form?.closest(".task");
    const words = this.#wordsOf(item, this.text("Done"));
    if (!task) return this.#desk.querySelector(".kept").before(noticeOf(`${item.title}: ${words}`));
    task.querySelectorAll("form, details").forEach((each) => each.remove());
    const notice = noticeOf(words);
    task.append(notice);
    notice.focus(); // what was focused is gone, and on a phone the task's end may be out of sight
  }

  #showRefusal(item) {
    const form = this.#formOf(item);
    if (!form) return this.#listRefused(item);
    this.#restore(form, item);
    for (const [name, message] of Object.entries(item.errors)) showError(form, name, message);
    form.querySelector("[aria-invalid], .notice.js-error")?.focus();
  }

  // On a later visit it is a draft: what was wrong then may be right by now. That of another case stands on desks alone.
  #showFormer(item) {
    const form = this.#formOf(item);
    if (form) {
      this.#restore(form, item);
      const words = `${this.text("Draft")} ${Object.values(item.errors).join(" ")}`;
      return showDraft(form, words, this.text("Discard"), () => this.#discard(item));
    }
    if (!this.#desk.dataset.then || location.pathname === item.path.replace(/\/actions\/[^/]*$/, "")) this.#listRefused(item);
  }

  #listRefused(item) {
    const row = this.#rowOf(item);
    row.querySelector("[data-state]").textContent = `${this.text("Refused")} ${Object.values(item.errors).join(" ")}`;
    row.querySelector("[data-again]").hidden = true;
  }

  #restore(form, item) {
    lock(form, false);
    sayAt(form, "");
    clearErrors(form);
    for (const [name, value] of Object.entries(item.fields)) if (form.elements[name] && name !== "csrf") form.elements[name].value = value;
    form.elements.key.value = item.key;
    form.keptPhotos = item.photos;
    const input = form.querySelector("input[type=file]");
    if (input && item.photos.length) {
      input.required = false;
      showHint(input, this.text("PhotosKept"));
    }
    form.closest("details")?.setAttribute("open", "");
  }
}
