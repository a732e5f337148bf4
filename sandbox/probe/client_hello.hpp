// SPDX-License-Identifier: MIT
// The first words of a TLS client, fixed: enough for any TLS server to answer with something that
// recognise() knows, be it an alert. No session ever comes of it. Pure; called by probe.cpp.
#pragma once

#include <string>

namespace gatemend::probe {

[[nodiscard]] std::string make_client_hello();

}  // namespace gatemend::probe
