// The network map: VCNs, subnets, nodes, VNICs, addresses.

import { addresses, inOrder, title } from "./address.js";
import { atNextFrame, byId, count, h } from "./dom.js";
import { spark } from "./spark.js";

const NODES_SHOWN = 30;
const SAMPLES = 240;
const MOVES = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

const entries = new Map();
const pressure = new Map();
let occupants = {};
let chosen = "";
const rows = new Map(); // VNIC → what its row was made of, and the row

const draw = atNextFrame(render);

/** Show a whole map. */
export function replace(list, names, samples) {
  entries.clear();
  pressure.clear();
  rows.clear();
  for (const entry of list) entries.set(entry.id, entry);
  for (const [id, those] of Object.entries(samples)) pressure.set(id, those);
  occupants = names;
  draw();
}

/** Show a change of the map. */
export function change({ put, gone }) {
  for (const id of gone) entries.delete(id);
  for (const entry of put) entries.set(entry.id, entry);
  draw();
}

/** Show who uses which address. */
export function name(names) {
  occupants = names;
  draw();
}

/** Add a sample of each subnet. */
export function sample(fresh) {
  for (const id of [...pressure.keys()]) if (!(id in fresh)) pressure.delete(id);
  for (const [id, one] of Object.entries(fresh)) {
    pressure.set(id, [...(pressure.get(id) ?? []), one].slice(-SAMPLES));
  }
  draw();
}

/** Return the entries of a kind, by name. */
export function ofKind(kind) {
  const found = [...entries.values()].filter((e) => e.kind === kind);
  return found.sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
}

/** Return how full the fullest subnet is, as a share. */
export function fullest() {
  const shares = [...pressure.values()].map((s) => s.at(-1)[1] / s.at(-1)[2]);
  return Math.max(0, ...shares);
}

/** Return the number of names that pods gave to addresses. */
export const pods = () => new Set(Object.values(occupants)).size;

function grouped() {
  const vnics = new Map();
  const held = new Map();
  for (const entry of entries.values()) {
    if (entry.kind === "vnic") push(vnics, entry.subnet, entry);
    if (entry.kind === "address") push(held, entry.vnic || `free ${entry.subnet}`, entry);
  }
  for (const list of held.values()) list.sort(inOrder);
  return { vnics, held };
}

function push(map, key, value) {
  if (!map.has(key)) map.set(key, []);
  map.get(key).push(value);
}

function render() {
  const { vnics, held } = grouped();
  const needle = byId("network-filter").value.trim().toLowerCase();
  const had = document.activeElement?.dataset?.cell;
  const vcns = ofKind("vcn").sort((a, b) => weight(b, vnics) - weight(a, vnics));
  const shown = vcns.map((vcn) => drawVcn(vcn, vnics, held, needle));
  byId("map").replaceChildren(...(shown.length ? shown : [h("p", { class: "empty" }, "There is no VCN.")]));
  for (const id of [...rows.keys()]) if (!entries.has(id)) rows.delete(id);
  if (had) document.querySelector(`[data-cell="${CSS.escape(had)}"]`)?.focus({ preventScroll: true });
}

const weight = (vcn, vnics) =>
  ofKind("subnet").filter((s) => s.vcn === vcn.id).reduce((n, s) => n + (vnics.get(s.id)?.length ?? 0), 0);

function drawVcn(vcn, vnics, held, needle) {
  const parts = ofKind("part").filter((p) => p.vcn === vcn.id);
  return h("article", { class: "vcn", "aria-label": `VCN ${vcn.name}` },
    h("div", { class: "vcn-head" },
      h("h3", {}, `VCN ${vcn.name}`), h("span", { class: "mono muted" }, vcn.cidrs.join(", "))),
    h("ul", { class: "parts", "aria-label": `Gateways and NSGs of ${vcn.name}` },
      parts.map((p) => h("li", {}, p.what === "nsg" ? "NSG " : `${p.what} gateway `, h("b", {}, p.name), p.detail ? ` ${p.detail}` : ""))),
    h("div", { class: "subnets" },
      ofKind("subnet").filter((s) => s.vcn === vcn.id).map((s) => drawSubnet(s, vnics.get(s.id) ?? [], held, needle))));
}

