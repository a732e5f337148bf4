// SPDX-License-Identifier: MIT
#include "cli/audit_view.hpp"

#include "cli/exit_code.hpp"
#include "core/text.hpp"
#include "policies/toml_reader.hpp"
#include "sandbox/audit/audit_file.hpp"
#include "sandbox/audit/audit_reader.hpp"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <utility>

namespace gatemend::cli {

namespace {

using Json = nlohmann::ordered_json;

int failed(const std::string& text) {
    (void)std::fprintf(stderr, "gatemend: %s\n", text.c_str());
    return kExitFailed;
}

// The agent owns the folder of its older parts: no link is followed, and no pipe waited for.
std::ifstream open_regular(const std::string& path) {
    std::ifstream file;
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    struct stat info {};

    if (fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) {
        file.open("/proc/self/fd/" + std::to_string(fd), std::ios::binary);
    }
    if (fd >= 0) {
        close(fd);
    }
    return file;
}

// One record with its older parts, in constant memory. Lines that are no records are counted.
class RecordStream {
  public:
    explicit RecordStream(std::vector<std::string> files) : files_(std::move(files)) { next(); }

    // "" or the file that could not be opened.
    [[nodiscard]] const std::string& unopened() const { return unopened_; }

    [[nodiscard]] bool has_record() const { return !time_.empty(); }

    [[nodiscard]] const std::string& line() const { return line_; }

    [[nodiscard]] const Json& record() const { return record_; }

    [[nodiscard]] const std::string& time() const { return time_; }

    [[nodiscard]] std::uint64_t bad_lines() const { return bad_lines_; }

    void next() {
        time_.clear();
        while (next_line()) {
            record_ = line_.size() <= sandbox::kMaxRecordBytes ? Json::parse(line_, nullptr, false)
                                                               : Json();
            const auto time = record_.is_object() ? record_.find("time") : record_.end();
            if (record_.is_object() && time != record_.end() && time->is_string() &&
                !time->get_ref<const std::string&>().empty()) {
                time_ = time->get<std::string>();
                return;
            }
            ++bad_lines_;
        }
    }

  private:
    bool next_line() {
        while (!std::getline(file_, line_)) {
            if (next_file_ == files_.size()) {
                return false;
            }
            file_ = open_regular(files_[next_file_]);
            unopened_ = file_.is_open() || !unopened_.empty() ? unopened_ : files_[next_file_];
            ++next_file_;
        }
        return true;
    }

    std::vector<std::string> files_;
    std::size_t next_file_ = 0;
    std::string unopened_;
    std::ifstream file_;
    std::string line_;
    Json record_;
    std::string time_;  // "" at the end
    std::uint64_t bad_lines_ = 0;
};

std::string shown(const Json& value) {
    return value.is_string() ? core::sanitize(value.get<std::string>())
                             : core::sanitize(value.dump());
}

// Chain fields are for --verify; lists are summed up by the sentence in "text".
bool is_left_out(const std::string& key, const Json& value) {
    return key == "time" || key == "kind" || key == "text" || key == "seq" || key == "prev" ||
           key == "hash" || value.is_structured() || value == "" ||
           (key == "incident" && value == 0);
}

std::string record_text(const Json& record) {
    std::string out = shown(record["time"]) + "  ";
    out += record.contains("kind") ? shown(record["kind"]) : "?";
    for (const auto& [key, value] : record.items()) {
        if (!is_left_out(key, value)) {
            out += " " + core::sanitize(key) + "=" + shown(value);
        }
    }
    if (record.contains("text")) {
        out += ": " + shown(record["text"]);
    }
    return out + "\n";
}

// The time from which records are wanted, as they write it: comparable as text.
core::Result<std::string> since_of(const AuditOptions& options) {
    if (options.since.empty()) {
        return std::string();
    }
    if (const auto time = core::parse_time(options.since)) {
        return core::format_time(*time);
    }
    if (const auto ago = policy::parse_duration(options.since)) {
        return core::format_time(options.now - *ago);
    }
    return core::Error{"audit --since " + options.since +
                       ": neither a time (2026-11-21T14:00:00Z) nor a duration (1h)"};
}

bool is_wanted(const RecordStream& stream, const AuditOptions& options, const std::string& since) {
    if (stream.time() < since) {
        return false;
    }
    if (!options.incident) {
        return true;
    }
    const auto incident = stream.record().find("incident");
    return incident != stream.record().end() && *incident == *options.incident;
}

int print_merged(std::vector<RecordStream>& streams,
                 const AuditOptions& options,
                 const std::string& since) {
    for (;;) {
        RecordStream* oldest = nullptr;
        for (RecordStream& stream : streams) {
            if (stream.has_record() && (oldest == nullptr || stream.time() < oldest->time())) {
                oldest = &stream;
            }
        }
        if (oldest == nullptr) {
            break;
        }
        if (is_wanted(*oldest, options, since)) {
            const std::string text =
                options.is_json ? oldest->line() + "\n" : record_text(oldest->record());
            if (std::fputs(text.c_str(), stdout) < 0) {
                return kExitFailed;  // the reader has gone away
            }
        }
        oldest->next();
    }
    std::uint64_t bad = 0;
    for (const RecordStream& stream : streams) {
        bad += stream.bad_lines();
    }
    return bad == 0 ? kExitOk
                    : failed(std::to_string(bad) +
                             " lines are no records; `gatemend audit --verify` says where");
}

int print(const AuditOptions& options) {
    const auto since = since_of(options);
    if (!since) {
        (void)failed(since.error().text);
        return kExitUsage;
    }
    std::vector<RecordStream> streams;
    for (const AuditRecord& record : options.records.list) {
        auto files = sandbox::chain_files(record.path);
        if (!files) {
            return failed(files.error().text);
        }
        streams.emplace_back(std::move(*files));
    }
    const int code = print_merged(streams, options, *since);
    for (const RecordStream& stream : streams) {
        if (!stream.unopened().empty()) {
            return failed("cannot open '" + stream.unopened() + "'");
        }
    }
    return code;
}

}  // namespace

int run_audit(const AuditOptions& options) {
    if (options.is_verify && (!options.since.empty() || options.incident)) {
        (void)failed(
            "audit --verify is of the whole chain: a part of it proves nothing, so it takes "
            "neither --since nor --incident");
        return kExitUsage;
    }
    return options.is_verify ? run_audit_verify(options.records, options.is_json) : print(options);
}

}  // namespace gatemend::cli
