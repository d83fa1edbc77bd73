// The flows that the VCNs' routers see, each with the rules that decided.

import { atNextFrame, byId, bytes, count, h } from "./dom.js";

const KEPT = 400;
const SHOWN = 150;
const WINDOW_SECONDS = 60;

let flows = new Map(); // key → flow; the newest ones are last
let pausedWith = null; // the looks that came while the page is paused
let looks = []; // [time, accepted, dropped] of the last minute

const draw = atNextFrame(render);

/** Show these looks and no others; say so if the cloud has no packets. */
export function replace(list, hasFlows) {
  flows = new Map();
  looks = [];
  pausedWith = pausedWith && [];
  byId("flows-empty").textContent = hasFlows
    ? "No flows yet."
    : "This cloud has no packets: it was started without --fabric.";
  for (const look of list) take(look);
  draw();
}

/** Add the flows of one look. */
export function add(look) {
  if (pausedWith) {
    pausedWith = [...pausedWith, look].slice(-60);
    return;
  }
  take(look);
  draw();
}

/** Stop, or go on. */
export function pause(isOn) {
  const waiting = pausedWith ?? [];
  pausedWith = isOn ? waiting : null;
  if (!isOn) for (const look of waiting) add(look);
}

/** Return the flows of the last minute: accepted and dropped. */
export function figures(now) {
  looks = looks.filter(([at]) => at > now - WINDOW_SECONDS);
  const sum = (column) => looks.reduce((n, look) => n + look[column], 0);
  return { accepted: sum(1), dropped: sum(2) };
}

function take({ at, lines }) {
  let accepted = 0;
  let dropped = 0;
  for (const line of lines) {
    const ends = [line.source, line.sourcePort, line.destination, line.destinationPort];
    const key = [line.vcn, line.protocol, line.isAccepted, line.isReply, ...ends].join(" ");
    const known = flows.get(key);
    if (!known && !line.isReply) line.isAccepted ? accepted++ : dropped++;
    flows.delete(key);
    flows.set(key, { ...line, packets: line.packets + (known?.packets ?? 0), bytes: line.bytes + (known?.bytes ?? 0) });
  }
  for (const key of flows.keys()) {
    if (flows.size <= KEPT) break;
    flows.delete(key);
  }
  looks.push([at, accepted, dropped]);
}

function matches(flow, needle, verdict, replies) {
  if (flow.isReply && !replies) return false;
  if (verdict && (verdict === "accept") !== flow.isAccepted) return false;
  if (!needle) return true;
  const told = flow.decisions.flatMap((d) => [d.stage, d.text]);
  const ends = [flow.source, flow.sourceName, flow.sourcePort, flow.destination, flow.destinationName, flow.destinationPort];
  return [flow.vcn, flow.protocol, ...ends, ...told].join(" ").toLowerCase().includes(needle);
}

function render() {
  const needle = byId("flows-filter").value.trim().toLowerCase();
  const verdict = byId("flows-verdict").value;
  const replies = byId("flows-replies").checked;
  const found = [...flows.values()].reverse().filter((f) => matches(f, needle, verdict, replies));
  byId("flows-rows").replaceChildren(...found.slice(0, SHOWN).map(row));
  byId("flows-empty").hidden = found.length > 0;
  if (flows.size) byId("flows-empty").textContent = "No flow matches.";
}

function end(label, name, address, port) {
  const place = port ? `${address.includes(":") ? `[${address}]` : address}:${port}` : address;
  return h("td", { class: "end", "data-label": label }, name || "unknown", h("small", {}, place));
}

function row(flow) {
  const [look, word] = flow.isAccepted ? ["good", "accept"] : ["bad", "drop"];
  return h("tr", {},
    h("td", { class: "verdict" },
      h("span", { class: `pill ${look}` }, word),
      h("span", { class: "amount", title: bytes(flow.bytes) },
        `${flow.protocol}${flow.isReply ? " reply" : ""}, ${count(flow.packets)} ${flow.packets === 1 ? "packet" : "packets"}`)),
    end("from", flow.sourceName, flow.source, flow.sourcePort),
    end("to", flow.destinationName, flow.destination, flow.destinationPort),
    h("td", { class: "whys" }, h("ul", { class: "why" }, flow.decisions.map((d) =>
      h("li", {}, h("span", { class: "stage" }, d.stage), " ", h("span", { class: d.allows ? null : "denies" }, d.text))))));
}

for (const id of ["flows-filter", "flows-verdict", "flows-replies"]) {
  byId(id).addEventListener("input", draw);
}
