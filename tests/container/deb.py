#!/usr/bin/env python3
"""The package under test: built inside the release's own tree from a clean copy of the source, with no network.

    deb.py [--suite bookworm] [--output DIR]     build what is missing, print (or copy) the paths
    deb.py [--suite bookworm] --compare          build it a second time elsewhere and compare: is the build reproducible?

Kept by content: a tree whose packaged files did not change is not built again.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time

import images

KEPT_PER_SUITE = 4
_NOT_PACKAGED = ("tests/", ".ci/", "README.md")  # but for the drill, see there
_DRILL_FOLDER = "usr/share/gatemend/drill"


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """What must not matter to what is built."""

    folder: str
    jobs: int
    variables: tuple[str, ...] = ("LC_ALL=C.UTF-8",)
    umask: int = 0o022


_USUAL = Surroundings("build/gatemend", os.cpu_count() or 1)
_OTHER = Surroundings(
    "srv/some/where/else/gatemend-again",
    (os.cpu_count() or 1) + 1,
    ("LC_ALL=C", "TZ=Pacific/Kiritimati", "HOME=/srv/some", "USER=somebody"),
    0o002,
)


class BuildError(Exception):
    """The package did not build; the text holds the end of the log."""


def source_files() -> list[str]:
    """What a clean checkout of the working tree holds: nothing ignored, nothing deleted, new files included."""
    try:
        listed = subprocess.run(
            ["git", "-C", str(images.REPOSITORY), "-c", "safe.directory=*", "ls-files", "-coz", "--exclude-standard"],
            capture_output=True,
            check=True,
        )
        names = listed.stdout.decode().split("\0")
    except (FileNotFoundError, subprocess.CalledProcessError):  # an unpacked archive
        found = images.REPOSITORY.rglob("*")
        names = [str(path.relative_to(images.REPOSITORY)) for path in found]
        names = [name for name in names if not name.startswith((".build/", ".git/"))]
    return sorted(name for name in set(names) if name and (images.REPOSITORY / name).is_file())


def _key(suite: images.Suite, files: list[str]) -> str:
    digest = hashlib.sha256(images.tree_path(suite, "build").name.encode())
    for name in files:
        if not name.startswith(_NOT_PACKAGED):
            path = images.REPOSITORY / name
            digest.update(f"{name}\0{os.access(path, os.X_OK)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def ensure(suite: images.Suite) -> pathlib.Path:
    """The .deb for `suite`, built first where it is missing."""
    files = source_files()
    store = images.cache_dir() / "packages"
    target = store / f"{suite.name}-{_key(suite, files)}"
    if not target.is_dir():
        with images.locked(store / f"{suite.name}.lock"):
            if not target.is_dir():
                _build(suite, files, target)
                _forget_old(store, suite)
    return _with_drill_of_this_tree(next(target.glob("gatemend_*.deb")))


def _with_drill_of_this_tree(package: pathlib.Path) -> pathlib.Path:
    """The drill's scripts are not compiled: a change of them is put into the package that is there already."""
    packed = _drill_in(package)
    here = {name: (images.REPOSITORY / "tests/container" / name).read_bytes() for name in packed}
    if packed == here:
        return package
    key = hashlib.sha256(b"".join(name.encode() + text for name, text in sorted(here.items())))
    folder = package.parent / f"drill-{key.hexdigest()[:12]}"
    with images.locked(folder.with_suffix(".lock")):
        if not folder.is_dir():
            partial = folder.with_suffix(".partial")
            images.remove_tree(partial)
            tree = partial / "tree"
            subprocess.run(["dpkg-deb", "--raw-extract", str(package), str(tree)], check=True)
            for name, text in here.items():
                (tree / _DRILL_FOLDER / name).write_bytes(text)
            _pack(tree, partial / package.name)
            images.remove_tree(tree)
            partial.rename(folder)
    return folder / package.name


def _drill_in(package: pathlib.Path) -> dict[str, bytes]:
    listing = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(package)], capture_output=True, check=True).stdout
    found = {}
    with tarfile.open(fileobj=io.BytesIO(listing)) as archive:
        for member in archive:
            folder, _, name = member.name.removeprefix("./").rpartition("/")
            if folder == _DRILL_FOLDER and (file := archive.extractfile(member)) is not None:
                found[name] = file.read()
    return found


