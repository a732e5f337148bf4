"""What a machine's files are, to be compared: everything about them that an act could change and must put back."""

from __future__ import annotations

import hashlib
import os
import pathlib
import stat

from machine import Machine

# All that gatemend may ever edit.
CONFIGURATION = ("/etc/nginx", "/etc/php", "/etc/systemd/system")

Fingerprint = dict[str, str]  # path -> kind, mode, owner, content, extended attributes


def take(machine: Machine, *folders: str) -> Fingerprint:
    """Every file below `folders`, the folders included. Names that come and go, too: a left-over temporary file shows."""
    found: Fingerprint = {}
    for folder in folders:
        top = machine.path(folder)
        if not os.path.lexists(top):
            continue
        for path in (top, *sorted(top.rglob("*"))):
            try:
                found[folder + str(path)[len(str(top)) :]] = _describe(path)
            except FileNotFoundError:  # between the list and the look: that is a difference, too
                found[folder + str(path)[len(str(top)) :]] = "(gone)"
    return found


def _describe(path: pathlib.Path) -> str:
    info = path.lstat()
    kind = stat.S_IFMT(info.st_mode)
    words = [f"{stat.filemode(info.st_mode)} {info.st_uid}:{info.st_gid}"]
    if kind == stat.S_IFREG:
        words.append(hashlib.sha256(path.read_bytes()).hexdigest())
    elif kind == stat.S_IFLNK:
        words.append(f"-> {os.readlink(path)}")
    words += [f"{name}={os.getxattr(path, name, follow_symlinks=False)!r}" for name in _attributes(path)]
    return " ".join(words)


def _attributes(path: pathlib.Path) -> list[str]:
    return sorted(os.listxattr(path, follow_symlinks=False))


def mark(machine: Machine, path: str, mode: int, group: int) -> None:
    """Give a file what a careless copy would lose: a mode and a group of its own, and an extended attribute."""
    file = machine.path(path)
    os.chown(file, -1, group)
    file.chmod(mode)
    os.setxattr(file, "user.checked-by", b"an administrator")


def difference(before: Fingerprint, after: Fingerprint) -> list[str]:
    """For people; empty where nothing differs."""
    lines = []
    for path in sorted({*before, *after}):
        old, new = before.get(path, "(none)"), after.get(path, "(none)")
        if old != new:
            lines.append(f"{path}: {old} => {new}")
    return lines
