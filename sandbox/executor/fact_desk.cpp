// SPDX-License-Identifier: MIT
#include "sandbox/executor/fact_desk.hpp"

#include "core/text.hpp"
#include "sandbox/executor/address_book.hpp"
#include "sandbox/inspect/look.hpp"
#include "sandbox/probe/address.hpp"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace gatemend::sandbox {
namespace {

using core::Duration;
using core::ProbeKind;
using core::Result;

Fault tool_failed(const core::Error& error) {
    return {FaultKind::kToolFailed, core::sanitize(error.text)};
}

}  // namespace

Reply<bus::UniqueFd> make_sealed_copy(const std::string& text) {
    const auto fail = [] {
        return Fault{FaultKind::kToolFailed, std::generic_category().message(errno)};
    };
    bus::UniqueFd copy{memfd_create("gatemend-nginx-dump", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (copy.get() < 0) {
        return fail();
    }
    for (std::size_t at = 0; at < text.size();) {
        const ssize_t n = write(copy.get(), text.data() + at, text.size() - at);
        if (n < 0 && errno != EINTR) {
            return fail();
        }
        at += n > 0 ? static_cast<std::size_t>(n) : 0;
    }
    constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    if (fcntl(copy.get(), F_ADD_SEALS, kSeals) < 0 || lseek(copy.get(), 0, SEEK_SET) < 0) {
        return fail();
    }
    return copy;
}

FactDesk::FactDesk(Facts& facts, std::function<const policy::Policy&()> policy, FactPaths paths)
    : facts_(facts),
      policy_(std::move(policy)),
      paths_(std::move(paths)) {}

void FactDesk::nginx_dump(ReplyDone<DumpReply> done) {
    if (dump_waiters_.size() >= kMaxDumpWaiters) {
        done(Fault{FaultKind::kBusy, "too many wait for the dump"});
        return;
    }
    dump_waiters_.push_back(std::move(done));
    if (dump_waiters_.size() > 1) {
        return;
    }
    facts_.nginx_dump([this](Result<NginxDumpFact> fact) {
        const auto waiters = std::exchange(dump_waiters_, {});
        if (fact && fact->exit_status == 0) {
            last_dump_ = fact->dump;
        }
        for (const auto& waiter : waiters) {
            if (fact) {
                waiter(DumpReply{fact->dump, fact->exit_status, fact->diagnostics});
            } else {
                waiter(tool_failed(fact.error()));
            }
        }
    });
}

Reply<bus::UniqueFd> FactDesk::open_log(const std::string& path) const {
    return sandbox::open_log(paths_.logs, path);
}

void FactDesk::test_config(const std::string& unit, ReplyDone<ConfigTestFact> done) {
    if (!actions::is_unit_name(unit)) {
        done(Fault{FaultKind::kBadArgument, "unit: not the name of a service"});
        return;
    }
    if (!policy::is_unit_allowed(policy_().settings, unit)) {
        done(Fault{FaultKind::kNotAllowed, "the executor's policy does not list this unit"});
        return;
    }
    facts_.test_config(unit, [done = std::move(done)](Result<ConfigTestFact> fact) {
        if (fact) {
            done(std::move(*fact));
        } else {
            done(tool_failed(fact.error()));
        }
    });
}

bool FactDesk::is_known(const std::string& address) const {
    const auto& overrides = policy_().settings.backends;
    return std::ranges::find(overrides, address, &policy::BackendOverride::address) !=
               overrides.end() ||
           mentions_address(last_dump_, address) ||
           (last_dump_.empty() && folder_mentions_address(paths_.nginx_config, address));
}

void FactDesk::probe(const std::string& kind,
                     const std::string& address,
                     std::uint64_t timeout_usec,
                     const ReplyDone<std::string>& done) {
    const auto known_kind = core::probe_kind_from_id(kind);
    if (!known_kind) {
        done(Fault{FaultKind::kBadArgument, "kind: neither connect nor fastcgi"});
        return;
    }
    if (timeout_usec == 0 || timeout_usec > static_cast<std::uint64_t>(kMaxProbeTimeout.count())) {
        done(Fault{FaultKind::kBadArgument, "timeout_usec: zero or more than ten seconds"});
        return;
    }
    const auto parsed = probe::parse_address(address);
    if (address.size() > kMaxAddressBytes || !parsed) {
        done(Fault{FaultKind::kBadArgument,
                   "address: " + (parsed ? std::string{"too long"} : parsed.error().text)});
        return;
    }
    const Duration timeout{static_cast<std::int64_t>(timeout_usec)};
    const auto run = [this, known_kind, address, timeout, done] {
        facts_.probe(*known_kind, address, timeout, [done](const Result<std::string>& line) {
            if (line) {
                done(*line);
            } else {
                done(tool_failed(line.error()));
            }
        });
    };
    // nginx's own listening sockets are not backends, so they are in no list; connecting sends
    // nothing
    const bool is_own_port = *known_kind == ProbeKind::kConnect && !address.starts_with("unix:");
    if (is_own_port) {
        run();
        return;
    }
    if_known(address, run, done);
}

void FactDesk::if_known(const std::string& address,
                        const std::function<void()>& known,
                        const std::function<void(Fault)>& unknown) {
    if (is_known(address)) {
        known();
        return;
    }
    const Fault fault{FaultKind::kNotAllowed, "address: not in nginx's configuration"};
    if (!last_dump_.empty()) {
        unknown(fault);
        return;
    }
    nginx_dump([this, address, known, unknown, fault](const Reply<DumpReply>& /*dump*/) {
        if (is_known(address)) {
            known();
        } else {
            unknown(fault);
        }
    });
}

void FactDesk::inspect(const std::string& unit,
                       const std::string& address,
                       const ReplyDone<std::string>& done) {
    if (!unit.empty() && !actions::is_unit_name(unit)) {
        done(Fault{FaultKind::kBadArgument, "unit: not the name of a service"});
        return;
    }
    const std::string problem = address.size() > kMaxAddressBytes ? "too long"
                                : address.empty()                 ? ""
                                                  : inspect::check_address(address);
    if (!problem.empty()) {
        done(Fault{FaultKind::kBadArgument, "address: " + problem});
        return;
    }
    if (address.empty()) {
        queue_look(unit, address, done);
        return;
    }
    if_known(address, [this, unit, address, done] { queue_look(unit, address, done); }, done);
}

void FactDesk::queue_look(const std::string& unit,
                          const std::string& address,
                          const ReplyDone<std::string>& done) {
    std::size_t waiting = 0;
    for (const Look& look : looks_) {
        waiting += look.waiters.size();
    }
    if (waiting >= kMaxLookWaiters) {
        done(Fault{FaultKind::kBusy, "too many wait for a look at the machine"});
        return;
    }
    for (Look& look : looks_) {
        if (look.unit == unit && look.address == address) {
            look.waiters.push_back(done);
            return;
        }
    }
    looks_.push_back({unit, address, {done}});
    if (looks_.size() == 1) {
        run_first_look();
    }
}

void FactDesk::run_first_look() {
    const std::string unit = looks_.front().unit;
    const std::string address = looks_.front().address;
    facts_.inspect(unit, address, [this](const Result<std::string>& text) {
        const Look ended = std::move(looks_.front());
        looks_.pop_front();
        if (!looks_.empty()) {
            run_first_look();
        }
        for (const auto& waiter : ended.waiters) {
            if (text) {
                waiter(*text);
            } else {
                waiter(tool_failed(text.error()));
            }
        }
    });
}

void FactDesk::packet_filter(ReplyDone<PacketFilterFact> done) {
    if (packet_filter_waiters_.size() >= kMaxLookWaiters) {
        done(Fault{FaultKind::kBusy, "too many wait for the packet filter"});
        return;
    }
    packet_filter_waiters_.push_back(std::move(done));
    if (packet_filter_waiters_.size() > 1) {
        return;
    }
    facts_.packet_filter([this](const Result<PacketFilterFact>& fact) {
        for (const auto& waiters = std::exchange(packet_filter_waiters_, {});
             const auto& waiter : waiters) {
            if (fact) {
                waiter(*fact);
            } else {
                waiter(tool_failed(fact.error()));
            }
        }
    });
}

}  // namespace gatemend::sandbox
