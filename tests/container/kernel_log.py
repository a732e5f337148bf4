"""The kernel's log inside a machine: a container has none, so its journal never sees a kernel record.

journald reads /dev/kmsg. Here that is a pipe, fed with records in the kernel's own format: those of the real kernel,
read on the host, or recorded ones of kernels that this one is not. They reach the journal as `_TRANSPORT=kernel`, as on
any other machine.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import time

from machine import Machine

_RECORD = re.compile(r"^\d+,\d+,\d+,[^;]*;")


class KernelLog:
    def __init__(self, machine: Machine):
        self._machine = machine
        self._pipe: int | None = None
        self._sequence = 0
        self._host = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self._host, 0, os.SEEK_END)

    def connect(self) -> None:
        self._machine.run("mkfifo", "--mode=600", "/dev/kmsg")
        # Held open for reading as well: while journald is down PID 1 writes here, and must not wait for a reader.
        self._pipe = os.open(self._machine.path("/dev/kmsg"), os.O_RDWR)
        fcntl.fcntl(self._pipe, fcntl.F_SETFL, os.O_DIRECT)  # one write, one read: a record each
        self._machine.systemctl("restart", "systemd-journald.service")

    def pass_on(self, about: str) -> list[str]:
        """What the host's kernel said since `KernelLog` was made, where it names `about`; the records."""
        assert self._pipe is not None, "connect comes first"
        records = [record for record in self._read() if about in record]
        for record in records:
            os.write(self._pipe, record.encode())
        return records

    def say(self, text: str) -> None:
        """A record of another kernel, as of now."""
        assert self._pipe is not None, "connect comes first"
        self._sequence += 1
        os.write(self._pipe, f"5,{self._sequence},{int(time.monotonic() * 1e6)},-;{text}\n".encode())

    def _read(self) -> list[str]:
        records = []
        while True:
            try:
                text = os.read(self._host, 8192).decode(errors="replace")
            except OSError as error:
                if error.errno == errno.EPIPE:  # overwritten before it was read
                    continue
                if error.errno == errno.EAGAIN:
                    return records
                raise
            if _RECORD.match(text):
                records.append(text)

    def close(self) -> None:
        os.close(self._host)
        if self._pipe is not None:
            os.close(self._pipe)
