// SPDX-License-Identifier: MIT
// Any bytes as lines of any log: views stay inside the line or its buffer, what was wrapped is not
// trusted, addresses are canonical, and the reader of streams agrees with itself however it is fed.
#include "parse/log_line.hpp"
#include "parse/log_reader.hpp"
#include "tests/fuzz/fuzz_input.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace {

using gatemend::fuzz::is_inside;
using gatemend::fuzz::require;
using gatemend::parse::LineBuffer;
using gatemend::parse::LogAnswer;
using gatemend::parse::LogFinding;
using gatemend::parse::LogReader;
using gatemend::parse::LogSource;
using gatemend::parse::LogWanted;

void check_line(std::string_view line) {
    for (int hint = 0; hint <= static_cast<int>(LogSource::kNginxAccess); ++hint) {
        LineBuffer buffer;
        const LogFinding finding =
            gatemend::parse::read_log_line(line, static_cast<LogSource>(hint), buffer);
        for (const std::string_view view :
             {finding.time, finding.message, finding.upstream, finding.subject}) {
            require(is_inside(view, line) || is_inside(view, buffer.text) ||
                    finding.source != LogSource::kNginxError);
        }
        require(!finding.is_trusted || buffer.text.empty());
        require(finding.status == 0 || (finding.status >= 100 && finding.status < 600));
        const std::string_view address = gatemend::parse::backend_address(finding);
        require(is_inside(address, finding.upstream));
        require(gatemend::parse::peer_address(address) == address);
    }
}

struct Seen {
    std::uint64_t number;
    gatemend::core::Symptom symptom;
    gatemend::core::Clue clue;
    bool is_trusted;

    friend bool operator==(const Seen&, const Seen&) = default;
};

template <class Feed>
std::vector<Seen> read(LogWanted wanted, Feed feed) {
    std::vector<Seen> seen;
    LogReader reader(
        [&seen](const LogAnswer& answer) {
            seen.push_back(Seen{answer.number,
                                answer.finding.symptom,
                                answer.finding.clue,
                                answer.finding.is_trusted});
        },
        LogSource::kUnknown,
        wanted);
    feed(reader);
    reader.flush();
    return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = gatemend::fuzz::as_text(data, size);
    const auto by_line = [text](auto&& take) {
        std::string_view rest = text;
        while (!rest.empty()) {
            const std::size_t end = std::min(rest.find('\n'), rest.size());
            const std::string line(rest.substr(0, end));  // gone before its answer comes
            take(line);
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    };
    by_line([](const std::string& line) { check_line(line); });
    const std::vector<Seen> whole =
        read(LogWanted::kAll, [text](LogReader& reader) { reader.feed_block(text); });
    const std::vector<Seen> single = read(LogWanted::kAll, [&by_line](LogReader& reader) {
        by_line([&reader](const std::string& line) { reader.feed(line); });
    });
    require(whole == single);
    return 0;
}
