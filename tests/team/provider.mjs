// A real OpenID Connect provider (npm's oidc-provider) and a real browser (Chromium by playwright-core),
// for the tests of the login. Commands come as lines of JSON, answers go as lines of JSON.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [folder, port, redirect, browserPath] = process.argv.slice(2);
const require = createRequire(`${folder}/x.js`);
const { default: Provider } = await import(pathToFileURL(require.resolve("oidc-provider")));
const { chromium } = require("playwright-core");

const issuer = `http://127.0.0.1:${port}`;
const roles = { anna: ["viewer", "approver"], otto: ["viewer", "operator"] };
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "sms-tools-page",
      token_endpoint_auth_method: "none",
      redirect_uris: [redirect],
      grant_types: ["authorization_code"],
      response_types: ["code"],
    },
    {
      client_id: "olga",
      client_secret: "example-client-secret",
      redirect_uris: [],
      response_types: [],
      grant_types: ["client_credentials"],
    },
  ],
  cookies: { keys: ["example-cookie-key"] },
  claims: { openid: ["sub"], profile: ["roles", "preferred_username"] },
  conformIdTokenClaims: false,
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, roles: roles[id] ?? [], preferred_username: id }),
  }),
  extraTokenClaims: () => ({ roles: ["viewer", "operator"] }),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({
        scope: "sms",
        audience: "sms-tools",
        accessTokenFormat: "jwt",
        accessTokenTTL: 600,
      }),
    },
  },
});

const answer = (value) => console.log(`> ${JSON.stringify(value)}`);
const contexts = new Map();
let browser;

async function page(who) {
  browser ??= await chromium.launch({
    executablePath: browserPath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  if (!contexts.has(who)) contexts.set(who, await browser.newContext());
  return contexts.get(who).newPage();
}

// Logs in where the provider asks, types what the page asks for, and presses the button.
async function approve({ who, url, typed }) {
  const shown = await page(who);
  const errors = [];
  shown.on("pageerror", (error) => errors.push(String(error)));
  await shown.goto(url);
  let logins = 0;
  while (shown.url().startsWith(issuer)) {
    const login = shown.locator('input[name="login"]');
    if (await login.count()) {
      logins += 1;
      await login.fill(who);
      await shown.locator('input[name="password"]').fill("any");
    }
    await Promise.all([shown.waitForNavigation(), shown.locator('button[type="submit"]').click()]);
  }
  const before = await shown.textContent("body");
  let after = before;
  if (await shown.locator("#typed").count()) {
    await shown.fill("#typed", typed);
    const yes = shown.locator('button[value="approve"]');
    await Promise.all([shown.waitForNavigation(), yes.click()]);
    after = await shown.textContent("body");
  }
  await shown.close();
  return { logins, before, after, errors };
}

const lines = createInterface({ input: process.stdin });
lines.on("line", async (line) => {
  const given = JSON.parse(line);
  try {
    answer(await approve(given));
  } catch (error) {
    answer({ error: String(error) });
  }
});
lines.on("close", async () => {
  await browser?.close();
  process.exit(0);
});
provider.listen(Number(port), "127.0.0.1", () => answer({ ready: true }));
