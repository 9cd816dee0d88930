// A slash command being written: a field for each option, choices, live suggestions, files.

import { h, nameOf } from "./dom.js";

const STRING = 3, INTEGER = 4, BOOLEAN = 5, USER = 6, CHANNEL = 7, ROLE = 8, MENTIONABLE = 9, NUMBER = 10, ATTACHMENT = 11;
const DIRECTORIES = { [USER]: "users", [MENTIONABLE]: "users", [CHANNEL]: "channels", [ROLE]: "roles" };
const TYPING_MILLISECONDS = 150;

export class CommandForm {
  constructor(leaf, context) {
    this.leaf = leaf;
    this.context = context;
    this.fields = [];
    this.asked = 0;
    this.element = h("div.command", {}, h("span.name", {}, `/${leaf.title}`));
    leaf.options.filter((option) => option.required).forEach((option) => this.add(option));
    if (!this.fields.length && leaf.options.length) this.add(leaf.options[0]);
    if (!this.fields.length) this.element.append(this.silentField());
  }

  /** A command without options still needs something that holds the focus and takes Enter. */
  silentField() {
    const control = h("input.silent", { readOnly: true, "aria-label": `/${this.leaf.title}: press Enter to send` });
    this.fields.push({ option: null, control });
    return control;
  }

  unused() {
    return this.leaf.options.filter((option) => !this.fields.some((field) => field.option === option));
  }

  current() {
    return this.fields.find((field) => field.control === document.activeElement);
  }

  add(option) {
    const field = option.type === ATTACHMENT ? this.fileField(option) : this.textField(option);
    this.fields.push(field);
    this.element.append(field.element);
    this.context.changed();
    return field;
  }

  drop(field) {
    if (!field.option || field.option.required) return this.context.left();
    const index = this.fields.indexOf(field);
    this.fields.splice(index, 1);
    field.element.remove();
    if (!this.fields.length) return this.context.left();
    this.fields[Math.max(index - 1, 0)].control.focus();
    return this.context.changed();
  }

  textField(option) {
    const isText = option.type === STRING && !option.choices?.length;
    const control = h(isText ? "textarea" : "input", {
      ...(isText ? { rows: 1 } : { type: "text", inputMode: [INTEGER, NUMBER].includes(option.type) ? "decimal" : "text" }),
      "aria-label": `${option.name}: ${option.description}`,
      "aria-controls": "picker",
      role: "combobox",
      "aria-expanded": "false",
      placeholder: option.required ? "" : "optional",
    });
    const field = { option, control, chosen: undefined };
    field.element = h("label.option", {}, h("span", {}, option.name), control);
    control.addEventListener("input", () => {
      field.chosen = undefined;
      this.context.edited();
      this.suggest(field);
    });
    control.addEventListener("focus", () => {
      this.suggest(field);
      this.context.changed();
    });
    return field;
  }

  fileField(option) {
    const input = h("input", { type: "file", hidden: true });
    const control = h("button.button.secondary", { type: "button" }, "Choose, drop or paste a file");
    const field = { option, control, file: null };
    control.addEventListener("click", () => input.click());
    input.addEventListener("change", () => this.setFile(field, input.files[0]));
    field.element = h("label.option", {}, h("span", {}, option.name), control, input);
    return field;
  }

  setFile(field, file) {
    if (!file) return;
    field.file = file;
    field.control.dataset.file = file.name;
    const url = URL.createObjectURL(file);
    const thumbnail = file.type.startsWith("image/") ? h("img", { src: url, alt: "", onload: () => URL.revokeObjectURL(url) }) : null;
    field.control.replaceChildren(...[thumbnail, file.name].filter(Boolean));
    this.next(field);
  }

  /** Give a dropped or pasted file to the first attachment option without one. */
  takeFile(file) {
    let field = this.fields.find((one) => one.option?.type === ATTACHMENT && !one.file);
    const option = this.unused().find((one) => one.type === ATTACHMENT);
    if (!field && option) field = this.add(option);
    if (field) this.setFile(field, file);
    return Boolean(field);
  }

  fillFirst(text) {
    const field = this.fields.find((one) => one.option?.type === STRING);
    if (!field) return;
    const prefix = `${field.option.name}:`;
    field.control.value = (text.startsWith(prefix) ? text.slice(prefix.length) : text).trimStart();
  }

