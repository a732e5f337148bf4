// SPDX-License-Identifier: MIT
// What the executor's parts work with; made by main() or by a test, outlives them all.
#pragma once

#include "actions/catalogue.hpp"
#include "core/hold.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "policies/toml_reader.hpp"
#include "sandbox/bus/systemd_client.hpp"
#include "sandbox/executor/notices.hpp"
#include "sandbox/executor/record.hpp"
#include "sandbox/executor/reply.hpp"
#include "sandbox/tools/facts.hpp"
#include "sandbox/tools/mender.hpp"
#include "sandbox/tools/tool_runner.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace gatemend::sandbox {

// A reason of the executor's own not to act.
struct GateHold {
    core::HoldKind kind{};
    std::string text;
};

using AnchorDone = std::function<void(const core::Result<std::optional<Anchor>>&)>;

using HoldDone = std::function<void(std::optional<GateHold>)>;

struct ExecutorPorts {
    bus::SystemdClient& systemd;
    Facts& facts;
    ToolRunner& tools;
    Mender& mender;
    Notices& notices;
    std::function<core::TimePoint()> now;
    std::function<policy::LoadedPolicy()> load_policy;
    std::function<void()> ledger_changed;
    // Calls back once after a while, from the event loop.
    std::function<void(core::Duration, std::function<void()>)> after{};
    // How long this machine has been running; empty: nobody knows.
    std::function<core::Duration()> uptime{};
    // What the journal says last of the record at this path, by our own word. Nothing: it says
    // nothing. Empty: it is not asked.
    std::function<void(const std::string& path, AnchorDone done)> read_anchor{};
    // Is a person, another tool or the machine itself at work? Empty: nobody is asked.
    std::function<void(const std::string& unit, actions::ActId act, HoldDone done)> check_guards{};
};

// A journal entry with the head of the record's chain, which is on disk by then.
struct Announcement {
    std::string_view message_id;
    int priority = 6;
    std::string unit{};
    std::string text;
    std::uint64_t incident = 0;
};

void announce(const ExecutorPorts& ports, Record& record, Announcement announcement);

// Says it in the journal, as loud as it can be said; the fault for the caller.
[[nodiscard]] Fault record_failed(const ExecutorPorts& ports, const core::Error& error);

}  // namespace gatemend::sandbox
