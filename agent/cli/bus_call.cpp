// SPDX-License-Identifier: MIT
#include "cli/bus_call.hpp"

#include "cli/exit_code.hpp"
#include "core/text.hpp"

#include <cstdio>
#include <string_view>
#include <thread>

namespace gatemend::cli {

namespace {

constexpr BusService kBus{"org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus"};
constexpr std::chrono::milliseconds kPace{200};

bool is_absent(std::string_view name) {
    return name == "org.freedesktop.DBus.Error.ServiceUnknown" ||
           name == "org.freedesktop.DBus.Error.NameHasNoOwner" ||
           name == "org.freedesktop.DBus.Error.Spawn.ChildExited" ||
           name == "org.freedesktop.systemd1.NoSuchUnit";
}

int report(const BusService& service, const sdbus::Error& error) {
    const std::string& name = error.getName();
    if (is_absent(name)) {
        (void)std::fprintf(stderr,
                           "gatemend: service not running (%s is not on the bus); "
                           "`systemctl enable --now gatemend` starts it\n",
                           service.name);
        return kExitNotRunning;
    }
    if (name == "org.freedesktop.DBus.Error.AccessDenied" ||
        name == "org.gatemend.Error.NotAllowed") {
        (void)std::fprintf(stderr,
                           "gatemend: not allowed; run it as root%s\n",
                           service.name == kAgent.name ? " or join group gatemend" : "");
        return kExitFailed;
    }
    constexpr std::size_t kMaxBytes = std::size_t{4} * 1024;  // how each file is
    const std::string text = core::sanitize(std::string(error.getMessage()), kMaxBytes);
    (void)std::fprintf(stderr, "gatemend: %s\n", text.c_str());
    return kExitFailed;
}

}  // namespace

int call_service(const BusService& service, const std::function<void(sdbus::IProxy&)>& call) {
    try {
        const auto connection = sdbus::createSystemBusConnection();
        const auto proxy = sdbus::createProxy(
            *connection, bus::ServiceName{service.name}, bus::ObjectPath{service.path});
        call(*proxy);
        return kExitOk;
    } catch (const sdbus::Error& error) {
        return report(service, error);
    }
}

bool await_service(const BusService& service, std::chrono::seconds patience) {
    const auto give_up = std::chrono::steady_clock::now() + patience;
    bool is_there = false;
    while (!is_there && std::chrono::steady_clock::now() < give_up) {
        std::this_thread::sleep_for(kPace);
        const int code = call_service(kBus, [&](sdbus::IProxy& bus) {
            bus.callMethod("NameHasOwner")
                .onInterface(kBus.interface)
                .withArguments(std::string{service.name})
                .storeResultsTo(is_there);
        });
        if (code != kExitOk) {
            return false;
        }
    }
    return is_there;
}

}  // namespace gatemend::cli
