"""A caller of the executor that keeps no rule: a raw D-Bus connection, nothing of a library between it and the bus.

Runs inside a machine, with Python's own library alone, as the user it is started as. Reads a JSON list of deeds, one
JSON object each, and prints a JSON list with what came of each: "ok", the name of the error, or "closed" where the bus
had enough.

    {"do": "call", "member": M, "types": "sa{ss}", "body": [...], "interface": ""}   one call, its answer
    {"do": "flood", "count": N, "calls": [...]}      calls nobody waits for; then one that is waited for
    {"do": "leave", "count": N, "calls": [...]}      connect, call, be gone before the answer
    {"do": "half", "count": N, "calls": [...]}       connect, send the first half of a call, be gone
    {"do": "hang", "count": N}                       connections that say hello and no more, until the end
    {"do": "race", "count": N, "path": P}            OpenLog(P) again and again: what the descriptors stand for
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
from typing import Any

NAME = "org.gatemend.Executor1"
PATH = "/org/gatemend/Executor1"
BUS = "/run/dbus/system_bus_socket"
_ALIGNMENT = {"y": 1, "g": 1, "v": 1, "n": 2, "q": 2, "b": 4, "i": 4, "u": 4, "s": 4, "o": 4, "a": 4}
_PLAIN = {"y": "B", "n": "h", "q": "H", "b": "I", "i": "i", "u": "I", "x": "q", "t": "Q", "d": "d"}
_NO_REPLY = 1


class Writer:
    """Little-endian, as the specification has it; body values are whatever the deed says."""

    def __init__(self) -> None:
        self.data = bytearray()

    def align(self, size: int) -> None:
        self.data += b"\0" * (-len(self.data) % size)

    def put(self, kind: str, value: Any) -> None:
        code = kind[0]
        self.align(_ALIGNMENT.get(code, 8))
        if code in _PLAIN:
            self.data += struct.pack("<" + _PLAIN[code], value)
        elif code in "so":
            text = value.encode("utf-8", "surrogateescape")
            self.data += struct.pack("<I", len(text)) + text + b"\0"
        elif code == "g":
            self.data += bytes([len(value)]) + value.encode() + b"\0"
        elif code == "v":
            self.put("g", value[0])
            self.put(value[0], value[1])
        elif code == "a":
            self._put_array(kind[1:], value)
        else:
            for part, item in zip(split(kind[1:-1]), value):
                self.put(part, item)

    def _put_array(self, kind: str, value: Any) -> None:
        at = len(self.data)
        self.data += b"\0\0\0\0"
        self.align(_ALIGNMENT.get(kind[0], 8))
        begin = len(self.data)
        for item in value.items() if isinstance(value, dict) else value:
            self.put(kind, item)
        self.data[at : at + 4] = struct.pack("<I", len(self.data) - begin)


def split(kinds: str) -> list[str]:
    """Complete types, one each."""
    found, at = [], 0
    while at < len(kinds):
        begin = at
        while kinds[at] == "a":
            at += 1
        depth = 0
        while True:
            depth += (kinds[at] in "({") - (kinds[at] in ")}")
            at += 1
            if depth == 0:
                break
        found.append(kinds[begin:at])
    return found


class Connection:
    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(BUS)
        user = str(os.geteuid()).encode().hex()
        self.socket.sendall(f"\0AUTH EXTERNAL {user}\r\n".encode())
        self._line()
        self.socket.sendall(b"NEGOTIATE_UNIX_FD\r\n")
        self._line()
        self.socket.sendall(b"BEGIN\r\n")
        self.serial = 0
        self.descriptors: list[int] = []
        self._buffer = b""
        self.call({"member": "Hello"}, "org.freedesktop.DBus", "/org/freedesktop/DBus")

    def _line(self) -> bytes:
        line = b""
        while not line.endswith(b"\r\n"):
            more = self.socket.recv(1)
            if not more:
                raise ConnectionError
            line += more
        return line

    def message(self, deed: dict[str, Any], flags: int = 0, name: str = NAME, path: str = PATH) -> bytes:
        body = Writer()
        types = deed.get("types", "")
        for kind, value in zip(split(types), deed.get("body", [])):
            body.put(kind, value)
        self.serial += 1
        head = Writer()
        for kind, value in zip("yyyyuu", (ord("l"), 1, flags, 1, len(body.data), self.serial)):
            head.put(kind, value)
        interface = deed.get("interface", name)
        fields = [(1, ("o", path)), (3, ("s", deed["member"])), (6, ("s", name))]
        fields += [(2, ("s", interface))] if interface else []
        fields += [(8, ("g", types))] if types else []
        head.put("a(yv)", fields)
        head.align(8)
        return bytes(head.data + body.data)

    def call(self, deed: dict[str, Any], name: str = NAME, path: str = PATH) -> str:
        try:
            self.socket.sendall(self.message(deed, 0, name, path))
            wanted = self.serial
            while True:
                kind, serial, error = self._receive()
                if serial == wanted and kind in (2, 3):
                    return "ok" if kind == 2 else error
        except (ConnectionError, OSError):
            return "closed"

    def _fill(self, size: int) -> None:
        while len(self._buffer) < size:
            data, descriptors, _, _ = socket.recv_fds(self.socket, 65536, 16)
            self.descriptors += descriptors
            if not data:
                raise ConnectionError
            self._buffer += data

    def _receive(self) -> tuple[int, int, str]:
        """Kind, serial it answers, name of the error."""
        self._fill(16)
        body, _, fields = struct.unpack_from("<III", self._buffer, 4)
        size = 16 + fields + (-fields % 8) + body
        self._fill(size)
        message, self._buffer = self._buffer[:size], self._buffer[size:]
        serial, error, at = 0, "", 16
        while at < 16 + fields:
            at += -at % 8
            code, kind = message[at], chr(message[at + 2])
            at += 4
            if kind == "g":
                at += message[at] + 2
                continue
            at += -at % 4
            (number,) = struct.unpack_from("<I", message, at)
            at += 4
            if kind in "so":
                error = message[at : at + number].decode() if code == 4 else error
                at += number + 1
            elif code == 5:
                serial = number
        return message[1], serial, error

    def close(self) -> None:
        self.socket.close()
        for descriptor in self.descriptors:
            os.close(descriptor)


def flood(deed: dict[str, Any]) -> str:
    connection = Connection()
    try:
        for i in range(deed["count"]):
            connection.socket.sendall(connection.message(deed["calls"][i % len(deed["calls"])], _NO_REPLY))
        return connection.call({"member": "Ledger"})
    except (ConnectionError, OSError):
        return "closed"
    finally:
        connection.close()


def leave(deed: dict[str, Any], share: int) -> str:
    for i in range(deed["count"]):
        connection = Connection()
        message = connection.message(deed["calls"][i % len(deed["calls"])])
        connection.socket.sendall(message[: len(message) // share])
        connection.close()
    return "ok"


_hanging: list[Connection] = []


def hang(deed: dict[str, Any]) -> str:
    try:
        for _ in range(deed["count"]):
            _hanging.append(Connection())
    except (ConnectionError, OSError):
        return "closed"
    return "ok"


def race(deed: dict[str, Any]) -> str:
    """What the descriptors that came back stand for."""
    opened: set[str] = set()
    for _ in range(deed["count"]):
        connection = Connection()
        connection.call({"member": "OpenLog", "types": "s", "body": [deed["path"]]})
        opened |= {os.readlink(f"/proc/self/fd/{descriptor}") for descriptor in connection.descriptors}
        connection.close()
    return " ".join(sorted(opened)) or "nothing"


def main() -> None:
    deeds = {"flood": flood, "leave": lambda d: leave(d, 1), "half": lambda d: leave(d, 2), "hang": hang, "race": race}
    connection = Connection()
    answers = []
    for deed in json.load(sys.stdin):
        if deed["do"] == "call":
            answer = connection.call(deed)
            if answer == "closed":
                connection = Connection()
        else:
            answer = deeds[deed["do"]](deed)
        answers.append(answer)
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
