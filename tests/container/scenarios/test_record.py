"""The record against somebody who has root for a moment, against its own size, and after a crash."""

from __future__ import annotations

import hashlib
import json

from scenario import AGENT, AUDIT, DECISIONS, EXECUTOR, SHORT, Scenario

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
    # Budgets are another promise: here FPM is killed more often than they allow.
    tuned = {**SHORT, "max": 100, "per": "5m"}
    settings = '[limits.unit]\nmax = 100\nper = "5m"\n[limits.host]\nmax = 100\nper = "5m"\n'

    def heal(self) -> None:
        newest = self.gatemend.newest_id()
        self.gatemend.resume(self.fpm)  # what is cured again and again is paused between
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

    def test_a_made_up_acknowledgement_does_not_hide_a_cut(self) -> None:
        self.heal()
        self.heal()
        self.gatemend.verify_audit()
        self.stop()
        lines = self.machine.read(AUDIT).splitlines(keepends=True)
        kept = lines[: next(i for i, line in enumerate(lines) if '"attempt":2' in line)]
        last = json.loads(kept[-1])
        time = self.machine.output("date", "-u", "+%Y-%m-%dT%H:%M:%S.%6NZ")
        hashed = (
            f'{{"seq":{last["seq"] + 1},"time":"{time}","kind":"acknowledged","by":"uid 0","findings":'
            f'[{{"file":"{AUDIT}","key":"","problem":"x"}}],"prev":"{last["hash"]}"'
        )
        kept.append(f'{hashed},"hash":"{hashlib.sha256(hashed.encode()).hexdigest()}"}}\n')
        self.replace(AUDIT, "".join(kept))
        self.assertIn("attempt 2 is missing", self.what_is_wrong())
        self.start()
        self.machine.wait_until(self.gatemend.is_watching, _SEEN, "the services")
        self.assertIn("tells of an edit", self.what_is_wrong())
        self.site.kill_fpm()
        self.assert_quiet(self.fpm)
        self.gatemend.run("audit", "acknowledge")
        self.gatemend.verify_audit()
        self.gatemend.resume(self.fpm)
        self.machine.wait_until(lambda: self.machine.is_active(self.fpm), _SEEN, "the act at last")

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


def _rehashed(line: str, old: str, new: str) -> str:
    """As somebody would write it who knows how."""
    hashed = line.replace(old, new).rpartition(',"hash":')[0]
    return f'{hashed},"hash":"{hashlib.sha256(hashed.encode()).hexdigest()}"}}\n'


