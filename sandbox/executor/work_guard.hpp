// SPDX-License-Identifier: MIT
// Looks with the executor's own eyes whether a running unit may be restarted: a unit that does its
// work is not, whoever asks. Keeps the looks that gatemend-inspect has taken of each unit, for
// whomever, so that it need not believe anybody how long nothing has moved. Asked by the examiner.
#pragma once

#include "actions/catalogue.hpp"
#include "core/work_watch.hpp"
#include "sandbox/executor/ports.hpp"

#include <map>
#include <string>

namespace gatemend::sandbox {

// Nothing may have moved for so long before a unit is taken for hung. The agent knows nginx's
// timeouts and waits longer; this is the least that holds whatever it says.
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

    void look(const actions::Plan& plan, Turn turn, const HoldDone& done);
    void judge(const actions::Plan& plan,
               const core::Inspection& inspection,
               Turn turn,
               const HoldDone& done);
    void keep(const std::string& unit, core::TimePoint asked, const core::Inspection& inspection);

    const ExecutorPorts& ports_;
    std::map<std::string, core::WorkWatch, std::less<>> watches_;  // by unit
};

}  // namespace gatemend::sandbox
