// SPDX-License-Identifier: MIT
// The acts that run somebody else's tool: journalctl, pm2, tcpdump. Where on the machine they look
// is theirs to be told, so that tests run them on a machine of their own. Used by find_act.
#pragma once

#include "actions/act.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace gatemend::actions {

struct DiskRoom {
    std::uint64_t bytes = 0;
    std::uint64_t free = 0;  // for users other than root
};

struct JournalPlaces {
    std::string machine_id = "/etc/machine-id";
    // below each: a folder named by the machine's id
    std::vector<std::string> roots{"/var/log/journal", "/run/log/journal"};
    std::string tool = "/usr/bin/journalctl";
    // Of the file system that a path lies on; empty: the machine is asked.
    std::function<core::Result<DiskRoom>(const std::string& path)> room_at{};
};

class VacuumJournal final : public Act {
  public:
    explicit VacuumJournal(JournalPlaces places = {}) : places_(std::move(places)) {}

    [[nodiscard]] std::optional<std::string> find_obstacle(
        const core::UnitState& state) const override;
    // A journal that does not lie where room is short, or has nothing to give, is not touched.
    [[nodiscard]] std::optional<std::string> find_unmet(const Plan& plan) const override;
    void perform(const Hands& hands, const Task& task, ActDone done) const override;
    [[nodiscard]] bool is_fulfilled(const Plan& plan, const core::UnitState& state) const override;

  private:
    JournalPlaces places_;
};

class RestartPm2App final : public Act {
  public:
    [[nodiscard]] std::optional<std::string> find_obstacle(
        const core::UnitState& state) const override;
    void perform(const Hands& hands, const Task& task, ActDone done) const override;
    [[nodiscard]] bool is_fulfilled(const Plan& plan, const core::UnitState& state) const override;
};

struct CapturePlaces {
    std::vector<std::string> tools{"/usr/bin/tcpdump", "/usr/sbin/tcpdump"};
    std::string folder = "/var/lib/gatemend/captures";
};

class CapturePort final : public Act {
  public:
    explicit CapturePort(CapturePlaces places = {}) : places_(std::move(places)) {}

    [[nodiscard]] std::optional<std::string> find_obstacle(
        const core::UnitState& state) const override;
    // Answers when the capture has begun: no other act waits for its end.
    void perform(const Hands& hands, const Task& task, ActDone done) const override;
    [[nodiscard]] bool is_fulfilled(const Plan& plan, const core::UnitState& state) const override;

  private:
    CapturePlaces places_;
};

}  // namespace gatemend::actions
