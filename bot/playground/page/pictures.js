// Pictures: galleries whose edits replace a picture without a flicker, and the lightbox.

import { $, h, sizeOf } from "./dom.js";

const FADE_MILLISECONDS = 400;

const isPicture = (file) => file.content_type?.startsWith("image/") && file.width;

/** What a list of files shows, whatever their addresses: those are signed anew each time. */
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
    const frames = pictures.map((file, index) => this.frame(former[index], file));
    const others = files.filter((file) => !isPicture(file)).map(fileRow);
    this.element.dataset.count = pictures.length;
    this.element.replaceChildren(...frames, ...others);
    this.element.hidden = !files.length;
  }

  frame(former, file) {
    const frame = former ?? h("button.picture", { type: "button" });
    const name = file.description || file.filename;
    frame.setAttribute("aria-label", `Open ${name}`);
    frame.onclick = () => openLightbox(frame);
    frame.picture = () => ({ ...file, name, title: this.label() });
    frame.dataset.file = file.id;
    const image = h("img", { src: file.url, alt: name, width: file.width, height: file.height });
    if (!former) {
      this.measure(frame, file);
      frame.classList.add("loading");
    }
    const settle = () => {
      if (frame.dataset.file !== file.id) return;
      this.measure(frame, file);
      frame.classList.remove("loading");
      // The former picture stays beneath until the new one has come in over it.
      const beneath = [...frame.querySelectorAll("img")];
      frame.append(image, ...(file.flags & 8 ? [cover(frame)] : []));
      setTimeout(() => beneath.forEach((one) => one.remove()), FADE_MILLISECONDS);
    };
    image.decode().then(settle, () => former || settle());
    return frame;
  }

  measure(frame, file) {
    frame.style.setProperty("--ratio", `${file.width} / ${file.height}`);
    frame.style.setProperty("--width", `${file.width}px`);
  }
}

/** Return a picture that stands alone: a thumbnail, an embed's image. */
export function soloPicture(selector, file, label) {
  const name = file.description || file.filename || "the picture";
  const frame = h(selector, { type: "button", "aria-label": `Open ${name}` },
    h("img", { src: file.url, alt: file.description ?? "", width: file.width || null, height: file.height || null }));
  frame.onclick = () => openLightbox(frame);
  frame.picture = () => ({ ...file, name, title: label() });
  return frame;
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

/** Show a picture large; arrows turn to the others of the channel, Escape closes. */
export function openLightbox(frame) {
  const dialog = $("lightbox");
  const pictures = [...document.querySelectorAll("#log .picture")];
  let index = pictures.indexOf(frame);
  const image = h("img");
  const caption = h("p");
  const original = h("a", { target: "_blank", rel: "noreferrer" }, "Open original");
  const turn = (step) => {
    index = (index + step + pictures.length) % pictures.length;
    const { url, name, title, width, height } = pictures[index].picture();
    image.src = url;
    image.alt = name;
    // A small picture is shown larger than it is.
    image.classList.toggle("small", Boolean(width) && width < 400);
    const size = width ? ` · ${width} × ${height}` : "";
    caption.textContent = `${title}${size}${pictures.length > 1 ? ` · ${index + 1} of ${pictures.length}` : ""}`;
    original.href = url;
  };
  const button = (label, text, action) =>
    h("button.icon", { type: "button", "aria-label": label, title: label, onclick: action }, text);
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
