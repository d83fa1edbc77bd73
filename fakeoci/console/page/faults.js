// The fault switches, a form for any other fault, and events.

import { atNextFrame, byId, h, say } from "./dom.js";
import { change } from "./feed.js";
import { ofKind } from "./network.js";

const COMMON = [
  ["API outage", "connections break, nothing is done", { operation: "Core", kind: "cut" }, 100],
  ["Metadata outage", "no answer from instance metadata", { operation: "IMDS", kind: "cut" }, 100],
  ["Throttling", "429 TooManyRequests", { operation: "Core", kind: "before", status: 429 }, 50],
  ["Server errors", "500 InternalServerError", { operation: "Core", kind: "before", status: 500 }, 25],
  ["Lost answers", "done, but the answer is lost", { operation: "Core", kind: "after" }, 25],
  ["Slow API", "answers take 2 s longer", { operation: "Core", kind: "slow", seconds: 2 }, 100],
  ["No tokens", "federation answers 503", { operation: "Federate", kind: "before", status: 503 }, 100],
  ["Garbled answers", "an HTML page in place of JSON", { operation: "Core", kind: "garbled", how: "page" }, 25],
];
const DEFAULTS = { status: 500, seconds: 0, how: "" };
const NAMES = { "*": "everything", Core: "all API calls", IMDS: "instance metadata", Federate: "tokens for instances" };
const KINDS = {
  before: "refuse", after: "do it, lose the answer", cut: "break the connection", reset: "reset the connection",
  slow: "answer late", hang: "never answer", garbled: "garble the answer",
};

let state = { active: [], isFrozen: false };
let choices = null;

const draw = atNextFrame(render);

/** Take the choices of the form, and the faults that are on. */
export function begin(given, now) {
  if (!choices) {
    choices = given;
    drawSwitches();
    drawForm();
    drawEvents();
  }
  show(now);
}

/** Show the faults that are on. */
export function show(now) {
  state = now;
  draw();
}

/** Return how many faults are on. */
export const number = () => state.active.length + Number(state.isFrozen);

const same = (fault, other) =>
  fault.times === null && ["operation", "kind", "status", "seconds", "how"].every(
    (field) => fault[field] === (other[field] ?? DEFAULTS[field]));

const fields = ({ operation, kind, status, seconds, how, rate }) =>
  ({ operation, kind, status, seconds, how, rate });

async function ask(path, value, told, place = byId("switches")) {
  place.parentElement.querySelector(".error")?.remove();
  try {
    await change(path, value);
    say(told);
  } catch (error) {
    place.after(h("p", { class: "error", role: "alert" }, `Not done: ${error.message}`));
  }
}

function drawSwitches() {
  byId("switches").replaceChildren(...COMMON.map(([title, text, fault, percent], at) => {
    const rate = h("input", { type: "range", min: 1, max: 100, value: percent, "aria-label": `${title}: share of the calls in percent` });
    const shown = h("output", {}, `${percent} %`);
    const button = h("button", { type: "button", class: "switch", role: "switch", "aria-checked": "false", "aria-labelledby": `fault-${at}` });
    const asked = () => ({ ...fault, rate: Number(rate.value) / 100 });
    const isOn = () => button.getAttribute("aria-checked") === "true";
    button.addEventListener("click", () =>
      ask(isOn() ? "faults/off" : "faults/on", asked(), `${title} ${isOn() ? "off" : "on"}`));
    rate.addEventListener("input", () => { shown.textContent = `${rate.value} %`; });
    rate.addEventListener("change", () => isOn() && ask("faults/on", asked(), `${title} at ${rate.value} percent`));
    return h("li", {}, h("div", {}, h("b", { id: `fault-${at}` }, title), h("small", {}, text)), button,
      h("div", { class: "rate" }, h("span", {}, "of calls"), rate, shown));
  }));
}

function options(list) {
  return list.map(([value, text]) => h("option", { value }, text));
}

