// The board: what the answer's data says, drawn; and what a click proposes.
const TOOLS = {
  migration_overview: ["Migration overview", "servers"],
  summarize_progress: ["Progress", "servers"],
  summarize_failed_servers: ["Failures", "failures"],
  check_cutover_readiness: ["Cutover readiness", "readiness"],
};
const DATA = "sms-tools/board";
const DOCS = "https://support.huaweicloud.com/intl/en-us/sms/index.html";
const BETWEEN_READS = 30;
const OLD_AFTER = 600;
const MOST_GATE_ROWS = 200;
const byId = (id) => document.getElementById(id);
const board = { tool: "", question: {}, rows: [], shown: [], active: 0, opened: null, pressed: new Set(), readAt: null };

// ---- what came from the host

host.on("ui/notifications/tool-input", (params) => { board.question = params.arguments || {}; });
host.on("ui/notifications/tool-result", (result) => take(result));
host.on("ui/notifications/tool-cancelled", (params) => say(`The call was cancelled. ${params.reason || ""}`));
host.on("context", (context) => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = context.theme || (dark ? "dark" : "light");
  const font = context.styles?.variables?.["--font-sans"];
  if (font) document.documentElement.style.setProperty("--font-sans", font);
  const full = context.displayMode === "fullscreen";
  byId("full").hidden = !(context.availableDisplayModes || []).includes("fullscreen");
  byId("full").textContent = full ? "Leave full screen" : "Full screen";
  document.body.classList.toggle("fullscreen", full);
  if (!board.tool && TOOLS[context.toolInfo?.tool?.name]) board.tool = context.toolInfo.tool.name;
  fitList();
});

function take(result) {
  const told = result.structuredContent || {};
  const data = result._meta?.[DATA] || fromAnswer(told);
  board.tool = data.tool || board.tool;
  const notices = [];
  if (result.isError) notices.push(["bad", [told.summary, told.what_to_do].filter(Boolean).join(" ") || "The call failed."]);
  if (result.isError && board.readAt) notices.push(["", "What is shown is the reading before."]);
  if (!result.isError) show(data, told);
  notices.push(...(result.isError ? [] : [...data.gaps.map((gap) => ["", `Not read: ${gap}`]), ...data.left_out.map((what) => ["", `Left out: ${what}`])]));
  byId("notices").replaceChildren(...notices.slice(0, 8).map(([kind, text]) => el("p", { class: `notice ${kind}`, role: kind ? "alert" : null }, text)));
  tick();
}

/** What the answer alone gives, where a host keeps the board's own data back. */
function fromAnswer(told) {
  const columns = ["name", "id", "phase", "offline", "step", "done", "total", "rate", "needs"];
  const mebibytes = (bytes) => (typeof bytes === "number" ? bytes / 2 ** 20 : null);
  const list = Array.isArray(told.servers) ? told.servers : [];
  const rows = list.map((each) => [each.name, each.id, each.phase || "unknown", each.offline ? 1 : null, each.sub_task ?? null,
    mebibytes(each.done_bytes), mebibytes(each.total_bytes), each.rate_mbit_s ?? null, null]);
  return {
    tool: "", read_at: Date.parse(told.observed_at) / 1000 || null, phases: told.phases || {}, count: told.server_count ?? told.servers_read ?? null,
    groups: (told.groups || []).map((each) => ({ ...each, codes: each.codes || (each.code ? [each.code] : []), servers: (each.servers || []).map((s) => s.id) })),
    gates: null, gaps: told.incomplete || [], columns, rows, done: null, total: null, estimate: null, no_estimate: null, deadline: null,
    summary: told.accounts ? told.summary : null,
    left_out: told.accounts ? ["several accounts are not drawn together: ask about one of them"] : rows.length ? ["this host gives the page the answer alone, so there is less to see"] : ["this answer has no rows"],
  };
}

