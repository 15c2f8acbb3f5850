// What is said at a form: how far it is, and what is wrong with it.
export function lock(form, isLocked) {
  form.querySelectorAll("button[type=submit]").forEach((each) => {
    each.disabled = isLocked;
  });
}

// What a person filled in, field by field, in the words of the form.
export function writtenIn(form) {
  return [...form.querySelectorAll(".field")].flatMap((field) => {
    const control = field.querySelector("select, input, textarea");
    const chosen = control.type === "file" ? control.files.length || "" : control.value && (control.selectedOptions?.[0].textContent || control.value);
    return chosen ? [`${field.querySelector("label").firstChild.textContent.trim()}: ${String(chosen).trim()}`] : [];
  });
}

export function noticeOf(words) {
  const notice = Object.assign(document.createElement("p"), { className: "notice good", tabIndex: -1, textContent: words });
  notice.setAttribute("role", "status");
  return notice;
}

// Beside the button that was pressed: the list of what is kept may be far above.
export function sayAt(form, words, isWarning = false) {
  const said = form.querySelector("[data-said]") || form.appendChild(document.createElement("p"));
  said.dataset.said = "";
  said.className = isWarning ? "notice warn" : "hint";
  said.textContent = words;
}

export function clearErrors(form) {
  form.querySelectorAll(".js-error").forEach((each) => each.remove());
  form.querySelectorAll(".field.wrong").forEach((each) => each.classList.remove("wrong"));
  form.querySelectorAll("[aria-invalid]").forEach((each) => each.removeAttribute("aria-invalid"));
}

// At its field; at the form's begin for one of no field.
export function showError(form, name, message) {
  const field = name && form.elements[name];
  const error = document.createElement("p");
  error.className = field ? "error js-error" : "notice bad js-error";
  error.setAttribute("role", "alert");
  error.textContent = message;
  if (!field) {
    error.tabIndex = -1;
    return form.prepend(error);
  }
  error.id = `${field.id}-told`;
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", `${field.getAttribute("aria-describedby") || ""} ${error.id}`.trim());
  field.closest(".field").classList.add("wrong");
  field.closest(".field").append(error);
}

export function showHint(input, words) {
  const hint = Object.assign(document.createElement("p"), { className: "hint js-error", textContent: words });
  input.parentElement.append(hint);
}