function drawForm() {
  const named = choices.operations.map((o) => [o, NAMES[o] ?? o]);
  const field = (label, control) => h("label", {}, label, control);
  const operation = h("select", { name: "operation" }, options(named));
  const kind = h("select", { name: "kind" }, options(choices.kinds.map((k) => [k, `${k}: ${KINDS[k] ?? k}`])));
  const status = field("Status", h("select", { name: "status" }, options(choices.statuses.map(([s, c]) => [s, `${s} ${c}`]))));
  const seconds = field("Seconds", h("input", { name: "seconds", type: "number", min: 0, max: choices.mostSeconds, step: 0.1, value: 1 }));
  const how = field("How", h("select", { name: "how" }, options(choices.how.map((w) => [w, w]))));
  const rate = field("Percent of calls", h("input", { name: "rate", type: "number", min: 1, max: 100, value: 100 }));
  const form = byId("fault-form");
  const only = () => {
    status.hidden = kind.value !== "before";
    seconds.hidden = kind.value !== "slow";
    how.hidden = kind.value !== "garbled";
  };
  form.append(field("Operation", operation), field("Kind", kind), status, seconds, how, rate,
    h("button", { class: "main" }, "Switch on"));
  kind.addEventListener("change", only);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(form));
    const fault = { operation: given.operation, kind: given.kind, rate: Number(given.rate) / 100 };
    if (fault.kind === "before") fault.status = Number(given.status);
    if (fault.kind === "slow") fault.seconds = Number(given.seconds);
    if (fault.kind === "garbled") fault.how = given.how;
    ask("faults/on", fault, `${fault.kind} of ${fault.operation} on`, form);
  });
  only();
}

function drawEvents() {
  const place = byId("events");
  const event = (what, told, more = {}) => ask("events", { what, ...more }, told, place);
  const freeze = h("button", { type: "button", id: "freeze", "aria-pressed": "false" }, "Freeze attachments");
  freeze.addEventListener("click", () =>
    event(state.isFrozen ? "thaw" : "freeze", state.isFrozen ? "attachments go on" : "attachments are frozen"));
  const subnet = h("select", { id: "subnet", "aria-label": "Subnet" });
  const act = (what, text, told) =>
    h("button", { type: "button", onclick: () => event(what, told, { subnet: subnet.value }) }, text);
  place.append(freeze,
    h("button", { type: "button", onclick: () => event("expire-tokens", "tokens have expired") }, "Expire tokens"),
    subnet, act("fill", "Fill subnet", "the subnet is full"), act("relieve", "Relieve subnet", "the subnet is relieved"));
}

function render() {
  if (!choices) return;
  [...byId("switches").children].forEach((item, at) => {
    const isOn = state.active.some((fault) => same(fault, COMMON[at][2]));
    item.classList.toggle("on", isOn);
    item.querySelector(".switch").setAttribute("aria-checked", String(isOn));
  });
  byId("active").replaceChildren(...state.active.map(activeRow));
  if (!state.active.length) byId("active").append(h("li", { class: "muted" }, "No fault is on."));
  byId("faults-clear").disabled = !state.active.length;
  byId("freeze").setAttribute("aria-pressed", String(state.isFrozen));
  byId("freeze").textContent = state.isFrozen ? "Attachments are frozen" : "Freeze attachments";
  drawSubnets();
}

function drawSubnets() {
  const select = byId("subnet");
  const there = ofKind("subnet").map((s) => [s.id, s.name]);
  if (there.map(([id]) => id).join() === [...select.options].map((o) => o.value).join()) return;
  select.replaceChildren(...options(there));
}

function activeRow(fault) {
  const detail = { before: `with ${fault.status}`, slow: `by ${fault.seconds} s`, garbled: fault.how }[fault.kind] ?? "";
  const text = `${KINDS[fault.kind] ?? fault.kind} ${detail}`.trim();
  const of = NAMES[fault.operation] ?? fault.operation;
  const share = fault.times === null ? `${Math.round(fault.rate * 100)} % of calls` : `the next ${fault.times}`;
  return h("li", {}, h("span", { class: "pill bad" }, of), text, h("span", { class: "muted" }, share),
    fault.times === null
      ? h("button", { type: "button", class: "quiet", "aria-label": `Switch off: ${text}, ${of}`,
          onclick: () => ask("faults/off", fields(fault), "fault off", byId("active")) }, "Switch off")
      : null);
}

byId("faults-clear").addEventListener("click", () => ask("faults/clear", {}, "no fault is on"));
