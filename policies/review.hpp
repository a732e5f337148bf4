// SPDX-License-Identifier: MIT
// What a person should know about a rule that is well-formed and yet may not do what its author
// thinks: it never decides, its act can never have what it needs, a limit or a test is missing.
// Pure; the reader of rules turns remarks into warnings with their place, for who asks for a
// review.
#pragma once

#include "policies/policy.hpp"

#include <string>
#include <vector>

namespace gatemend::policy {

// Who wrote a file, and so what can be expected of it.
enum class Author {
    kPackage,   // for every machine: what it names need not be allowed on this one
    kOperator,  // for this machine
    kDraft,     // read by itself, without this machine's settings
};

struct Remark {
    std::string key;  // which value it is about ("when.unit"); absent there: the rule as a whole
    std::string text;
    std::string suggestion;
};

struct Reviewed {
    const Rule& rule;
    const Policy& before;  // settings, and the rules that come first
    Author author{};
    bool has_limit = false;  // the rule says so itself
};

[[nodiscard]] std::vector<Remark> review(const Reviewed& reviewed);

// review() itself where a person reads the warnings; nullptr where nobody does, as in the daemons,
// which then do not link it.
using Reviewer = std::vector<Remark> (*)(const Reviewed& reviewed);

}  // namespace gatemend::policy
