// The page: gives each event of the feed to the part that shows it.

import * as calls from "./calls.js";
import { atNextFrame, byId, count, duration, h, say } from "./dom.js";
import * as faults from "./faults.js";
import { follow } from "./feed.js";
import * as flows from "./flows.js";
import { setUp } from "./keys.js";
import * as network from "./network.js";

const NEARLY_FULL = 0.9;
const FIGURES_MS = 2000;

let hasFlows = false;
let ahead = 0; // the cloud's clock, in seconds, ahead of the browser's
let wasFull = false;

const handlers = {
  picture(all) {
    hasFlows = all.hasFlows;
    ahead = all.at - Date.now() / 1000;
    byId("region").textContent = all.region;
    network.replace(all.map, all.occupants, all.pressure);
    calls.replace(all.calls);
    flows.replace(all.flows, all.hasFlows);
    faults.begin(all.choices, all.faults);
  },
  map: network.change,
  occupants: network.name,
  calls: calls.add,
  flows: flows.add,
  pressure: network.sample,
  faults: faults.show,
};

const drawFigures = atNextFrame(() => {
  const now = Date.now() / 1000 + ahead;
  const api = calls.figures(now);
  const seen = flows.figures(now);
  const full = network.fullest();
  const rows = [
    ["Nodes", count(network.ofKind("node").length)],
    ["VNICs", count(network.ofKind("vnic").length)],
    ["Pods named", count(network.pods())],
    ["Fullest subnet", `${(full * 100).toFixed(full < 0.1 ? 1 : 0)} %`, "", full >= NEARLY_FULL],
    ["API calls", api.rate.toFixed(1), "per second"],
    ["Median latency", api.median === null ? "none" : duration(api.median)],
    ["API problems", count(api.bad), "last minute", api.bad > 0],
    hasFlows
      ? ["New flows", count(seen.accepted), `and ${count(seen.dropped)} dropped`]
      : ["Faults on", count(faults.number()), "", faults.number() > 0],
  ];
  byId("figures").replaceChildren(...rows.map(([title, value, unit, isAlarm]) =>
    h("div", { class: isAlarm ? "alarm" : null }, h("dt", {}, title), h("dd", {}, value, unit ? h("small", {}, ` ${unit}`) : ""))));
  if (full >= NEARLY_FULL && !wasFull) say("a subnet is nearly full");
  wasFull = full >= NEARLY_FULL;
});

setUp((isOn) => {
  calls.pause(isOn);
  flows.pause(isOn);
});
follow(
  (kind, value) => {
    handlers[kind](value);
    drawFigures();
  },
  (state, text) => {
    byId("link").dataset.state = state;
    if (byId("link").textContent !== text) byId("link").textContent = text;
  },
);
setInterval(drawFigures, FIGURES_MS);