function show(data, told) {
  board.data = data;
  board.readAt = data.read_at;
  board.account = typeof told.account === "string" ? told.account : null;
  board.rows = data.rows.map((row) => {
    const one = {};
    for (const column of COLUMNS) one[column] = null;
    data.columns.forEach((column, index) => { one[column] = row[index]; });
    one.words = [one.name, one.id, one.code, one.step, one.wave, LOOK.needs[one.needs], LOOK.phases[one.phase]?.words].join(" ").toLowerCase();
    return one;
  });
  const [title, view] = TOOLS[board.tool] || ["Fleet board", "servers"];
  byId("title").textContent = [title, board.account, data.project].filter(Boolean).join(": ");
  drawPhases(data);
  drawTabs(view);
  fillSelect(byId("wave"), [...new Set(board.rows.map((row) => row.wave).filter(Boolean))].sort());
  fillSelect(byId("phase"), Object.keys(LOOK.phases).filter((phase) => data.phases[phase]), (phase) => LOOK.phases[phase].words);
  drawFailures(data);
  drawReadiness(data);
  drawProposals(told.suggested_actions || []);
  for (const id of ["overview", "tabs"]) byId(id).hidden = false;
  filter();
  byId("again").hidden = !(host.can("serverTools") && TOOLS[board.tool]);
}
const COLUMNS = ["name", "id", "phase", "needs", "offline", "step", "step_percent", "done", "total", "rate", "rates", "earliest", "latest",
  "confidence", "no_estimate", "fit", "verification", "verified_at", "wave", "code", "why"];

function fillSelect(select, values, words = (value) => value) {
  const kept = select.value;
  select.replaceChildren(el("option", { value: "" }, "all"), ...values.map((value) => el("option", { value }, words(value))));
  select.value = values.includes(kept) ? kept : "";
}

// ---- phases

function drawPhases(data) {
  const known = Object.keys(LOOK.phases).filter((phase) => data.phases[phase]);
  const stack = el("div", { class: "stack", "aria-hidden": "true" }, known.map((phase) => {
    const part = el("span", { "data-phase": phase });
    part.style.flexGrow = data.phases[phase];
    return part;
  }));
  const chips = known.map((phase) => el("li", {}, el("button", {
    type: "button", "aria-pressed": "false", "data-chip": phase,
    onclick: () => { byId("phase").value = byId("phase").value === phase ? "" : phase; openTab("servers"); filter(); },
  }, el("span", { class: "mark", "data-mark": phase, "aria-hidden": "true" }, LOOK.phases[phase].mark), `${data.phases[phase]} ${LOOK.phases[phase].words}`)));
  byId("phases").replaceChildren(known.length ? stack : el("p", { class: "quiet" }, data.count === 0 ? "There are no source servers here." : "The phases are not known."),
    el("ul", { class: "chips" }, chips));
  byId("totals").textContent = totals(data);
}

function totals(data) {
  if (data.summary) return data.summary;
  const parts = [data.count === null ? "How many servers there are is not known." : `${count(data.count, "server")}.`];
  if (data.total) parts.push(`${size(data.done)} of ${size(data.total)} copied (${percent(data.done, data.total)} %) over the ${data.counted} that have a total.`);
  if (data.estimate) parts.push(`Full copies with an estimate end ${range(data.estimate[0], data.estimate[1], data.read_at)}, ${data.estimate[2]} confidence.`);
  else if (data.no_estimate) parts.push(`No estimate of the end: ${data.no_estimate}.`);
  if (data.deadline) parts.push(`Deadline ${clock(data.deadline, data.read_at)}.`);
  return parts.join(" ");
}

const range = (from, to, near) => (from === null ? `by ${clock(to, near)}` : `${clock(from, near)}–${clock(to, near)}`);

// ---- views

function drawTabs(view) {
  const counts = { servers: board.rows.length, failures: board.data.groups.length, readiness: board.data.gates ? board.data.gates.count : null };
  const names = { servers: "Servers", failures: "Failures by cause", readiness: "Readiness" };
  byId("tabs").replaceChildren(...Object.keys(names).map((name) => el("button", {
    type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `view-${name}`, onclick: () => openTab(name),
  }, counts[name] === null ? names[name] : `${names[name]} (${counts[name]})`)));
  openTab(board.view || view);
}

