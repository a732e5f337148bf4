"""What the machine runs out of: memory, space, inodes, connections, files."""

from __future__ import annotations

import pathlib

from diagnosis import Diagnosed
from kernel_log import KernelLog

_EATS = '<?php ini_set("memory_limit", "-1"); $all = str_repeat("x", 256 << 20); echo "ok";\n'
_WORK_DIRECTORY = "/var/lib/nginx"  # where nginx keeps what does not fit into its buffers
MIB = 1 << 20


class Memory(Diagnosed):
    def furnish(self, root: pathlib.Path) -> None:
        self.site.add_page(root, "eats.php", _EATS)

    def prepare(self) -> None:
        self.kernel_log = KernelLog(self.machine)
        self.addCleanup(self.kernel_log.close)
        self.kernel_log.connect()

    def test_worker_killed_by_the_kernel(self) -> None:
        self.assert_answers()
        limit = self.machine.limit_memory(self.fpm, 96 * MIB)
        self.addCleanup(limit.remove)
        self.visitors = self.site.visitors("/eats.php", 0.2)
        self.assert_turned_away(502, r"recv\(\) failed \(104: .*\) while reading response header from upstream")
        self.assert_logged(r"exited on signal 9 \(SIGKILL\)", self.site.fpm_log)
        self.machine.wait_until(limit.kills, 10, "the kernel to count its kill")
        self.machine.wait_until(lambda: self.kernel_log.pass_on("oom"), 10, "the kernel's record")
        self.machine.wait_until(lambda: self.machine.journal("_TRANSPORT=kernel"), 10, "the record in the journal")
        self.assert_diagnosed("oom-killed", self.fpm, told=["memory"])
        self.visitors.stop()
        self.visit_steadily()
        self.assert_recovers()


class SmallDisk(Diagnosed):
    """What visitors send does not fit into nginx's buffers and goes to disk."""

    options = "size=1m"

    def prepare(self) -> None:
        self.machine.run("mount", "-t", "tmpfs", "-o", f"mode=755,{self.options}", "tmpfs", _WORK_DIRECTORY)
        self.machine.run("install", "--directory", "--owner=www-data", f"{_WORK_DIRECTORY}/body", f"{_WORK_DIRECTORY}/fastcgi")

    def upload_steadily(self) -> None:
        self.visitors = self.site.posters("/index.php", 200_000)
        self.visitors.wait_for_good(2)

    def test_without_space(self) -> None:
        self.upload_steadily()
        self.machine.run("dd", "if=/dev/zero", f"of={_WORK_DIRECTORY}/backup.tar", "bs=64k", check=False)
        self.assert_turned_away(500, r"\(28: No space left on device\)")
        self.assert_diagnosed("disk-full", _WORK_DIRECTORY, told=[_WORK_DIRECTORY])
        self.machine.path(f"{_WORK_DIRECTORY}/backup.tar").unlink()
        self.assert_recovers()


class FewInodes(SmallDisk):
    options = "size=4m,nr_inodes=64"

    def test_without_space(self) -> None:
        self.upload_steadily()
        fill = f"i=0; while : >{_WORK_DIRECTORY}/session$i; do i=$((i+1)); done"
        self.machine.run("sh", "-c", fill, check=False)
        self.assert_turned_away(500, r"\(28: No space left on device\)")
        self.assert_diagnosed("disk-full", _WORK_DIRECTORY, told=[_WORK_DIRECTORY, "inode"])
        self.machine.run("sh", "-c", f"rm {_WORK_DIRECTORY}/session*")
        self.assert_recovers()


class NginxLimits(Diagnosed):
    def furnish(self, root: pathlib.Path) -> None:
        configuration = root / "etc/nginx/nginx.conf"
        self.healthy = configuration.read_text().replace("worker_processes auto;", "worker_processes 1;")
        configuration.write_text(self.healthy)

    def configure(self, text: str) -> None:
        self.machine.write("/etc/nginx/nginx.conf", text)
        self.site.reload_nginx()

    def tell(self, configuration: str, pattern: str, told: list[str]) -> None:
        self.assert_answers()
        self.configure(configuration)
        self.visitors = self.site.crowd(12, "/slow.php?ms=300")
        self.assert_logged(pattern)
        self.assert_diagnosed("nginx-fd-limit", self.site.nginx, told=told)
        self.visitors.stop()
        self.configure(self.healthy)
        self.visit_steadily()
        self.assert_recovers()

    def test_connections(self) -> None:
        few = self.healthy.replace("worker_connections 768;", "worker_connections 7;")
        self.tell(few, r"7 worker_connections are not enough while connecting to upstream", ["worker_connections"])

    def test_open_files(self) -> None:
        few = "worker_rlimit_nofile 16;\n" + self.healthy
        self.tell(few, r"socket\(\) failed \(24: Too many open files\) while connecting to upstream", ["worker_rlimit_nofile"])


class Load(Diagnosed):
    """What the kernel would say; a machine that is really overloaded would disturb all the others."""

    def furnish(self, root: pathlib.Path) -> None:
        self.site.tune_nginx(root, "fastcgi_read_timeout 1s;")

    def test_high(self) -> None:
        self.assert_answers()
        self.machine.set_load(97, load=64.0)
        self.visitors = self.site.visitors("/slow.php?ms=2500", 0.1)
        self.assert_turned_away(504, r"upstream timed out \(110: .*\) while reading response header from upstream")
        self.assert_diagnosed("high-load", self.fpm, told=["97%"])
        self.machine.set_load(0)
        self.visitors.stop()
        self.visit_steadily()
        self.assert_recovers()
