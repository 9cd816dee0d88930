// The forms (modals) that a bot opens.

import { $, h } from "./dom.js";
import { optionsOf } from "./controls.js";
import { markdown } from "./markdown.js";

/** Show a form. `submit(values)` resolves when the bot took it and rejects with a sentence. */
export function openForm(modal, { submit, upload, directory, names }) {
  const dialog = $("form-dialog");
  const fields = [];
  const parts = modal.components.map((part) => formPart(part, fields, { directory, names }));
  const problem = h("p.failure", { role: "alert" });
  const send = h("button.button.primary", { type: "submit" }, "Submit");
  const close = () => dialog.close();
  const form = h("form", { method: "dialog", novalidate: false },
    h("header", {}, h("h2", { id: "form-title" }, modal.title),
      h("button.icon", { type: "button", "aria-label": "Close", onclick: close }, "✕")),
    h("div.fields", {}, parts),
    problem,
    h("footer", {}, h("button.button.secondary", { type: "button", onclick: close }, "Cancel"), send));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    problem.textContent = "";
    try {
      const values = {};
      for (const field of fields) values[field.id] = await field.read(upload);
      await submit(values);
      close();
    } catch (error) {
      problem.textContent = error.message;
    }
    send.disabled = false;
  });
  dialog.replaceChildren(form);
  dialog.showModal();
  form.querySelector("textarea, input, select")?.focus();
}

function formPart(part, fields, context) {
  if (part.type === 10) return h("div.text", {}, markdown(part.content, context.names));
  if (part.type === 1) {
    return h("div", {}, part.components.map((field) => labelled(field.label, null, field, fields, context)));
  }
  return labelled(part.label, part.description, part.component, fields, context);
}

function labelled(label, description, field, fields, context) {
  const id = `field-${field.custom_id}`;
  const control = (KINDS[field.type] ?? choice)(field, id, fields, context);
  const required = field.required ?? field.type !== 23;
  const isGroup = control.localName === "fieldset";
  return h("div.field", {},
    h(isGroup ? "span.label" : "label", isGroup ? {} : { htmlFor: id }, label ?? "",
      required ? h("span.required", { title: "required" }, " *") : null),
    description && h("small", {}, description),
    control);
}

function textInput(field, id, fields) {
  const properties = {
    id,
    value: field.value ?? "",
    placeholder: field.placeholder ?? "",
    required: field.required ?? true,
    minLength: field.min_length ?? 0,
    maxLength: field.max_length ?? 4000,
  };
  const control = field.style === 2 ? h("textarea", { ...properties, rows: 4 }) : h("input", { ...properties, type: "text" });
  fields.push({ id: field.custom_id, read: () => control.value });
  return control;
}

function choice(field, id, fields, context) {
  const options = optionsOf(field, context);
  const preset = (field.default_values ?? []).map((value) => value.id);
  const optional = field.required === false || field.min_values === 0;
  const control = h("select", { id, multiple: field.max_values > 1, required: !optional },
    field.max_values > 1 ? null : h("option", { value: "" }, field.placeholder ?? "Choose"),
    options.map((option) => h("option", { value: option.value, selected: option.default || preset.includes(option.value) }, option.label)));
  const read = () => [...control.selectedOptions].map((option) => option.value).filter(Boolean);
  fields.push({ id: field.custom_id, read });
  return control;
}

function upload(field, id, fields) {
  const control = h("input", { id, type: "file", multiple: field.max_values > 1, required: field.required ?? true });
  const read = async (send) => {
    const sent = [];
    for (const file of control.files) sent.push((await send(file)).id);
    return sent;
  };
  fields.push({ id: field.custom_id, read });
  return control;
}

function boxes(field, id, fields) {
  const type = field.type === 21 ? "radio" : "checkbox";
  const inputs = field.options.map((option) => h("input", { type, name: id, value: option.value, checked: option.default ?? false }));
  const read = () => inputs.filter((input) => input.checked).map((input) => input.value);
  fields.push({ id: field.custom_id, read });
  return h("fieldset", {}, inputs.map((input, index) =>
    h("label", {}, input, ` ${field.options[index].label}`, field.options[index].description ? h("small", {}, field.options[index].description) : null)));
}

function checkbox(field, id, fields) {
  const control = h("input", { id, type: "checkbox", checked: field.default ?? false });
  fields.push({ id: field.custom_id, read: () => control.checked });
  return control;
}

const KINDS = { 4: textInput, 19: upload, 21: boxes, 22: boxes, 23: checkbox };
