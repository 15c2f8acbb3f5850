// When a part of a page renews itself: not while nobody sees it, and not under the hands of somebody who is in it.
addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden) event.preventDefault();
});

addEventListener("htmx:beforeSwap", (event) => {
  const part = event.target;
  if (!part.matches("[data-renewed]")) return;
  // A service that is being started again answers with another page, or none.
  if (!event.detail.serverResponse.includes(`id="${part.id}"`)) event.detail.shouldSwap = false;
  if (part.contains(document.activeElement)) event.detail.shouldSwap = false;
});
