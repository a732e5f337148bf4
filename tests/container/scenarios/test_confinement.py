"""The walls around the running programs, read from the kernel and from systemd, and what happens at them."""

from __future__ import annotations

import ctypes
import json
import os
import pathlib
import platform
import signal
import unittest

from gatemend import AGENT, EXECUTOR
from scenario import Scenario

_README = pathlib.Path(__file__).resolve().parents[3] / "sandbox/README.md"
_MOST_EXPOSED = {AGENT: 1.0, EXECUTOR: 2.5}
_CAP_DAC_READ_SEARCH = 1 << 2
_EXECVE = 59


class _Registers(ctypes.Structure):
    """user_regs_struct of x86-64."""

    _fields_ = [
        (name, ctypes.c_ulonglong)
        for name in (
            "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss "
            "fs_base gs_base ds es fs gs"
        ).split()
    ]


def make_call(pid: int, number: int) -> None:
    """Let a process that waits in a system call make another one: what code that has taken it over would do."""
    attach, get, put, detach = 16, 12, 13, 17
    library = ctypes.CDLL(None, use_errno=True)
    library.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    library.ptrace.restype = ctypes.c_long

    def trace(request: int, data: object = None) -> None:
        if library.ptrace(request, pid, None, data) != 0:
            raise OSError(ctypes.get_errno(), f"ptrace {request}")

    trace(attach)
    os.waitpid(pid, 0x40000000)  # __WALL
    registers = _Registers()
    trace(get, ctypes.byref(registers))
    registers.orig_rax = ctypes.c_ulonglong(-1).value  # the call it waited in is not made again
    registers.rip -= 2  # back onto the instruction
    registers.rax = number
    trace(put, ctypes.byref(registers))
    trace(detach)


class Confinement(Scenario):
    def status(self, unit: str) -> dict[str, str]:
        lines = self.machine.read(f"/proc/{self.machine.main_pid(unit)}/status").splitlines()
        return {key: value.strip() for key, value in (line.split(":", 1) for line in lines)}

    def test_what_the_kernel_says_of_them(self) -> None:
        for unit, kept in ((AGENT, 0), (EXECUTOR, _CAP_DAC_READ_SEARCH)):
            status = self.status(unit)
            for capabilities in ("CapPrm", "CapEff", "CapBnd"):
                self.assertEqual(int(status[capabilities], 16), kept, f"{unit} {capabilities}")
            # systemd 257 makes them inheritable, too; nothing is executed that could inherit.
            self.assertEqual(int(status["CapInh"], 16) & ~kept, 0, unit)
            self.assertEqual(int(status["CapAmb"], 16), 0, unit)
            self.assertEqual((status["NoNewPrivs"], status["Seccomp"], status["Threads"]), ("1", "2", "1"))

    def test_how_exposed_systemd_finds_them_and_why(self) -> None:
        readme = _README.read_text()
        for unit, most in _MOST_EXPOSED.items():
            text = self.machine.output("systemd-analyze", "security", "--no-pager", unit)
            score = float(text.splitlines()[-1].split(": ")[1].split()[0])
            print(f"{self.suite.name}: {unit} {score}")
            self.assertLessEqual(score, most, unit)
            rows = json.loads(self.machine.output("systemd-analyze", "security", "--json=short", unit))
            for row in rows:
                if row["set"] is False and row["exposure"]:
                    name = row["name"].replace("|", "\\|")
                    self.assertIn(f"| `{name}` |", readme, f"{unit}: not explained")

    @unittest.skipUnless(platform.machine() == "x86_64", "registers are named for x86-64")
    def test_a_forbidden_call_ends_a_service_visibly_and_it_comes_back(self) -> None:
        for unit in (AGENT, EXECUTOR):
            with self.subTest(unit=unit):
                pid = self.machine.main_pid(unit)
                make_call(self.machine.host_pid(pid), _EXECVE)
                self.machine.wait_until(lambda: self.machine.main_pid(unit) not in (0, pid), 30, f"another {unit}")
                ends = [entry["MESSAGE"] for entry in self.machine.journal(f"UNIT={unit}")]
                self.assertTrue(any(f"status={int(signal.SIGSYS)}/SYS" in end for end in ends), ends)
        self.machine.kill(self.machine.main_pid(self.fpm))
        self.gatemend.wait_until_healed(self.fpm)
        self.assert_answers()
        self.assert_record_complete()


class Tools(Scenario):
    """A program of others, replaced by one that tells what it was left."""

    is_enabled = False

    # As a message of the program's own: other lines are hidden.
    TELLTALE = "#!/bin/sh\nwhile read key value; do echo NOTICE: $key $value; done </proc/self/status >&2\n"
    # CAP_CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, SETGID, SETUID, NET_BIND_SERVICE
    MOST = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 7 | 1 << 10

    def test_a_configuration_test_has_few_powers_and_a_filter(self) -> None:
        for unit, program in ((self.fpm, self.suite.fpm_binary), ("nginx.service", "/usr/sbin/nginx")):
            self.machine.run("rm", program)
            self.machine.write(program, self.TELLTALE, mode=0o755)
            told = self.gatemend.call_executor("TestConfig", "s", unit)
            output = json.loads(told.stdout)["data"][2]
            told_lines = [line.removeprefix("NOTICE: ") for line in output.splitlines()]
            found = dict(line.split(":", 1) for line in told_lines if ":" in line)
            status = {key.strip(): value.strip() for key, value in found.items()}
            self.assertEqual((status["Seccomp"], status["NoNewPrivs"]), ("2", "1"), unit)
            for capabilities in ("CapEff", "CapBnd"):
                self.assertEqual(int(status[capabilities], 16) & ~self.MOST, 0, f"{unit} {capabilities}")
