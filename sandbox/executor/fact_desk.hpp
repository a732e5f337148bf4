// SPDX-License-Identifier: MIT
// Hands out read-only facts: checks who may know what, then asks Facts. Called by executor_object.
// Changes nothing on the machine; remembers the last good nginx dump to know which addresses exist.
#pragma once

#include "policies/policy.hpp"
#include "sandbox/bus/unique_fd.hpp"
#include "sandbox/executor/address_book.hpp"
#include "sandbox/executor/log_opener.hpp"
#include "sandbox/executor/reply.hpp"
#include "sandbox/executor/resolved_names.hpp"
#include "sandbox/inspect/permission.hpp"
#include "sandbox/tools/facts.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace gatemend::sandbox {

inline constexpr std::size_t kMaxAddressBytes = 128;
inline constexpr std::size_t kMaxHostNameBytes = 253;
inline constexpr core::Duration kMaxProbeTimeout = std::chrono::seconds{10};
inline constexpr std::size_t kMaxDumpWaiters = 16;
inline constexpr std::size_t kMaxLookWaiters = 16;

struct DumpReply {
    std::string dump;
    int exit_status = 0;
    std::string diagnostics;
};

// As it came over D-Bus: nothing in it is checked yet.
struct ProbeRequest {
    std::string kind;
    std::string address;
    std::string name;
    std::uint64_t timeout_usec = 0;
};

struct FactPaths {
    std::string logs = "/var/log";
    std::string nginx_config = "/etc/nginx";
    std::vector<std::string> fpm_config{"/etc/php", "/etc/php-fpm.conf", "/etc/php-fpm.d"};
    std::string names{};        // what names were resolved to; "": not kept
    inspect::Identity agent{};  // who reads logs
};

class FactDesk {
  public:
    // `note_test`: told of every test of a whole configuration, after the answer. `warn`: hears why
    // names could not be kept. `note_look`: hears of every look at a unit, before the answer.
    FactDesk(Facts& facts,
             std::function<const policy::Policy&()> policy,
             FactPaths paths = {},
             std::function<void(const std::string& unit, const ConfigTestFact&)> note_test = {},
             std::function<void(const core::Error&)> warn = {},
             std::function<void(const std::string& unit, const std::string& look)> note_look = {});

    void nginx_dump(ReplyDone<DumpReply> done);
    [[nodiscard]] Reply<bus::UniqueFd> open_log(const std::string& path) const;
    void test_config(const std::string& unit, ReplyDone<ConfigTestFact> done);
    void probe(const ProbeRequest& request, const ReplyDone<std::string>& done);
    // Same questions share an answer; different ones are asked one after the other.
    void inspect(const std::string& unit,
                 const std::string& address,
                 const ReplyDone<std::string>& done);
    void packet_filter(ReplyDone<PacketFilterFact> done);
    void pm2_apps(const std::string& unit, const ReplyDone<std::string>& done);

  private:
    struct Look {
        std::string unit;
        std::string address;
        std::vector<ReplyDone<std::string>> waiters;
    };

    [[nodiscard]] bool is_configured_log(const std::string& path) const;
    [[nodiscard]] bool is_mentioned(const std::string& word, Mention mentions) const;
    [[nodiscard]] bool is_known(const std::string& address) const;
    [[nodiscard]] bool may_ask(const core::ProbeQuestion& question) const;
    void ask(const core::ProbeQuestion& question, const ReplyDone<std::string>& done);
    void remember_name(const std::string& name, const std::string& line);
    // Calls one of the two, asking nginx for its configuration first where there is none yet.
    void if_allowed(const std::function<bool()>& is_allowed,
                    const std::function<void()>& allowed,
                    const std::function<void(Fault)>& refused);
    void queue_look(const std::string& unit,
                    const std::string& address,
                    const ReplyDone<std::string>& done);
    void run_first_look();

    Facts& facts_;
    std::function<const policy::Policy&()> policy_;
    FactPaths paths_;
    std::function<void(const std::string&, const ConfigTestFact&)> note_test_;
    std::function<void(const core::Error&)> warn_;
    std::function<void(const std::string&, const std::string&)> note_look_;
    std::string last_dump_;                           // of the last nginx -T that succeeded
    std::vector<ReplyDone<DumpReply>> dump_waiters_;  // not empty: a dump is being made
    std::deque<Look> looks_;                          // the first one is under way
    std::vector<ReplyDone<PacketFilterFact>> packet_filter_waiters_;  // not empty: being listed
    std::map<std::string, std::vector<ReplyDone<std::string>>> pm2_waiters_;  // by unit
    ResolvedNames resolved_;
};

// A memfd with `text` that nobody can change any more.
[[nodiscard]] Reply<bus::UniqueFd> make_sealed_copy(const std::string& text);

}  // namespace gatemend::sandbox
