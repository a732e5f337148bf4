// SPDX-License-Identifier: MIT
// ExecutorClient: org.gatemend.Executor1 as the agent calls it. Every call is asynchronous, has a
// deadline and answers exactly once on the event loop, also when the executor has vanished; D-Bus
// activation brings it back with the next call. Decides nothing.
#pragma once

#include "actions/catalogue.hpp"
#include "core/event.hpp"
#include "core/ledger.hpp"
#include "core/probe.hpp"
#include "core/result.hpp"
#include "sandbox/bus/connection.hpp"
#include "sandbox/bus/unique_fd.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace gatemend::io {

struct NginxDump {
    int exit_status = -1;
    std::string dump;         // at most kMaxDumpBytes
    std::string diagnostics;  // the tool's words, unsanitized
};

inline constexpr std::size_t kMaxDumpBytes = std::size_t{64} * 1024 * 1024;

struct ConfigTestReply {
    std::string verdict;
    std::string fingerprint;
    std::string output;  // the tool's words, unsanitized
};

struct PacketFilterText {
    std::string format;  // "nft-json" | "iptables-save" | "none"
    std::string text;    // unsanitized
};

struct Proposal {
    std::string digest;
    std::string preview;  // what would change, sanitized line by line; at most 64 KiB
};

class ExecutorClient {
  public:
    template <class T>
    using Reply = std::function<void(core::Result<T>)>;

    struct Hooks {
        std::function<void()> on_ledger_changed;
        std::function<void()> on_started;  // the executor has come (back) onto the bus
    };

    [[nodiscard]] static core::Result<std::unique_ptr<ExecutorClient>> open(
        bus::Connection& connection, Hooks hooks);
    virtual ~ExecutorClient();

    virtual void nginx_dump(Reply<NginxDump> done) = 0;
    virtual void open_log(const std::string& path, Reply<bus::UniqueFd> done) = 0;
    virtual void test_config(const std::string& unit, Reply<ConfigTestReply> done) = 0;
    virtual void probe(const core::ProbeQuestion& question, Reply<std::string> done) = 0;
    // unit and address may be "". The text is core::decode_inspection's.
    virtual void inspect(const std::string& unit,
                         const std::string& address,
                         Reply<std::string> done) = 0;
    virtual void packet_filter(Reply<PacketFilterText> done) = 0;
    // The text is parse::read_pm2_list's.
    virtual void pm2_apps(const std::string& unit, Reply<std::string> done) = 0;
    virtual void read_ledger(Reply<core::Ledger> done) = 0;

    // Plan, then Execute of exactly that digest. kLost whenever it is not certain that nothing ran.
    virtual void act(std::uint64_t incident,
                     const actions::Plan& plan,
                     std::function<void(core::ActAnswered)> done) = 0;
    // The exact plan, without permission to execute it.
    virtual void propose(const actions::Plan& plan, Reply<Proposal> done) = 0;
    // Undo a provisional act.
    virtual void roll_back(std::uint64_t attempt, Reply<core::Done> done) = 0;
    virtual void latch(const std::string& unit,
                       const std::string& rule,
                       Reply<core::Done> done) = 0;
    virtual void confirm(std::uint64_t attempt,
                         core::ActVerdict verdict,
                         const std::string& detail,
                         Reply<core::Done> done) = 0;
    // The value: "" or why the executor keeps its old policies.
    virtual void reload(Reply<std::string> done) = 0;

  protected:
    ExecutorClient() = default;
};

// The whole of a memfd or file, at most `limit` bytes.
[[nodiscard]] core::Result<std::string> read_descriptor(int fd, std::size_t limit);

}  // namespace gatemend::io