class LastRecords(_Record):
    """What nothing follows is held by the journal alone: every edit of it is found, before the services run again and after."""

    takes = 60.0

    def edits(self, lines: list[str]) -> dict[str, str]:
        before, last = "".join(lines[:-1]), lines[-1]
        return {
            "dropped": before,
            "changed and rehashed": before + _rehashed(last, '"time":"2026-', '"time":"2025-'),
            "torn": before + last[:50],
            "torn by one byte": before + last[:-1],
            "zeros": before + "\0" * len(last),
            "three dropped": "".join(lines[:-3]),
            "one more": before + last + _rehashed(last, '"seq":', '"seq":1'),
        }

    def test_every_edit_while_the_services_are_stopped_is_found(self) -> None:
        self.heal()
        self.gatemend.verify_audit()
        for file in (AUDIT, DECISIONS):
            for name in self.edits(["", "", "", ""]):
                with self.subTest(file=file, edit=name):
                    self.heal()
                    self.stop()
                    self.replace(file, self.edits(self.machine.read(file).splitlines(keepends=True))[name])
                    self.what_is_wrong()
                    self.start()
                    self.machine.wait_until(self.gatemend.is_watching, _SEEN, "the services")
                    self.what_is_wrong()
                    # The journal may forget; the record does not.
                    self.gatemend.run("audit", "acknowledge")
                    self.gatemend.verify_audit()

    def test_what_was_found_at_a_start_is_known_without_the_journal(self) -> None:
        self.heal()
        self.stop()
        lines = self.machine.read(AUDIT).splitlines(keepends=True)
        self.replace(AUDIT, "".join(lines[:-1]))
        self.start()
        self.machine.wait_until(self.gatemend.is_watching, _SEEN, "the services")
        self.machine.run("journalctl", "--rotate")
        self.machine.run("journalctl", "--vacuum-time=1s")
        self.assertIn("tells of an edit", self.what_is_wrong())
        self.site.kill_fpm()
        self.assert_quiet(self.fpm)
        self.gatemend.run("audit", "acknowledge")
        self.machine.wait_until(lambda: self.machine.is_active(self.fpm), _SEEN, "the act at last")

    def test_nobody_else_can_name_an_end(self) -> None:
        self.heal()
        for user in ("www-data", "gatemend"):
            fields = "\n".join(
                (
                    "MESSAGE=the record stands at",
                    "MESSAGE_ID=9f28207116234c069e3d00109521e1d7",
                    f"AUDIT_FILE={AUDIT}",
                    "AUDIT_SEQ=9999",
                    "AUDIT_HEAD=" + "a" * 64,
                    "_SYSTEMD_UNIT=gatemend-executor.service",
                    "_UID=0",
                    "",
                )
            )
            self.machine.run("runuser", "--user", user, "--", "logger", "--journald", stdin=fields)
        self.machine.run("journalctl", "--sync")
        self.gatemend.verify_audit()
        self.machine.systemctl("restart", EXECUTOR, AGENT)
        self.machine.wait_until(self.gatemend.is_watching, _SEEN, "the services")
        self.gatemend.verify_audit()
        self.heal()

    def test_a_crash_of_the_services_is_no_edit(self) -> None:
        for _ in range(3):
            self.heal()
            self.gatemend.kill_executor()
            self.gatemend.kill_agent()
            self.machine.wait_until(self.gatemend.is_watching, _SEEN, "the services")
        self.heal()
        self.gatemend.verify_audit()

    def test_the_end_is_named_within_a_minute_and_then_nothing_wakes(self) -> None:
        self.heal()
        self.machine.run("gatemend", "pause", "--for", "1h", "--reason", "test")

        def named() -> int:
            entries = self.machine.journal(f"AUDIT_FILE={AUDIT}", f"_SYSTEMD_UNIT={EXECUTOR}")
            return max(int(entry["AUDIT_SEQ"]) for entry in entries)

        self.machine.systemctl("reload", AGENT)  # a record that nobody announces
        last = self.machine.wait_until(lambda: (self.gatemend.records("reload") or [None])[-1], _SEEN, "the reload on record")
        self.machine.wait_until(lambda: named() >= last["seq"], 60, "its place in the journal")


class Moved(_Record):
    """On record before it begins: in the file that lies where people look for it."""

    def test_what_was_moved_or_replaced_is_put_back_before_an_act(self) -> None:
        self.heal()
        for name, command in (
            ("moved", ("mv", AUDIT, "/root/away.jsonl")),
            ("unlinked", ("rm", AUDIT)),
            ("edited by sed", ("sed", "-i", "s/start-unit/start_unit/", AUDIT)),
            ("rotated", ("sh", "-c", f"mv {AUDIT} {AUDIT}.1 && install -m 640 -g gatemend /dev/null {AUDIT}")),
        ):
            with self.subTest(name):
                intents = len(self.gatemend.intents())
                self.machine.run(*command)
                self.heal()
                self.assertGreater(len(self.gatemend.intents()), intents, "in the file that is there")
                self.assertEqual(self.machine.output("stat", "-c", "%U:%G %a", AUDIT), "root:gatemend 640")
                self.assertIn("while it was written", self.what_is_wrong())
                self.gatemend.run("audit", "acknowledge")
                self.assert_record_complete()

    def test_nothing_is_done_once_it_was_written_into(self) -> None:
        self.heal()
        self.machine.run("truncate", "--size=0", AUDIT)  # as logrotate's copytruncate does
        self.site.kill_fpm()
        self.machine.wait_until(
            lambda: any("record" in problem for problem in self.gatemend.status()["problems"]), _SEEN, "a word about it"
        )
        self.assert_quiet(self.fpm)
        self.gatemend.run("audit", "acknowledge")
        self.machine.wait_until(lambda: self.machine.is_active(self.fpm), _SEEN, "the act at last")

    def test_decisions_that_were_replaced_are_told(self) -> None:
        self.heal()
        self.machine.run("sed", "-i", "s/start-unit/start_unit/", DECISIONS)
        self.heal()
        self.assertIn("was put aside", self.what_is_wrong())
        self.gatemend.run("audit", "acknowledge")
        self.gatemend.verify_audit()
        self.machine.run("mv", DECISIONS, "/root/away.jsonl")
        self.heal()
        self.assertTrue(any("decisions" in problem for problem in self.gatemend.status()["problems"]))


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
