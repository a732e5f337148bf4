// SPDX-License-Identifier: MIT
// One blocking D-Bus call to one of our own services, for the command line only: the services
// themselves never block.
#pragma once

#include "core/result.hpp"
#include "sandbox/bus/compat.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace gatemend::cli {

struct BusService {
    const char* name;
    const char* path;
    const char* interface;
};

inline constexpr BusService kAgent{
    "org.gatemend.Agent1", "/org/gatemend/Agent1", "org.gatemend.Agent1"};
inline constexpr BusService kExecutor{
    "org.gatemend.Executor1", "/org/gatemend/Executor1", "org.gatemend.Executor1"};

// Connects and runs `call`; on failure says one clear line and returns the exit code, else 0.
[[nodiscard]] int call_service(const BusService& service,
                               const std::function<void(sdbus::IProxy&)>& call);

// Waits until the service is on the bus; false: it did not come back in time.
[[nodiscard]] bool await_service(const BusService& service, std::chrono::seconds patience);

}  // namespace gatemend::cli
