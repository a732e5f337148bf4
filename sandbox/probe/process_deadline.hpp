// SPDX-License-Identifier: MIT
// For what cannot be interrupted politely (the resolver, a library's arithmetic): prints a prepared
// answer and ends the process when time is up. Called by the main()s. One at a time.
#pragma once

#include "core/probe.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

#include <ctime>
#include <memory>
#include <string>
#include <utility>

namespace gatemend::probe {

class ProcessDeadline {
  public:
    // `answer` is what is printed at the deadline.
    [[nodiscard]] static core::Result<std::unique_ptr<ProcessDeadline>> set(
        core::Duration limit, const core::ProbeResult& answer);

    ProcessDeadline(const ProcessDeadline&) = delete;
    ProcessDeadline& operator=(const ProcessDeadline&) = delete;
    ~ProcessDeadline();  // lifts it

  private:
    explicit ProcessDeadline(std::string line) : line_(std::move(line)) {}

    std::string line_;
    timer_t timer_{};
    bool is_set_ = false;
};

}  // namespace gatemend::probe
