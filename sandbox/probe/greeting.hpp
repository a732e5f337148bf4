// SPDX-License-Identifier: MIT
// Which protocol the first bytes of a peer belong to, for the case that it is not the one we asked
// in. Pure; a guess by signature, told to people and never relied on. Called by exchange.cpp.
#pragma once

#include "core/probe.hpp"

#include <string_view>

namespace gatemend::probe {

// kUnknown for no bytes at all, kOther for bytes of none of the protocols.
[[nodiscard]] core::Spoken recognise(std::string_view first_bytes);

}  // namespace gatemend::probe
