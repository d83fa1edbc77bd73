"""The fault switches in a browser, and attacks on them from another site."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from integration.browser import chromium
from integration.browser.chromium import expect
from integration.browser.conftest import Site

ATTACK = """
async url => {
  const body = JSON.stringify({operation: "*", kind: "cut"});
  const seen = [];
  const headers = {"x-fakeoci-console": "1"};
  for (const path of ["faults/on", "faults/clear", "events"]) {
    for (const how of [{headers}, {mode: "no-cors"}, {mode: "no-cors", headers}]) {
      try {
        const answer = await fetch(url + path, {method: "POST", body, ...how});
        if (answer.type !== "opaque") seen.push("answer of " + path);
      } catch {}
    }
  }
  for (const path of ["", "feed", "main.js"]) {
    try { seen.push(await (await fetch(url + path)).text()); } catch {}
  }
  await new Promise(done => {
    const feed = new EventSource(url + "feed");
    feed.addEventListener("picture", () => { seen.push("feed"); done(); });
    feed.onerror = done;
    setTimeout(done, 1500);
  });
  const frame = document.createElement("iframe");
  frame.name = "target";
  document.body.append(frame);
  const form = document.createElement("form");
  Object.assign(form, {method: "POST", action: url + "faults/on", target: "target",
    enctype: "text/plain"});
  const field = document.createElement("input");
  field.name = body.slice(0, -1) + ', "how": "'; field.value = '"}';
  form.append(field);
  document.body.append(form);
  form.submit();
  // A frame that is refused may tell nothing.
  await new Promise(done => { frame.onload = done; setTimeout(done, 1500); });
  return seen;
}
"""


ADMIN_ATTACK = """
async url => {
  const body = JSON.stringify({operation: "*", kind: "cut"});
  try { await fetch(url + "faults", {method: "POST", mode: "no-cors", body}); } catch {}
  try { return await (await fetch(url + "world")).text(); } catch { return ""; }
}
"""


def _switch(page: Any, name: str) -> Any:
    return page.get_by_role("switch", name=name)


def test_outage_of_the_api_is_one_click(page: Any, site: Site) -> None:
    assert site.call() == 200
    _switch(page, "API outage").click()
    expect(_switch(page, "API outage")).to_be_checked()
    expect(page.locator("#say")).to_have_text("API outage on")
    assert [site.call() for _ in range(3)] == [0, 0, 0]
    expect(page.locator("#calls-rows tr").first).to_contain_text("fault: cut")
    expect(page.locator("#active")).to_contain_text("break the connection")
    _switch(page, "API outage").click()
    expect(_switch(page, "API outage")).not_to_be_checked()
    assert site.call() == 200


def test_share_of_the_calls_changes_while_a_fault_is_on(page: Any, site: Site) -> None:
    _switch(page, "Throttling").press("Space")
    expect(_switch(page, "Throttling")).to_be_checked()
    rate = page.get_by_label("Throttling: share of the calls in percent")
    rate.press("Home")
    expect(page.locator("#active")).to_contain_text("1 % of calls")
    assert [(f.status, f.rate) for f in site.service.faults] == [(429, 0.01)]


def test_form_makes_any_fault_and_clear_removes_all(page: Any, site: Site) -> None:
    form = page.locator("#fault-form")
    form.get_by_label("Operation").select_option("GetVnic")
    form.get_by_label("Kind").select_option("slow")
    form.get_by_label("Seconds").fill("0.5")
    form.get_by_role("button", name="Switch on").click()
    active = page.locator("#active li")
    expect(active).to_contain_text("answer late by 0.5 s")
    _switch(page, "Metadata outage").click()
    expect(active).to_have_count(2)
    active.filter(has_text="GetVnic").get_by_role("button").click()
    expect(active).to_have_count(1)
    page.get_by_role("button", name="Clear all").click()
    expect(active).to_have_text("No fault is on.")
    assert site.service.faults == []


def test_refused_switch_says_why(browser: Any, site: Site) -> None:
    operation = "document.querySelector('#fault-form select').options[0]"
    with chromium.opened(browser, site.url) as page:
        page.evaluate(f"() => {{ {operation}.value = 'No' }}")
        page.locator("#fault-form").get_by_role("button", name="Switch on").click()
        expect(page.get_by_role("alert")).to_contain_text("there is no operation 'No'")
    assert site.service.faults == []


def test_attachments_freeze_and_go_on(page: Any, site: Site) -> None:
    page.get_by_role("button", name="Freeze attachments").click()
    frozen = page.get_by_role("button", name="Attachments are frozen")
    expect(frozen).to_have_attribute("aria-pressed", "true")
    assert site.service.world.frozen
    frozen.click()
    expect(page.get_by_role("button", name="Freeze attachments")).to_have_count(1)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        pass


@contextmanager
def _another_site(folder: Path) -> Iterator[str]:
    (folder / "index.html").write_text("<!doctype html><title>evil</title>")
    handler = partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def test_page_of_another_site_cannot_switch_or_read(
    browser: Any, site: Site, tmp_path: Path
) -> None:
    with _another_site(tmp_path) as evil:
        context = browser.new_context()
        page = context.new_page()
        page.goto(evil)
        for name in ("127.0.0.1", "localhost"):
            assert page.evaluate(ATTACK, f"http://{name}:{site.port}/") == []
        assert page.evaluate(ADMIN_ATTACK, f"{site.api}/fake/v1/") == ""
        context.close()
    assert site.service.faults == []
    assert not site.service.world.frozen
    with chromium.opened(browser, site.url) as own:
        expect(own.locator("#active")).to_contain_text("No fault is on.")
