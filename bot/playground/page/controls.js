// Buttons, selects and the components of version 2, as elements.

import { h, nameOf, webAddress } from "./dom.js";
import { markdown } from "./markdown.js";
import { fileRow, Gallery, soloPicture } from "./pictures.js";

const STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link" };
const TYPED_SELECTS = { 5: "users", 6: "roles", 7: "users", 8: "channels" };

const emojiOf = (emoji) => (emoji ? (emoji.id ? `:${emoji.name}:` : emoji.name) : "");

/** Return the elements of a message's components. `press(component, element, values)` acts. */
export function controls(components, context) {
  return components.map((component) => control(component, context)).filter(Boolean);
}

function control(component, context) {
  const inside = () => controls(component.components ?? [], context);
  switch (component.type) {
    case 1:
      return h("div.row", {}, inside());
    case 2:
      return button(component, context);
    case 3: case 5: case 6: case 7: case 8:
      return select(component, context);
    case 9:
      return h("div.section", {}, h("div", {}, inside()), control(component.accessory, context));
    case 10:
      return h("div.text", {}, markdown(component.content, context.names));
    case 11:
      return picture(component, context);
    case 12:
      return gallery(component, context);
    case 13:
      return fileRow({ url: component.file.url, filename: component.name ?? fileName(component.file.url), size: component.size });
    case 14:
      return h(component.divider ? "hr" : "div.gap", { dataset: { spacing: component.spacing } });
    case 17: {
      const box = h("div.container", {}, inside());
      if (component.accent_color !== null) box.style.setProperty("--accent-bar", colour(component.accent_color));
      return box;
    }
    default:
      return null;
  }
}

const fileName = (url) => decodeURIComponent(new URL(url, location.href).pathname.split("/").pop());

export const colour = (number) => `#${number.toString(16).padStart(6, "0")}`;

function button(component, { press }) {
  const face = [component.emoji && h("span.emoji", {}, emojiOf(component.emoji)), component.label];
  if (component.style === 5) {
    const address = webAddress(component.url);
    const properties = { href: address, target: "_blank", rel: "noreferrer noopener" };
    return h("a.button.link", component.disabled ? { "aria-disabled": "true" } : properties, ...face, h("span", { "aria-hidden": "true" }, "↗"));
  }
  const element = h(`button.button.${STYLES[component.style] ?? "secondary"}`, {
    type: "button",
    disabled: component.disabled ?? false,
    "aria-label": component.label ? null : emojiOf(component.emoji),
    dataset: { customId: component.custom_id },
  }, ...face);
  element.addEventListener("click", () => press(component, element));
  return element;
}

/** Return the options of a select: its own, or everyone and everything of its kind. */
export function optionsOf(component, { directory }) {
  const kind = TYPED_SELECTS[component.type];
  if (!kind) return component.options ?? [];
  return directory(kind).map((one) => ({
    value: one.id,
    label: kind === "channels" ? `#${one.name}` : one.name ?? nameOf(one),
  }));
}

function select(component, context) {
  const options = optionsOf(component, context);
  const many = component.max_values > 1;
  const placeholder = component.placeholder ?? "Make a selection";
  if (many) return manySelect(component, options, placeholder, context);
  const element = h(
    "select",
    { disabled: component.disabled ?? false, "aria-label": placeholder, dataset: { customId: component.custom_id } },
    h("option", { value: "", disabled: component.min_values > 0, hidden: component.min_values > 0 }, placeholder),
    options.map((option) =>
      h("option", { value: option.value, selected: option.default ?? false, title: option.description },
        [emojiOf(option.emoji), option.label, option.description && `— ${option.description}`].filter(Boolean).join(" "))),
  );
  if (!options.some((option) => option.default)) element.value = "";
  const chosen = element.value;
  element.addEventListener("change", () => {
    const values = element.value ? [element.value] : [];
    context.press(component, element, values).then((worked) => worked || (element.value = chosen));
  });
  return h("div.select", {}, element);
}

function manySelect(component, options, placeholder, { press }) {
  const boxes = options.map((option) =>
    h("label", { title: option.description }, h("input", { type: "checkbox", value: option.value, checked: option.default ?? false }), ` ${emojiOf(option.emoji)} ${option.label}`));
  const apply = h("button.button.primary", { type: "button", dataset: { customId: component.custom_id } }, "Apply");
  const element = h("details.select", {}, h("summary", {}, placeholder), h("div.options", {}, boxes, apply));
  apply.addEventListener("click", () => {
    const values = boxes.map((box) => box.firstChild).filter((box) => box.checked).map((box) => box.value);
    press(component, apply, values).then(() => (element.open = false));
  });
  return element;
}

function picture(component, { label }) {
  const { url, width, height } = component.media;
  const file = { url, width, height, description: component.description, filename: fileName(url) };
  return soloPicture("button.picture.thumbnail", file, label);
}

function gallery(component, { label }) {
  const shown = new Gallery(label);
  shown.show(component.items.map((item) => ({
    id: item.media.attachment_id ?? item.media.url,
    url: item.media.url,
    width: item.media.width || 512,
    height: item.media.height || 512,
    content_type: item.media.content_type ?? "image/png",
    description: item.description,
    filename: fileName(item.media.url),
    flags: item.spoiler ? 8 : 0,
  })));
  return shown.element;
}
