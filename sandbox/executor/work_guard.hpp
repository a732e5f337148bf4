// SPDX-License-Identifier: MIT
// Looks with the executor's own eyes whether a running unit may be restarted: a unit that does its
// work is not, whoever asks. Keeps the looks that gatemend-inspect has taken of each unit, for
// whomever, so that it need not believe anybody how long nothing has moved. Asked by the examiner.
#pragma once

#include "actions/catalogue.hpp"
#include "core/work_watch.hpp"
#include "sandbox/executor/nginx_patience.hpp"
#include "sandbox/executor/ports.hpp"
#include "sandbox/executor/side_work.hpp"

#include <map>
#include <optional>
#include <string>

namespace gatemend::sandbox {

// Nothing may have moved for so long before a unit is taken for hung; where nginx waits longer than
// half of it, twice that. The agent knows which location waits how long, and pools' timeouts; this
// is the least that holds whatever it says.
inline constexpr core::Duration kLeastStillness = std::chrono::minutes{1};
inline constexpr std::size_t kMaxWatchedUnits = 16;

class WorkGuard {
  public:
    explicit WorkGuard(const ExecutorPorts& ports) : ports_(ports) {}

    // A look that was made for somebody, as its tool printed it.
    void note(const std::string& unit, const std::string& look);
    // nullopt: the plan's act interrupts nobody's work.
    void check(const actions::Plan& plan, const HoldDone& done);

  private:
    enum class Turn { kFirst, kSecond };

    // Of one plan.
    struct Inquiry {
        actions::Plan plan;
        HoldDone done;
        Turn turn = Turn::kFirst;
        std::optional<core::Duration> stillness{};  // that is needed; absent: nginx was not asked
    };

    struct Watch {
        core::WorkWatch work;
        SideWork side;
    };

    void look(const Inquiry& inquiry);
    void look_again(Inquiry inquiry, core::Duration after);
    void judge(const Inquiry& inquiry, const core::Inspection& inspection);
    void judge_lost_socket(const Inquiry& inquiry, const core::Inspection& inspection);
    // And looks again, for what was seen must still be true.
    void ask_nginx(Inquiry inquiry);
    void keep(const std::string& unit, core::TimePoint asked, const core::Inspection& inspection);

    const ExecutorPorts& ports_;
    std::map<std::string, Watch, std::less<>> watches_;  // by unit
};

}  // namespace gatemend::sandbox
