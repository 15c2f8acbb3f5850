// Shows whom to call without leaving the page: going back asks nobody to send a form again, and finds no contact.
const section = document.querySelector(".contact");

async function shown(event) {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("button");
  button.disabled = true;
  const body = new URLSearchParams(new FormData(form));
  try {
    const answer = await fetch(form.action, { method: "POST", body, credentials: "same-origin" });
    const told = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".contact");
    if (!told) return location.reload(); // signed out meanwhile, or the case has moved on
    section.replaceChildren(...told.childNodes);
    section.querySelector("[autofocus], [role=alert]")?.focus();
  } catch {
    button.disabled = false; // no line: it is asked for again by a press
  }
}

section.addEventListener("submit", shown);
section.dataset.ready = "";
