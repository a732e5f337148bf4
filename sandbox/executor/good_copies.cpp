// SPDX-License-Identifier: MIT
#include "sandbox/executor/good_copies.hpp"

namespace gatemend::sandbox {

void GoodCopies::note(const std::string& unit, const ConfigTestFact& fact) {
    if (fact.verdict != "valid" || fact.fingerprint.empty() || !may_keep_(unit)) {
        return;
    }
    const auto kept = kept_.find(unit);
    if (kept != kept_.end() && kept->second == fact.fingerprint) {
        return;
    }
    kept_[unit] = fact.fingerprint;
    mender_.keep(unit, [this, unit](const core::Result<actions::Mending>& result) {
        if (!result) {
            kept_.erase(unit);  // a full disk, say: tried again after the next test
        }
    });
}

}  // namespace gatemend::sandbox
