// SPDX-License-Identifier: MIT
// Runs one external tool as a hardened transient systemd unit (org.freedesktop.systemd1
// StartTransientUnit), so that no gatemend process ever calls execve. Used by the executor and, for
// --dry-run as root without the services, by the command line.
#pragma once

#include "core/result.hpp"
#include "core/time.hpp"
#include "sandbox/bus/connection.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gatemend::sandbox {

enum class ToolProfile {
    kNginxTest,     // nginx -t / -T: root, reads config, private /run, no network to the outside
                    // needed
    kFpmTest,       // php-fpm -t
    kProbe,         // as the nginx worker user, no capabilities; on the way to healing, so quick
    kRemoteProbe,   // the same for what leaves the machine or speaks TLS: more walls, slower
    kInspect,       // gatemend-inspect: reads /proc, the kernel's sockets and the way to a socket
    kPacketFilter,  // nft, iptables-save: list rules
    kMend,          // gatemend-mend: reads configuration, writes in ToolSpec::writable
    kJournal,       // journalctl: deletes archived journals in ToolSpec::writable, asks journald
    kPm2,           // pm2 as the user whose daemon it asks: reads, and talks to local sockets
    kCapture,       // tcpdump as nobody in particular: reads packets, writes what it was handed
};

// The tool sees `source` where it opens `target`: so a configuration is tested before it is in
// place.
struct Bind {
    std::string source;
    std::string target;
};

struct ToolSpec {
    ToolProfile profile{};
    std::vector<std::string> argv;  // argv[0] absolute
    std::string user;               // of the probes and kPm2 only
    core::Duration deadline{};
    std::size_t max_output = std::size_t{8} * 1024;  // per stream; excess is cut and flagged
    std::vector<std::string> writable{};             // folders, of kMend and kJournal only
    std::vector<Bind> binds{};                       // of configuration tests only
    std::vector<std::string> environment{};          // "PATH=...", of kPm2 only
    // Of launch() only: what is in its words on stderr once it is at its work.
    std::string sign_of_life{};
};

struct ToolOutcome {
    int exit_code = -1;  // -1: killed or never ran
    bool is_timed_out = false;
    bool is_cut = false;
    bool is_running = false;  // of launch() only: it goes on, the rest says nothing yet
    std::string out;
    std::string err;
};

class ToolRunner {
  public:
    [[nodiscard]] static core::Result<std::unique_ptr<ToolRunner>> open(bus::Connection& connection,
                                                                        bus::EventLoop& loop);
    virtual ~ToolRunner();
    virtual void run(const ToolSpec& spec, std::function<void(core::Result<ToolOutcome>)> done) = 0;

    // For a tool that goes on for longer than anybody waits. `output`, its stdout, stays the
    // caller's. Answers when the tool has given its sign of life, or has ended before. systemd ends
    // it at its deadline, whoever is still there by then.
    virtual void launch(const ToolSpec& spec,
                        int output,
                        std::function<void(core::Result<ToolOutcome>)> started) = 0;

  protected:
    ToolRunner() = default;
};

}  // namespace gatemend::sandbox
