// SPDX-License-Identifier: MIT
// Ownership: whose a backend's address is. Called by discovery; a pure function of what was read.
// In this order: the operator's word; who listens there now, as its unit's main process; who was
// seen to listen there; who else listens there, if that is no server of other people's scripts; of
// the pool files that name it, the unit that systemd has in use. A file alone proves nothing: a
// removed version leaves its files behind. Nobody, where nothing decides.
#pragma once

#include "app/discovery.hpp"

#include <string>

namespace gatemend::app {

struct Owner {
    std::string unit;  // "" = nobody
    std::string pool;
};

[[nodiscard]] Owner owner_of(const Machine& machine,
                             const policy::Settings& settings,
                             const core::Topology& remembered,
                             const std::string& address);

// What `topology`, just discovered, adds to what was seen before.
[[nodiscard]] std::vector<core::Seen> seen_after(const Machine& machine,
                                                 const core::Topology& topology,
                                                 const core::Topology& remembered);

// The pool of `unit` that listens on `address`; nullptr when its files name none.
[[nodiscard]] const parse::FpmPool* find_pool(const Machine& machine,
                                              std::string_view unit,
                                              const std::string& address);

// Behind symbolic links.
[[nodiscard]] std::string real_address(const Machine& machine, const std::string& address);

// The unit's own name: pool files lie in the folder of a version, for which an alias may stand.
[[nodiscard]] std::string unit_of(const Machine& machine, const FpmInstance& instance);

}  // namespace gatemend::app