function openTab(name) {
  board.view = name;
  for (const tab of byId("tabs").children) {
    const chosen = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    byId(tab.getAttribute("aria-controls")).hidden = !chosen;
  }
  if (name === "servers") fitList();
}

byId("tabs").addEventListener("keydown", (event) => {
  const tabs = [...byId("tabs").children];
  const at = tabs.indexOf(document.activeElement);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  const tab = tabs[(to + tabs.length) % tabs.length];
  tab.click();
  tab.focus();
});

// ---- servers

const ORDERS = {
  needs: null, // as they come: the server has ranked them
  latest: (a, b) => (b.latest ?? -1) - (a.latest ?? -1),
  copied: (a, b) => share(a) - share(b),
  rate: (a, b) => (a.rate ?? Infinity) - (b.rate ?? Infinity),
  name: (a, b) => a.name.localeCompare(b.name),
};
const share = (row) => (row.total && row.done !== null ? row.done / row.total : 2);

function filter() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const phase = byId("phase").value, wave = byId("wave").value, needy = byId("needy").checked;
  board.shown = board.rows.filter((row) => (!phase || row.phase === phase) && (!wave || row.wave === wave)
    && (!needy || row.needs) && words.every((word) => row.words.includes(word)));
  const order = ORDERS[byId("order").value];
  if (order) board.shown.sort(order);
  for (const chip of document.querySelectorAll("[data-chip]")) chip.setAttribute("aria-pressed", String(chip.dataset.chip === phase));
  board.active = 0;
  const lasts = board.rows.map((row) => row.latest).filter(Boolean).sort((a, b) => a - b);
  const deadline = board.data.deadline;
  board.scaleEnd = Math.max(deadline ? 2 * deadline - board.readAt : lasts[Math.floor(lasts.length * 0.75)] || 0, board.readAt + 600);
  const hidden = board.data.count !== null && board.data.count > board.rows.length ? ` (${board.data.count} in all)` : "";
  byId("shown").textContent = `${board.shown.length} of ${count(board.rows.length, "server")} shown${hidden}; ${board.rows.filter((row) => row.needs).length} need a person. ${stamp()}`;
  byId("list").setAttribute("aria-rowcount", board.shown.length + 1);
  byId("list").scrollTop = 0;
  byId("rows").replaceChildren();
  fitList();
}

/** The time of the reading, beside whatever it is about: a frame may be taller than the screen. */
const stamp = () => (board.readAt ? `Read ${clock(board.readAt)} UTC.` : "");

const narrow = () => document.body.classList.contains("narrow");
const pitch = () => (narrow() ? 132 : 46);

/** Only the rows in sight are there, and a few beside them. */
function drawRows() {
  const list = byId("list"), rows = byId("rows"), high = pitch();
  rows.style.height = `${board.shown.length * high}px`;
  const first = Math.max(0, Math.floor(list.scrollTop / high) - 4);
  const last = Math.min(board.shown.length, Math.ceil((list.scrollTop + list.clientHeight) / high) + 4);
  const wanted = new Set([board.active]);
  for (let index = first; index < last; index += 1) wanted.add(index);
  const there = new Map([...rows.children].map((row) => [Number(row.dataset.index), row]));
  for (const [index, row] of there) if (!wanted.has(index)) row.remove();
  for (const index of [...wanted].sort((a, b) => a - b)) {
    if (index >= board.shown.length) continue;
    const row = there.get(index) || drawRow(board.shown[index], index);
    row.tabIndex = index === board.active ? 0 : -1;
    row.setAttribute("aria-selected", String(board.shown[index].id === board.opened));
    row.style.top = `${index * high}px`;
    if (!there.has(index)) rows.append(row);
  }
  if (!board.shown.length) rows.style.height = "0px";
}

