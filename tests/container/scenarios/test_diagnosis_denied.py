"""nginx may not connect although every mode is right: SELinux and AppArmor.

The kernel under the tests has neither. A seccomp filter refuses nginx's connect() with their errno, and recorded audit
records say who did it.
"""

from __future__ import annotations

import pathlib
import time

from apps import PORT, Node
from diagnosis import Diagnosed
from kernel_log import KernelLog

_REFUSES = "[Service]\nSystemCallFilter=~connect\nSystemCallErrorNumber=EACCES\n"
_DROP_IN = "/etc/systemd/system/nginx.service.d/refuses.conf"


class Denied(Diagnosed):
    def furnish(self, root: pathlib.Path) -> None:
        self.app = Node()
        self.app.lay_out(self.site, root)

    def prepare(self) -> None:
        self.kernel_log = KernelLog(self.machine)
        self.addCleanup(self.kernel_log.close)
        self.kernel_log.connect()

    def refuse(self) -> str:
        """From now on; a worker's pid."""
        self.machine.write(_DROP_IN, _REFUSES)
        self.restart_nginx()
        return self.machine.wait_until(self.site.nginx_workers, 10, "nginx's workers")[0]

    def restart_nginx(self) -> None:
        self.machine.systemctl("daemon-reload")
        self.machine.systemctl("restart", self.site.nginx)

    def allow(self) -> None:
        self.machine.path(_DROP_IN).unlink()
        self.restart_nginx()

    def say(self, text: str) -> None:
        self.kernel_log.say(text)
        self.machine.wait_until(lambda: self.machine.journal("_TRANSPORT=kernel"), 10, "the record in the journal")

    def test_by_apparmor(self) -> None:
        self.visit_steadily()
        worker = self.refuse()
        self.assert_turned_away(502, rf"connect\(\) to unix:{self.suite.fpm_socket} failed \(13: Permission denied\)")
        self.say(
            f'audit: type=1400 audit({time.time():.3f}:61): apparmor="DENIED" operation="connect" class="file" '
            f'profile="/usr/sbin/nginx" name="{self.suite.fpm_socket}" pid={worker} comm="nginx" requested_mask="wr" '
            'denied_mask="wr" fsuid=33 ouid=33'
        )
        self.assert_diagnosed("lsm-denied", self.fpm, told=["AppArmor"])
        self.allow()
        self.assert_recovers()

    def test_by_selinux(self) -> None:
        self.visit_steadily(self.app.path)
        worker = self.refuse()
        self.assert_turned_away(502, rf"connect\(\) to 127\.0\.0\.1:{PORT} failed \(13: Permission denied\)")
        self.say(
            f"audit: type=1400 audit({time.time():.3f}:412): avc:  denied  {{ name_connect }} for  pid={worker} comm=\"nginx\" "
            f"dest={PORT} scontext=system_u:system_r:httpd_t:s0 tcontext=system_u:object_r:ntop_port_t:s0 "
            "tclass=tcp_socket permissive=0"
        )
        self.assert_diagnosed("lsm-denied", f"127.0.0.1:{PORT}", told=["httpd_can_network_connect"])
        self.allow()
        self.assert_recovers()
