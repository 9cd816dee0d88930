// The list above the composer: commands, choices, suggestions. One keyboard for all of them.

import { h } from "./dom.js";

export class Picker {
  constructor(element) {
    this.element = element;
    this.items = [];
    this.index = 0;
  }

  get isOpen() {
    return !this.element.hidden;
  }

  /**
   * Show items {label, detail, badge, choose}; an empty list closes. Unless one is preselected,
   * Enter stays the field's own key until an arrow has chosen: free text can be sent as it is.
   */
  show(items, { title = "", preselect = true } = {}) {
    this.items = items;
    this.index = preselect ? 0 : -1;
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
    document.querySelectorAll("[role=combobox]").forEach((field) => {
      const isActive = this.isOpen && field === document.activeElement;
      field.setAttribute("aria-expanded", String(isActive));
      if (isActive && this.index >= 0) field.setAttribute("aria-activedescendant", `suggestion-${this.index}`);
      else field.removeAttribute("aria-activedescendant");
    });
    rows[this.index]?.scrollIntoView({ block: "nearest" });
  }

  /** Handle a key; return whether it was one of the list's. */
  key(event) {
    if (!this.isOpen || event.isComposing) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      const start = this.index < 0 && step < 0 ? 0 : this.index;
      this.index = (start + step + this.items.length) % this.items.length;
      this.mark();
    } else if (event.key === "Escape") {
      this.close();
    } else if (event.key === "Tab" && !event.shiftKey) {
      this.items[Math.max(this.index, 0)].choose();
    } else if (event.key === "Enter" && !event.shiftKey && this.index >= 0) {
      this.items[this.index].choose();
    } else {
      return false;
    }
    event.preventDefault();
    event.stopPropagation();
    return true;
  }
}