const cell = (...children) => el("div", { role: "gridcell" }, ...children);
const line = (text, kind = "") => el("span", { class: `cut ${kind}`, title: text }, text);

function drawRow(row, index) {
  const look = LOOK.phases[row.phase] || LOOK.phases.unknown;
  const need = row.needs ? `! ${LOOK.needs[row.needs] || row.needs}${row.code ? ` ${row.code}` : ""}` : "";
  const step = row.step ? `${row.step}${row.step_percent === null ? "" : ` ${row.step_percent} %`}` : row.offline ? "Agent offline" : "";
  const has = row.done !== null && row.total !== null;
  return el("div", { role: "row", class: "row", "aria-rowindex": index + 2, "data-index": index },
    cell(line(row.name, "name"), need ? line(need, "need") : line(row.wave && narrow() ? row.wave : "", "small")),
    cell(el("span", { class: "cut" }, el("span", { class: "mark", "data-mark": row.phase, "aria-hidden": "true" }, look.mark), ` ${look.words}`), line(step, "small")),
    cell(line(has ? `${percent(row.done, row.total)} % of ${size(row.total)}` : NOT_BEGUN.includes(row.phase) ? "not started" : `copied: ${UNKNOWN}`, has ? "" : "small"), el("div", { class: "meter" }, copiedBar(has ? row.done : null, row.total))),
    cell(line(rateOf(row), row.rate === null ? "small" : ""), row.rates ? el("div", { class: "spark" }, rateColumns(row.rates)) : ""),
    cell(...estimateCell(row)),
    cell(line(row.verification ? LOOK.verifications[row.verification] || row.verification : UNKNOWN, row.verification === "clean" ? "" : "small"), line(row.verified_at ? clock(row.verified_at, board.readAt) : "", "small")),
    cell(line(row.wave || UNKNOWN, "small")));
}

const NOT_BEGUN = ["waiting", "unavailable"];
const AT_REST = ["failed", "paused", "waiting", "unavailable", "finished", "deleting"];
const rateOf = (row) => (row.rate !== null ? `${row.rate} Mbit/s` : AT_REST.includes(row.phase) ? "at rest" : `rate: ${UNKNOWN}`);

function estimateCell(row) {
  if (row.latest === null) {
    const past = ["syncing", "cloning", "cutting_over", "finished"].includes(row.phase);
    return [line(past ? "full copy done" : row.no_estimate || `end: ${UNKNOWN}`, "small")];
  }
  const fit = row.fit === "misses" ? " · misses" : row.fit === "tight" ? " · tight" : "";
  return [line(`${range(row.earliest, row.latest, board.readAt)} · ${row.confidence}${fit}`, fit ? "need" : ""),
    el("div", { class: "scale" }, estimateRange(board.readAt, board.scaleEnd, row, board.data.deadline))];
}

function fitList() {
  const list = byId("list");
  const before = pitch();
  const wide = document.body.clientWidth;
  document.body.classList.toggle("narrow", wide < 640);
  document.body.classList.toggle("medium", wide >= 640 && wide < 1000);
  if (before !== pitch()) byId("rows").replaceChildren();
  const full = document.body.classList.contains("fullscreen");
  list.style.maxHeight = full ? `${Math.max(240, window.innerHeight - 330)}px` : "";
  if (board.data) drawRows();
}

function moveTo(index) {
  if (!board.shown.length) return;
  board.active = Math.max(0, Math.min(board.shown.length - 1, index));
  const list = byId("list"), head = narrow() ? 0 : 28, top = board.active * pitch();
  if (top < list.scrollTop) list.scrollTop = top;
  else if (top + pitch() + head > list.scrollTop + list.clientHeight) list.scrollTop = top + pitch() + head - list.clientHeight;
  drawRows();
  byId("rows").querySelector(`[data-index="${board.active}"]`)?.focus({ preventScroll: true });
}

