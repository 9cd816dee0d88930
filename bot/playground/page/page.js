// The page: channels, people, and everything else put together.

import { Composer } from "./composer.js";
import { $, avatar, h, nameOf } from "./dom.js";
import { openForm } from "./forms.js";
import { Log } from "./messages.js";
import { takeToken, Wire } from "./wire.js";

const TYPING_MILLISECONDS = 9000;
const NEAR_BOTTOM_PIXELS = 120;

let state = null;
let channel = null;
let commands = [];
const unread = new Set();

const people = () => [...state.people, state.bot];
const names = {
  user: (id) => nameOf(people().find((user) => user.id === id) ?? { username: "someone" }),
  channel: (id) => state.channels.find((one) => one.id === id)?.name ?? "channel",
};
const directory = (kind) => ({ users: people, channels: () => state.channels.filter((one) => one.type === 0), roles: () => [] })[kind]();

const wire = new Wire(takeToken(), hear, showStatus);
const log = new Log($("log"), {
  names,
  directory,
  press,
  reply: (message) => composer.reply(message, nameOf(message.author)),
  remove: (message) => wire.remove(`channels/${message.channel_id}/messages/${message.id}`).catch(tell),
  menus: () => commands.filter((command) => command.type === 3),
  useMenu: (command, message) => act({ act: "menu", name: command.name, target_id: message.id }).catch(tell),
});
const composer = new Composer({
  commands: () => commands,
  act,
  say: (body) => wire.post(`channels/${channel.id}/messages`, body),
  upload: (file) => wire.upload(file),
  suggest: async (body) => (await wire.act({ act: "autocomplete", channel_id: channel.id, ...body })).choices ?? [],
  directory,
  maxBytes: () => state.max_file_bytes,
  failed: (text) => tell(new Error(text)),
});

function tell(error) {
  log.tell(error.message);
  toBottom();
}

// Acting.

async function act(payload) {
  const outcome = await wire.act({ channel_id: channel.id, ...payload });
  if (outcome.modal) showForm(outcome);
  return outcome;
}

function showForm({ modal, interaction_id: id }) {
  openForm(modal, {
    names,
    directory,
    upload: (file) => wire.upload(file),
    submit: (values) => act({ act: "submit", interaction_id: id, values }),
  });
}

async function press(message, component, values, fail) {
  try {
    await act({ act: "press", channel_id: message.channel_id, message_id: message.id, custom_id: component.custom_id, values });
    return true;
  } catch (error) {
    fail(error.status === 504 ? `This interaction failed: ${error.message}` : error.message);
    return false;
  }
}

// Hearing.

const HEARERS = {
  HELLO: greet,
  BOT_STATUS: (data) => {
    state.online = data.online;
    showStatus("connected");
  },
  COMMANDS: loadCommands,
  CHANNEL_CREATE: (data) => {
    if (!state.channels.some((one) => one.id === data.id)) state.channels.push(data);
    drawChannels();
  },
  MESSAGE_CREATE: put,
  MESSAGE_UPDATE: put,
  MESSAGE_DELETE: remove,
  TYPING_START: showTyping,
};

function hear(name, data) {
  HEARERS[name]?.(data);
}

async function greet(hello) {
  const wanted = channel?.id ?? sessionStorage.getItem("channel");
  state = hello;
  drawPeople();
  showStatus("connected");
  await open(state.channels.find((one) => one.id === wanted) ?? state.channels[0]);
}

/** What comes while a channel's history is fetched is put after it, in order. */
let late = null;

function remove(message) {
  if (late) return late.push([remove, message]);
  log.remove(message.id);
  return drawEmpty();
}

function put(message) {
  if (late) {
    late.push([put, message]);
    return;
  }
  if (message.channel_id !== channel?.id) {
    unread.add(message.channel_id);
    drawChannels();
    return;
  }
  const following = isAtBottom() || message.author.id === state.me.id;
  const isNew = !log.rows.has(message.id);
  log.put(message);
  if (message.author.id === state.bot.id) $("typing").hidden = true;
  drawEmpty();
  if (following) toBottom();
  else if (isNew) $("newer").hidden = false;
}

let typingTimer = 0;
function showTyping({ channel_id: id, user_id: user }) {
  if (id !== channel?.id) return;
  $("typing").textContent = `${names.user(user)} is typing…`;
  $("typing").hidden = false;
  clearTimeout(typingTimer);
  typingTimer = setTimeout(() => ($("typing").hidden = true), TYPING_MILLISECONDS);
}

// Channels.

