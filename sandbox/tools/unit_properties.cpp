// SPDX-License-Identifier: MIT
#include "sandbox/tools/unit_properties.hpp"

#include <linux/capability.h>
#include <syslog.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <tuple>
#include <utility>

namespace gatemend::sandbox {
namespace {

using Command = sdbus::Struct<std::string, std::vector<std::string>, bool>;
using NameList = sdbus::Struct<bool, std::vector<std::string>>;  // true: these only
using BindPath = sdbus::Struct<std::string, std::string, bool, std::uint64_t>;
using TemporaryPath = sdbus::Struct<std::string, std::string>;

constexpr std::uint64_t bit(unsigned capability) {
    return std::uint64_t{1} << capability;
}

class Properties {
  public:
    template <class T>
    Properties& set(const char* name, const T& value) {
        list_.emplace_back(std::string{name}, sdbus::Variant{value});
        return *this;
    }

    Properties& set_text(const char* name, const char* value) {
        return set(name, std::string{value});
    }

    std::vector<UnitProperty> take() { return std::move(list_); }

  private:
    std::vector<UnitProperty> list_;
};

int kill_signal(ToolProfile profile) {
    return profile == ToolProfile::kCapture ? SIGINT : SIGKILL;
}

// What every tool gets: run once, no trace in the journal, gone afterwards.
void add_common(Properties& properties, const ToolSpec& spec, const ToolPipes& pipes) {
    std::vector<std::string> environment{"LC_ALL=C"};
    environment.insert(environment.end(), spec.environment.begin(), spec.environment.end());
    const auto usec = static_cast<std::uint64_t>(spec.deadline.count());
    properties
        .set_text("Description", "gatemend tool")
        // oneshot: the start job ends with the process, and TimeoutStart is its deadline even if we
        // die
        .set_text("Type", "oneshot")
        .set("ExecStart", std::vector<Command>{Command{spec.argv.front(), spec.argv, false}})
        .set("StandardOutputFileDescriptor", sdbus::UnixFd{pipes.out})
        .set("StandardErrorFileDescriptor", sdbus::UnixFd{pipes.err})
        .set("AddRef", true)  // keeps the exit status readable until we have read it
        .set_text("CollectMode", "inactive-or-failed")
        .set("LogLevelMax", std::int32_t{LOG_EMERG})
        .set("TimeoutStartUSec", usec)
        .set("TimeoutStopUSec", std::uint64_t{1'000'000})
        .set("KillSignal", std::int32_t{kill_signal(spec.profile)})
        .set("IgnoreSIGPIPE", false)  // a tool that says too much ends when nobody listens
        .set("Environment", environment)
        .set("NoNewPrivileges", true)
        .set("TasksMax", std::uint64_t{32})
        .set("LimitCORE", std::uint64_t{0})
        .set("UMask", std::uint32_t{0077});
}

// Programs of others have no filter of their own: what none of them has any business with fails for
// them. A list of what is forbidden, because what they need is theirs to change.
void add_foreign_program(Properties& properties) {
    constexpr bool kAllOthersAreAllowed = false;
    properties.set("SystemCallArchitectures", std::vector<std::string>{"native"})
        .set("SystemCallFilter",
             NameList{kAllOthersAreAllowed,
                      {"@clock",
                       "@cpu-emulation",
                       "@debug",
                       "@module",
                       "@mount",
                       "@obsolete",
                       "@raw-io",
                       "@reboot",
                       "@swap",
                       "bpf",
                       "io_uring_setup",
                       "userfaultfd"}})
        .set("SystemCallErrorNumber", std::int32_t{EPERM});
}

// Files and processes of the machine stay as they are; the tools still open what the service would.
void add_config_test(Properties& properties) {
    add_foreign_program(properties);
    properties.set("RestrictNamespaces", std::uint64_t{0})
        .set("RestrictRealtime", true)
        .set("ProtectClock", true)
        .set("ProtectKernelLogs", true)
        .set_text("ProtectSystem", "full")
        .set_text("ProtectHome", "read-only")
        .set("PrivateDevices", true)
        .set("ProtectControlGroups", true)
        .set("ProtectKernelModules", true)
        .set("ProtectKernelTunables", true)
        .set("RestrictSUIDSGID", true)
        .set("LockPersonality", true)
        .set("RestrictAddressFamilies",
             NameList{true, {"AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK"}});
}

// What is tested is what would be in place: files of a stage over those of the service.
std::vector<BindPath> staged_files(const ToolSpec& spec) {
    std::vector<BindPath> binds;
    for (const Bind& bind : spec.binds) {
        constexpr bool kIsMissingIgnored = false;
        binds.emplace_back(bind.source, bind.target, kIsMissingIgnored, std::uint64_t{0});
    }
    return binds;
}

// A pid file, sockets and whatever else the test makes below /run vanishes with the unit; what
// names are resolved with has to be there.
void add_private_run(Properties& properties, const ToolSpec& spec) {
    std::vector<BindPath> visible = staged_files(spec);
    for (const char* path :
         {"/run/systemd/resolve", "/run/resolvconf", "/run/nscd", "/run/NetworkManager"}) {
        visible.emplace_back(std::string{path}, std::string{path}, true, std::uint64_t{0});
    }
    properties.set("TemporaryFileSystem", std::vector<TemporaryPath>{{"/run", "mode=0755"}})
        .set("BindReadOnlyPaths", visible);
}

void add_nginx_test(Properties& properties, const ToolSpec& spec) {
    add_config_test(properties);
    add_private_run(properties, spec);
    // Opens logs of the worker user, binds low ports where nginx is down, makes missing temp paths.
    properties.set("CapabilityBoundingSet",
                   bit(CAP_DAC_OVERRIDE) | bit(CAP_DAC_READ_SEARCH) | bit(CAP_NET_BIND_SERVICE) |
                       bit(CAP_CHOWN) | bit(CAP_FOWNER));
}

void add_fpm_test(Properties& properties, const ToolSpec& spec) {
    add_config_test(properties);
    if (!spec.binds.empty()) {
        properties.set("BindReadOnlyPaths", staged_files(spec));
    }
    // No MemoryDenyWriteExecute: opcache's JIT and PCRE's map writable code while modules load.
    // No private /run: a pool may log or listen there, and the test creates nothing in it.
    properties.set("CapabilityBoundingSet",
                   bit(CAP_DAC_OVERRIDE) | bit(CAP_DAC_READ_SEARCH) | bit(CAP_SETUID) |
                       bit(CAP_SETGID) | bit(CAP_CHOWN));
}

// On the critical path of healing: no mount namespace (several milliseconds to set up), because the
// probe's own seccomp filter already forbids to execute anything and to open a file for writing.
void add_probe(Properties& properties, const ToolSpec& spec) {
    properties.set("User", spec.user)
        .set("CapabilityBoundingSet", std::uint64_t{0})
        .set("LimitNOFILE", std::uint64_t{16})
        .set("LimitFSIZE", std::uint64_t{0});
}

// What needs no mount namespace.
void add_plain_process(Properties& properties) {
    properties.set("RestrictNamespaces", std::uint64_t{0})
        .set("LockPersonality", true)
        .set("MemoryDenyWriteExecute", true)
        .set("RestrictRealtime", true)
        .set("RestrictSUIDSGID", true)
        .set("LimitFSIZE", std::uint64_t{0});
}

// No ProtectSystem= and no other mount namespace: there every disk would look read-only, and a
// socket in a private /tmp would not be found. Its own seccomp filter forbids to open for writing.
void add_inspect(Properties& properties) {
    add_plain_process(properties);
    properties.set("CapabilityBoundingSet", bit(CAP_SYS_PTRACE) | bit(CAP_DAC_READ_SEARCH))
        .set("RestrictAddressFamilies", NameList{true, {"AF_UNIX", "AF_NETLINK"}})
        .set("LimitNOFILE", std::uint64_t{1024});
}

// iptables-save of old tables asks through a raw socket.
void add_packet_filter(Properties& properties) {
    add_foreign_program(properties);
    add_plain_process(properties);
    properties.set_text("ProtectSystem", "strict")
        .set_text("ProtectHome", "yes")
        .set("PrivateTmp", true)
        .set("PrivateDevices", true)
        .set("CapabilityBoundingSet", bit(CAP_NET_ADMIN) | bit(CAP_NET_RAW))
        .set("RestrictAddressFamilies",
             NameList{true, {"AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK"}});
}

// Nobody's site waits for this one, and a library reads what strangers send: nothing to write to, a
// ceiling for memory. Names are resolved with files of /etc, sockets of /run and, for the families
// this machine has, netlink.
void add_remote_probe(Properties& properties, const ToolSpec& spec) {
    constexpr std::uint64_t kMaxMemory = std::uint64_t{64} * 1024 * 1024;
    add_plain_process(properties);
    properties.set("User", spec.user)
        .set("CapabilityBoundingSet", std::uint64_t{0})
        .set("LimitNOFILE", std::uint64_t{64})
        .set("MemoryMax", kMaxMemory)
        .set_text("ProtectSystem", "strict")
        .set("ProtectControlGroups", true)
        .set("ProtectKernelModules", true)
        .set("ProtectKernelTunables", true)
        .set("RestrictAddressFamilies",
             NameList{true, {"AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK"}});
}

// Files keep their owners and modes, whoever these are; nothing is written outside `writable`. No
// PrivateNetwork=: in a network of its own it would see no socket of the machine's; its own seccomp
// filter leaves it none but netlink.
void add_mend(Properties& properties, const ToolSpec& spec) {
    constexpr std::uint64_t kMaxFileBytes = std::uint64_t{32} * 1024 * 1024;
    properties.set("RestrictNamespaces", std::uint64_t{0})
        .set("LockPersonality", true)
        .set("MemoryDenyWriteExecute", true)
        .set("RestrictRealtime", true)
        .set("RestrictSUIDSGID", true)
        .set("LimitFSIZE", kMaxFileBytes)
        .set_text("ProtectSystem", "strict")
        .set("ReadWritePaths", spec.writable)
        .set("PrivateDevices", true)
        .set("ProtectControlGroups", true)
        .set("ProtectKernelModules", true)
        .set("ProtectKernelTunables", true)
        .set("RestrictAddressFamilies", NameList{true, {"AF_UNIX", "AF_NETLINK"}})
        .set("CapabilityBoundingSet",
             bit(CAP_DAC_OVERRIDE) | bit(CAP_DAC_READ_SEARCH) | bit(CAP_CHOWN) | bit(CAP_FOWNER));
}

// The folder belongs to root, so root without powers may unlink in it; the journal daemon is asked
// through its socket.
void add_journal(Properties& properties, const ToolSpec& spec) {
    add_foreign_program(properties);
    add_plain_process(properties);
    properties.set_text("ProtectSystem", "strict")
        .set("ReadWritePaths", spec.writable)
        .set_text("ProtectHome", "yes")
        .set("PrivateDevices", true)
        .set("PrivateNetwork", true)
        .set("ProtectControlGroups", true)
        .set("ProtectKernelModules", true)
        .set("ProtectKernelTunables", true)
        .set("RestrictAddressFamilies", NameList{true, {"AF_UNIX"}})
        .set("CapabilityBoundingSet", std::uint64_t{0});
}

// Nothing to write to: where its daemon has died, pm2 would start another one, which then ends at
// once, for it can make neither socket nor log. No MemoryDenyWriteExecute: Node compiles.
void add_pm2(Properties& properties, const ToolSpec& spec) {
    constexpr std::uint64_t kMaxMemory = std::uint64_t{256} * 1024 * 1024;
    add_foreign_program(properties);
    properties.set("User", spec.user)
        .set_text("WorkingDirectory", "/")
        .set("RestrictNamespaces", std::uint64_t{0})
        .set("LockPersonality", true)
        .set("RestrictRealtime", true)
        .set("RestrictSUIDSGID", true)
        .set("MemoryMax", kMaxMemory)
        .set_text("ProtectSystem", "strict")
        .set_text("ProtectHome", "read-only")
        .set("PrivateDevices", true)
        .set("PrivateNetwork", true)
        .set("ProtectControlGroups", true)
        .set("ProtectKernelModules", true)
        .set("ProtectKernelTunables", true)
        .set("RestrictAddressFamilies", NameList{true, {"AF_UNIX"}})
        .set("CapabilityBoundingSet", std::uint64_t{0});
}

// Its user exists only meanwhile and may write nowhere but into the descriptor it was handed.
// SIGINT at the deadline: tcpdump then writes out what it has.
void add_capture(Properties& properties) {
    constexpr std::uint64_t kMaxFileBytes = std::uint64_t{64} * 1024 * 1024;
    add_foreign_program(properties);
    properties.set("DynamicUser", true)
        .set("AmbientCapabilities", bit(CAP_NET_RAW))
        .set("CapabilityBoundingSet", bit(CAP_NET_RAW))
        .set("LimitFSIZE", kMaxFileBytes)
        .set("RestrictNamespaces", std::uint64_t{0})
        .set("LockPersonality", true)
        .set("MemoryDenyWriteExecute", true)
        .set("RestrictRealtime", true)
        .set_text("ProtectHome", "yes")
        .set("PrivateDevices", true)
        .set("ProtectControlGroups", true)
        .set("ProtectKernelModules", true)
        .set("ProtectKernelTunables", true)
        .set("RestrictAddressFamilies",
             NameList{true, {"AF_UNIX", "AF_INET", "AF_NETLINK", "AF_PACKET"}});
}

}  // namespace

std::vector<UnitProperty> make_unit_properties(const ToolSpec& spec, const ToolPipes& pipes) {
    Properties properties;
    add_common(properties, spec, pipes);
    switch (spec.profile) {
        case ToolProfile::kNginxTest:
            add_nginx_test(properties, spec);
            break;
        case ToolProfile::kFpmTest:
            add_fpm_test(properties, spec);
            break;
        case ToolProfile::kProbe:
            add_probe(properties, spec);
            break;
        case ToolProfile::kInspect:
            add_inspect(properties);
            break;
        case ToolProfile::kPacketFilter:
            add_packet_filter(properties);
            break;
        case ToolProfile::kRemoteProbe:
            add_remote_probe(properties, spec);
            break;
        case ToolProfile::kMend:
            add_mend(properties, spec);
            break;
        case ToolProfile::kJournal:
            add_journal(properties, spec);
            break;
        case ToolProfile::kPm2:
            add_pm2(properties, spec);
            break;
        case ToolProfile::kCapture:
            add_capture(properties);
            break;
    }
    return properties.take();
}

}  // namespace gatemend::sandbox
