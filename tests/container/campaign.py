"""An attacker who runs as www-data and an administrator who does ordinary things, both at random, on one machine. What
must be true after every step is decided by facts: owners of inodes, systemd's own counts, bytes of files, answers that
visitors got. The same seed gives the same steps in the same order.

What is not asked here is whether gatemend heals quickly (`soak.py`); crashes that it may heal are counted, so that a
gatemend that does nothing does not look good.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import hashlib
import pathlib
import random
import shlex
import time
from typing import Callable

from gatemend import AGENT, EXECUTOR, Gatemend, changes_of
from machine import Machine, MachineError
from website import Visitors, Website, forged_line, percent

ATTACKER = "www-data"
OWNER = "padmin"  # of a pool that www-data has no business with
PRIVATE_SOCKET = "/run/php/admin.sock"
PRIVATE_POOL = "admin.conf"
# Where files of several users lie, and where the attacker can write.
LOOKED_AT = ("/run/php", "/var/www", "/srv", "/home", "/etc/nginx", "/etc/php", "/var/log/nginx", "/tmp", "/dev/shm")
HEALED_WITHIN = 45.0
CALM_WITHIN = 120.0
BREAK_OF_POOL = "pm.max_childern = 5\n"
BREAK_OF_NGINX = "this_is_no_directive on;\n"

_LISTENER = r"""
use Socket;
my ($path, $name) = @ARGV;
$0 = $name;
socket(my $listener, PF_UNIX, SOCK_STREAM, 0) or exit 1;
bind($listener, pack_sockaddr_un($path)) or exit 1;
listen($listener, 5);
chmod 0666, $path;
alarm 40;
while (accept(my $peer, $listener)) { close $peer; }
"""
_DPKG = r"""
use Fcntl;
open(my $file, '>>', '/var/lib/dpkg/lock-frontend') or die;
my $lock = pack('s s x4 q q i x4', F_WRLCK, 0, 0, 0, 0);
fcntl($file, F_SETLK, $lock) or exit 0;
sleep shift @ARGV;
"""
SPAWN_PAGE = """<?php
// What a site's script may do: a program of its own in the control group of PHP-FPM, under any name.
file_put_contents('/tmp/listener.pl', $_SERVER['HTTP_X_PROGRAM'] ? base64_decode($_SERVER['HTTP_X_PROGRAM']) : '');
$path = escapeshellarg($_SERVER['HTTP_X_PATH']);
$name = escapeshellarg('php-fpm: master process (/etc/php/fpm/php-fpm.conf)');
shell_exec("setsid perl /tmp/listener.pl $path $name >/dev/null 2>&1 &");
echo 'ok';
"""
SLOW_PAGE = "<?php sleep(min(20, (int) ($_GET['s'] ?? 5))); echo 'slow';\n"
BUSY_PAGE = "<?php usleep(700000); echo 'busy';\n"


@dataclasses.dataclass(frozen=True)
class Step:
    name: str
    do: Callable[[], object]
    weight: int = 1


@dataclasses.dataclass
class Crash:
    unit: str
    starts: int  # of the unit, when it was killed
    deadline: float
    is_excused: bool = False  # somebody has stopped it, or broken its configuration, before it was over


class Campaign:
    def __init__(self, machine: Machine, site: Website, seed: int):
        self.machine, self.site, self.gatemend = machine, site, Gatemend(machine)
        # Which steps there are does not depend on what a step finds on the machine.
        self.order = random.Random(seed)
        self.chance = random.Random(seed)  # of one step; see run()
        self.seed = seed
        self.log: list[str] = []
        self.problems: list[str] = []
        self.healed = self.crashed = self.unreachable = 0
        self._began = time.monotonic()
        self._stopped: dict[str, int] = {}  # unit -> its starts when the administrator stopped it
        self._crashes: list[Crash] = []
        self._broken: set[str] = set()
        self._written: dict[str, set[str]] = {}  # path -> digests of all that the administrator wrote
        self._owners: dict[str, tuple[str, str]] = {}  # inode -> owner, where it was
        self._slow: Visitors | None = None
        self._busy: list[Visitors] = []
        self.private_pool = f"{site.suite.fpm_pool_dir}/{PRIVATE_POOL}"
        self.nginx_file = "/etc/nginx/conf.d/admin.conf"

    # -- before -----------------------------------------------------------------------------------------------------

    @staticmethod
    def furnish(site: Website, root: pathlib.Path) -> None:
        for name, text in (("spawn.php", SPAWN_PAGE), ("slow.php", SLOW_PAGE), ("busy.php", BUSY_PAGE)):
            site.add_page(root, name, text)
        (root / "etc/nginx/conf.d/admin.conf").write_text("# the administrator's\n")

    def prepare(self) -> None:
        """After boot: a pool of another user, and units that may be started as often as chance wants."""
        machine = self.machine
        machine.run("useradd", "--create-home", OWNER)
        machine.write(f"/home/{OWNER}/secret", "not for www-data\n", 0o600)
        machine.run("chown", f"{OWNER}:{OWNER}", f"/home/{OWNER}/secret")
        machine.write(
            self.private_pool,
            f"[{OWNER}]\nuser = {OWNER}\ngroup = {OWNER}\nlisten = {PRIVATE_SOCKET}\nlisten.owner = {OWNER}\n"
            f"listen.group = {OWNER}\nlisten.mode = 0660\npm = static\npm.max_children = 1\n",
        )
        for unit in (self.site.fpm, self.site.nginx):
            machine.write(f"/etc/systemd/system/{unit}.d/often.conf", "[Unit]\nStartLimitIntervalSec=0\n")
        machine.systemctl("daemon-reload")
        machine.systemctl("restart", self.site.fpm)

    # -- steps of the attacker --------------------------------------------------------------------------------------

    def attacks(self) -> list[Step]:
        return [
            Step("exchanges the sockets of two pools", self._exchange, 3),
            Step("moves a pool's socket away", lambda: self._as_attacker(f"mv {self._socket()} /run/php/parked")),
            Step("moves it back", self._move_back, 3),
            Step("unlinks a pool's socket", lambda: self._as_attacker(f"rm -f {self._socket()}")),
            Step("links the other pool's socket", self._link, 2),
            Step("links a file of root's", lambda: self._as_attacker(f"ln -sf /etc/shadow {self._socket()}")),
            Step("makes a hard link", lambda: self._as_attacker(f"ln -f {PRIVATE_SOCKET} {self._socket()}")),
            Step("listens in the pool's place", self._listen, 2),
            Step("listens in FPM's control group", self._listen_as_fpm, 2),
            Step("puts a file in place of the socket", self._put_file),
            Step("forges a line by a request", lambda: self._forge(self.site.visit, by_request=True), 3),
            Step("forges lines in the log itself", lambda: self._forge(self._append, by_request=False), 3),
            Step("empties the log", lambda: self._as_attacker(": > /var/log/nginx/error.log")),
            Step("asks for slow pages", self._ask_slowly, 3),
            Step("makes a folder of links", self._litter),
        ]

    def _as_attacker(self, script: str) -> None:
        self.machine.run("runuser", "--user", ATTACKER, "--", "sh", "-c", script, check=False)

    def _socket(self) -> str:
        return self.chance.choice((self.site.suite.fpm_socket, PRIVATE_SOCKET))

    def _exchange(self) -> None:
        one, other = self.site.suite.fpm_socket, PRIVATE_SOCKET
        self._as_attacker(f"mv {one} /run/php/x && mv {other} {one} && mv /run/php/x {other}")

    def _move_back(self) -> None:
        self._as_attacker(f"[ -e /run/php/parked ] && mv /run/php/parked {self._socket()}")

    def _link(self) -> None:
        one, other = self.chance.sample((self.site.suite.fpm_socket, PRIVATE_SOCKET), 2)
        self._as_attacker(f"ln -sf {other} {one}")

    def _listen(self) -> None:
        path = self._socket()
        program = shlex.quote(_LISTENER)
        self._as_attacker(f"rm -f {path}; setsid perl -e {program} {path} 'php-fpm: pool www' >/dev/null 2>&1 &")

    def _listen_as_fpm(self) -> None:
        program = base64.b64encode(_LISTENER.encode()).decode()
        path = f"{self._socket()}.{self.chance.randrange(100)}"
        self.site.visit("/spawn.php", **{"X-Program": program, "X-Path": path})
        if self.chance.random() < 0.5:
            self._as_attacker(f"mv {path} {self.site.suite.fpm_socket}")

    def _put_file(self) -> None:
        path = self._socket()
        self._as_attacker(f"rm -rf {path}; touch {path}; chmod 0600 {path}")

    def _forge(self, send: Callable[[str], object], by_request: bool) -> None:
        try:
            line = forged_line(self.site)
        except MachineError:
            return  # no worker whose number could be borrowed
        line = self.chance.choice(
            (line, line.replace(self.site.suite.fpm_socket, PRIVATE_SOCKET), line.replace("2: No such file or directory", "110: "))
        )
        for _ in range(self.chance.randrange(1, 4)):
            send("/x%0A" + percent(line) + "%0Az.png" if by_request else line)

    def _append(self, line: str) -> None:
        self._as_attacker(f"printf '%s\\n' {shlex.quote(line)} >> /var/log/nginx/error.log")

    def _ask_slowly(self) -> None:
        if self._slow is None:
            self._slow = self.site.crowd(self.chance.randrange(3, 9), f"/slow.php?s={self.chance.randrange(3, 9)}")
        else:
            self._slow.stop()
            self._slow = None

    def _litter(self) -> None:
        self._as_attacker(
            "mkdir -p /tmp/gatemend /dev/shm/php; ln -sf /etc/passwd /tmp/gatemend/www.conf;"
            f"ln -sf /home/{OWNER}/secret /dev/shm/php/fpm.sock; ln -f /etc/passwd /tmp/hard"
        )

    # -- steps of the administrator ---------------------------------------------------------------------------------

    def duties(self) -> list[Step]:
        fpm, nginx = self.site.fpm, self.site.nginx
        steps = [
            Step("restarts gatemend", lambda: self.machine.systemctl("restart", AGENT, EXECUTOR)),
            Step("restarts the agent", lambda: self.machine.systemctl("restart", AGENT)),
            Step("reloads gatemend", lambda: self.machine.systemctl("reload", AGENT)),
            Step("kills the agent", lambda: self._quietly(self.gatemend.kill_agent)),
            Step("kills the executor", lambda: self._quietly(self.gatemend.kill_executor)),
            Step("upgrades packages", self._upgrade),
            Step("writes a comment into the pool's file", lambda: self._edit(self.site.pool_file, "; {}\n"), 2),
            Step("writes a comment into nginx's file", lambda: self._edit(self.nginx_file, "# {}\n"), 2),
            Step("breaks the pool's file", lambda: self._break(self.site.pool_file, BREAK_OF_POOL, fpm)),
            Step("breaks nginx's file", lambda: self._break(self.nginx_file, BREAK_OF_NGINX, nginx)),
            Step("repairs the pool's file", lambda: self._repair(self.site.pool_file, BREAK_OF_POOL, fpm), 3),
            Step("repairs nginx's file", lambda: self._repair(self.nginx_file, BREAK_OF_NGINX, nginx), 3),
        ]
        for unit, weight in ((fpm, 2), (nginx, 1)):
            steps += [
                Step(f"stops {unit}", lambda u=unit: self._stop(u, "stop"), weight),
                Step(f"masks {unit}", lambda u=unit: self._stop(u, "mask", "--now")),
                Step(f"disables {unit}", lambda u=unit: self._stop(u, "disable", "--now")),
                Step(f"starts {unit}", lambda u=unit: self._start(u), 4),
                Step(f"restarts {unit}", lambda u=unit: self._restart(u)),
                Step(f"reloads {unit}", lambda u=unit: self.machine.systemctl("reload", u, check=False), weight),
                Step(f"sees {unit} crash", lambda u=unit: self._crash(u), 2 * weight),
            ]
        return steps

    @staticmethod
    def _quietly(deed: Callable[[], object]) -> None:
        try:
            deed()
        except (MachineError, OSError):
            pass  # it was not there just then

    def _stop(self, unit: str, *verb: str) -> None:
        self._excuse(unit)
        self.machine.systemctl(*verb, unit, check=False)
        self._stopped[unit] = self.machine.count_starts(unit)

    def _start(self, unit: str) -> None:
        self._stopped.pop(unit, None)
        self.machine.systemctl("unmask", unit, check=False)
        self.machine.systemctl("enable", unit, check=False)
        self.machine.systemctl("start", unit, check=False)

    def _restart(self, unit: str) -> None:
        if unit not in self._stopped:
            self._excuse(unit)  # where its configuration is broken it stays down
            self.machine.systemctl("restart", unit, check=False)

    def _crash(self, unit: str) -> None:
        if unit in self._stopped or unit in self._broken or not self.machine.is_active(unit):
            return
        starts = self.machine.count_starts(unit)
        self._quietly(self.site.kill_fpm if unit == self.site.fpm else self.site.kill_nginx)
        self.crashed += 1
        self._crashes.append(Crash(unit, starts, time.monotonic() + HEALED_WITHIN))

    def _excuse(self, unit: str) -> None:
        for crash in self._crashes:
            crash.is_excused = crash.is_excused or crash.unit == unit

    def _upgrade(self) -> None:
        seconds = self.chance.randrange(2, 8)
        self.machine.popen("perl", "-e", _DPKG, str(seconds))
        for crash in self._crashes:
            crash.deadline += seconds

    def _write(self, path: str, text: str) -> None:
        self._written.setdefault(path, set()).add(digest(text))
        self.machine.write(path, text)

    def _edit(self, path: str, comment: str) -> None:
        self._write(path, self.machine.read(path) + comment.format(self.chance.randrange(10**6)))

    def _break(self, path: str, line: str, unit: str) -> None:
        text = self.machine.read(path)
        if line not in text:
            self._broken.add(unit)
            self._excuse(unit)
            self._write(path, text + line)

    def _repair(self, path: str, line: str, unit: str) -> None:
        text = self.machine.read(path)
        self._write(path, text.replace(line, ""))
        self._broken.discard(unit)
        if unit not in self._stopped:
            self.machine.systemctl("start", unit, check=False)

    # -- what must be true ------------------------------------------------------------------------------------------

    def look(self) -> None:
        self._look_at_owners()
        self._look_at_stopped_units()
        self._look_at_files()
        self._look_at_crashes()

    def wrong(self, text: str) -> None:
        self.problems.append(f"after step {len(self.log)}: {text}")

    def _look_at_owners(self) -> None:
        """Whose an inode was, it is; that of a socket that is just being made counts once it has been seen twice."""
        listed = self.machine.run("find", *LOOKED_AT, "-xdev", "-printf", r"%D:%i:%B@ %u:%g %p\n", check=False).stdout
        owners = {}
        for line in listed.splitlines():
            inode, owner, path = line.split(" ", 2)
            before = self._owners.get(inode)
            owners[inode] = (owner, path)
            is_settled = before is not None and before[0] != "root:root"
            if is_settled and before is not None and before[0] != owner:
                self.wrong(f"{before[1]} of {before[0]} is {path} of {owner}")
        self._owners = owners

    def _look_at_stopped_units(self) -> None:
        for unit, starts in self._stopped.items():
            now = self.machine.count_starts(unit)
            if now != starts:
                self.wrong(f"{unit}, which the administrator stopped, was started")
                self._stopped[unit] = now

    def _look_at_files(self) -> None:
        changes = [change for intent in self.gatemend.intents() for change in changes_of(intent)]
        for path, known in self._written.items():
            found = digest(self.machine.read(path))
            by_plan = {change["after"] for change in changes if change["path"] == path}
            if found not in known | by_plan:
                self.wrong(f"{path} is as nobody has written it")
                known.add(found)

    def _look_at_crashes(self) -> None:
        for crash in list(self._crashes):
            is_up = self.machine.is_active(crash.unit) and self.machine.count_starts(crash.unit) > crash.starts
            if is_up:
                self.healed += 1
            elif not crash.is_excused and time.monotonic() > crash.deadline:
                self.wrong(f"{crash.unit} crashed and is still down")
            elif not crash.is_excused:
                continue
            self._crashes.remove(crash)

    def look_at_visitors(self) -> None:
        """Of a pool at work nothing is lost to an act of ours: no 502 of a request that was in flight when one began."""
        answers = [answer for visitors in self._busy for answer in visitors.stop()]
        if len(answers) < 10:
            self.wrong(f"only {len(answers)} visitors were there to lose anything")
        for intent in self.gatemend.intents():
            if intent.get("expected") != "active":
                continue
            began = _seconds(str(intent["time"]))
            lost = [a for a in answers if a.status in (0, 502) and a.time <= began <= a.time + a.seconds]
            if lost and intent.get("cause") == "socket-deleted":
                # Its socket was taken away: nobody new reaches it, and only a restart makes another. What was in
                # flight is printed.
                self.unreachable += len(lost)
            elif lost:
                self.wrong(f"{intent['act']} {intent['unit']} (attempt {intent['attempt']}) cost {len(lost)} requests")

    def look_at_record(self) -> None:
        result = self.gatemend.run("audit", "--verify", check=False)
        if result.returncode != 0:
            self.wrong(f"the record does not verify: {result.stderr.strip()}")

    # -- the whole --------------------------------------------------------------------------------------------------

    def run(self, seconds: float) -> None:
        for path in (self.site.pool_file, self.private_pool, self.nginx_file):
            self._written[path] = {digest(self.machine.read(path))}
        self._busy = [self.site.crowd(2, "/busy.php"), self.site.visitors(interval=0.3)]
        self.look()
        attacks, duties = self.attacks(), self.duties()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            is_attack = self.order.random() < 0.6
            steps = attacks if is_attack else duties
            step = self.order.choices(steps, [s.weight for s in steps])[0]
            pause = self.order.choice((0.0, 0.2, 1.0, 2.5))
            self.chance = random.Random(f"{self.seed} {len(self.log)}")
            who = "attacker" if is_attack else "administrator"
            self.log.append(f"{len(self.log) + 1:4} {time.monotonic() - self._began:7.1f} s  {who} {step.name}")
            try:
                step.do()
            except (MachineError, OSError) as error:
                self.log[-1] += f" (could not: {str(error).splitlines()[0]})"
            time.sleep(pause)
            self.look()
        self._end()

    def _end(self) -> None:
        """The attacker goes home, the administrator puts everything right: then all is well, and on record."""
        if self._slow is not None:
            self._slow.stop()
        self.look_at_visitors()
        self.machine.run("pkill", "--uid", ATTACKER, "perl", check=False)
        # A link from one pool's socket to the other's keeps PHP-FPM from starting for as long as it lies there.
        self.machine.run("rm", "-f", self.site.suite.fpm_socket, PRIVATE_SOCKET)
        for path, line, unit in (
            (self.site.pool_file, BREAK_OF_POOL, self.site.fpm),
            (self.nginx_file, BREAK_OF_NGINX, self.site.nginx),
        ):
            self._repair(path, line, unit)
            self._start(unit)
            self.machine.systemctl("restart", unit, check=False)
        self.look()
        try:
            self.machine.wait_until(lambda: self.site.visit().status == 200, CALM_WITHIN, "the site to answer at the end")
            self.machine.wait_until(self.gatemend.is_watching, CALM_WITHIN, "gatemend to watch at the end")
        except MachineError as error:
            self.wrong(str(error))
        self.look_at_record()

    def story(self) -> str:
        lines = [f"seed {self.seed}: {len(self.log)} steps, {self.crashed} crashes, {self.healed} healed", *self.log]
        lines.append(f"{self.unreachable} requests were in flight when a pool got back a socket that was taken away")
        return "\n".join(lines + ["problems:", *self.problems])


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _seconds(stamp: str) -> float:
    return datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()
