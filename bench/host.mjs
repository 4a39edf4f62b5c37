// A host of MCP Apps for tests and benches: the official bridge, a real server, a real browser.
//
// One JSON command a line on standard input, one JSON answer a line on standard output. The page is
// shown as hosts show it: in a sandboxed frame without an origin, under the policy of the
// specification, in a frame of 150 pixels that grows only as the page asks. Every message between
// page and host is written down; so is whatever the page logs, asks of a network, or violates.
import { createInterface } from "node:readline";
import { AppBridge } from "@modelcontextprotocol/ext-apps/app-bridge";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { chromium } from "playwright-core";

const UI = "io.modelcontextprotocol/ui";
const MIME = "text/html;profile=mcp-app";
const HOST = "http://host.example/";
const APP = "http://app.example/";
const LONGEST = 120_000;
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const OUTER = `<!doctype html><html><head><style>html,body{margin:0}iframe{border:0;width:100%;height:150px;display:block}</style></head>
<body><iframe id="app" sandbox="allow-scripts"></iframe><script>
const frame = document.getElementById("app");
addEventListener("message", (event) => { if (event.source === frame.contentWindow) window.fromPage(event.data); });
</script></body></html>`;

let browser, client, tools = [], shown, page, frame, bridge, seen;

/** The bridge's way to the frame. */
class Relay {
  async start() {}
  async send(message) {
    seen.messages.push({ to: "page", ...message });
    await page.evaluate((told) => document.getElementById("app").contentWindow.postMessage(told, "*"), message);
  }
  async close() {}
}

/** The policy of the specification for a page that asks for *csp*. */
function policy(csp = {}) {
  const also = (domains) => ["'unsafe-inline'", ...(domains || [])].join(" ");
  const resources = csp.resourceDomains || [];
  return ["default-src 'none'", `script-src ${also(resources)}`, `style-src ${also(resources)}`,
    `img-src ${["data:", ...resources].join(" ")}`, `font-src ${resources.join(" ") || "'none'"}`,
    `connect-src ${(csp.connectDomains || []).join(" ") || "'none'"}`,
    `frame-src ${(csp.frameDomains || []).join(" ") || "'none'"}`, "object-src 'none'", "base-uri 'none'", "form-action 'none'"].join("; ");
}

async function chrome(executable) {
  browser ||= await chromium.launch({ executablePath: executable, headless: true, args: FLAGS });
  return browser;
}

async function blank({ executable, width = 800, height = 600, script = true, theme = "light" }) {
  const opened = await chrome(executable);
  const context = await opened.newContext({ viewport: { width, height }, javaScriptEnabled: script, colorScheme: theme });
  context.setDefaultTimeout(60_000);
  page = await context.newPage();
  seen = { messages: [], errors: [], requests: [], violations: [] };
  const own = seen;
  page.on("console", (line) => { if (["error", "warning"].includes(line.type())) own.errors.push(line.text()); });
  page.on("pageerror", (error) => own.errors.push(String(error)));
  return context;
}

