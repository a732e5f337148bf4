#!/usr/bin/env python3
"""Root file system trees for the container tests, built once and kept.

Two trees per Debian release: "build" holds exactly the Build-Depends of debian/control (so a missing one fails the
build), "runtime" holds the servers that are healed, the tools the scenarios use and the libraries the package
depends on (so that `dpkg -i` needs no network). A tree is never changed after it was built; machines boot from an
overlay on top of it. A change of a package list gives a new key and so a new tree.

    images.py [--suite bookworm] [--kind build|runtime]   build what is missing, print the paths
    images.py --prune                                     remove trees that no current package list asks for
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import time
import urllib.request
from typing import Iterator, Sequence

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PM2_VERSION = "5.4.3"
NPM = "https://registry.npmjs.org/npm/-/npm-9.9.4.tgz"  # the last to run on the Node of Debian 12
TREE_FORMAT = "2"  # raise it when `_settle` changes


@dataclasses.dataclass(frozen=True)
class Suite:
    """A Debian release and what is called differently in it."""

    name: str
    php: str
    libraries: tuple[str, ...]

    @property
    def fpm_unit(self) -> str:
        return f"php{self.php}-fpm.service"

    @property
    def fpm_socket(self) -> str:
        return f"/run/php/php{self.php}-fpm.sock"

    @property
    def fpm_binary(self) -> str:
        return f"/usr/sbin/php-fpm{self.php}"

    @property
    def fpm_pool_dir(self) -> str:
        return f"/etc/php/{self.php}/fpm/pool.d"


SUITES = {
    "bookworm": Suite(
        "bookworm",
        "8.2",
        (
            *("libcctz2", "libfmt9", "libmd0", "libsdbus-c++1"),
            *("libseccomp2", "libspdlog1.10", "libssl3", "libtomlplusplus3"),
        ),
    ),
    "trixie": Suite(
        "trixie",
        "8.4",
        (
            *("libcctz2", "libfmt10", "libmd0", "libsdbus-c++2"),
            *("libseccomp2", "libspdlog1.15", "libssl3t64", "libtomlplusplus3t64"),
        ),
    ),
}

_RUNTIME_TOOLS = (
    "systemd",
    "systemd-sysv",
    "dbus",
    "nginx",
    "curl",
    "iproute2",
    "libfaketime",
    "logrotate",
    "nftables",
    "openssl",
    "procps",
    "strace",
    "tcpdump",
)
# The application servers that people put behind nginx beside PHP-FPM; none of them runs unless a scenario wants it.
_APP_SERVERS = ("apache2", "gunicorn", "nodejs", "uwsgi-core", "uwsgi-plugin-python3")


class ImageError(Exception):
    """A tree could not be built; the text says what to do."""


def cache_dir() -> pathlib.Path:
    path = pathlib.Path(os.environ.get("GATEMEND_TEST_CACHE", "/var/cache/gatemend-tests"))
    path.mkdir(parents=True, exist_ok=True)
    return path


def build_depends(control: pathlib.Path = REPOSITORY / "debian/control") -> tuple[str, ...]:
    """The package names in Build-Depends. Alternatives and architecture lists are not used there and not understood."""
    field = re.search(r"^Build-Depends:(.*?)^(?=\S)", control.read_text(), re.MULTILINE | re.DOTALL)
    if field is None:
        raise ImageError(f"{control}: no Build-Depends")
    names = [re.sub(r"\(.*\)", "", entry).strip() for entry in field.group(1).split(",")]
    names = ["debhelper" if name == "debhelper-compat" else name for name in names if name]
    return tuple(sorted(names))


def packages(suite: Suite, kind: str) -> tuple[str, ...]:
    if kind == "build":
        return tuple(sorted({"build-essential", *build_depends()}))
    return tuple(sorted({*_RUNTIME_TOOLS, *_APP_SERVERS, f"php{suite.php}-fpm", f"php{suite.php}-mysql", *suite.libraries}))


def tree_path(suite: Suite, kind: str) -> pathlib.Path:
    key = hashlib.sha256("\n".join((TREE_FORMAT, suite.name, kind, *packages(suite, kind))).encode())
    return cache_dir() / "trees" / f"{suite.name}-{kind}-{key.hexdigest()[:12]}"


def ensure(suite: Suite, kind: str) -> pathlib.Path:
    """The finished tree, built first where it is missing. Two callers at once wait for each other."""
    tree = tree_path(suite, kind)
    if tree.is_dir():
        return tree
    with locked(tree.with_suffix(".lock")):
        if not tree.is_dir():
            _build(suite, kind, tree)
    return tree


def _build(suite: Suite, kind: str, tree: pathlib.Path) -> None:
    if shutil.which("mmdebstrap") is None:
        raise ImageError("mmdebstrap is missing: apt-get install mmdebstrap")
    partial = tree.with_suffix(".partial")
    remove_tree(partial)
    log = tree.with_suffix(".log")
    began = time.monotonic()
    command = [
        *("unshare", "--mount", "--fork", "--kill-child"),  # its mounts of /dev, /proc and /sys die with it
        "mmdebstrap",
        "--variant=minbase",
        f"--include={','.join(packages(suite, kind))}",
        "--aptopt=APT::Install-Recommends false",
        "--aptopt=Acquire::Retries 3",
        suite.name,
        str(partial),
    ]
    with log.open("wb") as output:
        finished = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)
    if finished.returncode != 0:
        remove_tree(partial)
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise ImageError(f"mmdebstrap {suite.name} {kind} failed, {log} ends with:\n{tail}")
    _settle(partial, kind)
    partial.rename(tree)
    print(f"image {tree.name}: built in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def _settle(tree: pathlib.Path, kind: str) -> None:
    """Take out of a tree what would make a test machine differ from run to run."""
    (tree / "etc/machine-id").write_text("")  # empty, not absent: absent means "first boot" and applies presets
    if kind != "runtime":
        return
    for timer in ("apt-daily", "apt-daily-upgrade", "dpkg-db-backup", "e2scrub_all", "fstrim", "phpsessionclean"):
        (tree / f"etc/systemd/system/{timer}.timer").symlink_to("/dev/null")
    for wish in (tree / "etc/systemd/system").glob("*.wants/apache*"):
        wish.unlink()


def pm2() -> pathlib.Path:
    """A tree with nothing but /opt/pm2, to be laid over another: Debian has no package of it, so it comes from npm's
    registry with all it needs. Plain JavaScript, one for all suites.

    npm runs inside a throw-away copy of a tree with Node, because the host need have neither.
    """
    target = cache_dir() / "trees" / f"pm2-{PM2_VERSION}-layer"
    if target.is_dir():
        return target
    with locked(target.with_suffix(".lock")):
        if not target.is_dir():
            _install_pm2(target)
    return target


def _install_pm2(target: pathlib.Path) -> None:
    workshop = Overlay(ensure(SUITES["bookworm"], "runtime"), cache_dir() / "machines" / f"gm{os.getpid()}-pm2")
    try:
        workshop.mount()
        with urllib.request.urlopen(NPM, timeout=60) as answer, tarfile.open(fileobj=answer, mode="r|gz") as archive:
            archive.extractall(workshop.root / "opt/npm")
        for file in ("etc/resolv.conf", "etc/hosts", "etc/ssl/certs/ca-certificates.crt"):
            (workshop.root / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(f"/{file}", workshop.root / file)
        (workshop.root / "opt/pm2").mkdir()
        finished = subprocess.run(
            [
                *("chroot", str(workshop.root), "node", "/opt/npm/package/bin/npm-cli.js", "install", "--prefix=/opt/pm2"),
                *("--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", f"pm2@{PM2_VERSION}"),
            ],
            env={**os.environ, "NODE_EXTRA_CA_CERTS": "/etc/ssl/certs/ca-certificates.crt", "HOME": "/root"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if finished.returncode != 0:
            raise ImageError(f"npm install pm2: {finished.stdout}{finished.stderr}")
        partial = target.with_suffix(".partial")
        remove_tree(partial)
        shutil.copytree(workshop.root / "opt/pm2", partial / "opt/pm2", symlinks=True)
        partial.rename(target)
    except OSError as error:
        raise ImageError(f"no pm2 from its registry: {error}") from error
    finally:
        workshop.close()


class Overlay:
    """A private, writable view of a tree, with others laid over it. `close` throws away what was written."""

    def __init__(self, tree: pathlib.Path, home: pathlib.Path, above: Sequence[pathlib.Path] = ()):
        self._trees = [*above, tree]
        self.home = home
        self.root = home / "root"

    def mount(self) -> None:
        for part in ("upper", "work", "root"):
            (self.home / part).mkdir(parents=True)
        lower = ":".join(map(str, self._trees))
        layers = f"lowerdir={lower},upperdir={self.home}/upper,workdir={self.home}/work"
        mounted = subprocess.run(
            ["mount", "-t", "overlay", "overlay", "-o", layers, str(self.root)], capture_output=True, check=False
        )
        if mounted.returncode != 0:  # no overlayfs here (say, the cache itself lies on one): copy, slower
            for tree in reversed(self._trees):
                subprocess.run(["cp", "-a", "--reflink=auto", f"{tree}/.", str(self.root)], check=True)

    def close(self) -> None:
        remove_tree(self.home)


def remove_tree(tree: pathlib.Path) -> None:
    """Unmount what is mounted below `tree`, then delete it; deletes nothing while a mount (say, the host's /dev) is left."""
    for mount in reversed(_mounts_below(tree)):
        subprocess.run(["umount", "--lazy", mount], check=False)
    if left := _mounts_below(tree):
        raise ImageError(f"{tree}: still mounted: {' '.join(left)}; unmount, then remove it")
    if tree.exists():
        subprocess.run(["rm", "--recursive", "--force", "--one-file-system", str(tree)], check=True)


def _mounts_below(tree: pathlib.Path) -> list[str]:
    """Mount points at or below `tree`, in mount order."""
    points = [line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
    return [point for point in points if point == str(tree) or point.startswith(f"{tree}/")]


@contextlib.contextmanager
def locked(path: pathlib.Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def prune() -> None:
    wanted = {tree_path(suite, kind) for suite in SUITES.values() for kind in ("build", "runtime")}
    for tree in (cache_dir() / "trees").glob("*-*-*"):
        if tree.is_dir() and tree not in wanted:
            print(f"removing {tree}")
            remove_tree(tree)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", choices=SUITES, action="append", help="default: all")
    parser.add_argument("--kind", choices=("build", "runtime"), action="append", help="default: both")
    parser.add_argument("--prune", action="store_true", help="remove trees nothing asks for any more")
    options = parser.parse_args()
    try:
        for name in options.suite or SUITES:
            for kind in options.kind or ("build", "runtime"):
                print(ensure(SUITES[name], kind))
        if options.prune:
            prune()
    except ImageError as error:
        print(f"images.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
