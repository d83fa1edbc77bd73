// Theme, pause, and shortcuts.

import { byId, say } from "./dom.js";

const SECTIONS = { 1: "network", 2: "faults", 3: "calls", 4: "flows" };
const THEMES = ["system", "light", "dark"];

function remembered(key, otherwise) {
  try {
    return localStorage.getItem(key) ?? otherwise;
  } catch {
    return otherwise; // the browser keeps nothing
  }
}

function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // The choice holds until the page is left.
  }
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  byId("theme").textContent = `Theme: ${theme}`;
  remember("theme", theme);
}

function nextTheme() {
  const now = THEMES.indexOf(document.documentElement.dataset.theme);
  setTheme(THEMES[(now + 1) % THEMES.length]);
  say(byId("theme").textContent);
}

function go(id) {
  byId(id).focus({ preventScroll: true });
  byId(id).scrollIntoView();
}

function focusFilter() {
  const section = document.activeElement?.closest("section[id]")?.id;
  (byId(`${section}-filter`) ?? byId("network-filter")).focus();
}

/** Set up the buttons of the page's head and the keyboard; onPause gets true or false. */
export function setUp(onPause) {
  const pause = () => {
    const isOn = byId("pause").getAttribute("aria-pressed") !== "true";
    byId("pause").setAttribute("aria-pressed", String(isOn));
    byId("pause").textContent = isOn ? "Continue" : "Pause";
    say(isOn ? "paused" : "live");
    onPause(isOn);
  };
  const help = byId("help");
  byId("pause").addEventListener("click", pause);
  byId("theme").addEventListener("click", nextTheme);
  byId("help-open").addEventListener("click", () => help.showModal());
  byId("keys-on").checked = remembered("keys", "on") === "on";
  byId("keys-on").addEventListener("change", (e) => remember("keys", e.target.checked ? "on" : "off"));
  setTheme(THEMES.find((t) => t === remembered("theme", "system")) ?? "system");
  const acts = { p: pause, t: nextTheme, "/": focusFilter, "?": () => help.showModal() };
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.matches("input:not([type=checkbox], [type=range]), select, textarea");
    if (event.key === "Escape" && event.target.matches("input[type=search]")) {
      event.target.value = "";
      event.target.dispatchEvent(new Event("input"));
    }
    if (isTyping || help.open || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!byId("keys-on").checked) return;
    const act = acts[event.key] ?? (SECTIONS[event.key] && (() => go(SECTIONS[event.key])));
    if (!act) return;
    event.preventDefault();
    act();
  });
}
