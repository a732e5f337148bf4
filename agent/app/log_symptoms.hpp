// SPDX-License-Identifier: MIT
// LogSymptoms: one of nginx's logs, from its bytes to SymptomSeen events. Used by the agent, one
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

// Of an access log only answers of 502 are looked at: who gave them is what the error log never
// says.
enum class LogKind { kNginxError, kNginxAccess };

class LogSymptoms {
  public:
    struct Log {
        std::string path;
        LogKind kind{};
        std::optional<io::LogCursor> cursor;
    };

    struct Hooks {
        std::function<void(core::SymptomSeen)> on_symptom;
        std::function<void(const std::string& why)> on_gap;
        std::function<void()> on_progress;
        decltype(io::TailHooks::open_elsewhere) open_elsewhere;
    };

    LogSymptoms(bus::EventLoop& loop, io::Inotify& inotify, Log log, Hooks hooks);
    LogSymptoms(const LogSymptoms&) = delete;
    LogSymptoms& operator=(const LogSymptoms&) = delete;
    ~LogSymptoms() = default;

    [[nodiscard]] LogKind kind() const { return kind_; }

    [[nodiscard]] const io::LogTailer& tailer() const { return *tailer_; }

  private:
    void on_answer(const parse::NginxErrorAnswer& answer);
    void on_line(std::string_view line);
    void tell(core::SymptomSeen seen);
    void complete_fatal(std::string_view line);
    void tell_fatal();
    void arm_flush();

    bus::EventLoop& loop_;
    LogKind kind_;
    Hooks hooks_;
    parse::NginxErrorReader reader_;
    // A fatal error of a script in a record of several lines: the backend stands on the last one.
    std::optional<core::SymptomSeen> fatal_;
    std::size_t fatal_lines_ = 0;
    bus::Source flush_;
    std::unique_ptr<io::LogTailer> tailer_;
};

}  // namespace gatemend::app
