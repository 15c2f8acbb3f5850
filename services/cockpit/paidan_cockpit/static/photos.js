// Photos of a form: made small before they are sent, and shown before they are.
const LONGEST_SIDE = 1600;
const QUALITY = 0.85;
const PREVIEW_PX = 144;

const newCanvas = (width, height) => Object.assign(document.createElement("canvas"), { width, height });

// Drawn anew, a photo is small enough for a bad line, and holds no position or device any more.
export async function drawn(file) {
  try {
    const image = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, LONGEST_SIDE / Math.max(image.width, image.height));
    const canvas = newCanvas(Math.max(1, Math.round(image.width * scale)), Math.max(1, Math.round(image.height * scale)));
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
    return (blob || file).arrayBuffer();
  } catch {
    return file.arrayBuffer(); // intake says what is wrong with it
  }
}

export async function preview(input) {
  const place = input.parentElement.querySelector(".previews") || document.createElement("div");
  place.className = "previews";
  place.replaceChildren();
  input.after(place);
  for (const file of [...input.files].slice(0, input.dataset.most)) {
    try {
      const image = await createImageBitmap(file);
      const canvas = newCanvas(PREVIEW_PX, PREVIEW_PX);
      const side = Math.min(image.width, image.height);
      const left = (image.width - side) / 2;
      const top = (image.height - side) / 2;
      canvas.getContext("2d").drawImage(image, left, top, side, side, 0, 0, PREVIEW_PX, PREVIEW_PX);
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", file.name);
      place.append(canvas);
    } catch { /* no picture to preview */ }
  }
}
