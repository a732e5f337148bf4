// SPDX-License-Identifier: MIT
#include "sandbox/mend/steps.hpp"

#include <optional>
#include <string>

namespace gatemend::mend {

core::Status run_steps(const Steps& steps) {
    for (const Step& step : steps) {
        GATEMEND_CHECK(step.run());
    }
    return core::Done{};
}

core::Status run_every_part(const Steps& steps) {
    std::string errors;
    std::optional<std::size_t> failed;
    for (const Step& step : steps) {
        if (failed == step.part) {
            continue;
        }
        if (const core::Status status = step.run(); !status) {
            failed = step.part;
            errors += (errors.empty() ? "" : "; ") + status.error().text;
        }
    }
    return errors.empty() ? core::Status{core::Done{}} : core::Status{core::Error{errors}};
}

}  // namespace gatemend::mend