async function open(one) {
  channel = one;
  sessionStorage.setItem("channel", one.id);
  unread.delete(one.id);
  drawChannels();
  const title = one.type === 1 ? nameOf(state.bot) : `# ${one.name}`;
  $("channel-name").textContent = title;
  $("channel-topic").textContent = one.type === 1 ? "Direct messages" : one.topic ?? "";
  document.title = `${title} · Easel local channel`;
  composer.setPlaceholder(`Message ${title.replace("# ", "#")}, or type /`);
  showMenu(false);
  late = [];
  const [messages] = await Promise.all([wire.get(`channels/${one.id}/messages`), loadCommands()]);
  if (channel !== one) return;
  log.clear();
  messages.forEach((message) => log.put(message));
  const waiting = late ?? [];
  late = null;
  waiting.forEach(([hearer, data]) => hearer(data));
  drawEmpty();
  toBottom();
  // A phone's keyboard would cover half of what there is to see.
  if (!matchMedia("(pointer: coarse)").matches) composer.focus();
}

async function loadCommands() {
  if (!channel) return;
  const here = channel;
  const found = await wire.get(`channels/${here.id}/commands`);
  if (here !== channel) return;
  commands = found;
  composer.refresh();
}

async function openDm() {
  const dm = await wire.post("dms", {});
  if (!state.channels.some((one) => one.id === dm.id)) state.channels.push(dm);
  await open(state.channels.find((one) => one.id === dm.id));
}

function drawChannels() {
  const item = (one, face, action) =>
    h("button", { type: "button", "aria-current": one && one.id === channel?.id ? "page" : null, onclick: action }, ...face,
      one && unread.has(one.id) ? h("i.dot", { "aria-label": "unread" }) : null);
  const rooms = state.channels.filter((one) => one.type === 0);
  const dm = state.channels.find((one) => one.type === 1);
  $("channels").replaceChildren(
    h("h2", {}, "Channels"),
    ...rooms.map((one) => item(one, [h("span.hash", { "aria-hidden": "true" }, one.nsfw ? "18" : "#"), one.name], () => open(one))),
    h("h2", {}, "Direct messages"),
    item(dm, [avatar(state.bot), nameOf(state.bot)], openDm));
}

function drawPeople() {
  const choose = (person) => {
    if (person.id === state.me.id) return;
    channel = channel?.type === 1 ? null : channel;
    if (!channel) sessionStorage.removeItem("channel");
    wire.become(nameOf(person));
  };
  $("people").replaceChildren(...state.people.map((person) =>
    h("button", { type: "button", "aria-pressed": String(person.id === state.me.id), onclick: () => choose(person) },
      avatar(person), h("span", {}, nameOf(person)), person.is_admin ? h("small", {}, "admin") : null)));
}

// Odds and ends.

function drawEmpty() {
  $("empty").hidden = log.size > 0;
}

function showStatus(connection) {
  const online = state?.online;
  const text = {
    connected: online ? "bot online" : "bot offline",
    lost: "reconnecting…",
    refused: "link out of date",
  }[connection];
  $("status").textContent = text;
  if (connection === "refused") composer.notice("This link belongs to an earlier run. Open the one that the terminal shows now.");
  $("status").className = connection === "connected" ? (online ? "online" : "offline") : connection;
}

const scroller = $("scroller");
const isAtBottom = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_BOTTOM_PIXELS;

function toBottom() {
  scroller.scrollTop = scroller.scrollHeight;
  $("newer").hidden = true;
}

// What grows late (a picture, an edit) does not push the newest message out of sight.
let wasAtBottom = true;
scroller.addEventListener("scroll", () => {
  wasAtBottom = isAtBottom();
  if (wasAtBottom) $("newer").hidden = true;
});
new ResizeObserver(() => wasAtBottom && toBottom()).observe($("log"));

$("newer").addEventListener("click", toBottom);
$("example").addEventListener("click", (event) => composer.fill(event.currentTarget.textContent));
$("menu").addEventListener("click", (event) => {
  event.stopPropagation();
  showMenu(true);
});
document.addEventListener("click", (event) => event.target.closest("#sidebar") || showMenu(false));

function showMenu(isOpen) {
  document.body.classList.toggle("menu-open", isOpen);
  $("menu").setAttribute("aria-expanded", String(isOpen));
}
document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, textarea, select, dialog, button");
  if (event.key === "/" && !isTyping) {
    event.preventDefault();
    composer.fill("/");
  }
});

let dragging = 0;
document.addEventListener("dragenter", () => ($("drop").hidden = ++dragging === 0));
document.addEventListener("dragleave", () => ($("drop").hidden = --dragging <= 0));
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  dragging = 0;
  $("drop").hidden = true;
  composer.take([...event.dataTransfer.files]);
});
window.addEventListener("hashchange", () => location.reload());

wire.connect();
