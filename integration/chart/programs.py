"""helm, and kubectl with its kustomize."""

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from rich.console import Console

from integration.build.cache import Cache
from integration.build.command import BuildError
from integration.build.components import HELM, KUBECTL, build

CHART = Path(__file__).parents[2] / "deploy"
RELEASE, NAMESPACE = "vcnd", "kube-system"
Key = tuple[str, str, str]
Objects = dict[Key, dict[str, Any]]
"""By kind, namespace and name."""


class RefusedError(Exception):
    """A program failed; the text is what it printed about that."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the two are."""

    helm: Path
    kubectl: Path
    home: Path
    """Takes helm's own files."""

    def run_helm(self, *arguments: str, given: str = "", kubeconfig: str = "") -> str:
        """Run helm; return what it prints.

        Args:
            arguments: its arguments.
            given: its standard input.
            kubeconfig: the cluster's; empty: none is asked.

        Raises:
            RefusedError: it failed.
        """
        environment = {**os.environ, **own_files(self.home), "KUBECONFIG": kubeconfig}
        return _run([str(self.helm), *arguments], given, environment)

    def run_kubectl(self, *arguments: str, given: str = "") -> str:
        """Run kubectl; return what it prints.

        Raises:
            RefusedError: it failed.
        """
        return _run([str(self.kubectl), *arguments], given)

    def render(self, *options: str, values: str, chart: Path = CHART) -> Objects:
        """Return the chart's objects.

        Args:
            options: further ones of ``helm template``.
            values: the values, as YAML or JSON.
            chart: a folder or an archive.

        Raises:
            RefusedError: the values are refused.
        """
        template = ("template", RELEASE, str(chart), "-n", NAMESPACE, "-f", "-")
        text = self.run_helm(*template, *options, given=values)
        return objects(yaml.safe_load_all(text))

    def kustomize(self, folder: Path) -> Objects:
        """Return the objects of a kustomization."""
        return objects(yaml.safe_load_all(self.run_kubectl("kustomize", str(folder))))


def programs(cache: Cache, home: Path) -> Programs:
    """Return the programs, building them if need be (``BuildError``)."""
    return Programs(build(cache, HELM), build(cache, KUBECTL), home)


def own_files(home: Path) -> dict[str, str]:
    """Return the environment with which helm keeps its own files in a folder."""
    return {f"HELM_{name}_HOME": str(home) for name in ("CACHE", "CONFIG", "DATA")}


def build_programs() -> str:
    """Build the programs unless they are there; return what was done, in words."""
    try:
        programs(Cache(Console(stderr=True)), Path())
    except BuildError as error:
        return f"helm and kubectl: the chart's tests are skipped ({error})"
    return "helm and kubectl are there"


def objects(documents: Iterable[dict[str, Any] | None]) -> Objects:
    """Return objects by what identifies them.

    Raises:
        ValueError: two have the same identity.
    """
    found: Objects = {}
    for body in documents:
        if body is None:
            continue
        meta = body["metadata"]
        key = (body["kind"], meta.get("namespace", ""), meta["name"])
        if key in found:
            raise ValueError(f"{key} is there twice")
        found[key] = body
    return found


def _run(
    command: list[str], given: str, environment: dict[str, str] | None = None
) -> str:
    done = subprocess.run(
        command,
        input=given,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RefusedError(done.stderr or done.stdout)
    return done.stdout
