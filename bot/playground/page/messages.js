// The log: one element a message, changed in place by edits.

import { avatar, h, nameOf, webAddress } from "./dom.js";
import { colour, controls } from "./controls.js";
import { markdown, refreshTimes } from "./markdown.js";
import { Gallery, soloPicture } from "./pictures.js";

export const EPHEMERAL = 1 << 6;
export const LOADING = 1 << 7;
const COMPONENTS_V2 = 1 << 15;
const GROUP_MILLISECONDS = 7 * 60 * 1000;
const PROGRESS = /\((\d{1,3})%\)/;

export class Log {
  /** `context`: names, directory(kind), act(payload), reply, remove, menus(), fail(id, text). */
  constructor(element, context) {
    this.element = element;
    this.context = context;
    this.rows = new Map();
    setInterval(() => refreshTimes(this.element), 20000);
  }

  clear() {
    this.rows.clear();
    this.element.replaceChildren();
  }

  get size() {
    return this.rows.size;
  }

  put(message) {
    const known = this.rows.get(message.id);
    if (known) {
      known.update(message);
      return;
    }
    const row = new Row(message, this.context);
    this.rows.set(message.id, row);
    this.element.append(row.element);
    this.group();
  }

  remove(id) {
    this.rows.get(id)?.element.remove();
    this.rows.delete(id);
    this.group();
  }

  /** Show a sentence that only this page knows, such as "did not respond". */
  tell(text) {
    const dismiss = () => note.remove();
    const note = h("div.note", { role: "alert" }, h("span", { "aria-hidden": "true" }, "⚠"), h("span", {}, text),
      h("button.text", { type: "button", onclick: dismiss }, "Dismiss"));
    this.element.append(note);
  }

  /** Let messages that follow one another from the same author stand together. */
  group() {
    let former = null;
    for (const row of this.rows.values()) {
      row.element.classList.toggle("follows", row.follows(former));
      row.markDay(former);
      former = row;
    }
  }
}

class Row {
  constructor(message, context) {
    this.message = message;
    this.context = context;
    this.parts = {};
    this.slots = {};
    for (const name of ["lead", "text", "embeds", "controls", "reactions", "foot"]) {
      this.slots[name] = h(`div.${name}`);
    }
    this.gallery = new Gallery(() => this.title());
    this.element = h("article.message", { "aria-label": `Message of ${nameOf(message.author)}`, dataset: { id: message.id } });
    const time = new Date(message.timestamp);
    const head = h("div.head", {}, h("strong.author", {}, nameOf(message.author)),
      message.author.bot ? h("span.tag", {}, "APP") : null,
      h("time", { dateTime: message.timestamp, title: time.toLocaleString() }, clock(time)));
    this.element.append(
      this.slots.lead,
      avatar(message.author),
      h("div.body", {}, head, this.slots.text, this.gallery.element, this.slots.embeds,
        this.slots.controls, this.slots.reactions, this.slots.foot),
      this.tools(),
    );
    this.update(message);
  }

