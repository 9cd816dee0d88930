// Making elements. Text only ever becomes a text node: nothing here parses HTML.

/** Return an element: h("button.icon", {title: "..."}, "text", child, ...). */
export function h(selector, properties = {}, ...children) {
  const [tag, ...classes] = selector.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name in element && !name.includes("-")) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const $ = (id) => document.getElementById(id);

/** Return a link's address if it is one to follow, else null. */
export function webAddress(text) {
  try {
    const url = new URL(text);
    return ["http:", "https:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

const HUES = [14, 205, 42, 150, 275, 330];

/** Return a round badge with a person's initial. */
export function avatar(user) {
  if (user.bot) return h("span.avatar.bot", { "aria-hidden": "true" }, h("img", { src: "logo.svg", alt: "" }));
  const badge = h("span.avatar", { "aria-hidden": "true" }, nameOf(user).slice(0, 1));
  badge.style.setProperty("--hue", HUES[Number(BigInt(user.id) % BigInt(HUES.length))]);
  return badge;
}

export const nameOf = (user) => user.global_name ?? user.username;

export function sizeOf(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} kB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
