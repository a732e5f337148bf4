// SPDX-License-Identifier: MIT
// The settings that gatemend suggests and, after approval, writes: a closed table with the place,
// the form of the value and what makes it take effect. Pure data, read by suggestions, the executor
// and gatemend-mend alike. A setting that is not here cannot be written.
#pragma once

#include "actions/catalogue.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gatemend::actions {

enum class Place {
    kPool,           // `name = value` in the pool's section of a pool file
    kNginxLocation,  // `name value;` in every block whose *_pass names the backend
    kNginxMain,      // `name value;` at the top of nginx.conf
    kNginxEvents,    // `name value;` in its events block
    kDropIn,  // `Name=value` in [Service] of UNIT.d/90-gatemend.conf below /etc/systemd/system
};

// What makes a change take effect.
enum class Effect {
    kReload,
    kRestart,
    kDaemonReload,         // systemd reads it, the unit does not notice
    kDaemonReloadRestart,  // and runs with it after a restart
};

enum class ValueForm {
    kCount,    // "8"
    kSeconds,  // "30s" (FPM and nginx)
    kSize,     // "16k", "256M"
    kBuffers,  // "8 16k"
    kWord,     // one of `words`, separated by "|"
};

struct SettingSpec {
    std::string_view name;  // as its file spells it
    Place place{};
    ValueForm form{};
    Effect effect{};
    // Of the number, in seconds or bytes; of kBuffers all together. Whatever the caller says: no
    // more than a large machine can bear, no less than a program can run with.
    std::uint64_t least = 0;
    std::uint64_t most = 0;
    std::string_view words{};  // kWord: what it may be
};

[[nodiscard]] std::span<const SettingSpec> settings();
[[nodiscard]] const SettingSpec* find_setting(std::string_view name);
[[nodiscard]] bool is_value(const SettingSpec& setting, std::string_view value);

// nullopt: the parameters of apply-suggestion name settings of one place, with values of their
// form and what the place needs (`pool`, `backend`).
[[nodiscard]] std::optional<std::string> find_setting_fault(const Parameters& parameters);

// What makes the changes of an act with these parameters take effect; nullopt: they are in force at
// once.
[[nodiscard]] std::optional<Effect> effect_of(ActId act, const Parameters& parameters);

// Whom a plan of this act names. Differs from spec(act).target for nginx's settings, and for a name
// that means something else now: whoever's backend it is for, it is nginx that looks it up again.
[[nodiscard]] Target target_of(ActId act, core::Cause cause, const Parameters& parameters);

}  // namespace gatemend::actions
