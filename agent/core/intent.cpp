// SPDX-License-Identifier: MIT
#include "core/intent.hpp"

#include "core/closed_set.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace gatemend::core {

namespace {

constexpr std::string_view kUnitSuccess = "7ad2d189f7e94e70a38c781354912448";  // MESSAGE_ID
// "Failed with result" is written just before the unit's state is changed.
constexpr Duration kWrittenBefore = std::chrono::milliseconds{100};

template <class Number>
std::optional<Number> number_of(std::string_view text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool is_all = error == std::errc{} && end == text.data() + text.size();
    return is_all ? std::optional{number} : std::nullopt;
}

// An invocation's number, or none at all.
bool is_run(std::string_view text) {
    constexpr std::size_t kDigits = 32;
    return text.size() <= kDigits &&
           text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// LogLevelMax=, a log level of systemd's own or MaxLevelStore= keep what it says of jobs out of the
// journal, and let its warnings in: the newest job there need not be the newest.
bool is_whole(const UnitState& state, const LastJob& job) {
    const bool is_of_this_run = !job.run || *job.run == state.invocation_id;
    const bool tells_of_end =
        state.changed == TimePoint{} || job.told >= state.changed - kWrittenBefore;
    return is_of_this_run && tells_of_end && !state.is_muted;
}

constexpr int kExited = 1;
constexpr int kKilled = 2;
constexpr int kHangUp = 1;
constexpr int kInterrupt = 2;
constexpr int kBrokenPipe = 13;
constexpr int kTerminate = 15;

// What a shell, Java and Node exit with where a signal asked them to end.
bool is_exit_by_signal(int status) {
    constexpr int kSignalled = 128;
    return status == kSignalled + kHangUp || status == kSignalled + kInterrupt ||
           status == kSignalled + kTerminate;
}

bool is_clean_signal(int status) {
    return status == kHangUp || status == kInterrupt || status == kBrokenPipe ||
           status == kTerminate;
}

// systemd kills with the same signals what did not come up in time, what ran out of memory, and
// what is left of a start that failed.
bool was_asked_to_end(const UnitState& state, const std::optional<LastJob>& job) {
    const bool is_failed_start =
        state.has_ended_job ? state.job_result == "failed" : job && job->has_failed;
    const bool is_exit = state.result == UnitResult::kExitCode && state.exec_main_code == kExited &&
                         is_exit_by_signal(state.exec_main_status);
    const bool is_death = state.result == UnitResult::kSignal && state.exec_main_code == kKilled &&
                          is_clean_signal(state.exec_main_status);
    return !is_failed_start && (is_exit || is_death);
}

// A job that has ended and left the unit down.
std::optional<Intent> intent_of_ended(std::string_view result) {
    if (result == "canceled") {
        return Intent::kSomebody;
    }
    // Stops fail neither this way nor that; a start has, so somebody wanted it up.
    if (result == "failed" || result == "dependency") {
        return Intent::kNobody;
    }
    // "done": a stop; a start, too, of what has crashed a moment later.
    return std::nullopt;
}

// Who disables a unit while it is down wants it to stay down, whatever its jobs say.
Intent unless_disabled(const UnitState& state, Intent told_by_jobs) {
    const bool is_open = told_by_jobs == Intent::kNobody && state.was_perhaps_disabled;
    return is_open ? Intent::kUnknown : told_by_jobs;
}

}  // namespace

std::string_view intent_id(Intent value) {
    switch (value) {
        case Intent::kUnknown:
            return "unknown";
        case Intent::kNobody:
            return "nobody";
        case Intent::kSomebody:
            return "somebody";
    }
    return "?";
}

std::string_view job_type_id(JobType value) {
    switch (value) {
        case JobType::kNone:
            return "none";
        case JobType::kStart:
            return "start";
        case JobType::kStop:
            return "stop";
        case JobType::kRestart:
            return "restart";
    }
    return "?";
}

bool has_tried(std::string_view job_result) {
    constexpr std::array<std::string_view, 5> kTried{
        "done", "canceled", "failed", "timeout", "dependency"};
    return std::ranges::find(kTried, job_result) != kTried.end();
}

bool is_no_request(std::string_view job_result) {
    return job_result == "invalid" || job_result == "skipped";
}

bool take_older(LastJob& job, const JobEntry& entry) {
    job.has_ended_well = job.has_ended_well || entry.message_id == kUnitSuccess;
    job.told = job.told == TimePoint{} ? entry.time : job.told;
    if (job.id == 0 && (entry.job_result.empty() || has_tried(entry.job_result))) {
        job.id = number_of<std::uint32_t>(entry.job_id).value_or(0);
    }
    if (entry.job_type == "stop" || entry.job_result == "canceled") {
        job.type = JobType::kStop;
    } else if (entry.job_type == "start" ||
               (entry.job_type == "reload" && entry.job_result == "done")) {
        job.type = JobType::kStart;
    } else if (entry.job_type == "restart") {
        job.type = JobType::kRestart;
    }
    job.has_failed = entry.job_result == "failed" &&
                     (job.type == JobType::kStart || job.type == JobType::kRestart);
    if (job.type != JobType::kNone && entry.run) {
        job.run = is_run(*entry.run) ? *entry.run : "";
    }
    return job.type != JobType::kNone;
}

std::string encode(const LastJob& job) {
    return "job=" + std::string{job_type_id(job.type)} + " id=" + std::to_string(job.id) +
           " well=" + (job.has_ended_well ? "1" : "0") + " failed=" + (job.has_failed ? "1" : "0") +
           " told=" + std::to_string(job.told.time_since_epoch().count()) +
           " run=" + job.run.value_or("-") + "\n";
}

std::optional<LastJob> decode_last_job(std::string_view text) {
    std::string_view line = text;
    const auto take = [&line](std::string_view key, char end) -> std::optional<std::string_view> {
        const std::size_t at = line.find(end);
        if (!line.starts_with(key) || at == std::string_view::npos) {
            return std::nullopt;
        }
        const std::string_view value = line.substr(key.size(), at - key.size());
        line.remove_prefix(at + 1);
        return value;
    };
    const auto type = take("job=", ' ');
    const auto id = take("id=", ' ');
    const auto well = take("well=", ' ');
    const auto failed = take("failed=", ' ');
    const auto told = take("told=", ' ');
    const auto run = take("run=", '\n');
    if (!type || !id || !well || !failed || !told || !run || !line.empty()) {
        return std::nullopt;
    }
    const auto known = find_by_id(*type, JobType::kRestart, job_type_id);
    const auto number = number_of<std::uint32_t>(*id);
    const auto time = number_of<std::int64_t>(*told);
    const bool is_said = *run != "-";
    if (!known || !number || !time || (is_said && !is_run(*run))) {
        return std::nullopt;
    }
    LastJob job{*known, *number, *well == "1", TimePoint{Duration{*time}}};
    if (is_said) {
        job.run = std::string{*run};
    }
    job.has_failed = *failed == "1";
    return encode(job) == text ? std::optional{job} : std::nullopt;
}

std::optional<Intent> heard_intent(const UnitState& state) {
    if (!is_down(state) || is_restart_pending(state)) {
        return Intent::kNobody;
    }
    if (state.has_job) {
        return Intent::kUnknown;  // what it is for shows when it has ended
    }
    const auto told = state.has_ended_job     ? intent_of_ended(state.job_result)
                      : state.has_missed_jobs ? std::nullopt
                                              : std::optional{Intent::kNobody};
    return told ? std::optional{unless_disabled(state, *told)} : std::nullopt;
}

Intent intent_of(const UnitState& state, const std::optional<LastJob>& job) {
    if (const auto heard = heard_intent(state)) {
        return *heard;
    }
    const bool is_done = state.has_ended_job && state.job_result == "done";
    // systemd writes nothing about a stop of what is down already. Job numbers only grow.
    const bool is_unwritten =
        is_done && (!job || job->type == JobType::kNone || job->id < state.ended_job);
    if (is_unwritten) {
        return Intent::kSomebody;
    }
    if (!job) {
        return Intent::kUnknown;
    }
    switch (job->type) {
        case JobType::kStart:
            return is_whole(state, *job) ? unless_disabled(state, Intent::kNobody)
                                         : Intent::kUnknown;
        case JobType::kStop:
            return Intent::kSomebody;
        case JobType::kNone:
        case JobType::kRestart:
            break;
    }
    return Intent::kUnknown;
}

bool has_ended_well(const UnitState& state, const std::optional<LastJob>& job) {
    if (state.active == ActiveState::kFailed) {
        return was_asked_to_end(state, job);
    }
    if (state.active != ActiveState::kInactive) {
        return false;
    }
    if (job && job->has_ended_well) {
        return true;
    }
    // What systemd calls a clean end, unless the unit says otherwise.
    const int status = state.exec_main_status;
    return (state.exec_main_code == kExited && (status == 0 || is_exit_by_signal(status))) ||
           (state.exec_main_code == kKilled && is_clean_signal(status));
}

bool is_settled(const UnitState& state, const LastJob& job, TimePoint seen, TimePoint now) {
    // What says that somebody stopped it cannot become wrong by what is still on its way.
    if (job.type == JobType::kStop) {
        return true;
    }
    const TimePoint down_since = state.changed != TimePoint{} ? state.changed : seen;
    return job.told >= down_since - kWrittenBefore || now - down_since >= kJournalLag;
}

}  // namespace gatemend::core
