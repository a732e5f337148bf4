"""Base of the scenarios that ask for the true cause: a healthy site, a fault, its symptom, the diagnosis, the way back.

With `run.py --faults-only` the machine has no gatemend and the same story is told without its diagnosis: the fault is
real, shows the symptom that the scenario names, and goes away when it is undone.
"""

from __future__ import annotations

import re
from typing import Sequence

from gatemend import Record, advice_of, is_about, supporting_witnesses
from machine import MachineError
from scenario import Scenario
from website import NGINX_LOG, Answer, Visitors

DIAGNOSIS_DEADLINE = 20.0
# The causes for which shipped rules may act; for all others an act would be wrong.
ACTED_ON = frozenset(
    ("unit-failed", "nginx-down", "socket-stale", "socket-deleted", "socket-ownership", "backend-hung", "oom-killed")
    + ("app-down", "name-unresolved", "disk-full")
)


class Diagnosed(Scenario):
    can_be_bare = True
    settings = '[probe]\nsuspicion_cooldown = "1s"\n'  # how soon it looks again; ten seconds as shipped
    visitors: Visitors

    # -- the story --------------------------------------------------------------------------------------------------

    def visit_steadily(self, path: str = "/index.php", interval: float = 0.1) -> None:
        """From now on; the site is healthy now."""
        self.visitors = self.site.visitors(path, interval)
        self.visitors.wait_for_good(2)

    def assert_turned_away(self, status: int, pattern: str = "", log: str = NGINX_LOG) -> None:
        """Visitors get `status` (0: no answer), and the log says why in words that match `pattern`."""
        self.machine.wait_until(lambda: self._was_answered(status), 15, f"{status}; the last: {self.visitors.answers[-3:]}")
        if pattern:
            self.assert_logged(pattern, log)

    def _was_answered(self, status: int) -> Answer | None:
        return next((answer for answer in reversed(self.visitors.answers) if answer.status == status), None)

    def assert_logged(self, pattern: str, log: str = NGINX_LOG, deadline: float = 30) -> None:
        def is_logged() -> bool:
            return self.machine.exists(log) and re.search(pattern, self.machine.read(log)) is not None

        self.machine.wait_until(is_logged, deadline, f"/{pattern}/ in {log}")

    def assert_in_journal(self, pattern: str, unit: str) -> None:
        def is_logged() -> bool:
            text = self.machine.output("journalctl", "--output=cat", "--no-pager", "--quiet", "--unit", unit)
            return re.search(pattern, text) is not None

        self.machine.wait_until(is_logged, 15, f"/{pattern}/ in the journal of {unit}")

    def assert_diagnosed(self, cause: str, about: str, evidence: Sequence[str] = (), told: Sequence[str] = ()) -> None:
        """An incident about a unit or an address has this cause, for reasons that no visitor can write into a log.

        `cause`: "this|that" where both are true.

        `evidence`: kinds of witnesses that must speak for it; `told`: words that an operator has to find in it.
        """
        if not self.needs_package:
            return
        incident = self._wait_for_cause(cause.split("|"), about)
        cause = incident["cause"]
        witnesses = supporting_witnesses(incident)
        self.assertTrue(witnesses - {"log"}, f"nothing but logs speaks for {cause}: {incident['evidence']}")
        self.assertLessEqual(set(evidence), witnesses)
        self.assertTrue(advice_of(incident), f"no advice for {cause}")
        why = self.gatemend.run("why", str(incident["id"])).stdout
        for word in told:
            self.assertIn(word, why)
        if cause not in ACTED_ON:
            self.assertEqual(self.gatemend.intents(), [], f"{cause} is no reason to act")

    def _wait_for_cause(self, causes: Sequence[str], about: str) -> Record:
        def found() -> Record | None:
            incidents = self.gatemend.incidents()
            return next((i for i in incidents if i["cause"] in causes and is_about(i, about)), None)

        try:
            return self.machine.wait_until(found, DIAGNOSIS_DEADLINE, " or ".join(causes))
        except MachineError:
            instead = [(i["cause"], i["unit"], i["diagnosis"]) for i in self.gatemend.incidents()]
            raise AssertionError(f"not diagnosed: {' or '.join(causes)} of {about}; instead: {instead or 'no incident'}") from None

    def assert_recovers(self) -> None:
        """The fault is gone: visitors are served. An incident that rests on log records stays open for a minute more."""
        self.visitors.wait_for_good(3)

    def assert_closes(self) -> None:
        """Visitors are served, and gatemend has seen it: where units and sockets say so."""
        self.assert_recovers()
        if self.needs_package:
            self.machine.wait_until(self.are_closed, 30, "all incidents to close")
