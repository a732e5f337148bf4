// SPDX-License-Identifier: MIT
#include "app/log_symptoms.hpp"

#include "parse/log_line.hpp"
#include "parse/symptom_event.hpp"

#include <utility>

namespace gatemend::app {

namespace {

// The last line is believed a little less until its successor is known; nothing waits longer.
constexpr int kBadGateway = 502;
constexpr core::Duration kFlushAfter = std::chrono::milliseconds{50};

}  // namespace

LogSymptoms::LogSymptoms(bus::EventLoop& loop, io::Inotify& inotify, Log log, Hooks hooks)
    : loop_(loop),
      kind_(log.kind),
      hooks_(std::move(hooks)),
      reader_([this](const parse::NginxErrorAnswer& answer) { on_answer(answer); },
              parse::Wanted::kSymptoms) {
    reader_.lose_context();
    io::TailHooks tail;
    tail.on_line = [this](std::string_view line) { on_line(line); };
    tail.on_gap = [this](const std::string& why) {
        reader_.lose_context();
        hooks_.on_gap(why);
    };
    tail.on_progress = [this] {
        arm_flush();
        hooks_.on_progress();
    };
    tail.open_elsewhere = hooks_.open_elsewhere;
    tailer_ = std::make_unique<io::LogTailer>(
        loop, inotify, std::move(log.path), log.cursor, std::move(tail));
}

void LogSymptoms::on_line(std::string_view line) {
    if (kind_ == LogKind::kNginxError) {
        reader_.feed(line);
        return;
    }
    // Nearly every line of an access log is no news; these three bytes cost the least to look for.
    if (line.find("502") == std::string_view::npos) {
        return;
    }
    parse::LineBuffer buffer;
    const parse::LogFinding finding =
        parse::read_log_line(line, parse::LogSource::kNginxAccess, buffer);
    if (finding.clue == core::Clue::kAnsweredByUpstream && finding.status == kBadGateway) {
        hooks_.on_symptom(parse::symptom_seen(finding, ""));
    }
}

void LogSymptoms::on_answer(const parse::NginxErrorAnswer& answer) {
    const parse::NginxError& record = answer.line.record;
    if (record.symptom == core::Symptom::kNone) {
        return;
    }
    hooks_.on_symptom(parse::symptom_seen(record));
}

void LogSymptoms::arm_flush() {
    if (reader_.has_pending()) {
        flush_ = loop_.add_timer(kFlushAfter, [this] { reader_.flush(); });
    }
}

}  // namespace gatemend::app
