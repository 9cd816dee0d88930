// The list above the composer: commands, choices, suggestions. One keyboard for all of them.

import { h } from "./dom.js";

export class Picker {
  constructor(element) {
    this.element = element;
    this.items = [];
    this.index = 0;
    this.field = null;
  }

  get isOpen() {
    return !this.element.hidden;
  }

  /** Show items {label, detail, badge, choose} for a field; an empty list closes. */
  show(items, { title = "", field = null } = {}) {
    this.items = items;
    this.index = 0;
    this.field = field;
    this.element.hidden = !items.length;
    const rows = items.map((item, index) => this.row(item, index));
    this.element.replaceChildren(...(title ? [h("p.title", {}, title)] : []), ...rows);
    this.mark();
  }

  close() {
    this.show([]);
  }

  row(item, index) {
    const row = h("div.item", { role: "option", id: `suggestion-${index}` },
      h("b", {}, item.label), item.detail ? h("span", {}, item.detail) : null,
      item.badge ? h("small", {}, item.badge) : null);
    // The field keeps its focus: a press is handled before focus would move.
    row.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      item.choose();
    });
    row.addEventListener("pointermove", () => {
      this.index = index;
      this.mark();
    });
    return row;
  }

  mark() {
    const rows = this.element.querySelectorAll(".item");
    rows.forEach((row, index) => row.setAttribute("aria-selected", String(index === this.index)));
    if (!this.isOpen) {
      document.querySelectorAll("[aria-activedescendant]").forEach((field) => field.removeAttribute("aria-activedescendant"));
      return;
    }
    rows[this.index]?.scrollIntoView({ block: "nearest" });
    document.activeElement?.setAttribute("aria-activedescendant", `suggestion-${this.index}`);
  }

  /** Handle a key; return whether it was one of the list's. */
  key(event) {
    if (!this.isOpen || event.isComposing) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      this.index = (this.index + step + this.items.length) % this.items.length;
      this.mark();
    } else if (event.key === "Escape") {
      this.close();
    } else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey) {
      this.items[this.index].choose();
    } else {
      return false;
    }
    event.preventDefault();
    event.stopPropagation();
    return true;
  }
}
