// SPDX-License-Identifier: MIT
// The differences between sdbus-c++ 1.2 (Debian 12) and 2.x (Debian 13) that reach beyond the
// generated code. Only adapters include this.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <optional>
#include <string>

namespace gatemend::bus {

#if GATEMEND_SDBUS_MAJOR >= 2
using sdbus::InterfaceName;
using sdbus::MethodName;
using sdbus::ObjectPath;
using sdbus::PropertyName;
using sdbus::ServiceName;
using sdbus::SignalName;
using MaybeError = std::optional<sdbus::Error>;  // what asynchronous replies carry
using ErrorName = sdbus::Error::Name;
#else
using InterfaceName = std::string;
using MethodName = std::string;
using ObjectPath = sdbus::ObjectPath;
using PropertyName = std::string;
using ServiceName = std::string;
using SignalName = std::string;
using MaybeError = const sdbus::Error*;
using ErrorName = std::string;
#endif

// 1.2 wants to be told when all signal handlers of a proxy are in place.
inline void finish_registration([[maybe_unused]] sdbus::IProxy& proxy) {
#if GATEMEND_SDBUS_MAJOR < 2
    proxy.finishRegistration();
#endif
}

}  // namespace gatemend::bus
