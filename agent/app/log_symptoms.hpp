// SPDX-License-Identifier: MIT
// LogSymptoms: one nginx error log, from its bytes to SymptomSeen events. Used by the agent, one
// per log. The time of an event is its arrival: the log's own time has no zone, and lines only
// raise suspicion.
#pragma once

#include "core/event.hpp"
#include "io/log_tailer.hpp"
#include "parse/nginx_error_reader.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace gatemend::app {

class LogSymptoms {
  public:
    struct Hooks {
        std::function<void(core::SymptomSeen)> on_symptom;
        std::function<void(const std::string& why)> on_gap;
        std::function<void()> on_progress;
        decltype(io::TailHooks::open_elsewhere) open_elsewhere;
    };

    LogSymptoms(bus::EventLoop& loop,
                io::Inotify& inotify,
                const std::string& path,
                std::optional<io::LogCursor> cursor,
                Hooks hooks);
    LogSymptoms(const LogSymptoms&) = delete;
    LogSymptoms& operator=(const LogSymptoms&) = delete;
    ~LogSymptoms() = default;

    [[nodiscard]] const io::LogTailer& tailer() const { return *tailer_; }

  private:
    void on_answer(const parse::NginxErrorAnswer& answer);
    void arm_flush();

    bus::EventLoop& loop_;
    Hooks hooks_;
    parse::NginxErrorReader reader_;
    bus::Source flush_;
    std::unique_ptr<io::LogTailer> tailer_;
};

}  // namespace gatemend::app
