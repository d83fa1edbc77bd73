// The API calls, newest first.

import { atNextFrame, byId, clock, duration, h } from "./dom.js";

const KEPT = 200;
const WINDOW_SECONDS = 60;
const LOOKS = { ok: "good", throttled: "warn", refused: "warn", failed: "bad", lost: "bad" };

let lines = []; // newest first
let waiting = []; // those that came while the page is paused
let isPaused = false;
let drawn = 0;

const draw = atNextFrame(render);

/** Show these calls and no others. */
export function replace(list) {
  lines = list.toReversed();
  waiting = [];
  drawn = lines[0]?.number ?? 0;
  draw();
}

/** Add calls. */
export function add({ lines: fresh }) {
  waiting.push(...fresh);
  if (isPaused) {
    waiting = waiting.slice(-KEPT);
    return;
  }
  lines = [...waiting.toReversed(), ...lines].slice(0, KEPT);
  waiting = [];
  draw();
}

/** Stop, or go on. */
export function pause(isOn) {
  isPaused = isOn;
  if (!isOn) add({ lines: [] });
}

/** Return figures of the last minute: calls per second, median seconds, problems. */
export function figures(now) {
  const recent = [...waiting, ...lines].filter((l) => l.at > now - WINDOW_SECONDS);
  const sorted = recent.map((l) => l.seconds).sort((a, b) => a - b);
  const oldest = Math.min(now, ...recent.map((l) => l.at));
  return {
    rate: recent.length / Math.max(1, Math.min(WINDOW_SECONDS, now - oldest)),
    median: sorted.length ? sorted[Math.floor(sorted.length / 2)] : null,
    bad: recent.filter((l) => l.verdict !== "ok").length,
  };
}

function matches(line, needle) {
  if (byId("calls-bad").checked && line.verdict === "ok") return false;
  const text = [line.operation, line.caller, line.status, line.verdict, line.code, line.fault, line.requestId];
  return !needle || text.join(" ").toLowerCase().includes(needle);
}

function render() {
  const needle = byId("calls-filter").value.trim().toLowerCase();
  const shown = lines.filter((line) => matches(line, needle));
  byId("calls-rows").replaceChildren(...shown.map(row));
  byId("calls-empty").hidden = shown.length > 0;
  byId("calls-empty").textContent = lines.length ? "No call matches." : "No calls yet.";
  drawn = lines[0]?.number ?? drawn;
}

function row(line) {
  const what = [line.status || null, line.code || line.verdict].filter(Boolean).join(" ");
  return h("tr", { class: line.number > drawn ? "fresh" : null },
    h("td", { class: "time" }, clock(line.at)),
    h("td", { class: "operation" }, line.operation),
    h("td", { class: "caller" }, line.caller || "unknown"),
    h("td", { class: "verdict" },
      h("span", { class: `pill ${LOOKS[line.verdict]}` }, line.verdict === "ok" ? `${line.status} ok` : what),
      line.fault ? h("span", { class: "muted" }, ` fault: ${line.fault}`) : null,
      line.attempt > 1 ? h("span", { class: "muted" }, ` attempt ${line.attempt}`) : null),
    h("td", { class: "number" }, duration(line.seconds)),
    h("td", { class: "request", title: line.requestId }, line.requestId));
}

byId("calls-filter").addEventListener("input", draw);
byId("calls-bad").addEventListener("change", draw);
