"""A real Prometheus in a node's namespace, as a process of a test."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import trio

from fakeoci.fabric import netns
from integration.build.prometheus import Programs

PORT = 19090
START_SECONDS = ANSWER_SECONDS = 60.0
LOOK_SECONDS = 0.1


class Prometheus:
    """Answers queries."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the result of an instant query: labels (``metric``) and values.

        Raises:
            RuntimeError: it is no expression.
        """
        found: list[dict[str, Any]]
        found = (await self._get("query", {"query": expression}))["result"]
        return found

    async def rules(self) -> list[dict[str, Any]]:
        """Return all rules, as they were evaluated last."""
        groups = (await self._get("rules", {}))["groups"]
        return [rule for group in groups for rule in group["rules"]]

    async def until_data(self, expression: str) -> None:
        """Return when a query returns something."""
        with trio.fail_after(ANSWER_SECONDS):
            await _until(partial(self.query, expression))

    async def ready(self) -> bool:
        """Return True if it answers."""
        try:
            return bool(await self._get("status/buildinfo", {}))
        except (httpx2.HTTPError, json.JSONDecodeError):
            return False

    async def _get(self, path: str, query: Mapping[str, str]) -> Any:
        url = f"http://127.0.0.1:{PORT}/api/v1/{path}"

        def get() -> Any:
            reply = netns.inside(
                self._namespace,
                lambda: httpx2.get(
                    url, params=query, trust_env=False, timeout=ANSWER_SECONDS
                ),
            )
            return reply.json()

        body = await trio.to_thread.run_sync(get)
        if body["status"] != "success":
            raise RuntimeError(f"{query}: {body['error']}")
        return body["data"]


def configuration(
    targets: Mapping[tuple[str, str], str], rules: Path, interval: str
) -> str:
    """Return Prometheus' configuration, as JSON, which is YAML.

    Args:
        targets: addresses, by job and instance.
        rules: a file of rules.
        interval: between two scrapes of a target.
    """
    jobs = {job: list[Any]() for job, _ in targets}
    for (job, instance), address in targets.items():
        jobs[job].append({"targets": [address], "labels": {"instance": instance}})
    return json.dumps(
        {
            "global": {"scrape_interval": interval, "evaluation_interval": interval},
            "rule_files": [str(rules)],
            "scrape_configs": [
                {"job_name": job, "static_configs": found}
                for job, found in jobs.items()
            ],
        }
    )


@asynccontextmanager
async def running(
    programs: Programs,
    directory: Path,
    namespace: str,
    targets: Mapping[tuple[str, str], str],
    rules: Path,
    interval: str = "1s",
) -> AsyncIterator[Prometheus]:
    """Run Prometheus for a while.

    Args:
        programs: it, and promtool.
        directory: takes its data, configuration and log.
        namespace: it runs there.
        targets: addresses to scrape, by job and instance.
        rules: a file of rules.
        interval: between two scrapes of a target.
    """
    config = directory / "prometheus.yml"
    config.write_text(configuration(targets, rules, interval))
    command = [
        *("/usr/bin/nsenter", f"--net={netns.DIRECTORY / namespace}"),
        *(str(programs.prometheus), f"--config.file={config}"),
        *(f"--storage.tsdb.path={directory / 'data'}", "--log.level=warn"),
        f"--web.listen-address=127.0.0.1:{PORT}",
    ]
    made = Prometheus(namespace)
    with (directory / "prometheus.log").open("wb") as log:
        process = await trio.lowlevel.open_process(command, stdout=log, stderr=log)
    try:
        with trio.fail_after(START_SECONDS):
            await _until(made.ready)
        yield made
    finally:
        process.terminate()
        with trio.CancelScope(shield=True):
            await process.wait()


async def _until(ask: Callable[[], Awaitable[object]]) -> None:
    while not await ask():  # noqa: ASYNC110 - another process says it
        await trio.sleep(LOOK_SECONDS)
