// The feed: server-sent events.  The browser itself comes back with the last id.

const RETRY_MS = 3000;
export const KINDS = ["picture", "map", "occupants", "calls", "flows", "pressure", "faults"];

/** Follow the feed for ever. */
export function follow(onEvent, onState) {
  let source;
  const open = () => {
    source = new EventSource("feed");
    source.addEventListener("open", () => onState("live", "live"));
    source.addEventListener("error", () => {
      onState("lost", "no connection, trying again");
      if (source.readyState === EventSource.CLOSED) setTimeout(open, RETRY_MS);
    });
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => onEvent(kind, JSON.parse(event.data)));
    }
  };
  open();
}

/** Ask for a change; raise an Error with the cloud's reason if it refuses. */
export async function change(path, value = {}) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "x-fakeoci-console": "1", "content-type": "application/json" },
    body: JSON.stringify(value),
  });
  if (!response.ok) throw new Error((await response.text()).trim());
}
