// SPDX-License-Identifier: MIT
// Any bytes as `journalctl -o export` and as a line of `-o json`: the same entries whatever the
// pieces they come in, fields within their limit, findings inside their record.
#include "parse/journal_stream.hpp"
#include "tests/fuzz/fuzz_input.hpp"

#include <algorithm>
#include <vector>

namespace {

using gatemend::fuzz::is_inside;
using gatemend::fuzz::require;
using gatemend::parse::JournalRecord;

std::vector<JournalRecord> read_in_pieces(std::string_view text, std::size_t piece) {
    gatemend::parse::JournalExportReader reader;
    std::vector<JournalRecord> records;
    for (std::size_t at = 0; at < text.size(); at += piece) {
        reader.feed(text.substr(at, piece), records);
    }
    reader.finish(records);
    return records;
}

void check(const JournalRecord& record) {
    require(record.message.size() <= gatemend::parse::kMaxJournalFieldBytes);
    const auto finding = gatemend::parse::read_journal_record(record);
    require(is_inside(finding.message, record.message));
    require(is_inside(finding.subject, record.message) || is_inside(finding.subject, record.unit));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = gatemend::fuzz::as_text(data, size);
    const auto records = read_in_pieces(text, std::max<std::size_t>(size, 1));
    const auto again = read_in_pieces(text, 3);
    require(records.size() == again.size());
    for (std::size_t i = 0; i < records.size(); ++i) {
        require(records[i].message == again[i].message && records[i].unit == again[i].unit);
        check(records[i]);
    }
    if (const auto record = gatemend::parse::read_journal_json(text)) {
        check(*record);
    }
    return 0;
}
