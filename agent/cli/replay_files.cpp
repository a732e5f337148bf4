// SPDX-License-Identifier: MIT
#include "cli/replay_files.hpp"

#include <memory>
#include <optional>
#include <span>
#include <sstream>

namespace gatemend::cli {

namespace {

constexpr std::string_view kEventHeader = "# gatemend events";
constexpr std::size_t kMaxEventLine = std::size_t{64} * 1024;
constexpr std::size_t kMaxEventFile = std::size_t{64} * 1024 * 1024;

bool is_comment(const std::string& line) {
    return line.empty() || line.front() == '#';
}

// What means something to one engine may mean nothing to another, whose policy did not act: it is
// skipped there. What means nothing to any is a mistake.
core::Status feed_all(const std::string& line, const std::vector<ReplayTarget>& targets) {
    std::optional<core::Error> failure;
    std::size_t failures = 0;
    for (const ReplayTarget& target : targets) {
        if (core::Status fed = target.timeline.feed_text(line); !fed) {
            ++failures;
            ++target.summary.skipped;
            failure = fed.error();
        }
    }
    return failures == targets.size() && failure ? core::Status{*failure}
                                                 : core::Status{core::Done{}};
}

core::Status replay_events(std::istream& input,
                           const std::string& name,
                           const std::vector<ReplayTarget>& targets) {
    std::string line;
    for (std::uint64_t number = 1; std::getline(input, line); ++number) {
        if (is_comment(line)) {
            continue;
        }
        const std::string place = name + ":" + std::to_string(number);
        if (line.size() > kMaxEventLine) {
            return core::Error{place + ": line is longer than 64 KiB"};
        }
        if (const core::Status fed = feed_all(line, targets); !fed) {
            return fed.error().within(place);
        }
    }
    return input.bad() ? core::Status{core::Error{name + ": read error"}}
                       : core::Status{core::Done{}};
}

struct OpenedFile {
    LogInput input;
    std::string head;  // its first bytes
};

core::Result<OpenedFile> open_file(const std::string& name) {
    auto input = LogInput::open(name);
    if (!input) {
        return input.error().within(name);
    }
    std::string head(kEventHeader.size() + 1, '\0');
    std::size_t filled = 0;
    while (filled < head.size()) {
        const auto got = input->read(std::span<char>(head).subspan(filled));
        if (!got) {
            return got.error().within(name);
        }
        if (*got == 0) {
            break;
        }
        filled += *got;
    }
    head.resize(filled);
    return OpenedFile{std::move(*input), std::move(head)};
}

core::Status replay_event_file(OpenedFile file,
                               const std::string& name,
                               const std::vector<ReplayTarget>& targets) {
    std::string text = std::move(file.head);
    std::vector<char> window(kMaxEventLine);
    while (true) {
        const auto got = file.input.read(window);
        if (!got) {
            return got.error().within(name);
        }
        if (*got == 0) {
            break;
        }
        if (text.size() + *got > kMaxEventFile) {
            return core::Error{name + ": an event file of more than 64 MiB"};
        }
        text.append(window.data(), *got);
    }
    std::istringstream input(std::move(text));
    return replay_events(input, name, targets);
}

}  // namespace

core::Status replay_files(const std::vector<std::string>& files,
                          const std::vector<ReplayTarget>& targets) {
    std::vector<std::unique_ptr<ReplaySource>> logs;
    for (const std::string& name : files) {
        GATEMEND_TRY(file, open_file(name));
        if (file.head == std::string{kEventHeader} + "\n") {
            GATEMEND_CHECK(replay_event_file(std::move(file), name, targets));
        } else {
            logs.push_back(std::make_unique<ReplaySource>(std::move(file.input), name, file.head));
        }
    }
    if (logs.empty()) {
        return core::Done{};
    }
    for (const ReplayTarget& target : targets) {
        target.summary.is_log = true;
    }
    return replay_logs(std::move(logs), targets);
}

}  // namespace gatemend::cli
