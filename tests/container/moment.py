"""Exact points in time: something is done the moment a file appears or changes, faster than any look now and then."""

from __future__ import annotations

import ctypes
import os
import pathlib
import select
import struct
import threading
from typing import Callable

APPEARS = 0x100 | 0x80  # created, or renamed to
CHANGES = 0x2 | 0x8 | 0x80  # written, closed after writing, replaced by a rename
GETS_OTHER_OWNER = 0x4
_EVENT = struct.Struct("iIII")
_libc = ctypes.CDLL(None, use_errno=True)


class _ClosedError(Exception):
    pass


class Moment:
    """From now on `then` is called each time that anything of `kind` happens to `name` in `folder`, until it says True.

    `name` "" stands for any name. A watch is on inodes: `folder` may lie below a machine's root.
    """

    def __init__(self, folder: pathlib.Path, kind: int, then: Callable[[], bool], name: str = ""):
        self._then = then
        self._name = name
        self._queue = _libc.inotify_init1(os.O_CLOEXEC)
        if self._queue < 0 or _libc.inotify_add_watch(self._queue, os.fsencode(folder), kind) < 0:
            raise OSError(ctypes.get_errno(), f"watch {folder}")
        self._stop_reading, self._stop = os.pipe()
        self.has_come = threading.Event()
        self.problem: BaseException | None = None
        self._thread = threading.Thread(target=self._wait, daemon=True)
        self._thread.start()

    def _wait(self) -> None:
        try:
            while not (self._has_happened() and self._then()):
                pass
        except _ClosedError:
            return
        except BaseException as error:  # told where it is waited for
            self.problem = error
        self.has_come.set()

    def _has_happened(self) -> bool:
        readable, _, _ = select.select([self._queue, self._stop_reading], [], [])
        if self._stop_reading in readable:
            raise _ClosedError
        return any(self._name in ("", name) for name in self._names(os.read(self._queue, 65536)))

    @staticmethod
    def _names(events: bytes) -> list[str]:
        names, offset = [], 0
        while offset < len(events):
            _, _, _, length = _EVENT.unpack_from(events, offset)
            offset += _EVENT.size
            names.append(os.fsdecode(events[offset : offset + length].rstrip(b"\0")))
            offset += length
        return names

    def wait(self, deadline: float) -> None:
        if not self.has_come.wait(deadline):
            raise TimeoutError(f"waited {deadline:.0f} s in vain for the moment")
        if self.problem is not None:
            raise self.problem

    def close(self) -> None:
        os.write(self._stop, b"x")
        self._thread.join(timeout=5)
        for descriptor in (self._queue, self._stop_reading, self._stop):
            os.close(descriptor)
