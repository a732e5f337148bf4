"""The drill itself: as it is installed, without the source tree; and a scorecard that can say no."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import tempfile

import images
import own_package
import scorecard
import stories
from scenario import Scenario


def unpack(package: pathlib.Path, folder: pathlib.Path) -> list[str]:
    """Files as they are packed: mode, name, content."""
    subprocess.run(["dpkg-deb", "--raw-extract", str(package), str(folder)], check=True)
    found = []
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        content = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else ""
        found.append(f"{name} {path.lstat().st_mode:o} {content!r}")
    return found


class OwnPackage(Scenario):
    is_same_everywhere = True

    is_enabled = False
    tuned = {}

    def test_the_installed_package_is_made_into_the_same_again(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            again = own_package.rebuild(folder, self.machine.path("/"))
            packed, repacked = unpack(self.package, folder / "packed"), unpack(again, folder / "repacked")
        metadata = ("DEBIAN ", "DEBIAN/control", "DEBIAN/md5sums")
        self.assertEqual(
            [file for file in repacked if not file.startswith(metadata)],
            [file for file in packed if not file.startswith(metadata)],
        )


class _ConfusedDrill(stories.CrashedFpm):
    cause = "oom-killed"  # it is not


class Scorecard(Scenario):
    is_same_everywhere = True

    def setUp(self) -> None:
        pass  # a drill brings its own machines

    def test_as_it_is_installed(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            unpack(self.package, folder / "package")
            program = folder / "package/usr/share/gatemend/drill/drill.py"
            finished = subprocess.run(
                [sys.executable, "-I", str(program), "--suite", self.suite.name, "--package", str(self.package), "--json"]
                + ["--only", "crashed-fpm", "--only", "old-socket-path", "--only", "unit-stopped"],
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "GATEMEND_TEST_CACHE": str(images.cache_dir())},
                capture_output=True,
                text=True,
                check=False,
            )
        self.assertEqual(finished.returncode, 0, finished.stdout + finished.stderr)
        document = json.loads(finished.stdout)
        self.assertTrue(document["ok"])
        rows = {row["drill"]: row for row in document["drills"]}
        self.assertEqual(list(rows), ["crashed-fpm", "old-socket-path", "stopped-fpm"])
        shown = {name: (row["detected"], row["correct"], row["healed"], row["undone"]) for name, row in rows.items()}
        self.assertEqual(shown["crashed-fpm"], (True, True, True, None))
        self.assertEqual(shown["old-socket-path"], (True, True, True, True))
        self.assertEqual(shown["stopped-fpm"], (True, True, None, None))

    def test_a_wrong_diagnosis_is_no_success(self) -> None:
        drill = scorecard.Drill(_ConfusedDrill, self.suite, self.package)
        drill.deadline = 5.0
        row = drill.run()
        self.assertEqual((row.detected, row.correct, row.is_good), (True, False, False))
        self.assertIn("NO", scorecard.table([row]))