  title() {
    return this.message.content.split("\n")[0].replace(/[*_`]|<@\d+>/g, "").slice(0, 90).trim() || nameOf(this.message.author);
  }

  update(message) {
    this.message = message;
    this.element.classList.toggle("ephemeral", Boolean(message.flags & EPHEMERAL));
    this.change("lead", [message.referenced_message, message.interaction], () => this.lead());
    this.change("text", [message.content, message.edited_timestamp, message.flags], () => this.text());
    this.gallery.show(message.flags & COMPONENTS_V2 ? [] : message.attachments);
    this.change("embeds", message.embeds, () => message.embeds.map((embed) => this.embed(embed)));
    this.change("controls", message.components, () => controls(message.components, this.controlContext()));
    this.change("reactions", message.reactions, () => this.reactions());
    this.change("foot", message.flags, () => this.foot());
  }

  /** Draw a part again only where what it shows has changed: what stays keeps its focus. */
  change(name, shown, draw) {
    const drawn = JSON.stringify(shown ?? null, (key, value) => (typeof value === "string" ? value.replace(/\?ex=.*$/, "") : value));
    if (this.parts[name] === drawn) return;
    this.parts[name] = drawn;
    const slot = this.slots[name];
    const focused = slot.contains(document.activeElement) ? document.activeElement.dataset.customId : null;
    slot.replaceChildren(...draw().filter(Boolean));
    slot.hidden = !slot.childNodes.length;
    if (focused) slot.querySelector(`[data-custom-id="${CSS.escape(focused)}"]`)?.focus();
  }

  follows(former) {
    if (!former) return false;
    const message = this.message;
    const gap = new Date(message.timestamp) - new Date(former.message.timestamp);
    return former.message.author.id === message.author.id && gap < GROUP_MILLISECONDS &&
      !message.message_reference && !message.interaction &&
      (former.message.flags & EPHEMERAL) === (message.flags & EPHEMERAL);
  }

  markDay(former) {
    const day = dayOf(this.message.timestamp);
    if (former && dayOf(former.message.timestamp) !== day) this.element.dataset.day = day;
    else delete this.element.dataset.day;
  }

  lead() {
    const { referenced_message: target, interaction, message_reference: reference } = this.message;
    if (interaction && !reference) {
      return [h("span", {}, h("b", {}, nameOf(interaction.user)), " used ", h("code", {}, `/${interaction.name}`))];
    }
    if (!reference) return [];
    if (!target) return [h("span", {}, "The message it answers is gone")];
    const jump = () => document.querySelector(`[data-id="${target.id}"]`)?.scrollIntoView({ block: "center", behavior: "smooth" });
    const excerpt = h("span.excerpt", {}, markdown(target.content.split("\n")[0], this.context.names));
    const shown = target.content ? excerpt : h("em", {}, target.attachments.length ? "a picture" : "a message");
    return [h("button.text", { type: "button", onclick: jump }, h("b", {}, nameOf(target.author)), " ", shown)];
  }

  text() {
    const { content, flags, edited_timestamp: edited } = this.message;
    if (flags & LOADING) {
      return [h("p.thinking", {}, h("i"), h("i"), h("i"), ` ${nameOf(this.message.author)} is thinking…`)];
    }
    const nodes = markdown(content, this.context.names);
    if (edited && content) {
      const mark = h("small.edited", { title: new Date(edited).toLocaleString() }, " (edited)");
      if (nodes.at(-1)?.localName === "p") nodes.at(-1).append(mark);
      else nodes.push(mark);
    }
    const percent = PROGRESS.exec(content)?.[1];
    return percent && this.message.author.bot ? [...nodes, progress(Number(percent), this.slots.text)] : nodes;
  }

  embed(embed) {
    const names = this.context.names;
    const box = h("article.embed", {},
      embed.author && h("p.by", {}, embed.author.name),
      embed.title && h("h3", {}, webAddress(embed.url) ? h("a", { href: embed.url, target: "_blank", rel: "noreferrer noopener" }, embed.title) : markdown(embed.title, names)),
      embed.description && h("div", {}, markdown(embed.description, names)),
      embed.fields && h("dl", {}, embed.fields.map((field) =>
        h(field.inline ? "div.inline" : "div", {}, h("dt", {}, markdown(field.name, names)), h("dd", {}, markdown(field.value, names))))),
      this.embedPicture(embed.image, "image"),
      this.embedPicture(embed.thumbnail, "thumbnail"),
      (embed.footer || embed.timestamp) && h("p.footer", {},
        [embed.footer?.text, embed.timestamp && new Date(embed.timestamp).toLocaleString()].filter(Boolean).join(" • ")),
    );
    if (embed.color) box.style.setProperty("--accent-bar", colour(embed.color));
    return box;
  }

  embedPicture(media, name) {
    return media ? soloPicture(`button.picture.${name}`, media, () => this.title()) : null;
  }

  controlContext() {
    return {
      names: this.context.names,
      directory: this.context.directory,
      label: () => this.title(),
      press: async (component, element, values) => {
        element.classList.add("busy");
        this.fail("");
        const worked = await this.context.press(this.message, component, values, (text) => this.fail(text));
        element.classList.remove("busy");
        return worked;
      },
    };
  }

  fail(text) {
    this.failure?.remove();
    this.failure = text ? h("p.failure", { role: "alert" }, text) : null;
    if (this.failure) this.slots.foot.before(this.failure);
  }

  reactions() {
    return (this.message.reactions ?? []).map((one) => h("span.reaction", {}, one.emoji.name, ` ${one.count}`));
  }

  foot() {
    if (!(this.message.flags & EPHEMERAL)) return [];
    const dismiss = () => this.context.remove(this.message);
    return [h("span", { "aria-hidden": "true" }, "👁 "), "Only you can see this • ",
      h("button.text", { type: "button", onclick: dismiss }, "Dismiss")];
  }

  tools() {
    const tool = (label, text, action) => h("button.icon", { type: "button", title: label, "aria-label": label, onclick: action }, text);
    const bar = h("div.tools", { role: "group", "aria-label": "Message actions" },
      tool("Reply", "↩", () => this.context.reply(this.message)),
      tool("Apps", "⋯", () => this.openMenu(bar)),
      tool("Delete", "🗑", () => this.context.remove(this.message)));
    return bar;
  }

  openMenu(bar) {
    bar.querySelector(".menu")?.remove();
    const commands = this.context.menus();
    // Taking the menu away moves the focus, which would ask to take it away once more.
    let isOpen = true;
    const close = () => {
      if (isOpen) {
        isOpen = false;
        menu.remove();
      }
    };
    const menu = h("div.menu", { role: "menu" }, commands.length
      ? commands.map((command) => h("button.text", { type: "button", role: "menuitem", onclick: () => {
        close();
        this.context.useMenu(command, this.message);
      } }, command.name))
      : h("span", {}, "The bot offers nothing here"));
    bar.append(menu);
    menu.querySelector("button")?.focus();
    menu.addEventListener("focusout", (event) => menu.contains(event.relatedTarget) || close());
    menu.addEventListener("keydown", (event) => event.key === "Escape" && close());
  }
}

function progress(percent, slot) {
  const former = slot.querySelector("progress")?.value ?? 0;
  const bar = h("progress", { max: 100, value: former, "aria-label": "Progress" });
  requestAnimationFrame(() => (bar.value = percent));
  return bar;
}

const dayOf = (stamp) => new Date(stamp).toLocaleDateString("en", { dateStyle: "long" });

function clock(date) {
  const time = date.toLocaleTimeString("en", { timeStyle: "short" });
  return date.toDateString() === new Date().toDateString() ? time : `${date.toLocaleDateString()} ${time}`;
}
