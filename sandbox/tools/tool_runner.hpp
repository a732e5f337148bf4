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
    std::string user;               // of the probes only
    core::Duration deadline{};
    std::size_t max_output = std::size_t{8} * 1024;  // per stream; excess is cut and flagged
    std::vector<std::string> writable{};             // folders, of kMend only
    std::vector<Bind> binds{};                       // of configuration tests only
};

struct ToolOutcome {
    int exit_code = -1;  // -1: killed or never ran
    bool is_timed_out = false;
    bool is_cut = false;
    std::string out;
    std::string err;
};

class ToolRunner {
  public:
    [[nodiscard]] static core::Result<std::unique_ptr<ToolRunner>> open(bus::Connection& connection,
                                                                        bus::EventLoop& loop);
    virtual ~ToolRunner();
    virtual void run(const ToolSpec& spec, std::function<void(core::Result<ToolOutcome>)> done) = 0;

  protected:
    ToolRunner() = default;
};

}  // namespace gatemend::sandbox