function drawSubnet(subnet, vnics, held, needle) {
  const byNode = new Map();
  for (const vnic of vnics) {
    if (!needle || text(vnic, held).includes(needle)) push(byNode, vnic.node, vnic);
  }
  const nodes = ofKind("node").filter((n) => byNode.has(n.id));
  const rest = nodes.length - NODES_SHOWN;
  return h("section", { class: "subnet", "aria-label": `Subnet ${subnet.name}` },
    drawHead(subnet),
    nodes.slice(0, NODES_SHOWN).map((node) => drawNode(node, byNode.get(node.id), held)),
    drawUnassigned(held.get(`free ${subnet.id}`) ?? []),
    rest > 0 ? h("p", { class: "more" }, `${count(rest)} more nodes: use the filter`) : null);
}

function text(vnic, held) {
  const node = entries.get(vnic.node)?.name ?? "";
  const mine = (held.get(vnic.id) ?? []).flatMap((a) => addresses(a).flatMap((ip) => [ip, occupants[ip] ?? ""]));
  return [node, vnic.name, vnic.state, ...vnic.nsgs, ...mine].join(" ").toLowerCase();
}

function drawHead(subnet) {
  const head = h("div", { class: "subnet-head" },
    h("h4", {}, `Subnet ${subnet.name}`, h("span", {}, subnet.cidrs.join(", "))));
  const samples = pressure.get(subnet.id);
  if (samples) {
    const [, taken, size] = samples.at(-1);
    const share = ((taken / size) * 100).toFixed(taken / size < 0.1 ? 1 : 0);
    head.append(spark(subnet.name, samples),
      h("div", { class: "fill" },
        h("meter", { min: 0, max: size, low: size * 0.8, high: size * 0.95, optimum: 0, value: taken,
          "aria-label": `Addresses taken in ${subnet.name}` }),
        h("span", {}, `${count(taken)} of ${count(size)} taken, ${share} %`)));
  }
  return head;
}

function drawNode(node, vnics, held) {
  vnics.sort((a, b) => b.isPrimary - a.isPrimary || a.id.localeCompare(b.id));
  return h("div", { class: "node", role: "group", "aria-label": `Node ${node.name}` },
    h("h5", {}, node.name,
      node.state === "RUNNING" ? null : h("span", { class: "pill warn" }, node.state),
      h("small", {}, node.shape)),
    h("div", { class: "vnics" }, vnics.map((vnic) => cachedRow(vnic, held.get(vnic.id) ?? [], node))));
}

function cachedRow(vnic, mine, node) {
  const names = mine.flatMap((a) => addresses(a).map((ip) => occupants[ip] ?? ""));
  const made = JSON.stringify([vnic, mine, names]);
  const known = rows.get(vnic.id);
  if (known?.made === made) return known.row;
  const row = drawVnic(vnic, mine, node);
  rows.set(vnic.id, { made, row });
  return row;
}

function drawVnic(vnic, mine, node) {
  const own = mine.find((a) => a.isPrimary)?.address ?? "";
  const label = `VNIC ${vnic.name || "without a name"} of ${node.name}`;
  const cells = mine.flatMap((entry) => drawAddress(entry));
  const buttons = cells.flatMap((c) => (c.matches("button") ? [c] : [...c.querySelectorAll("button")]));
  buttons.forEach((button, at) => button.setAttribute("tabindex", at === 0 ? 0 : -1));
  const settled = vnic.state === "ATTACHED" || vnic.state === "AVAILABLE";
  return h("div", { class: "vnic" },
    h("div", { class: "vnic-head" },
      h("b", {}, vnic.isPrimary ? "primary VNIC" : vnic.name || "VNIC"),
      h("span", { class: "mono" }, own),
      settled ? null : h("span", { class: "pill warn" }, vnic.state),
      vnic.checksSource ? null : h("span", { class: "pill" }, "no source check"),
      vnic.nsgs.length ? h("span", {}, `NSG ${vnic.nsgs.join(", ")}`) : null,
      h("span", {}, held(mine))),
    h("div", { class: "cells", role: "group", "aria-label": `Addresses of ${label}`, onkeydown: move }, cells));
}

