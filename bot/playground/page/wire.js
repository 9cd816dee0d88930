// The connection to the channel: requests, uploads and the event stream that heals itself.
// It knows no DOM.

const RETRY_MILLISECONDS = [300, 700, 1500, 3000];

export class WireError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** Return the run's access token: from the address the first time, then from this tab's memory. */
export function takeToken() {
  const fromAddress = location.hash.slice(1);
  if (fromAddress) {
    sessionStorage.setItem("token", fromAddress);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem("token") ?? "";
}

export class Wire {
  constructor(token, onEvent, onStatus) {
    this.token = token;
    this.person = sessionStorage.getItem("person") ?? "Ada";
    this.onEvent = onEvent;
    this.onStatus = onStatus;
    this.attempts = 0;
    this.socket = null;
  }

  become(person) {
    this.person = person;
    sessionStorage.setItem("person", person);
    this.attempts = 0;
    this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    const former = this.socket;
    const address = new URL("playground/events", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address);
    this.socket = socket;
    former?.close(1000);
    socket.onopen = () => socket.send(JSON.stringify({ token: this.token, person: this.person }));
    socket.onmessage = (frame) => {
      if (this.socket !== socket) return;
      const { name, data } = JSON.parse(frame.data);
      if (name === "HELLO") {
        this.attempts = 0;
        this.onStatus("connected");
      }
      this.onEvent(name, data);
    };
    socket.onclose = (event) => {
      if (this.socket !== socket) return;
      if (event.code === 4401) this.onStatus("refused");
      else this.retry();
    };
  }

  retry() {
    this.onStatus("lost");
    const wait = RETRY_MILLISECONDS[Math.min(this.attempts, RETRY_MILLISECONDS.length - 1)];
    this.attempts += 1;
    this.timer = setTimeout(() => this.connect(), wait);
  }

  async request(method, path, body, headers = {}) {
    const response = await fetch(`playground/${path}`, {
      method,
      body,
      headers: { Authorization: `Bearer ${this.token}`, "X-Person": this.person, ...headers },
    }).catch(() => {
      throw new WireError("The channel cannot be reached just now.", 0);
    });
    if (response.status === 204) return null;
    const payload = await response.json();
    if (!response.ok) throw new WireError(payload.error, response.status);
    return payload;
  }

  get(path) {
    return this.request("GET", path);
  }

  post(path, payload) {
    const headers = { "Content-Type": "application/json" };
    return this.request("POST", path, JSON.stringify(payload), headers);
  }

  remove(path) {
    return this.request("DELETE", path);
  }

  upload(file) {
    const path = `uploads?filename=${encodeURIComponent(file.name || "pasted.png")}`;
    return this.request("POST", path, file);
  }

  /** Act as a person does; throw if the bot did not respond. */
  async act(payload) {
    const outcome = await this.post("interactions", payload);
    if (!outcome.responded) throw new WireError(outcome.error, 504);
    return outcome;
  }
}
