// SPDX-License-Identifier: MIT
#include "app/log_symptoms.hpp"

#include "parse/symptom_event.hpp"

#include <utility>

namespace gatemend::app {

namespace {

// The last line is believed a little less until its successor is known; nothing waits longer.
constexpr core::Duration kFlushAfter = std::chrono::milliseconds{50};

}  // namespace

LogSymptoms::LogSymptoms(bus::EventLoop& loop,
                         io::Inotify& inotify,
                         const std::string& path,
                         std::optional<io::LogCursor> cursor,
                         Hooks hooks)
    : loop_(loop),
      hooks_(std::move(hooks)),
      reader_([this](const parse::NginxErrorAnswer& answer) { on_answer(answer); },
              parse::Wanted::kSymptoms) {
    reader_.lose_context();
    io::TailHooks tail;
    tail.on_line = [this](std::string_view line) { reader_.feed(line); };
    tail.on_gap = [this](const std::string& why) {
        reader_.lose_context();
        hooks_.on_gap(why);
    };
    tail.on_progress = [this] {
        arm_flush();
        hooks_.on_progress();
    };
    tail.open_elsewhere = hooks_.open_elsewhere;
    tailer_ = std::make_unique<io::LogTailer>(loop, inotify, path, cursor, std::move(tail));
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
