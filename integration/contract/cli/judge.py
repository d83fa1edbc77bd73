"""Carry out calls by Oracle's CLI: one JSON document a line in, one out.

Commands are the CLI's own, with the arguments that somebody would type; they run in
this process, since the CLI takes two seconds to start.  The arguments of this program
are the folders in which the CLI and its SDK are.
"""

import inspect
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path[:0] = sys.argv[1:]

import click  # noqa: E402 - the CLI's own, from those folders
from click.testing import CliRunner  # noqa: E402
from oci_cli import dynamic_loader  # noqa: E402
from oci_cli.cli_root import cli  # noqa: E402

SERVICES = ("network", "compute", "work-requests", "iam", "bv")
OK = 200
OPTIONS = {"--network-security-group-id": "--nsg-id"}
"""Options that the CLI names otherwise than the API."""
NESTED = ("createVnicDetails", "sourceDetails")
"""Parts of a body whose fields are options of their own."""
BROKEN = ("ChangeInstanceCompartment",)
"""Operations whose command ends in a KeyError after its call, whatever was answered: it
asks for a client (``core``, ``work_request``) that this version of the CLI has not.
"""


def snake(name: str) -> str:
    """Return an operation's name as the CLI's functions have it."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def option_of(name: str) -> str:
    """Return the option for a field of the API."""
    option = "--" + re.sub(r"(?=[A-Z])", "-", name).lower()
    return OPTIONS.get(option, option)


def camel(value: Any) -> Any:
    """Return the CLI's output with the API's names."""
    if isinstance(value, list):
        return [camel(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        re.sub(r"-(.)", lambda found: found[1].upper(), name): camel(one)
        for name, one in value.items()
    }


class Commands:
    """The commands of the CLI, by the operation that they call."""

    def __init__(self) -> None:
        self._found: list[tuple[list[str], click.Command, Any]] = []
        for service in SERVICES:
            dynamic_loader.load_service(service)
            self._walk(cli.commands[service], [service])

    def _walk(self, command: click.Command, path: list[str]) -> None:
        if isinstance(command, click.Group):
            for name, one in command.commands.items():
                self._walk(one, [*path, name])
        elif command.callback:
            code = inspect.unwrap(command.callback).__code__
            self._found.append((path, command, code))

    def of(self, operation: str) -> tuple[list[str], click.Command] | None:
        """Return the words of an operation's command, and the command.

        That is the one whose function has the operation's name, begins with it, or
        calls it.
        """
        name = snake(operation)
        for fits in (
            lambda code: code.co_name == name,
            lambda code: code.co_name.startswith(name),
            lambda code: name in code.co_names,
        ):
            for path, command, code in self._found:
                if fits(code):
                    return path, command
        return None


def text(value: Any) -> str:
    """Return a value as it is typed: JSON, unless it is a word."""
    return value if isinstance(value, str) else json.dumps(value)


class Judge:
    """The CLI with its configuration."""

    def __init__(self, settings: dict[str, str], directory: Path) -> None:
        self._commands, self._runner = Commands(), CliRunner()
        self._common = ["--endpoint", settings["endpoint"]]
        if settings["principal"] == "instance":
            os.environ["OCI_CLI_FEDERATION_ENDPOINT"] = (
                f"{settings['endpoint']}/v1/x509"
            )
            self._common += ["--auth", "instance_principal"]
        else:
            self._common += ["--config-file", str(_configuration(settings, directory))]

    def carry_out(self, call: dict[str, Any]) -> dict[str, Any]:
        """Run the command of an operation; return what it printed."""
        found = self._commands.of(call["operation"])
        if found is None or call["operation"] in BROKEN:
            return {"lacking": True}
        words, command = found
        fields = {**call["with"], **(call["body"] or {})}
        for nested in NESTED:
            fields |= fields.pop(nested, {})
        fields.pop("sourceType", None)  # the option for the image says it
        if call["operation"] == "DetachVnic":
            fields = self._of_attachment(fields["vnicAttachmentId"])
        options = {name: one for one in command.params for name in one.opts}
        arguments = [*self._common, *words]
        if not call["retry"]:
            arguments.insert(0, "--no-retry")
        for name, value in fields.items():
            if value is not None:
                arguments += _typed(option_of(name), value, options)
        if call["until"]:
            arguments += ["--wait-for-state", call["until"]]
            arguments += ["--wait-interval-seconds", "1"]
        if "--force" in options:
            arguments.append("--force")
        if call["operation"] == "AttachVnic":
            # It prints nothing, or waits and prints the VNIC.
            return self._attachment_of(self._run([*arguments, "--wait"]))
        return self._run(arguments)

    def _call(self, operation: str, **where: str) -> dict[str, Any]:
        rest = {"body": None, "retry": False, "until": ""}
        return self.carry_out({"operation": operation, "with": where, **rest})

    def _attachment_of(self, vnic: dict[str, Any]) -> dict[str, Any]:
        if vnic.get("status") != OK:
            return vnic
        data = vnic["data"]
        where = {"compartmentId": data["compartmentId"], "vnicId": data["id"]}
        listed = self._call("ListVnicAttachments", **where)
        return {**listed, "data": listed["data"][0]}

    def _of_attachment(self, ocid: str) -> dict[str, Any]:
        data = self._call("GetVnicAttachment", vnicAttachmentId=ocid)["data"]
        return {"compartmentId": data["compartmentId"], "vnicId": data["vnicId"]}

    def _run(self, arguments: list[str]) -> dict[str, Any]:
        """Run the CLI; return what it printed."""
        done = self._runner.invoke(cli, arguments, prog_name="oci")
        if done.exit_code:
            found = re.search(r"ServiceError:\n(\{.*\})", done.output, re.DOTALL)
            if found is None:
                return {"broken": f"oci {arguments}: {done.output} {done.exception!r}"}
            refused = json.loads(found[1])
            return {name: refused.get(name) for name in ("status", "code", "message")}
        printed = json.loads(done.stdout or "{}")
        data = printed.pop("data", None)
        headers = {name: str(value) for name, value in printed.items()}
        return {"status": OK, "headers": headers, "data": camel(data)}


def _configuration(settings: dict[str, str], directory: Path) -> Path:
    """Write the CLI's configuration; return its file."""
    key, config = directory / "key.pem", directory / "config"
    key.write_text(settings["key"] + "\nOCI_API_KEY\n")  # else the CLI warns
    names = ("user", "fingerprint", "tenancy", "region")
    lines = [f"{name}={settings[name]}" for name in names]
    config.write_text("\n".join(["[DEFAULT]", *lines, f"key_file={key}"]))
    for file in (key, config):
        file.chmod(0o600)
    return config


def _typed(option: str, value: Any, options: dict[str, click.Parameter]) -> list[str]:
    """Return an option and its value as arguments.

    Raises:
        ValueError: the command has no such option.
    """
    if option not in options and isinstance(value, list):
        option = "--items"  # what bulk commands call theirs
    if option not in options:
        raise ValueError(f"no option {option}: {', '.join(sorted(options))}")
    chosen = options[option]
    if isinstance(chosen, click.Option) and chosen.is_flag:
        return [option] if value else []
    if chosen.multiple:
        return [word for one in value for word in (option, text(one))]
    return [option, text(value)]


def main() -> None:
    """Answer line by line."""
    answers, judge = sys.stdout, None
    with tempfile.TemporaryDirectory() as directory:
        for line in sys.stdin:
            document, answer = json.loads(line), {}
            try:
                if judge is None:
                    judge = Judge(document, Path(directory))
                else:
                    answer = judge.carry_out(document)
            except Exception as error:  # noqa: BLE001 - told to the test
                answer = {"broken": repr(error)}
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


main()