const COMMANDS = {
  async start({ command, args, env }) {
    client = new Client({ name: "host-of-tests", version: "1" }, { capabilities: { extensions: { [UI]: { mimeTypes: [MIME] } } } });
    await client.connect(new StdioClientTransport({ command, args, env, stderr: "inherit" }));
    tools = (await client.listTools()).tools;
    const listed = (await client.listResources()).resources.find((each) => each.uri.startsWith("ui://"));
    shown = (await client.readResource({ uri: listed.uri })).contents[0];
    return { tools: tools.map(({ name, _meta }) => ({ name, ui: _meta?.ui })), listed, contents: { ...shown, text: shown.text.length } };
  },

  async call({ tool, arguments: args }) {
    return client.callTool({ name: tool, arguments: args || {} });
  },

  async open({ tool, arguments: args = {}, executable, width, height, theme = "light", modes = ["inline", "fullscreen"], grants = {}, result, answers = {}, html }) {
    const context = await blank({ executable, width, height, theme });
    await context.exposeBinding("violated", (_, what) => seen.violations.push(what));
    await context.addInitScript(() => {
      addEventListener("securitypolicyviolation", (event) => window.violated(`${event.violatedDirective} ${event.blockedURI}`));
      // When the data arrives, and when the frame that has been drawn from it is on the screen.
      addEventListener("message", (event) => {
        if (event.data?.method !== "ui/notifications/tool-result") return;
        window.arrived = performance.now();
        requestAnimationFrame(() => setTimeout(() => { window.drawn = performance.now(); }));
      });
    });
    await context.route("**/*", (route) => {
      const url = route.request().url();
      if (url === HOST) return route.fulfill({ contentType: "text/html", body: OUTER });
      if (url === APP) return route.fulfill({ contentType: "text/html", body: html || shown.text, headers: { "content-security-policy": policy(shown?._meta?.ui?.csp) } });
      seen.requests.push(url);
      return route.abort();
    });
    bridge = new AppBridge(null, { name: "host-of-tests", version: "1" },
      { openLinks: {}, serverTools: {}, message: { text: {} }, ...grants },
      { hostContext: { theme, displayMode: "inline", availableDisplayModes: modes, timeZone: "UTC", locale: "en",
        toolInfo: { tool: tools.find((each) => each.name === tool) || { name: tool, inputSchema: { type: "object" } } } } });
    const relay = new Relay();
    const ready = new Promise((resolve) => { bridge.oninitialized = resolve; });
    await context.exposeBinding("fromPage", (_, message) => {
      seen.messages.push({ to: "host", ...message });
      relay.onmessage?.(message);
    });
    bridge.onsizechange = ({ height: high }) => high && page.evaluate((pixels) => { document.getElementById("app").style.height = `${pixels}px`; }, high);
    bridge.onmessage = async () => answers.message || {};
    bridge.onopenlink = async () => answers.link || {};
    bridge.onrequestdisplaymode = async ({ mode }) => {
      const given = modes.includes(mode) ? mode : "inline";
      bridge.sendHostContextChange({ displayMode: given });
      return { mode: given };
    };
    // What a host does: a page may call what is visible to it, and nothing else.
    bridge.oncalltool = async ({ name, arguments: given }) => {
      const found = tools.find((each) => each.name === name);
      const visible = found?._meta?.ui?.visibility || ["model", "app"];
      if (!found || !visible.includes("app")) throw new Error(`${name} is not visible to pages`);
      return client.callTool({ name, arguments: given });
    };
    await bridge.connect(relay);
    await page.goto(HOST);
    await page.evaluate((url) => { document.getElementById("app").src = url; }, APP);
    await ready;
    frame = page.frames().find((each) => each.url() === APP);
    bridge.sendToolInput({ arguments: args });
    const given = result || await client.callTool({ name: tool, arguments: args });
    await bridge.sendToolResult(given);
    await frame.waitForFunction(() => !document.getElementById("read").textContent.startsWith("Waiting"));
    await settle();
    return { isError: given.isError || false, times: await frame.evaluate(() => ({ arrived: window.arrived, drawn: window.drawn })) };
  },

  async eval({ script }) { return (await frame.evaluate(script)) ?? null; },
  async click({ selector }) { await frame.click(selector); await settle(); return null; },
  async fill({ selector, text }) { await frame.fill(selector, text); await settle(); return null; },
  async choose({ selector, value }) { await frame.selectOption(selector, value); await settle(); return null; },
  async press({ selector, key }) { await (selector ? frame.press(selector, key) : page.keyboard.press(key)); await settle(); return null; },
  async context({ context }) { bridge.sendHostContextChange(context); await settle(); return null; },
  async result({ result }) { await bridge.sendToolResult(result); await settle(); return null; },
  async size({ width, height }) { await page.setViewportSize({ width, height }); await settle(); return null; },

  async seen() {
    const sideways = await frame.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    return { ...seen, sideways };
  },

  async axe({ source }) {
    await frame.evaluate(source);
    const found = await frame.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    return found.violations.map(({ id, help, nodes }) => ({ id, help, nodes: nodes.slice(0, 4).map((node) => `${node.html.slice(0, 200)} | ${node.failureSummary}`) }));
  },

  async shot({ path }) { await shoot(path); return null; },

  /** A document without scripts, as a file: printed, or as a picture. */
  async print({ html, executable, pdf, picture, width, theme = "light", most }) {
    const context = await blank({ executable, width, script: false, theme });
    await context.route("**/*", (route) => {
      if (route.request().url() === APP) return route.fulfill({ contentType: "text/html; charset=utf-8", body: html });
      seen.requests.push(route.request().url());
      return route.abort();
    });
    await page.goto(APP);
    if (pdf) await page.pdf({ path: pdf, preferCSSPageSize: true, printBackground: true });
    const wide = await page.locator("html").evaluate((root) => root.scrollWidth - root.clientWidth);
    if (picture) await shoot(picture, most);
    await context.close();
    return { ...seen, sideways: wide };
  },

  async close() { await page?.context().close(); page = undefined; return null; },
  async stop() { await client?.close(); client = undefined; return null; },
};

/** A picture of the whole page, of its first *most* pixels if it is longer. */
async function shoot(path, most = 4000) {
  const high = await page.locator("html").evaluate((root) => root.scrollHeight);
  await page.setViewportSize({ width: page.viewportSize().width, height: Math.min(high, most) });
  await page.screenshot({ path });
}

/** Two frames drawn and all messages under way delivered. */
async function settle() {
  await frame.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)))));
}

for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...given } = JSON.parse(line);
  let answer, timer;
  try {
    const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`${name} took too long`)), LONGEST); });
    answer = { ok: await Promise.race([COMMANDS[name](given), late]) };
  } catch (error) {
    answer = { error: String(error.stack || error) };
  }
  clearTimeout(timer);
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await client?.close().catch(() => {});
await browser?.close();
