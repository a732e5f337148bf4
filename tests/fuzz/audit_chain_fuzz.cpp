// SPDX-License-Identifier: MIT
// Any bytes as a record of two files, and as an edit of a good one: nothing crashes, each line is
// given once at most, and no edit of a good record goes unnoticed. The first byte says where the
// files part.
#include "sandbox/audit/audit_line.hpp"
#include "sandbox/audit/chain_checker.hpp"
#include "tests/fuzz/fuzz_input.hpp"

#include <array>
#include <string>

namespace {

using namespace gatemend;

constexpr std::size_t kRecords = 6;

// In lines, with the rest behind the last newline.
void feed(sandbox::ChainChecker& checker, std::string_view text, bool is_last) {
    checker.begin_file(is_last ? "audit.jsonl" : "audit.jsonl.1");
    for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
        checker.take_line(text.substr(0, end));
        text.remove_prefix(end + 1);
    }
    checker.end_file(text, is_last);
}

sandbox::ChainReport check(std::string_view first,
                           std::string_view second,
                           const std::vector<sandbox::Anchor>& anchors) {
    std::size_t given = 0;
    const sandbox::LineSink count = [&given](std::string_view) { ++given; };
    sandbox::ChainChecker checker{anchors, count};
    feed(checker, first, false);
    feed(checker, second, true);
    sandbox::ChainReport report = std::move(checker).finish();
    fuzz::require(given == report.records);
    fuzz::require(report.findings.size() <= sandbox::kMaxFindings);
    for (const sandbox::AuditFinding& finding : report.findings) {
        fuzz::require(!finding.text.empty());
    }
    return report;
}

const std::string& good_record() {
    static const std::string text = [] {
        std::string lines;
        std::string prev = sandbox::first_prev();
        for (std::uint64_t seq = 1; seq <= kRecords; ++seq) {
            const std::string line = sandbox::make_audit_line(
                {.seq = seq, .time = {}, .kind = "note", .fields = "\"n\":1", .prev = prev});
            prev = std::string{sandbox::check_audit_line(line)->hash};
            lines.append(line).push_back('\n');
        }
        return lines;
    }();
    return text;
}

// `edit`: place, length, and what is written over it.
void check_edit(std::string_view edit) {
    const std::string& good = good_record();
    const std::string_view last = std::string_view{good}.substr(good.rfind("{\"seq\""));
    const std::string hash{sandbox::check_audit_line(last.substr(0, last.size() - 1))->hash};
    const std::vector<sandbox::Anchor> anchors{{kRecords, hash, {}}};
    const auto byte = [edit](std::size_t i) { return static_cast<unsigned char>(edit[i]); };
    std::string changed = good;
    const std::size_t at = (byte(0) * 256U + byte(1)) % good.size();
    changed.replace(at, byte(2), edit.substr(3));
    const bool is_found = !check("", changed, anchors).findings.empty();
    fuzz::require(is_found == (changed != good) ||
                  // a torn record behind all that was told of
                  (!is_found && changed.starts_with(good)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::as_text(data, size);
    if (text.size() < 3) {
        return 0;
    }
    const std::size_t part = static_cast<unsigned char>(text[0]) % text.size();
    (void)check(text.substr(1, part), text.substr(std::min(part + 1, text.size())), {});
    check_edit(text);
    return 0;
}
