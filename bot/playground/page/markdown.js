// Discord's markdown, as nodes. Unknown syntax stays text.

import { h, webAddress } from "./dom.js";

const INLINE = new RegExp(
  [
    String.raw`\\(?<escaped>[^\p{L}\p{N}\s])`,
    "(?<ticks>`+)(?<code>[^]+?)(?<!`)\\k<ticks>(?!`)",
    String.raw`<@!?(?<user>\d+)>`,
    String.raw`<#(?<channel>\d+)>`,
    String.raw`<\/(?<command>[^:>]+):\d+>`,
    String.raw`<t:(?<time>-?\d{1,13})(?::(?<style>[tTdDfFR]))?>`,
    String.raw`<a?:(?<emoji>\w+):\d+>`,
    String.raw`\[(?<label>[^\]]+)\]\(<?(?<target>https?:[^\s)>]+)>?\)`,
    String.raw`<(?<quiet>https?:[^\s>]+)>`,
    String.raw`(?<bare>https?:\/\/[^\s<]*[^\s<.,:;"')\]!?*_~|])`,
    String.raw`\*\*\*(?<both>[^]+?)\*\*\*(?!\*)`,
    String.raw`\*\*(?<bold>[^]+?)\*\*(?!\*)`,
    String.raw`__(?<under>[^]+?)__(?!_)`,
    String.raw`\*(?![\s*])(?<star>[^]*?[^\s*])\*(?!\*)`,
    String.raw`(?<!\w)_(?![\s_])(?<italic>[^]*?[^\s_])_(?!\w)`,
    String.raw`~~(?<struck>[^]+?)~~`,
    String.raw`\|\|(?<spoiler>[^]+?)\|\|`,
  ].join("|"),
  "u",
);

const WRAPPED = { bold: "strong", under: "u", star: "em", italic: "em", struck: "s" };

/** Return inline nodes. `names` tells users and channels by id: {user(id), channel(id)}. */
function inline(text, names) {
  const nodes = [];
  while (text) {
    const match = INLINE.exec(text);
    if (!match) {
      nodes.push(text);
      break;
    }
    if (match.index) nodes.push(text.slice(0, match.index));
    nodes.push(inlineNode(match, names));
    text = text.slice(match.index + match[0].length);
  }
  return nodes;
}

function inlineNode(match, names) {
  const found = match.groups;
  if (found.escaped !== undefined) return found.escaped;
  if (found.code !== undefined) return h("code", {}, found.code.trim() || found.code);
  if (found.user) return h("span.mention", {}, `@${names.user(found.user)}`);
  if (found.channel) return h("span.mention", {}, `#${names.channel(found.channel)}`);
  if (found.command) return h("span.mention", {}, `/${found.command}`);
  if (found.time) return timeNode(Number(found.time), found.style ?? "f");
  if (found.emoji) return `:${found.emoji}:`;
  if (found.label) return link(found.target, inline(found.label, names));
  if (found.quiet ?? found.bare) return link(found.quiet ?? found.bare, [found.quiet ?? found.bare]);
  if (found.both) return h("strong", {}, h("em", {}, inline(found.both, names)));
  if (found.spoiler) return spoiler(inline(found.spoiler, names));
  for (const [name, tag] of Object.entries(WRAPPED)) {
    if (found[name]) return h(tag, {}, inline(found[name], names));
  }
  return match[0];
}

function link(target, children) {
  const address = webAddress(target);
  if (!address) return h("span", {}, children);
  return h("a", { href: address, target: "_blank", rel: "noreferrer noopener" }, children);
}

function spoiler(children) {
  const reveal = (event) => event.currentTarget.classList.add("shown");
  return h("button.spoiler", { type: "button", title: "Show", onclick: reveal }, children);
}

const FORMATS = {
  t: { timeStyle: "short" },
  T: { timeStyle: "medium" },
  d: { dateStyle: "short" },
  D: { dateStyle: "long" },
  f: { dateStyle: "long", timeStyle: "short" },
  F: { dateStyle: "full", timeStyle: "short" },
};
const SPANS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

export function ago(seconds) {
  const left = seconds - Date.now() / 1000;
  const [unit, span] = SPANS.find(([, size]) => Math.abs(left) >= size) ?? ["second", 1];
  return relative.format(Math.round(left / span), unit);
}

function timeNode(seconds, style) {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return "Invalid Date";
  const full = date.toLocaleString("en", FORMATS.F);
  const properties = { dateTime: date.toISOString(), title: full };
  if (style === "R") {
    return h("time", { ...properties, dataset: { relative: String(seconds) } }, ago(seconds));
  }
  return h("time", properties, date.toLocaleString("en", FORMATS[style]));
}

/** Let the relative times under a node tell the time of now. */
export function refreshTimes(root) {
  for (const node of root.querySelectorAll("time[data-relative]")) {
    node.textContent = ago(Number(node.dataset.relative));
  }
}

/** Return the nodes of a text: fences, quotes, headings, lists and paragraphs. */
export function markdown(text, names) {
  const nodes = [];
  const fence = /```(?:([\w+-]+)\n)?([^]*?)```/g;
  let at = 0;
  for (const match of text.matchAll(fence)) {
    nodes.push(...lines(text.slice(at, match.index).replace(/\n$/, ""), names));
    nodes.push(h("pre", {}, h("code", {}, match[2].replace(/\n$/, ""))));
    at = match.index + match[0].length;
  }
  nodes.push(...lines(text.slice(at).replace(at ? /^\n/ : /^$/, ""), names));
  return nodes;
}

const LINE_KINDS = [
  [/^(#{1,3}) +(.+)$/, (match, names) => h(`h${match[1].length + 2}`, {}, inline(match[2], names))],
  [/^-# +(.+)$/, (match, names) => h("small", {}, inline(match[1], names))],
];

function lines(text, names) {
  if (!text) return [];
  const nodes = [];
  let plain = [];
  let group = null;
  const flush = () => {
    if (plain.length) nodes.push(h("p", {}, inline(plain.join("\n"), names)));
    plain = [];
  };
  for (const line of text.split("\n")) {
    const item = /^\s*(?:[-*]|(\d+)\.) +(.+)$/.exec(line);
    const quote = /^> ?(.*)$/.exec(line);
    const kind = LINE_KINDS.map(([pattern, make]) => [pattern.exec(line), make]).find(([match]) => match);
    if (!item && !quote && !kind) {
      group = null;
      plain.push(line);
      continue;
    }
    flush();
    const tag = quote ? "blockquote" : item ? (item[1] ? "ol" : "ul") : null;
    if (!tag) {
      group = null;
      nodes.push(kind[1](kind[0], names));
      continue;
    }
    if (group?.localName !== tag) nodes.push((group = h(tag)));
    if (quote) group.append(...(group.childNodes.length ? ["\n"] : []), ...inline(quote[1], names));
    else group.append(h("li", {}, inline(item[2], names)));
  }
  flush();
  return nodes;
}
