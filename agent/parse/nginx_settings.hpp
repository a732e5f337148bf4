// SPDX-License-Identifier: MIT
// The limits nginx keeps towards its backends (`proxy_read_timeout`, `fastcgi_buffers` …) and its
// own, as they are in effect at one place: set there, inherited, or nginx's default. Used by the
// reader of `nginx -T` and by whoever advises. Never guesses: what is not understood stays as
// written.
#pragma once

#include "core/config_value.hpp"
#include "parse/setting.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatemend::parse {

enum class PassSetting {
    kConnectTimeout,
    kSendTimeout,
    kReadTimeout,
    kBufferSize,
    kBuffers,
    kBusyBuffersSize,
    kBuffering,
    kNextUpstream,
    kInterceptErrors,
    kSslVerify,
    kSslName,
    kSslServerName,
    kSslTrustedCertificate,
};
inline constexpr std::size_t kPassSettingCount = 13;

// "read_timeout": the directive without its module's prefix.
[[nodiscard]] std::string_view pass_setting_id(PassSetting setting);
[[nodiscard]] std::optional<PassSetting> pass_setting_from_id(std::string_view id);

// Of one place. `directive` gives "fastcgi_read_timeout".
struct PassSettings {
    std::string prefix;  // "fastcgi_"
    std::array<Setting, kPassSettingCount> values;

    [[nodiscard]] const Setting& of(PassSetting setting) const {
        return values[static_cast<std::size_t>(setting)];
    }

    [[nodiscard]] std::string directive(PassSetting setting) const {
        return prefix + std::string(pass_setting_id(setting));
    }
};

struct GlobalSettings {
    Setting worker_processes{"1", ""};
    Setting worker_connections{"512", ""};
    Setting worker_rlimit_nofile{"", ""};  // "": the limit of the process
};

using core::config_bytes;
using core::config_milliseconds;

// The longer of two times; one that cannot be read outlasts all.
[[nodiscard]] const Setting& longer_of(const Setting& a, const Setting& b);

// The blocks of a configuration and what each sets. A block inherits from the one around it what it
// does not set itself, wherever in the block it is set, so the answer is asked for at the end.
class SettingScopes {
  public:
    using Scope = std::size_t;
    static constexpr Scope kNoScope = ~std::size_t{0};

    // kNoScope: too many.
    [[nodiscard]] Scope open(Scope parent);
    // False: `name` is none of ours.
    bool set(Scope scope, std::string_view name, Setting value);
    [[nodiscard]] PassSettings effective(Scope scope, std::string_view prefix) const;
    // The largest read timeout that is set anywhere, whatever the module, or nginx's default.
    [[nodiscard]] Setting longest_read_timeout() const;

  private:
    struct Block {
        Scope parent = kNoScope;
        std::vector<std::pair<std::string, Setting>> values;  // by the directive's name
    };

    [[nodiscard]] const Setting* find(Scope scope, std::string_view name) const;

    std::vector<Block> blocks_;
};

}  // namespace gatemend::parse
