// SPDX-License-Identifier: MIT
#include "sandbox/mend/steps.hpp"

namespace gatemend::mend {

core::Status run_steps(const Steps& steps) {
    for (const Step& step : steps) {
        GATEMEND_CHECK(step.run());
    }
    return core::Done{};
}

}  // namespace gatemend::mend
