// SPDX-License-Identifier: MIT
// Read-only facts about this machine, made with the tool runner. The executor serves them over
// D-Bus; `gatemend --dry-run` uses them directly, so that both see the same machine the same way.
#pragma once

#include "core/probe.hpp"
#include "core/result.hpp"
#include "core/topology.hpp"
#include "sandbox/bus/systemd_client.hpp"
#include "sandbox/tools/fingerprint.hpp"
#include "sandbox/tools/tool_runner.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gatemend::sandbox {

struct NginxDumpFact {
    int exit_status = -1;
    std::string dump;         // stdout of nginx -T, at most kMaxDumpBytes
    std::string diagnostics;  // stderr
};

struct ConfigTestFact {
    std::string verdict;  // "valid" | "invalid" | "unknown"
    std::string fingerprint;
    std::string output;  // the tool's words or why it could not run
};

struct PacketFilterFact {
    // "nft-json": one line, and behind it what iptables-save and ip6tables-save say of rules that
    // nft cannot show; "iptables-save": these two alone; "none"
    std::string format;
    std::string text;  // printable ASCII and newlines, at most kMaxPacketFilterBytes
};

inline constexpr std::size_t kMaxPacketFilterBytes = std::size_t{256} * 1024;
inline constexpr std::size_t kMaxPm2Bytes = std::size_t{128} * 1024;
// Ten thousand virtual hosts and more; what a configuration of that size costs is a few times as
// much memory while it is read.
inline constexpr std::size_t kMaxDumpBytes = std::size_t{64} * 1024 * 1024;

// Names, accounts and mounts change without any file of a configuration.
inline constexpr core::Duration kVerdictLifetime = std::chrono::seconds{10};

class Facts {
  public:
    // `clock`: since boot.
    [[nodiscard]] static std::unique_ptr<Facts> make(
        ToolRunner& runner,
        bus::SystemdClient& systemd,
        std::function<core::Duration()> clock = bus::since_boot);
    virtual ~Facts();

    virtual void nginx_dump(std::function<void(core::Result<NginxDumpFact>)> done) = 0;

    // Which binary and files belong to a unit name is known here (php8.2-fpm.service ->
    // /usr/sbin/php-fpm8.2 and /etc/php/8.2/fpm/; php-fpm.service -> /usr/sbin/php-fpm;
    // nginx.service). Unchanged files are not tested again within kVerdictLifetime.
    virtual void test_config(const std::string& unit,
                             std::function<void(core::Result<ConfigTestFact>)> done) = 0;

    // The unit's test as if the files of `binds` were in place already. Never cached; the
    // fingerprint is "", because no files on disk are what was tested.
    virtual void test_staged(const std::string& unit,
                             const std::vector<Bind>& binds,
                             std::function<void(core::Result<ConfigTestFact>)> done) = 0;

    // One line of gatemend-probe; as the worker user of the running nginx (its children's uid),
    // else www-data or nginx.
    virtual void probe(const core::ProbeQuestion& question,
                       std::function<void(core::Result<std::string>)> done) = 0;

    // One look at the machine, as core::decode_inspection reads it; unit and address may be "".
    // systemd is asked for the unit's main process, so that what that one holds can be told.
    virtual void inspect(const std::string& unit,
                         const std::string& address,
                         std::function<void(core::Result<std::string>)> done) = 0;

    // One line of gatemend-inspect, as core::decode_last_job reads it. `id`: the unit's own name.
    virtual void last_job(const std::string& id,
                          std::function<void(core::Result<std::string>)> done) = 0;

    // The first tool that is there and can list its rules; "none" when there is none.
    virtual void packet_filter(std::function<void(core::Result<PacketFilterFact>)> done) = 0;

    // What `pm2 list -m` prints to the user of this pm2 unit; printable ASCII and newlines, at most
    // kMaxPm2Bytes.
    virtual void pm2_apps(const std::string& unit,
                          std::function<void(core::Result<std::string>)> done) = 0;

    // Fingerprint of the files that test_config would test, without running anything (stat only).
    [[nodiscard]] virtual core::Result<std::string> fingerprint(const std::string& unit) const = 0;
    // The last change of what the unit reads at its start and at a reload.
    [[nodiscard]] virtual core::Result<ConfigChange> newest_change(
        const std::string& unit) const = 0;
    // The processes in the unit's own control group, ascending; empty: none, or it cannot be seen.
    [[nodiscard]] virtual std::vector<std::uint32_t> processes(const std::string& unit) const = 0;
    // They passed the test, exactly these files, at most so long ago.
    [[nodiscard]] virtual bool is_known_valid(const std::string& unit,
                                              core::Duration max_age) const = 0;

  protected:
    Facts() = default;
};

}  // namespace gatemend::sandbox
