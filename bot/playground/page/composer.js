// The message box: plain text with files, or a slash command with a field for each option.

import { $, h, sizeOf } from "./dom.js";
import { CommandForm } from "./command.js";
import { Picker } from "./picker.js";

const SUB_COMMANDS = new Set([1, 2]);

/** Return the commands one can send: sub-commands each on their own, with their path. */
export function leaves(commands) {
  const found = [];
  const descend = (command, node, path) => {
    const inner = (node.options ?? []).filter((option) => SUB_COMMANDS.has(option.type));
    if (inner.length) {
      inner.forEach((option) => descend(command, option, [...path, option.name]));
    } else {
      const title = [command.name, ...path].join(" ");
      found.push({ name: command.name, path, title, description: node.description, options: node.options ?? [] });
    }
  };
  commands.filter((command) => command.type === 1).forEach((command) => descend(command, command, []));
  return found;
}

export class Composer {
  /** `context`: commands(), act, say, upload, directory, suggest, maxBytes(), failed(text). */
  constructor(context) {
    this.context = context;
    this.form = $("composer");
    this.picker = new Picker($("picker"));
    this.files = [];
    this.replyTo = null;
    this.last = null;
    this.command = null;
    this.text = h("textarea", { id: "text", rows: 1, maxLength: 2000, role: "combobox", "aria-controls": "picker", "aria-expanded": "false", "aria-autocomplete": "list", "aria-label": "Message" });
    this.text.addEventListener("input", () => this.onText());
    this.form.addEventListener("keydown", (event) => this.onKey(event), true);
    this.form.addEventListener("focusout", () => setTimeout(() => this.form.contains(document.activeElement) || this.picker.close()));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    $("attach").addEventListener("click", () => $("file-input").click());
    $("file-input").addEventListener("change", (event) => {
      this.take([...event.target.files]);
      event.target.value = "";
    });
    this.form.addEventListener("paste", (event) => {
      const files = [...event.clipboardData.files];
      if (files.length) {
        event.preventDefault();
        this.take(files);
      }
    });
    this.showText();
  }

  setPlaceholder(text) {
    this.text.placeholder = text;
  }

  focus() {
    (this.command?.fields[0]?.control ?? this.text).focus();
  }

  // Plain text.

  showText(value = "") {
    this.command = null;
    $("fields").replaceChildren(this.text);
    this.form.classList.remove("command");
    this.hint("");
    this.text.value = value;
    this.resize();
  }

  /** Look again at what is typed, now that the commands may be others. */
  refresh() {
    if (!this.command && document.activeElement === this.text) this.onText();
  }

  resize() {
    this.text.style.height = "auto";
    this.text.style.height = `${this.text.scrollHeight}px`;
  }

  onText() {
    this.resize();
    this.notice("");
    const typed = this.text.value;
    if (!typed.startsWith("/") || typed.includes("\n")) {
      this.picker.close();
      return;
    }
    const all = leaves(this.context.commands());
    const exact = all
      .filter((leaf) => typed.slice(1).startsWith(`${leaf.title} `))
      .sort((one, other) => other.title.length - one.title.length)[0];
    if (exact) {
      this.choose(exact, typed.slice(exact.title.length + 2));
      return;
    }
    const wanted = typed.slice(1).trim().toLowerCase();
    const fitting = all
      .filter((leaf) => leaf.title.includes(wanted))
      .sort((one, other) => other.title.startsWith(wanted) - one.title.startsWith(wanted) || one.title.localeCompare(other.title));
    const items = fitting.map((leaf) => ({
      label: `/${leaf.title}`,
      detail: leaf.description,
      badge: leaf.options.filter((option) => option.required).map((option) => option.name).join(" "),
      choose: () => this.choose(leaf),
    }));
    this.picker.show(items, { title: all.length ? "Commands" : "" });
    if (!all.length) this.hint("The bot has registered no commands yet.");
  }

  // Commands.

  /** Turn to a command; `rest` is what was typed behind its name. */
  choose(leaf, rest = "") {
    this.picker.close();
    this.notice("");
    this.command = new CommandForm(leaf, {
      picker: this.picker,
      directory: this.context.directory,
      upload: this.context.upload,
      suggest: (options, focused) => this.context.suggest({ name: leaf.name, path: leaf.path, options, focused }),
      changed: () => this.describe(),
      edited: () => this.notice(""),
      left: () => {
        this.showText();
        this.text.focus();
      },
    });
    $("fields").replaceChildren(this.command.element);
    this.form.classList.add("command");
    if (rest.trim()) this.command.fillFirst(rest);
    this.describe();
    this.focus();
    const first = this.command.fields[0]?.control;
    if (first?.setSelectionRange) first.setSelectionRange(first.value.length, first.value.length);
  }

