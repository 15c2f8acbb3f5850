// Forms that are kept until they are decided: sent under one id however often, listed, and shown again when refused.
import { clearErrors, lock, noticeOf, sayAt, showError, showHint } from "./form_messages.js";
import { forget, keep, keptOf, newId, replace } from "./pending_store.js";

const RETRY_MS = 15000;
const ANSWER_MS = 60000;
const STATE_TEXTS = { sending: "Sending", taken: "Taken", "no-line": "NoLine", "signed-out": "SignedOut", refused: "Refused" };

const caseOf = (item) => item.path.split("/actions/")[0];

export class PendingForms {
  #desk;
  #list;
  #others; // what was refused of other cases than this page's: folded, for it waits for nothing
  #busy = new Set(); // what is on its way, and what was refused while the browser had no room for the changed one

  constructor(desk) {
    this.#desk = desk;
    this.#list = desk.querySelector(".kept > ol");
    this.#others = desk.querySelector(".kept > details");
  }

  text(name) {
    return this.#desk.dataset[`text${name}`] || "";
  }

  async begin() {
    addEventListener("online", () => this.#sendAll());
    setInterval(() => this.#sendAll(), RETRY_MS);
    for (const item of await this.#kept()) {
      if (item.state === "refused") this.#showRefusal(item);
      else this.#show(item, "sending");
    }
    await this.#sendAll();
  }

  async submit(form, item) {
    await (form.formerKey ? replace(form.formerKey, item) : keep(item));
    form.formerKey = "";
    clearErrors(form);
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
    if (told.result === "refused") return this.#refuse(item, told);
    this.#busy.delete(item.key);
    if (told.result !== "applied") return this.#show(item, told.result);
    await forget(item.key);
    await this.#calm(item);
    this.#showDone(item, told);
  }

  // Why a form was refused is no news once another one of the case is done: what was written stays, without it.
  async #calm(item) {
    const refused = (await this.#kept()).filter((each) => each.state === "refused" && caseOf(each) === caseOf(item));
    for (const each of refused) await keep({ ...each, errors: {} });
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

  async #refuse(item, { errors = {}, confirmed = "", overtaken = false }) {
    const fields = { ...item.fields, confirmed };
    const changed = { ...item, fields, key: newId(), state: "refused", errors };
    const form = this.#formOf(item);
    try {
      await replace(item.key, changed);
      this.#busy.delete(item.key);
      if (overtaken) return location.assign(caseOf(item)); // as it is now, with what is said here
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
    return this.#rows().find((each) => each.dataset.key === item.key) || this.#newRow(item);
  }

  #rows() {
    return [...this.#desk.querySelectorAll(".kept > ol > li, .kept > details > ol > li")];
  }

  // What waits is listed on every page; what was refused only where it belongs, and else folded.
  #listOf(item) {
    return item.state !== "refused" || caseOf(item) === location.pathname ? this.#list : this.#others.querySelector("ol");
  }

  #newRow(item) {
    const row = this.#desk.querySelector("template").content.firstElementChild.cloneNode(true);
    row.dataset.key = item.key;
    row.querySelector("strong").textContent = item.title;
    row.querySelector("[data-case]").href = caseOf(item);
    for (const words of item.written || []) row.querySelector("[data-written]").append(Object.assign(document.createElement("li"), { textContent: words }));
    row.querySelector("[data-again]").addEventListener("click", () => this.#send(item));
    row.querySelector("[data-discard]").addEventListener("click", () => this.#discard(item));
    this.#listOf(item).append(row);
    this.#count();
    return row;
  }

  #count() {
    const others = this.#others.querySelector("ol").children.length;
    this.#others.hidden = !others;
    this.#others.querySelector("summary").textContent = this.text("Others").replace("{count}", others);
    this.#desk.querySelector(".kept").hidden = !this.#rows().length;
  }

  async #discard(item) {
    await forget(item.key);
    this.#unlist(item);
    const form = this.#formOf(item);
    if (!form) return;
    form.reset();
    form.keptPhotos = undefined;
    clearErrors(form);
    form.elements.key.value = newId();
    sayAt(form, "");
    lock(form, false);
  }

  #unlist(item) {
    this.#rows().find((each) => each.dataset.key === item.key)?.remove();
    this.#count();
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
    const waits = state === "no-line" || state === "signed-out";
    sayAt(form, words, waits);
    if (waits) form.closest("details")?.setAttribute("open", ""); // where one works on it, not only in the list above
  }

  #wordsOf(item, words) {
    return item.withoutPosition ? `${words} ${this.text("WithoutPosition")}` : words;
  }

  #showDone(item, { said, deed }) {
    this.#unlist(item);
    const form = this.#formOf(item);
    const then = this.#desk.dataset.then;
    if (form && then) return location.assign(then + (item.withoutPosition ? "-without-position" : "") + (deed ? `&deed=${deed}` : ""));
    const task = form?.closest(".task");
    const words = this.#wordsOf(item, said || this.text("Done"));
    if (!task) return this.#desk.querySelector(".kept").before(noticeOf(`${item.title}: ${words}`));
    task.querySelectorAll("form, details, .status, .due, .overdue").forEach((each) => each.remove());
    const notice = noticeOf(words);
    task.append(notice);
    notice.focus(); // what was focused is gone, and on a phone the task's end may be out of sight
  }

  #showRefusal(item) {
    const form = this.#formOf(item);
    if (!form) {
      const row = this.#rowOf(item);
      row.querySelector("[data-state]").textContent = `${this.text("Refused")} ${Object.values(item.errors).join(" ")}`;
      row.querySelector("[data-again]").hidden = true;
      return;
    }
    lock(form, false);
    sayAt(form, "");
    clearErrors(form);
    for (const [name, value] of Object.entries(item.fields)) if (form.elements[name] && name !== "csrf") form.elements[name].value = value;
    form.elements.key.value = item.key;
    form.keptPhotos = item.photos;
    const input = form.querySelector("input[type=file]");
    const isOfPhotos = item.photoName in item.errors; // what is wrong with them, only others mend
    if (isOfPhotos) form.keptPhotos = undefined;
    else if (input && item.photos.length) {
      input.required = false;
      showHint(input, this.text("PhotosKept"));
    }
    this.#offerDiscard(form, item);
    if (!Object.keys(item.errors).length) return;
    for (const [name, message] of Object.entries(item.errors)) showError(form, name, message);
    form.closest("details")?.setAttribute("open", "");
    form.querySelector("[aria-invalid], .notice.js-error")?.focus();
  }
  // At the form itself, where its own words stand in its fields; taken away with the errors.
  #offerDiscard(form, item) {
    const button = this.#desk.querySelector("template").content.querySelector("[data-discard]").cloneNode(true);
    button.classList.add("js-error");
    button.addEventListener("click", () => this.#discard(item));
    form.append(button);
  }
}
