// SPDX-License-Identifier: MIT
// One look at this machine: everything gatemend-inspect finds, put together. Called by its main()
// and by tests. Changes nothing, connects to nothing, and never fails as a whole: what cannot be
// read stays absent.
#pragma once

#include "core/inspection.hpp"
#include "core/result.hpp"
#include "sandbox/inspect/permission.hpp"
#include "sandbox/inspect/proc_text.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatemend::inspect {

// Believed where it is in the unit's control group and runs as that user: whoever else is in there
// cannot become it.
struct MainProcess {
    std::uint32_t pid = 0;
    std::uint32_t uid = 0;
};

struct Question {
    std::string unit;                           // "" for none
    std::string address;                        // "" for none
    Identity worker;                            // as whom nginx's workers run
    std::optional<MainProcess> main_process{};  // of `unit`, as systemd tells it
    Roots roots{};
    std::chrono::milliseconds sample{100};  // how long processes are watched for their use of cpu
    std::chrono::milliseconds limit{2000};
};

[[nodiscard]] core::Inspection look(const Question& question);

// As text, at most kMaxInspectionBytes: workers are dropped before listeners.
[[nodiscard]] std::string encode_bounded(core::Inspection inspection, std::string_view address);

}  // namespace gatemend::inspect