def _pack(tree: pathlib.Path, package: pathlib.Path) -> None:
    command = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(package)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _build(suite: images.Suite, files: list[str], target: pathlib.Path, around: Surroundings = _USUAL) -> None:
    tree = images.ensure(suite, "build")
    began = time.monotonic()
    workshop = images.Overlay(tree, images.cache_dir() / "machines" / f"gm{os.getpid()}-build-{suite.name}")
    try:
        workshop.mount()
        source = workshop.root / around.folder
        for name in files:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(images.REPOSITORY / name, source / name, follow_symlinks=False)
        log = target.with_suffix(".log")
        with log.open("wb") as output:
            finished = subprocess.run(
                [
                    *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network"),
                    *(f"--machine={workshop.home.name}", f"--directory={workshop.root}", f"--chdir=/{around.folder}", "--pipe"),
                    f"--setenv=DEB_BUILD_OPTIONS=nocheck noautodbgsym terse parallel={around.jobs}",
                    "--setenv=DEB_CXXFLAGS_STRIP=-g",  # as stripped in the end; a quarter less to compile
                    *(f"--setenv={variable}" for variable in around.variables),
                    *("sh", "-c", f"umask {around.umask:04o} && exec \"$@\"", "sh"),
                    *("dpkg-buildpackage", "--build=binary", "--unsigned-source", "--unsigned-changes"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=False,
            )
        if finished.returncode != 0:
            raise BuildError(f"{suite.name}: dpkg-buildpackage failed, {log} has:\n{_errors(log)}")
        partial = target.with_suffix(".partial")
        images.remove_tree(partial)
        partial.mkdir(parents=True)
        for package in source.parent.glob("*.deb"):
            shutil.copy2(package, partial)
        partial.rename(target)
    finally:
        workshop.close()
    print(f"package for {suite.name}: built in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def _errors(log: pathlib.Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    telling = [line for line in lines if re.search(r"\berror\b|No such file|FAILED|unmet|missing", line)]
    return "\n".join([*telling[:15], "…", *lines[-10:]])


def _forget_old(store: pathlib.Path, suite: images.Suite) -> None:
    kept = sorted(
        (path for path in store.glob(f"{suite.name}-*") if path.is_dir()),
        key=lambda path: path.stat().st_mtime,
        reverse=True,
    )
    for path in kept[KEPT_PER_SUITE:]:
        images.remove_tree(path)
    for log in store.glob(f"{suite.name}-*.log"):
        if not log.with_suffix("").is_dir():
            log.unlink()


def compare(suite: images.Suite) -> list[str]:
    """The names of what differs between the package and one built in other surroundings; [] when the build is reproducible."""
    first = ensure(suite)
    with tempfile.TemporaryDirectory(dir=images.cache_dir()) as folder:
        target = pathlib.Path(folder) / "again"
        _build(suite, source_files(), target, _OTHER)
        second = next(target.glob("gatemend_*.deb"))
        if first.read_bytes() == second.read_bytes():
            return []
        one, other = _contents(first), _contents(second)
    differing = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    return differing or ["the archive around the files"]


def _contents(package: pathlib.Path) -> dict[str, tuple[object, ...]]:
    found: dict[str, tuple[object, ...]] = {}
    for part in ("--ctrl-tarfile", "--fsys-tarfile"):
        listing = subprocess.run(["dpkg-deb", part, str(package)], capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(listing)) as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() else None
                found[member.name] = (member.mode, member.mtime, member.uname, file.read() if file is not None else b"")
    return found


def with_version(package: pathlib.Path, suffix: str, target_dir: pathlib.Path) -> pathlib.Path:
    """The same package under a higher version, for testing an upgrade."""
    unpacked = target_dir / "unpacked"
    subprocess.run(["dpkg-deb", "--raw-extract", str(package), str(unpacked)], check=True)
    control = unpacked / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^(Version: .*)$", rf"\g<1>{suffix}", control.read_text()))
    result = target_dir / f"upgraded{suffix}.deb"
    _pack(unpacked, result)
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", choices=images.SUITES, action="append", help="default: all")
    parser.add_argument("--output", type=pathlib.Path, help="copy the packages there")
    parser.add_argument("--compare", action="store_true", help="build a second time elsewhere; 1 when the two differ")
    options = parser.parse_args()
    is_same = True
    try:
        for name in options.suite or images.SUITES:
            if options.compare:
                differing = compare(images.SUITES[name])
                print(f"{name}: " + (f"differs in {', '.join(differing)}" if differing else "byte for byte the same"))
                is_same = is_same and not differing
                continue
            package = ensure(images.SUITES[name])
            if options.output is not None:
                package = pathlib.Path(shutil.copy2(package, options.output))
            print(package)
    except (BuildError, images.ImageError) as error:
        print(f"deb.py: {error}", file=sys.stderr)
        return 1
    return 0 if is_same else 1


if __name__ == "__main__":
    sys.exit(main())
