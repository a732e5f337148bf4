// SPDX-License-Identifier: MIT
// Makes a changed configuration take effect, and its old one again: daemon-reload, restart, reload.
// Called by the acts, on the way there and on the way back. A reload is believed when the processes
// have changed, never for its exit code: nginx and PHP-FPM fail to reload without a word.
#pragma once

#include "actions/act.hpp"
#include "actions/settings.hpp"
#include "core/result.hpp"

#include <functional>
#include <string>

namespace gatemend::actions {

struct EffectOrder {
    Effect effect{};
    std::string unit;
    core::Duration deadline{};
};

using EffectDone = std::function<void(core::Status)>;

// A unit that is not running reads its files when it is started: nothing is done to it.
void take_effect(const Hands& hands, const EffectOrder& order, EffectDone done);

// The job, and the proof.
void reload_and_prove(const Hands& hands,
                      const std::string& unit,
                      core::Duration deadline,
                      EffectDone done);

}  // namespace gatemend::actions