  /** Fill in an example such as `/imagine a red apple`. */
  fill(text) {
    this.showText(`${text}`);
    this.onText();
    if (!this.command) this.text.focus();
  }

  describe() {
    if (!this.command) return;
    const rest = this.command.unused();
    const chips = rest.map((option) =>
      h("button.chip", { type: "button", title: option.description, onclick: () => this.command.add(option).control.focus() }, `+ ${option.name}`));
    const focused = this.command.current()?.option;
    $("hint").replaceChildren(
      h("span", {}, focused ? `${focused.name}: ${focused.description}` : `${this.command.leaf.description} — Enter sends`), ...chips);
  }

  // Files.

  /** Take files that were chosen, dropped or pasted. */
  take(files) {
    const limit = this.context.maxBytes();
    for (const file of files) {
      if (file.size > limit) this.notice(`${file.name} has ${sizeOf(file.size)}; the limit is ${sizeOf(limit)}.`);
      else if (!this.command?.takeFile(file)) this.files.push(file);
    }
    this.showFiles();
    if (this.command) this.describe();
  }

  showFiles() {
    const chips = this.files.map((file) => {
      const drop = () => {
        this.files = this.files.filter((one) => one !== file);
        this.showFiles();
      };
      return h("span.file-chip", {}, preview(file), h("span", {}, file.name),
        h("button.icon", { type: "button", "aria-label": `Remove ${file.name}`, onclick: drop }, "✕"));
    });
    $("files").replaceChildren(...chips);
    $("files").hidden = !chips.length;
  }

  // Replies.

  reply(message, name) {
    this.replyTo = message;
    const bar = $("replying");
    bar.hidden = !message;
    if (!message) return;
    if (this.command) this.showText();
    const drop = () => this.reply(null);
    bar.replaceChildren(h("span", {}, "Replying to ", h("b", {}, name)),
      h("button.icon", { type: "button", "aria-label": "Do not reply", onclick: drop }, "✕"));
    this.text.focus();
  }

  // Keys and sending.

  onKey(event) {
    if (this.picker.key(event) || event.isComposing) return;
    if (event.key === "Enter") this.picker.close();
    // Enter on an empty file button chooses a file; on a filled one it sends, as in any other field.
    const isFree = event.target.localName !== "button" || event.target.dataset.file;
    if (event.key === "Enter" && !event.shiftKey && isFree) {
      event.preventDefault();
      this.send();
    } else if (event.key === "Escape") {
      if (this.command) this.command.context.left();
      else this.reply(null);
    } else if (event.key === "ArrowUp" && !this.command && !this.text.value && this.last) {
      event.preventDefault();
      this.choose(this.last.leaf);
      this.command.restore(this.last.values);
      this.describe();
    } else if (this.command) {
      this.command.onKey(event);
    }
  }

  /** Send at once and clear; what the channel refuses comes back to be mended. */
  async send() {
    this.notice("");
    try {
      if (this.command) await this.sendCommand(this.command);
      else await this.sendText();
    } catch (error) {
      if (error.status === 504) this.context.failed(error.message);
      else this.notice(error.message);
    }
  }

  async sendCommand(command) {
    const { leaf } = command;
    this.last = { leaf, values: command.snapshot() };
    this.showText();
    this.focus();
    try {
      const options = await command.values();
      await this.context.act({ act: "slash", name: leaf.name, path: leaf.path, options });
    } catch (error) {
      if (error.status !== 504 && !this.command && !this.text.value) this.recall(command);
      throw error;
    }
  }

  /** Show a command again as it was. */
  recall(command) {
    this.command = command;
    $("fields").replaceChildren(command.element);
    this.form.classList.add("command");
    this.describe();
    this.focus();
    this.picker.close();
  }

  async sendText() {
    const content = this.text.value.trim();
    if (content.startsWith("/")) {
      const word = content.split(" ")[0];
      throw new Error(`There is no command ${word} here. Type / to see what there is.`);
    }
    if (!content && !this.files.length) return;
    const { files, replyTo } = this;
    this.files = [];
    this.showFiles();
    this.reply(null);
    this.showText();
    const attachments = [];
    for (const file of files) attachments.push((await this.context.upload(file)).id);
    await this.context.say({ content, attachments, reply_to: replyTo?.id });
  }

  hint(text) {
    $("hint").replaceChildren(text);
  }

  notice(text) {
    $("notice").textContent = text;
    $("notice").hidden = !text;
  }
}

/** Return a thumbnail of a picked file, or nothing. */
export function preview(file) {
  if (!file.type.startsWith("image/")) return null;
  const url = URL.createObjectURL(file);
  return h("img", { src: url, alt: "", onload: () => URL.revokeObjectURL(url) });
}
