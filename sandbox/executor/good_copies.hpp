// SPDX-License-Identifier: MIT
// Sees to it that there is something for restore-config to restore: whenever a configuration has
// passed its test and is not the one kept last, gatemend-mend keeps a copy. Nobody waits for it.
// Called by executor and fact_desk; a dry run keeps nothing.
#pragma once

#include "sandbox/tools/facts.hpp"
#include "sandbox/tools/mender.hpp"

#include <functional>
#include <map>
#include <string>

namespace gatemend::sandbox {

class GoodCopies {
  public:
    // `may_keep`: is the unit's configuration the administrator's own, not one of ours on trial?
    GoodCopies(Mender& mender, std::function<bool(const std::string& unit)> may_keep)
        : mender_(mender),
          may_keep_(std::move(may_keep)) {}

    void note(const std::string& unit, const ConfigTestFact& fact);

  private:
    Mender& mender_;
    std::function<bool(const std::string& unit)> may_keep_;
    std::map<std::string, std::string> kept_;  // unit -> fingerprint
};

}  // namespace gatemend::sandbox
