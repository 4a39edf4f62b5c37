// The page's side of MCP Apps: JSON-RPC over postMessage with the host that shows it.
const host = (() => {
  const PROTOCOL = "2026-01-26";
  const LONGEST_WAIT = 60_000;
  const waiting = new Map();
  const heard = {};
  let last = 0;
  let capabilities = {};
  let context = {};

  const post = (message) => window.parent.postMessage({ jsonrpc: "2.0", ...message }, "*");

  /** Asks the host, and gives its answer; an error, or no answer in a minute, is thrown. */
  function ask(method, params) {
    const id = ++last;
    return new Promise((resolve, reject) => {
      const end = setTimeout(() => {
        waiting.delete(id);
        reject(new Error("the host did not answer within a minute"));
      }, LONGEST_WAIT);
      waiting.set(id, { resolve, reject, end });
      post({ id, method, params });
    });
  }

  const tell = (method, params = {}) => post({ method, params });
  const on = (method, listener) => { heard[method] = listener; };

  function answered(message) {
    const one = waiting.get(message.id);
    if (!one) return;
    waiting.delete(message.id);
    clearTimeout(one.end);
    if (message.error) one.reject(new Error(String(message.error.message || "refused")));
    else one.resolve(message.result || {});
  }

  /** What the host asks of a page: to be there, and to go. */
  function asked(message) {
    const known = message.method === "ping" || message.method === "ui/resource-teardown";
    if (message.method === "ui/resource-teardown") tidy();
    post(known
      ? { id: message.id, result: {} }
      : { id: message.id, error: { code: -32601, message: "not known here" } });
  }

  window.addEventListener("message", (event) => {
    const message = event.data;
    if (event.source !== window.parent || !message || message.jsonrpc !== "2.0") return;
    if (message.method && message.id !== undefined) asked(message);
    else if (message.method) heard[message.method]?.(message.params || {});
    else answered(message);
  });

  // Hosts begin with a small frame and go by what they are told: measured again at every change.
  let told = "";
  function measure() {
    const box = document.documentElement.getBoundingClientRect();
    const width = Math.ceil(box.width);
    const height = Math.ceil(box.height);
    const now = `${width} ${height}`;
    if (height && now !== told) tell("ui/notifications/size-changed", { width, height });
    told = now;
  }
  const watcher = new ResizeObserver(measure);

  function changed(more) {
    context = { ...context, ...more };
    heard.context?.(context);
  }
  on("ui/notifications/host-context-changed", changed);

  function tidy() {
    watcher.disconnect();
    heard.teardown?.();
  }

  async function begin() {
    const answer = await ask("ui/initialize", {
      appInfo: { name: "sms-tools-board", version: LOOK.version },
      appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] },
      protocolVersion: PROTOCOL,
    });
    capabilities = answer.hostCapabilities || {};
    changed(answer.hostContext || {});
    tell("ui/notifications/initialized");
    watcher.observe(document.documentElement);
    measure();
  }

  return { ask, on, begin, measure, can: (what) => Boolean(capabilities[what]), context: () => context };
})();