byId("rows").addEventListener("keydown", (event) => {
  const page = Math.max(1, Math.floor(byId("list").clientHeight / pitch()) - 1);
  const to = { ArrowDown: board.active + 1, ArrowUp: board.active - 1, PageDown: board.active + page, PageUp: board.active - page, Home: 0, End: Infinity }[event.key];
  if (to !== undefined) { event.preventDefault(); moveTo(to); }
  else if (event.key === "Enter" || event.key === " ") { event.preventDefault(); openServer(board.shown[board.active]?.id, true); }
});
byId("rows").addEventListener("click", (event) => {
  const row = event.target.closest(".row");
  if (!row) return;
  board.active = Number(row.dataset.index);
  openServer(board.shown[board.active].id);
});
byId("list").addEventListener("scroll", () => requestAnimationFrame(drawRows), { passive: true });

function openServer(id, focus = false) {
  const row = board.rows.find((each) => each.id === id);
  if (!row) return;
  board.opened = id;
  const facts = [
    ["Phase", (LOOK.phases[row.phase] || LOOK.phases.unknown).words], ["Needs a person", row.needs ? LOOK.needs[row.needs] || row.needs : "nothing known"],
    ["Why", row.why], ["Error", row.code], ["Step", row.step ? `${row.step}, ${row.step_percent === null ? UNKNOWN : `${row.step_percent} %`}` : null],
    ["Copied", row.done === null || row.total === null ? UNKNOWN : `${size(row.done)} of ${size(row.total)}`], ["Rate", rateOf(row)],
    ["Estimate", row.latest === null ? row.no_estimate || UNKNOWN : `${range(row.earliest, row.latest, board.readAt)}, ${row.confidence} confidence`],
    ["Agent", row.offline === null ? UNKNOWN : row.offline ? "offline" : "connected"], ["Wave", row.wave || UNKNOWN],
    ["Verification", `${row.verification ? LOOK.verifications[row.verification] || row.verification : UNKNOWN}${row.verified_at ? `, ${clock(row.verified_at)}` : ""}`], ["Id", row.id],
  ].filter(([, value]) => value);
  const title = el("h3", { id: "detail-title", tabindex: "-1" }, row.name);
  const close = el("button", { type: "button", onclick: closeServer }, "Close");
  byId("detail").replaceChildren(el("div", { class: "bar-top" }, title, close),
    el("dl", {}, facts.map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value)))),
    el("div", { class: "offers" }, offersOf(row).map(([words, tool, args]) => offer(words, tool, args))));
  byId("detail").hidden = false;
  openTab("servers");
  if (focus) title.focus();
}

function closeServer() {
  board.opened = null;
  byId("detail").hidden = true;
  moveTo(board.active);
}
byId("detail").addEventListener("keydown", (event) => { if (event.key === "Escape") closeServer(); });

function offersOf(row) {
  const offers = [["Ask: what is with this server?", "diagnose_server", { server: row.id }]];
  if (row.phase === "syncing") offers.push(["Ask: can it be launched?", "check_cutover_readiness", { servers: [row.id] }]);
  if (row.verification && row.verification !== "clean") offers.push(["Ask: is its copy consistent?", "summarize_consistency_results", { servers: [row.id] }]);
  if (row.phase === "replicating") offers.push(["Ask: when is it done?", "summarize_progress", { servers: [row.id], detail: "full" }]);
  return offers;
}

// ---- failures and readiness

