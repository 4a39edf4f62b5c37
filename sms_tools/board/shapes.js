// Elements and shapes. Every text goes in as text: names of servers are strangers' words.
function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

/** A drawing beside a text that says the same, so it is hidden from whoever listens. */
function svg(width, height, ...shapes) {
  const all = ["svg", {
    viewBox: `0 0 ${width} ${height}`, class: "drawing", preserveAspectRatio: "none", "aria-hidden": "true",
  }];
  const [picture, ...rest] = [all, ...shapes.filter(Boolean)].map(([tag, attributes]) => {
    const shape = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
    return shape;
  });
  picture.append(...rest);
  return picture;
}

const UNKNOWN = "not known";
const count = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;

/** MiB as a person reads them. */
function size(mebibytes) {
  if (mebibytes === null || mebibytes === undefined) return UNKNOWN;
  const units = ["MiB", "GiB", "TiB", "PiB"];
  let value = mebibytes, unit = 0;
  while (value >= 1024 && unit < 3) { value /= 1024; unit += 1; }
  return `${value >= 100 ? value.toFixed(0) : value.toPrecision(3).replace(/\.?0+$/, "")} ${units[unit]}`;
}

const two = (number) => String(number).padStart(2, "0");

/** A time in UTC: hours and minutes, with its date on another day than *near*, the date alone if far. */
function clock(seconds, near) {
  if (seconds === null || seconds === undefined) return UNKNOWN;
  const at = new Date(seconds * 1000);
  if (Number.isNaN(at.getTime())) return UNKNOWN;
  const time = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
  const day = (moment) => Math.floor(moment / 86_400);
  if (near !== undefined && Math.abs(seconds - near) > 14 * 86_400) return at.toISOString().slice(0, 10);
  if (near !== undefined && day(near) === day(seconds)) return time;
  return `${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())} ${time}`;
}

function ago(seconds) {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  return `${Math.round(seconds / 3600)} h ago`;
}

/** A whole per cent, rounded down: 100 only when it is all. */
const percent = (done, total) => Math.floor((100 * done) / total);

/** How far a copy is. Without a total the bar is hatched, not empty. */
function copiedBar(done, total) {
  if (done === null || total === null) return el("span", { class: "bar hatched", "aria-hidden": "true" });
  const share = Math.min(100, (100 * done) / total);
  return svg(100, 8, ["rect", { class: "track", width: 100, height: 8 }],
    ["rect", { class: "fill", width: share, height: 8 }]);
}

/** Rates over time, one column a piece: a dot is a piece that nobody watched. */
function rateColumns(text) {
  const bars = [...text].map((digit, index) => digit === "."
    ? ["rect", { class: "unseen", x: index * 4, y: 15, width: 3, height: 1 }]
    : ["rect", { class: "fill", x: index * 4, width: 3, y: 16 - 1 - parseInt(digit, 36) * 15 / 35, height: 1 + parseInt(digit, 36) * 15 / 35 }]);
  return svg(text.length * 4, 16, ...bars);
}

/** An estimate as a range on the way from the reading to the end of the scale; with the deadline. */
function estimateRange(begin, end, row, deadline) {
  const place = (at) => Math.max(0, Math.min(100, (100 * (at - begin)) / (end - begin)));
  const from = row.earliest === null ? begin : row.earliest;
  const left = place(from);
  return svg(100, 12,
    ["rect", { class: "track", y: 5, width: 100, height: 2 }],
    ["rect", {
      class: `range ${row.confidence}${row.earliest === null ? " open" : ""}`,
      x: left, y: 2, width: Math.max(1.5, place(row.latest) - left), height: 8,
    }],
    deadline && ["rect", { class: "deadline", x: place(deadline) - 0.6, y: 0, width: 1.2, height: 12 }]);
}
