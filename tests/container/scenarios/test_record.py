"""The record against somebody who has root for a moment, against its own size, and after a crash."""

from __future__ import annotations

import hashlib
import json

from scenario import AGENT, AUDIT, DECISIONS, EXECUTOR, Scenario

_ROTATES_AT = 4 * 1024 * 1024
_SEEN = 30.0


def _longer(text: str, kind: str, fields: dict[str, object], wanted: int) -> str:
    """The same chain with more records, as the services would write them."""
    last = json.loads(text.splitlines()[-1])
    seq, prev, time = last["seq"], last["hash"], last["time"]
    lines = []
    size = len(text)
    while size < wanted:
        seq += 1
        inside = {"seq": seq, "time": time, "kind": kind, **fields, "prev": prev}
        hashed = json.dumps(inside, separators=(",", ":"))[:-1]
        prev = hashlib.sha256(hashed.encode()).hexdigest()
        lines.append(f'{hashed},"hash":"{prev}"}}\n')
        size += len(lines[-1])
    return text + "".join(lines)


class _Record(Scenario):
    is_same_everywhere = True

    def heal(self) -> None:
        newest = self.gatemend.newest_id()
        self.site.kill_fpm()
        self.gatemend.wait_until_healed(self.fpm, newer_than=newest)

    def stop(self) -> None:
        self.machine.systemctl("stop", AGENT, EXECUTOR)

    def start(self) -> None:
        self.machine.systemctl("start", EXECUTOR, AGENT)

    def replace(self, file: str, text: str) -> None:
        """In place: the file stays whose it is."""
        self.machine.run("tee", file, stdin=text)

    def what_is_wrong(self) -> str:
        result = self.gatemend.run("audit", "--verify", check=False)
        self.assertEqual(result.returncode, 1, result.stdout)
        return result.stderr


class Tampering(_Record):
    def test_an_end_that_is_cut_off_contradicts_the_journal(self) -> None:
        self.heal()
        self.gatemend.verify_audit()
        self.stop()
        self.replace(AUDIT, "".join(self.machine.read(AUDIT).splitlines(keepends=True)[:-3]))
        first = len(self.machine.read(AUDIT).splitlines()) + 1
        self.assertIn(f"{AUDIT}:{first}: records {first} to", self.what_is_wrong())
        self.start()
        self.machine.wait_until(lambda: self.gatemend.run("status", check=False).returncode == 0, _SEEN)
        self.assertIn("journal", self.what_is_wrong(), "the records written since do not hide it")
        self.gatemend.run("audit", "acknowledge")
        self.gatemend.verify_audit()

    def test_a_changed_record_holds_all_acts_until_root_has_looked(self) -> None:
        self.heal()
        self.stop()
        text = self.machine.read(AUDIT)
        self.replace(AUDIT, text.replace('"act":"start-unit"', '"act":"start_unit"', 1))
        self.assertIn(f"{AUDIT}:", self.what_is_wrong())
        self.start()
        self.site.kill_fpm()
        self.machine.wait_until(self.gatemend.loud_messages, _SEEN, "a word about it")
        self.assert_quiet(self.fpm)
        self.gatemend.run("audit", "acknowledge")
        self.machine.wait_until(lambda: self.machine.is_active(self.fpm), _SEEN, "the act at last")
        self.gatemend.verify_audit()
        self.assertEqual(len(self.gatemend.records("acknowledged")), 1)
        self.assertIn("acknowledged: ", self.gatemend.run("audit", "--verify").stdout)

    def test_a_torn_line_is_no_tampering(self) -> None:
        self.heal()
        self.stop()
        text = self.machine.read(AUDIT)
        seq = json.loads(text.splitlines()[-1])["seq"] + 1
        self.replace(AUDIT, text + f'{{"seq":{seq},"time":"2026-')
        self.assertIn("cut off by a crash", self.gatemend.run("audit", "--verify").stdout)
        self.start()
        self.machine.wait_until(lambda: self.gatemend.records("torn"), _SEEN, "the torn line on record")
        self.gatemend.verify_audit()
        self.heal()

    def test_only_root_may_acknowledge(self) -> None:
        path = "/org/gatemend/Executor1"
        call = ("busctl", "call", "org.gatemend.Executor1", path, "org.gatemend.Executor1")
        for user in ("gatemend", "www-data"):
            asked = self.machine.run(
                *("runuser", "--user", user, "--", *call, "Acknowledge", "ta(sss)", "0", "1", "f", "", "p"),
                check=False,
            )
            self.assertIn("ccess denied", asked.stderr)
        self.assertEqual(self.gatemend.records("acknowledged"), [])


class Rotation(_Record):
    def test_both_records_go_on_in_new_files(self) -> None:
        self.heal()
        self.stop()
        for file, kind, fields in (
            (AUDIT, "reload", {"problem": "x" * 50000}),
            (DECISIONS, "suspicion", {"incident": 0, "unit": self.fpm, "text": "x" * 50000}),
        ):
            self.replace(file, _longer(self.machine.read(file), kind, fields, _ROTATES_AT))
        self.gatemend.verify_audit()
        newest = max(record["attempt"] for record in self.gatemend.intents())
        self.start()
        self.heal()
        for file, owner in ((AUDIT, "root"), (DECISIONS, "gatemend")):
            part = f"{file.removesuffix('.jsonl')}.old/{file.rpartition('/')[2]}.1"
            self.assertEqual(self.machine.output("stat", "-c", "%U:%G %a", part), f"{owner}:gatemend 640")
            self.assertLess(len(self.machine.read(file)), _ROTATES_AT)
            self.assertEqual(self.gatemend.records(file=file)[0]["kind"], "continued")
        self.gatemend.verify_audit()
        self.assertEqual(max(record["attempt"] for record in self.gatemend.intents()), newest + 1)
        self.assertIn('"problem":"xxx', self.gatemend.run("audit", "--json").stdout, "older parts are read, too")
