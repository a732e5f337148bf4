// SPDX-License-Identifier: MIT
#include "sandbox/executor/fact_desk.hpp"

#include "core/one_line.hpp"
#include "core/pm2_app.hpp"
#include "core/text.hpp"
#include "sandbox/bus/replace_file.hpp"
#include "sandbox/inspect/address.hpp"
#include "sandbox/probe/address.hpp"
#include "sandbox/tools/small_text.hpp"

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
    return {FaultKind::kToolFailed, core::sanitize(core::one_line(error.text))};
}

Reply<core::ProbeQuestion> check(const ProbeRequest& request) {
    const auto kind = core::probe_kind_from_id(request.kind);
    if (!kind) {
        return Fault{FaultKind::kBadArgument, "kind: not one of the probe's"};
    }
    if (request.timeout_usec == 0 ||
        request.timeout_usec > static_cast<std::uint64_t>(kMaxProbeTimeout.count())) {
        return Fault{FaultKind::kBadArgument, "timeout_usec: zero or more than ten seconds"};
    }
    const bool is_name = *kind == ProbeKind::kResolve;
    if (request.address.size() > (is_name ? kMaxHostNameBytes : kMaxAddressBytes)) {
        return Fault{FaultKind::kBadArgument, "address: too long"};
    }
    core::ProbeQuestion question{*kind,
                                 request.address,
                                 request.name,
                                 Duration{static_cast<std::int64_t>(request.timeout_usec)}};
    // Whether it may be left this machine for is may_ask()'s to say.
    if (const std::string problem = probe::check_target(question, probe::Reach::kRemote);
        !problem.empty()) {
        return Fault{FaultKind::kBadArgument, "address: " + problem};
    }
    return question;
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

FactDesk::FactDesk(Facts& facts,
                   std::function<const policy::Policy&()> policy,
                   FactPaths paths,
                   std::function<void(const std::string&, const ConfigTestFact&)> note_test,
                   std::function<void(const core::Error&)> warn,
                   std::function<void(const std::string&, const std::string&)> note_look)
    : facts_(facts),
      policy_(std::move(policy)),
      paths_(std::move(paths)),
      note_test_(std::move(note_test)),
      warn_(std::move(warn)),
      note_look_(std::move(note_look)),
      resolved_(ResolvedNames::decode(read_small_text(paths_.names, kMaxNamesFile).value_or(""))) {}

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
    return sandbox::open_log(
        paths_.logs,
        path,
        {.reader = paths_.agent,
         .is_configured = [this](const std::string& log) { return is_configured_log(log); }});
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
    facts_.test_config(unit, [this, unit, done = std::move(done)](Result<ConfigTestFact> fact) {
        if (fact) {
            done(*fact);
            if (note_test_) {
                note_test_(unit, *fact);
            }
        } else {
            done(tool_failed(fact.error()));
        }
    });
}

bool FactDesk::is_mentioned(const std::string& word, Mention mentions) const {
    return mentions(last_dump_, word) ||
           (last_dump_.empty() && folder_mentions(paths_.nginx_config, word, mentions));
}

bool FactDesk::is_configured_log(const std::string& path) const {
    return is_mentioned(path, mentions_log) ||
           std::ranges::any_of(paths_.fpm_config, [&path](const std::string& folder) {
               return folder_mentions(folder, path, mentions_log);
           });
}

bool FactDesk::is_known(const std::string& address) const {
    const auto& overrides = policy_().settings.backends;
    const auto aliases = resolved_.aliases(address);
    return std::ranges::find(overrides, address, &policy::BackendOverride::address) !=
               overrides.end() ||
           is_mentioned(address, mentions_address) ||
           std::ranges::any_of(aliases, [this](const std::string& alias) {
               return is_mentioned(alias, mentions_address);
           });
}

