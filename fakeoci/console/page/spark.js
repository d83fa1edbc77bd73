// The share of a subnet's addresses that is taken, over time.

import { clock, count, svg } from "./dom.js";

const WIDTH = 132;
const HEIGHT = 34;

/** Return a line of samples [time, taken, size]; the scale fits the samples. */
export function spark(name, samples) {
  const first = samples[0];
  const last = samples[samples.length - 1];
  const most = Math.max(...samples.map((s) => s[1]), 1);
  const least = Math.min(...samples.map((s) => s[1]));
  const low = Math.max(0, least - (most - least || most) * 0.25);
  const span = Math.max(last[0] - first[0], 1);
  const points = samples.map((s) => [
    ((s[0] - first[0]) / span) * WIDTH,
    HEIGHT - 2 - ((s[1] - low) / (most - low || 1)) * (HEIGHT - 6),
  ]);
  if (points.length === 1) points.push([WIDTH, points[0][1]]);
  const line = points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");
  const label =
    `Addresses taken in ${name}: ${count(first[1])} at ${clock(first[0])}, ` +
    `${count(last[1])} at ${clock(last[0])}`;
  return svg(
    "svg",
    { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label,
      preserveAspectRatio: "none" },
    svg("title", {}, label),
    svg("path", { class: "area", d: `M${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z` }),
    svg("path", { d: `M${line}` }),
  );
}