  // Suggestions.

  async suggest(field) {
    const { option, control } = field;
    this.asked += 1;
    const typed = control.value.toLowerCase();
    const known = this.known(option);
    if (known) {
      const fitting = known.filter((one) => field.chosen !== undefined || one.name.toLowerCase().includes(typed));
      this.offer(field, fitting);
    } else if (option.autocomplete) {
      await this.suggestLive(field, this.asked);
    } else {
      this.context.picker.close();
    }
  }

  async suggestLive(field, number) {
    await new Promise((resolve) => setTimeout(resolve, field.control.value ? TYPING_MILLISECONDS : 0));
    if (number !== this.asked) return;
    const options = Object.fromEntries(this.fields
      .filter((one) => one.option && one.option.type !== ATTACHMENT && (one === field || one.control.value))
      .map((one) => [one.option.name, one === field ? one.control.value : this.valueOf(one)]));
    try {
      const choices = await this.context.suggest(options, field.option.name);
      if (number === this.asked && document.activeElement === field.control) this.offer(field, choices);
    } catch {
      if (number === this.asked) this.context.picker.close();
    }
  }

  offer(field, choices) {
    const items = choices.map((choice) => ({
      label: choice.name,
      choose: () => {
        // What goes on from the typed words is shown as it will be sent.
        const goesOn = String(choice.value).startsWith(field.control.value.trim());
        field.control.value = goesOn && field.control.value ? choice.value : choice.name;
        field.chosen = choice.value;
        this.context.picker.close();
        this.next(field);
      },
    }));
    this.context.picker.show(items, { title: field.option.description, preselect: !field.option.autocomplete });
  }

  known(option) {
    if (option.choices?.length) return option.choices;
    if (option.type === BOOLEAN) return [{ name: "True", value: true }, { name: "False", value: false }];
    const kind = DIRECTORIES[option.type];
    return kind ? this.context.directory(kind).map((one) => ({ name: one.name ?? nameOf(one), value: one.id })) : null;
  }

  next(field) {
    const empty = this.fields.find((one) => one !== field && one.option?.required && !one.control.value && !one.file);
    if (empty) empty.control.focus();
    this.context.changed();
  }

  /** Offer the options that are not there yet. */
  offerOptions() {
    const items = this.unused().map((option) => ({
      label: option.name,
      detail: option.description,
      choose: () => {
        this.context.picker.close();
        this.add(option).control.focus();
      },
    }));
    this.context.picker.show(items, { title: "Options" });
    return items.length > 0;
  }

  onKey(event) {
    const field = this.current();
    if (!field) return;
    const isLast = field === this.fields.at(-1);
    if (event.key === "Tab" && !event.shiftKey && isLast && !this.offered && this.offerOptions()) {
      event.preventDefault();
      this.offered = true;
    } else if (event.key === "Backspace" && !field.control.value) {
      event.preventDefault();
      this.drop(field);
    } else {
      this.offered = false;
    }
  }

  // Values.

  valueOf(field) {
    const { option, control, chosen } = field;
    if (chosen !== undefined) return chosen;
    const typed = control.value.trim();
    const known = this.known(option)?.find((one) => [one.name, String(one.value)].some((name) => name.toLowerCase() === typed.toLowerCase()));
    return known ? known.value : typed;
  }

  /** Return the options' values by name; files are uploaded now. */
  async values() {
    const values = {};
    for (const field of this.fields) {
      if (!field.option) continue;
      const name = field.option.name;
      if (field.file) values[name] = (await this.context.upload(field.file)).id;
      else if (field.control.value?.trim()) values[name] = this.valueOf(field);
    }
    return values;
  }

  snapshot() {
    return this.fields.map(({ option, control, chosen }) => ({ option, text: control.value, chosen }));
  }

  restore(values) {
    for (const { option, text, chosen } of values) {
      if (!option || option.type === ATTACHMENT) continue;
      const field = this.fields.find((one) => one.option === option) ?? this.add(option);
      field.control.value = text;
      field.chosen = chosen;
    }
    this.context.picker.close();
    this.fields[0].control.focus();
  }
}
