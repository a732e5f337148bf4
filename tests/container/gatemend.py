"""The program under test as a user sees it: its package, its command line and its record.

The only place that knows names of JSON keys, so that a change of them is a change here.
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
from typing import Any, Callable

from machine import Machine

AGENT = "gatemend.service"
EXECUTOR = "gatemend-executor.service"
AUDIT = "/var/log/gatemend/audit.jsonl"
DECISIONS = "/var/log/gatemend/decisions.jsonl"
SHIPPED_POLICIES = "/usr/share/gatemend/policies"
OWN_POLICIES = "/etc/gatemend/policies.d"
SETTINGS = "/etc/gatemend/gatemend.toml"

SNAPSHOTS = "/var/lib/gatemend/snapshots"
MENDER = "/usr/lib/gatemend/gatemend-mend"
DIGEST = r"^[0-9a-f]{64}$"

Record = dict[str, Any]


class Gatemend:
    def __init__(self, machine: Machine):
        self.machine = machine

    # -- package ----------------------------------------------------------------------------------------------------

    def install(self, package: pathlib.Path) -> None:
        self.machine.copy_in(package, "/root/gatemend.deb")
        self.machine.run("dpkg", "--install", "/root/gatemend.deb")

    def enable(self) -> None:
        self.machine.systemctl("enable", "--now", AGENT)
        self.machine.wait_until(self.is_watching, 30, "the agent to know its services")

    def is_watching(self) -> bool:
        result = self.run("status", "--json", check=False)
        return result.returncode == 0 and len(json.loads(result.stdout).get("services", [])) >= 2

    # -- policy -----------------------------------------------------------------------------------------------------

    def tune(self, **values: str | int) -> None:
        """Give every shipped rule other numbers (max, per, cooldown, backoff, soak) through files in policies.d."""
        for name in self.machine.output("ls", SHIPPED_POLICIES).split():
            text = self.machine.read(f"{SHIPPED_POLICIES}/{name}")
            for key, value in values.items():
                shown = json.dumps(value)
                text = re.sub(rf'\b({key}\s*=\s*)("[^"]*"|\d+)', rf"\g<1>{shown}", text)
            if "soak" in values:  # rules that leave it at its default
                verify = f'verify = {{ probe = "backend", within = "10s", soak = "{values["soak"]}" }}'
                text = re.sub(r"(?m)^(limit .*\n)(?=on_failure)", rf"\g<1>{verify}\n", text)
            self.machine.write(f"{OWN_POLICIES}/{name}", text)

    def tune_settings(self, text: str) -> None:
        self.machine.append(SETTINGS, text)

    # -- command line -----------------------------------------------------------------------------------------------

    def run(self, *arguments: str, check: bool = True, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return self.machine.run("gatemend", *arguments, check=check, stdin=stdin)

    def status(self) -> Record:
        return json.loads(self.run("status", "--json").stdout)

    def counter(self, name: str) -> int:
        return int(self.status()["counters"][name])

    def dry_run(self) -> Record:
        return json.loads(self.run("--dry-run", "--json").stdout)

    def incidents(self, unit: str | None = None) -> list[Record]:
        """Newest first."""
        result = self.run("incidents", "--json", check=False)
        if result.returncode != 0:  # the agent is just being restarted
            return []
        found = json.loads(result.stdout)["incidents"]
        return [incident for incident in found if unit is None or incident["unit"] == unit]

    def wait_for_incident(
        self, unit: str, matches: Callable[[Record], bool], deadline: float, what: str, newer_than: int = 0
    ) -> Record:
        def found() -> Record | None:
            candidates = [i for i in self.incidents(unit) if i["id"] > newer_than]
            return next((incident for incident in candidates if matches(incident)), None)

        return self.machine.wait_until(found, deadline, f"an incident of {unit} that is {what}")

    def wait_until_healed(self, unit: str, deadline: float = 30.0, newer_than: int = 0) -> Record:
        return self.wait_for_incident(unit, is_healed, deadline, "healed", newer_than)

    def newest_id(self) -> int:
        return max((incident["id"] for incident in self.incidents()), default=0)

    # -- operator ---------------------------------------------------------------------------------------------------

    def approve(self, incident: Record, act: str, check: bool = True) -> None:
        """Say yes to what the incident proposes of this act."""
        self.run("approve", str(incident["id"]), str(proposal_of(incident, act)["number"]), check=check)

    def roll_back(self, intent: Record) -> None:
        """Undo the act of this intent."""
        self.run("rollback", "--attempt", str(intent["attempt"]))

    def apply(self, digest: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("apply", digest, check=check)

    def pause(self) -> None:
        self.run("pause", "--for", "1h", "--reason", "test")

    def resume(self, unit: str = "") -> None:
        self.run("resume", *([unit] if unit else []))

    def call_executor(self, method: str, signature: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """As the agent asks, and root may."""
        name = "org.gatemend.Executor1"
        call = ("busctl", "--json=short", "call", name, "/org/gatemend/Executor1", name, method, signature, *arguments)
        return self.machine.run(*call, check=False)

    def verify_audit(self) -> None:
        self.run("audit", "--verify")

    # -- record, read as files: what is on disk is what counts -----------------------------------------------------

    def records(self, kind: str | None = None, unit: str | None = None, file: str = AUDIT) -> list[Record]:
        lines = self.machine.read(file).splitlines() if self.machine.exists(file) else []
        records = [json.loads(line) for line in lines]
        return [
            record
            for record in records
            if (kind is None or record["kind"] == kind) and (unit is None or record.get("unit") == unit)
        ]

    def intents(self, unit: str | None = None) -> list[Record]:
        return self.records("intent", unit)

    # -- processes --------------------------------------------------------------------------------------------------

    def kill_agent(self) -> None:
        self.machine.kill(self.machine.main_pid(AGENT))

    def kill_executor(self) -> None:
        self.machine.kill(self.machine.main_pid(EXECUTOR))

    def loud_messages(self) -> list[str]:
        """What the two services said in the journal at priority err or above."""
        entries = self.machine.journal("--priority=err", "-u", AGENT, "-u", EXECUTOR)
        return [str(entry["MESSAGE"]) for entry in entries]


def is_open(incident: Record) -> bool:
    return incident["phase"] != "closed"


def is_about(incident: Record, about: str) -> bool:
    return about in record_text(incident)


def is_healed(incident: Record) -> bool:
    return incident["phase"] == "closed" and incident["outcome"] == "healed"


def is_closed(incident: Record) -> bool:
    return incident["phase"] == "closed"


def held_because(reason: str) -> Callable[[Record], bool]:
    return lambda incident: is_open(incident) and any(hold["kind"] == reason for hold in incident["decision"]["holds"])


def digest_of(record: Record) -> str:
    """Of a plan, a proposal or an intent."""
    return str(record["digest"])


def parameters_of(intent: Record) -> dict[str, str]:
    return dict(intent["parameters"])


def changes_of(intent: Record) -> list[dict[str, str]]:
    """Files with the SHA-256 of what they were and of what they become; "" where there is no file."""
    return list(intent["changes"])


def undo_by(intent: Record) -> str:
    """When it is undone unless it is confirmed; RFC 3339."""
    return str(intent["undo_by"])


def find_proposal(incident: Record, act: str) -> Record | None:
    """The plan that waits for a yes: digest, preview, and which of the incident's it is."""
    proposals = [proposal for proposal in incident["proposals"] if proposal["act"] == act and proposal["digest"]]
    return proposals[0] if proposals and is_open(incident) else None


def proposal_of(incident: Record, act: str) -> Record:
    proposal = find_proposal(incident, act)
    assert proposal is not None, f"{act} is not proposed"
    return proposal


def preview_of(proposal: Record) -> str:
    return str(proposal["preview"])


def outcome_of(gatemend: Gatemend, intent: Record) -> Record:
    return next(record for record in gatemend.records("outcome") if record["attempt"] == intent["attempt"])


def undo_state(gatemend: Gatemend, intent: Record) -> str:
    """What became of what the act left behind: "undone", "undo-failed", or "" where nobody has undone it."""
    ended = [record for record in gatemend.records("undone") if record["attempt"] == intent["attempt"]]
    return "" if not ended else "undone" if ended[-1]["outcome"] == "succeeded" else "undo-failed"


def supporting_witnesses(incident: Record) -> set[str]:
    return {piece["witness"] for piece in incident["evidence"] if piece["supports"]}


def advice_of(incident: Record) -> str:
    """What a person is told to do."""
    return str(incident.get("advice") or "").strip()


def record_text(record: Record) -> str:
    return json.dumps(record, ensure_ascii=False)