function drawFailures(data) {
  const most = Math.max(1, ...data.groups.map((group) => group.count));
  const names = new Map(board.rows.map((row) => [row.id, row.name]));
  const cards = data.groups.map((group) => el("article", { class: "card" },
    el("h3", {}, group.codes.join(", ") || "no error code", el("span", { class: "tag" }, count(group.count, "server"))),
    el("div", { class: "length" }, copiedBar(group.count, most)),
    group.one_cause ? el("p", { class: "small" }, "Likely one cause.") : null,
    el("p", {}, group.cause || `Cause: ${UNKNOWN}.`),
    group.first_step ? el("p", {}, el("b", {}, "First step: "), group.first_step) : null,
    el("p", { class: "small" }, `Who acts: ${{ api: "a call from here", source: "somebody on the source server", console: "somebody on the console", support: "support" }[group.actor] || UNKNOWN}. `
      + (group.full_copy_again === true ? "Everything must be copied again. " : group.full_copy_again === false ? "The copy is kept. " : "Whether the copy is kept is not known. ")
      + (group.known ? "" : "This code is undocumented.")),
    el("div", { class: "offers" }, group.servers.slice(0, 6).map((id) => el("button", { type: "button", onclick: () => openServer(id, true) }, names.get(id) || id)),
      group.codes[0] ? offer("Ask: what does this code mean?", "explain_error_code", { code: group.codes[0] }) : null)));
  const said = data.groups.length ? `${count(data.groups.length, "cause")}, the largest first. ${stamp()}` : `No failure is known. ${stamp()}`;
  byId("view-failures").replaceChildren(el("p", { class: "said" }, said), el("div", { class: "cards" }, cards));
}

function drawReadiness(data, all = false) {
  const view = byId("view-readiness");
  if (!data.gates) {
    view.replaceChildren(el("p", {}, "The gates before a launch were not read with this answer, so readiness is not known."),
      el("div", { class: "offers" }, offer("Ask: can these be launched?", "check_cutover_readiness", scopeOf(board.question))));
    return;
  }
  const { names, rows, verdicts } = data.gates;
  const letters = { p: "pass", f: "fail", u: "unknown" };
  const called = new Map(board.rows.map((row) => [row.id, row.name]));
  const words = { ready: "ready", not_ready: "not ready", not_confirmed: "not confirmed" };
  const head = el("tr", {}, el("th", { scope: "col" }, "Server"), el("th", { scope: "col" }, "Verdict"),
    el("th", { scope: "col", class: "open" }, "What does not pass"), names.map((name) => el("th", { scope: "col", class: "gate" }, LOOK.gates[name] || name)));
  const open = (marks) => [...marks].map((letter, at) => [LOOK.verdicts[letters[letter]] || LOOK.verdicts.unknown, LOOK.gates[names[at]] || names[at]])
    .filter(([look]) => look !== LOOK.verdicts.pass).map(([look, name]) => `${look.mark} ${name}`).join(", ");
  const body = rows.slice(0, all ? undefined : MOST_GATE_ROWS).map(([id, verdict, marks, says]) => el("tr", {},
    el("th", { scope: "row" }, el("button", { type: "button", class: "link", onclick: () => openServer(id, true), title: says.join(" ") }, called.get(id) || id)),
    el("td", { class: { ready: "pass", not_ready: "fail" }[verdict] || "unknown" }, words[verdict] || verdict),
    el("td", { class: "open" }, open(marks)),
    [...marks].map((letter) => {
      const look = LOOK.verdicts[letters[letter]] || LOOK.verdicts.unknown;
      return el("td", { class: `gate ${letters[letter] || "unknown"}` }, el("span", { "aria-hidden": "true" }, look.mark), el("span", { class: "out" }, look.words));
    })));
  const more = rows.length > body.length ? el("button", { type: "button", onclick: () => drawReadiness(data, true) }, `Show all ${rows.length}`) : null;
  view.replaceChildren(
    el("p", {}, `${Object.entries(verdicts).map(([verdict, number]) => `${number} ${words[verdict] || verdict}`).join(", ") || "Nothing is left to launch"}. ${stamp()}`),
    data.launch ? el("p", {}, data.launch) : "",
    el("p", { class: "small" }, "✓ passes, ✕ fails, ? is unknown. One unknown gate means not confirmed, never ready."),
    el("div", { class: "gates", tabindex: "0", role: "region", "aria-label": "Gates before a launch" }, el("table", {}, el("thead", {}, head), el("tbody", {}, body))), more || "");
}

// ---- what a click proposes

const scopeOf = (question) => Object.fromEntries(Object.entries(question).filter(([key, value]) => ["servers", "project", "account"].includes(key) && value));