bool FactDesk::may_ask(const core::ProbeQuestion& question) const {
    if (question.kind == ProbeKind::kResolve) {
        return is_mentioned(question.address, mentions_host);
    }
    // nginx's own listening sockets are not backends, so they are in no list; connecting sends
    // nothing
    const bool is_own_port = question.kind == ProbeKind::kConnect &&
                             !question.address.starts_with("unix:") &&
                             probe::check_target(question, probe::Reach::kLocal).empty();
    return (is_own_port || is_known(question.address)) &&
           (question.name.empty() || is_mentioned(question.name, mentions_host));
}

void FactDesk::ask(const core::ProbeQuestion& question, const ReplyDone<std::string>& done) {
    facts_.probe(question, [this, question, done](const Result<std::string>& line) {
        if (!line) {
            done(tool_failed(line.error()));
            return;
        }
        if (question.kind == ProbeKind::kResolve) {
            remember_name(question.address, *line);
        }
        done(*line);
    });
}

void FactDesk::remember_name(const std::string& name, const std::string& line) {
    auto result = core::decode_probe_result(line).value_or(core::ProbeResult{});
    if (result.addresses.empty() || !resolved_.remember(name, std::move(result.addresses)) ||
        paths_.names.empty()) {
        return;
    }
    const auto kept = bus::replace_file(paths_.names, resolved_.encode());
    if (!kept && warn_) {
        warn_(kept.error());
    }
}

void FactDesk::probe(const ProbeRequest& request, const ReplyDone<std::string>& done) {
    const auto checked = check(request);
    if (const auto* fault = std::get_if<Fault>(&checked)) {
        done(*fault);
        return;
    }
    const auto& question = std::get<core::ProbeQuestion>(checked);
    if_allowed([this, question] { return may_ask(question); },
               [this, question, done] { ask(question, done); },
               done);
}

void FactDesk::if_allowed(const std::function<bool()>& is_allowed,
                          const std::function<void()>& allowed,
                          const std::function<void(Fault)>& refused) {
    if (is_allowed()) {
        allowed();
        return;
    }
    const Fault fault{FaultKind::kNotAllowed, "address: not in nginx's configuration"};
    if (!last_dump_.empty()) {
        refused(fault);
        return;
    }
    nginx_dump([is_allowed, allowed, refused, fault](const Reply<DumpReply>& /*dump*/) {
        if (is_allowed()) {
            allowed();
        } else {
            refused(fault);
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
    // Of a TCP address nothing is opened; the listeners of all of them are told anyway.
    if (!address.starts_with("unix:")) {
        queue_look(unit, address, done);
        return;
    }
    if_allowed([this, address] { return is_known(address); },
               [this, unit, address, done] { queue_look(unit, address, done); },
               done);
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
        if (text && note_look_) {
            note_look_(ended.unit, *text);
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

void FactDesk::pm2_apps(const std::string& unit, const ReplyDone<std::string>& done) {
    if (!actions::is_unit_name(unit) || !core::is_pm2_unit(unit)) {
        done(Fault{FaultKind::kBadArgument, "unit: not the name of a pm2 service"});
        return;
    }
    if (!policy::is_unit_allowed(policy_().settings, unit)) {
        done(Fault{FaultKind::kNotAllowed, "the executor's policy does not list this unit"});
        return;
    }
    auto& waiters = pm2_waiters_[unit];
    if (waiters.size() >= kMaxLookWaiters) {
        done(Fault{FaultKind::kBusy, "too many wait for pm2"});
        return;
    }
    waiters.push_back(done);
    if (waiters.size() > 1) {
        return;
    }
    facts_.pm2_apps(unit, [this, unit](const Result<std::string>& text) {
        const auto ended = pm2_waiters_.extract(unit);
        for (const auto& waiter : ended.mapped()) {
            if (text) {
                waiter(*text);
            } else {
                waiter(tool_failed(text.error()));
            }
        }
    });
}

}  // namespace gatemend::sandbox