function held(mine) {
  const further = mine.filter((a) => !a.isPrimary);
  const all = further.reduce((n, a) => n + addresses(a).length, 0);
  const used = further.flatMap(addresses).filter((ip) => occupants[ip]).length;
  if (!all) return "";
  return used ? `${used} of ${all} used` : `${all} in the pool`;
}

function drawAddress(entry) {
  const each = addresses(entry);
  if (each.length === 1) return [drawCell(entry, each[0], each[0] === title(entry) ? "" : title(entry))];
  return [h("span", { class: "block" }, each.map((ip) => drawCell(entry, ip, "")))];
}

function drawCell(entry, ip, shown) {
  const user = occupants[ip];
  const kinds = ["cell", user && "pod", entry.isPrimary && "primary", entry.lifetime === "RESERVED" && "reserved", shown && "wide"];
  const what = user ? `used by ${user}` : entry.isPrimary ? "primary" : "in the pool";
  const key = `${entry.id} ${ip}`;
  return h("button", { type: "button", class: kinds.filter(Boolean).join(" "), "data-cell": key,
    "aria-label": `${ip}, ${what}`, "aria-current": key === chosen ? "true" : null,
    title: `${ip}  ${what}`, onclick: () => choose(key, entry, ip), onfocus: () => tell(entry, ip) }, shown);
}

function drawUnassigned(mine) {
  if (!mine.length) return null;
  return h("div", { class: "node", role: "group", "aria-label": "Addresses without a VNIC" },
    h("h5", {}, "no VNIC", h("small", {}, "reserved")),
    h("div", { class: "cells", onkeydown: move }, mine.flatMap((entry) => drawAddress(entry))));
}

function choose(key, entry, ip) {
  chosen = chosen === key ? "" : key;
  for (const cell of document.querySelectorAll(".cell[aria-current]")) cell.removeAttribute("aria-current");
  if (chosen) document.querySelector(`[data-cell="${CSS.escape(key)}"]`)?.setAttribute("aria-current", "true");
  tell(entry, ip);
}

function tell(entry, ip) {
  const vnic = entries.get(entry.vnic);
  const node = vnic && entries.get(vnic.node);
  const tags = Object.entries({ ...vnic?.tags, ...entry.tags }).map(([k, v]) => `${k}=${v}`);
  const facts = [
    occupants[ip] ? `used by ${occupants[ip]}` : entry.isPrimary ? "primary address" : "in the pool",
    ip === title(entry) ? null : `of block ${title(entry)}`,
    node ? `on ${node.name}` : "on no VNIC",
    vnic?.name ? `VNIC ${vnic.name}` : null,
    entry.name ? `named ${entry.name}` : null,
    entry.lifetime === "RESERVED" ? "reserved" : null,
    tags.length ? `tags ${tags.join(", ")}` : null,
  ];
  byId("detail").replaceChildren(h("b", { class: "mono" }, ip), ` ${facts.filter(Boolean).join(" · ")}`);
}

/** Move the focus among a VNIC's addresses. */
function move(event) {
  const buttons = [...event.currentTarget.querySelectorAll("button")];
  const at = buttons.indexOf(document.activeElement);
  let to = at + (MOVES[event.key] ?? 0);
  if (event.key === "Home") to = 0;
  if (event.key === "End") to = buttons.length - 1;
  if (at < 0 || to === at || !(to in buttons)) return;
  event.preventDefault();
  for (const button of buttons) button.tabIndex = -1;
  buttons[to].tabIndex = 0;
  buttons[to].focus();
}

byId("network-filter").addEventListener("input", draw);
