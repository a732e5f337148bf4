"""The package as it is installed on this machine, made into a file again: what a drill tries is what is installed here.

Settings below /etc are taken along as they are; a drill writes its own over them.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess

NAME = "gatemend"
_DATABASE = "var/lib/dpkg"
_SCRIPTS = ("preinst", "postinst", "prerm", "postrm", "triggers")


class PackageError(Exception):
    """It cannot be had; the text says why."""


def rebuild(folder: pathlib.Path, root: pathlib.Path = pathlib.Path("/")) -> pathlib.Path:
    """The .deb, in `folder`; `root`: where it is installed."""
    tree = folder / "tree"
    tree.mkdir()
    database = f"--admindir={root / _DATABASE}"
    listed = _ask("dpkg-query", database, "--listfiles", NAME).splitlines()
    names = [path.lstrip("/") for path in listed if path != "/."]
    folders = {name.rpartition("/")[0] for name in names}
    for name in names:
        _copy(root / name, tree / name, name in folders)
    control = tree / "DEBIAN"
    control.mkdir()
    status = _ask("dpkg-query", database, "--status", NAME)
    (control / "control").write_text(re.sub(r"(?m)^(Status: .*\n|Conffiles:\n( .*\n?)*)", "", status).rstrip("\n") + "\n")
    shown = _ask("dpkg-query", database, "--show", "--showformat=${Conffiles}\n", NAME)
    conffiles = [path for path in re.findall(r"(?m)^ (/\S+) \S+", shown) if os.path.lexists(f"{tree}{path}")]
    (control / "conffiles").write_text("".join(f"{path}\n" for path in conffiles))
    for script in _SCRIPTS:
        kept = root / _DATABASE / "info" / f"{NAME}.{script}"
        if kept.exists():
            shutil.copy2(kept, control / script)
    package = folder / f"{NAME}.deb"
    _ask("dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(package))
    return package


def _copy(path: pathlib.Path, target: pathlib.Path, is_folder: bool) -> None:
    if is_folder or (path.is_dir() and not path.is_symlink()):  # /lib is a link here, and a folder in a package
        target.mkdir(parents=True, exist_ok=True)
        target.chmod(path.stat().st_mode & 0o7777)
    elif path.is_symlink() or path.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target, follow_symlinks=False)
    # else: not unpacked here, as manual pages in a container's image


def _ask(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except FileNotFoundError:
        raise PackageError(f"{command[0]} is missing: a drill needs Debian's tools") from None
    except subprocess.CalledProcessError as error:
        raise PackageError(f"{NAME} is not installed here as a package: {error.stderr.strip()}; see --package") from None
