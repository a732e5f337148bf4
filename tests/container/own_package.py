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
_INFO = pathlib.Path("/var/lib/dpkg/info")
_SCRIPTS = ("preinst", "postinst", "prerm", "postrm", "triggers")


class PackageError(Exception):
    """It cannot be had; the text says why."""


def rebuild(folder: pathlib.Path) -> pathlib.Path:
    """The .deb, in `folder`."""
    tree = folder / "tree"
    tree.mkdir()
    for path in _ask("dpkg-query", "--listfiles", NAME).splitlines():
        _copy(pathlib.Path(path), tree)
    control = tree / "DEBIAN"
    control.mkdir()
    status = _ask("dpkg-query", "--status", NAME)
    (control / "control").write_text(re.sub(r"(?m)^(Status: .*\n|Conffiles:\n( .*\n?)*)", "", status).rstrip("\n") + "\n")
    conffiles = re.findall(r"(?m)^ (/\S+) \S+", _ask("dpkg-query", "--show", "--showformat=${Conffiles}\n", NAME))
    (control / "conffiles").write_text("".join(f"{path}\n" for path in conffiles if os.path.lexists(f"{tree}{path}")))
    for script in _SCRIPTS:
        if (_INFO / f"{NAME}.{script}").exists():
            shutil.copy2(_INFO / f"{NAME}.{script}", control / script)
    package = folder / f"{NAME}.deb"
    _ask("dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(package))
    return package


def _copy(path: pathlib.Path, tree: pathlib.Path) -> None:
    target = tree / path.relative_to("/")
    if path.is_symlink() or path.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target, follow_symlinks=False)
    elif path.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    # else: not unpacked here, as manual pages in a container's image


def _ask(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except FileNotFoundError:
        raise PackageError(f"{command[0]} is missing: a drill needs Debian's tools") from None
    except subprocess.CalledProcessError as error:
        raise PackageError(f"{NAME} is not installed here as a package: {error.stderr.strip()}; see --package") from None