/** A button that puts a call into the conversation. It is made by no one but the model, after the person. */
function offer(words, tool, args, guarded = false) {
  return el("button", { type: "button", class: guarded ? "guarded" : "", title: `${tool} ${JSON.stringify(args)}`, onclick: () => propose(tool, args, guarded) }, words);
}

function drawProposals(actions) {
  const box = byId("proposals");
  box.hidden = !actions.length;
  box.replaceChildren(el("h2", { id: "proposals-title" }, "What the answer suggests"),
    el("div", { class: "offers" }, actions.map((action) => offer(`${action.tool}: ${action.why}`, action.tool, action.arguments || {}, action.destructive === true))));
}

/** The text holds ids, never names: a name is a stranger's text, and this is the person's own word. */
async function propose(tool, given, guarded) {
  const args = board.account ? { account: board.account, ...given } : given;
  const more = guarded ? " It changes something: show me its preview first." : "";
  const text = `Please use ${tool} with ${JSON.stringify(args)}.${more}`;
  try {
    if (!host.can("message")) throw new Error("this host takes no messages from a page");
    const answer = await host.ask("ui/message", { role: "user", content: [{ type: "text", text }] });
    if (answer.isError) throw new Error("the host did not take it");
    say(`Put into the conversation: ${tool}.`);
  } catch (error) {
    const field = el("textarea", { rows: 2, readonly: true, "aria-label": "The question to copy" });
    field.value = text;
    byId("said").replaceChildren(`${error.message}; copy it from here:`, field);
  }
}

const say = (text) => { byId("said").replaceChildren(text); };

// ---- reading again, full screen, links

async function readAgain() {
  const button = byId("again");
  if (!TOOLS[board.tool] || button.disabled) return;
  button.disabled = true;
  button.textContent = "Reading …";
  try {
    take(await host.ask("tools/call", { name: board.tool, arguments: board.question }));
  } catch (error) {
    say(`Not read again: ${error.message}.`);
  }
  button.textContent = "Read again";
  setTimeout(() => { button.disabled = false; }, BETWEEN_READS * 1000);
}
byId("again").addEventListener("click", readAgain);

byId("full").addEventListener("click", async () => {
  const mode = document.body.classList.contains("fullscreen") ? "inline" : "fullscreen";
  try {
    const answer = await host.ask("ui/request-display-mode", { mode });
    if (answer.mode !== mode) say(`The host keeps this view ${answer.mode || "as it is"}.`);
  } catch (error) {
    say(`The view stays: ${error.message}.`);
  }
});

byId("docs").addEventListener("click", async () => {
  try {
    if ((await host.ask("ui/open-link", { url: DOCS })).isError) throw new Error("refused");
  } catch {
    say(`The host opens no links. The address: ${DOCS}`);
  }
});

/** How old the reading is, always in sight. */
function tick() {
  const read = byId("read");
  if (!board.data) return;
  if (!board.readAt) {
    read.textContent = "When it was read is not known.";
    return;
  }
  const age = Date.now() / 1000 - board.readAt;
  const words = `Read ${new Date(board.readAt * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  // A sandbox's clock is not this one: an age that cannot be is not told.
  read.textContent = age > -60 ? `${words}, ${ago(age)}${age > OLD_AFTER ? ": read again before you decide" : ""}` : words;
  read.classList.toggle("old", age > OLD_AFTER);
}
let ticking = setInterval(tick, 30_000);
host.on("teardown", () => clearInterval(ticking));

for (const id of ["search", "phase", "wave", "order", "needy"]) byId(id).addEventListener("input", filter);
byId("head").append(...["Server", "Phase", "Copied", "Rate", "Full copy ends", "Verification", "Wave"].map((name) => el("div", { role: "columnheader" }, name)));
new ResizeObserver(fitList).observe(document.body);
host.begin().catch((error) => say(`This page is shown by no host that speaks to it: ${error.message}.`));
