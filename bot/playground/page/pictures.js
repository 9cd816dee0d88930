// Pictures: galleries whose edits replace a picture without a flicker, and the lightbox.

import { $, h, sizeOf } from "./dom.js";

const isPicture = (file) => file.content_type?.startsWith("image/") && file.width;

/** Return whether two lists show the same files (their addresses are signed anew each time). */
const key = (files) => files.map((file) => file.id).join();

export class Gallery {
  constructor(label) {
    this.element = h("div.gallery");
    this.label = label;
    this.key = "";
  }

  /** Show attachments; a picture that takes another's place appears once it is decoded. */
  show(files) {
    if (key(files) === this.key) return;
    this.key = key(files);
    const pictures = files.filter(isPicture);
    const former = [...this.element.querySelectorAll(".picture")];
    const frames = pictures.map((file, index) => this.frame(former[index], file, index, pictures));
    const others = files.filter((file) => !isPicture(file)).map(fileRow);
    this.element.dataset.count = pictures.length;
    this.element.replaceChildren(...frames, ...others);
    this.element.hidden = !files.length;
  }

  frame(former, file, index, pictures) {
    const frame = former ?? h("button.picture", { type: "button" });
    const name = file.description || file.filename;
    frame.setAttribute("aria-label", `Open ${name}`);
    frame.onclick = () => openLightbox(pictures, index, this.label());
    frame.dataset.file = file.id;
    const image = h("img", { src: file.url, alt: name, width: file.width, height: file.height });
    const settle = () => {
      if (frame.dataset.file !== file.id) return;
      frame.style.setProperty("--ratio", `${file.width} / ${file.height}`);
      frame.style.setProperty("--width", `${file.width}px`);
      frame.classList.remove("loading");
      frame.replaceChildren(image, ...(file.flags & 8 ? [cover(frame)] : []));
    };
    if (!former) {
      frame.classList.add("loading");
      frame.style.setProperty("--ratio", `${file.width} / ${file.height}`);
      frame.style.setProperty("--width", `${file.width}px`);
    }
    image.decode().then(settle, settle);
    return frame;
  }
}

function cover(frame) {
  const reveal = (event) => {
    event.stopPropagation();
    frame.querySelector(".cover").remove();
  };
  return h("span.cover", { onclick: reveal }, "Spoiler");
}

export function fileRow(file) {
  return h(
    "a.file",
    { href: file.url, download: file.filename },
    h("span", { "aria-hidden": "true" }, "📄"),
    h("span", {}, file.filename, h("small", {}, file.size ? sizeOf(file.size) : "")),
  );
}

/** Show pictures large; arrows turn the page, Escape closes. */
export function openLightbox(pictures, start, title) {
  const dialog = $("lightbox");
  let index = start;
  const image = h("img");
  const caption = h("p");
  const original = h("a", { target: "_blank", rel: "noreferrer", title: "In a tab of its own" }, "Open original");
  const turn = (step) => {
    index = (index + step + pictures.length) % pictures.length;
    const file = pictures[index];
    const place = pictures.length > 1 ? ` · ${index + 1} of ${pictures.length}` : "";
    image.src = file.url;
    image.alt = file.description || file.filename || "Picture";
    // A small picture is shown larger, with its own pixels to be seen.
    image.classList.toggle("small", Boolean(file.width) && file.width < 400);
    const size = file.width ? ` · ${file.width} × ${file.height}` : "";
    caption.textContent = `${title}${size}${place}`;
    original.href = file.url;
  };
  const button = (label, text, action) =>
    h("button.icon", { type: "button", "aria-label": label, onclick: action }, text);
  const many = pictures.length > 1;
  dialog.replaceChildren(
    h("div.stage", { onclick: (event) => event.target === event.currentTarget && dialog.close() }, image),
    h("footer", {}, caption, original),
    button("Close", "✕", () => dialog.close()),
    ...(many ? [button("Previous picture", "‹", () => turn(-1)), button("Next picture", "›", () => turn(1))] : []),
  );
  dialog.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step && many) turn(step);
  };
  turn(0);
  dialog.showModal();
}
