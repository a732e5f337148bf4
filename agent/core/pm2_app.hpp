// SPDX-License-Identifier: MIT
// What pm2 says of one application that it supervises. Made by parse/pm2_list, judged by
// judge_socket; the words are pm2's own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::core {

enum class Pm2Status {
    kOnline,
    kLaunching,
    kWaitingRestart,  // "waiting restart": it ended, pm2 starts it again in a moment
    kStopping,
    kStopped,  // a person stopped it, or it ended in a way that is not to be repeated
    kErrored,  // pm2 has given up on it
    kOther,
};
[[nodiscard]] std::string_view pm2_status_id(Pm2Status status);
[[nodiscard]] Pm2Status pm2_status_from_id(std::string_view id);

struct Pm2App {
    std::string name;  // sanitized
    Pm2Status status = Pm2Status::kOther;
    std::uint32_t restarts = 0;

    friend bool operator==(const Pm2App&, const Pm2App&) = default;
};

inline constexpr std::size_t kMaxPm2Apps = 256;

// "pm2-deploy.service": how `pm2 startup` calls the unit of a user's daemon.
[[nodiscard]] bool is_pm2_unit(std::string_view unit);

// A name that `pm2 restart` takes for that of one application, and for nothing else: neither "all",
// nor a number, nor a file of settings.
[[nodiscard]] bool is_plain_pm2_name(std::string_view name);

// The one that pm2 has given up on, in all its instances, where everything else is online. nullptr
// where anything else there is down or on its way: that may be the one that nobody hears from, and
// this one may have been left down on purpose.
[[nodiscard]] const Pm2App* find_only_errored(const std::vector<Pm2App>& apps);

// "shop (errored, 3 restarts), worker (online)"; of many, the first few
[[nodiscard]] std::string describe(const std::vector<Pm2App>& apps);

}  // namespace gatemend::core
