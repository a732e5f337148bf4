// SPDX-License-Identifier: MIT
#include "parse/journal_stream.hpp"

#include "parse/json_members.hpp"

#include <algorithm>
#include <utility>

namespace gatemend::parse {
namespace {

constexpr std::size_t kMaxNameBytes = 64;
constexpr int kSizeBytes = 8;

}  // namespace

void JournalExportReader::keep(std::string& kept, std::string_view bytes, std::size_t limit) {
    kept.append(bytes.substr(0, limit - std::min(limit, kept.size())));
}

void JournalExportReader::end_field() {
    if (JournalRecordBuilder::is_wanted(name_)) {
        builder_.take(name_, value_);
    }
    name_.clear();
    value_.clear();
    state_ = State::kName;
}

// "NAME=", "NAME\n" (a binary field), or the empty line behind an entry.
std::string_view JournalExportReader::take_name(std::string_view bytes,
                                                std::vector<JournalRecord>& records) {
    const std::size_t end = std::min(bytes.find_first_of("=\n"), bytes.size());
    keep(name_, bytes.substr(0, end), kMaxNameBytes);
    if (end == bytes.size()) {
        return {};
    }
    if (bytes[end] == '=') {
        state_ = State::kText;
    } else if (!name_.empty()) {
        state_ = State::kSize;
        remaining_ = 0;
        size_bytes_ = 0;
    } else if (!builder_.is_empty()) {
        records.push_back(builder_.finish());
    }
    return bytes.substr(end + 1);
}

std::string_view JournalExportReader::take_text(std::string_view bytes) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    keep(value_, bytes.substr(0, end), kMaxJournalFieldBytes);
    if (end == bytes.size()) {
        return {};
    }
    end_field();
    return bytes.substr(end + 1);
}

// 64 bits, little end first.
std::string_view JournalExportReader::take_size(std::string_view bytes) {
    const auto byte = static_cast<std::uint64_t>(static_cast<unsigned char>(bytes.front()));
    remaining_ |= byte << (8U * static_cast<unsigned>(size_bytes_));
    if (++size_bytes_ == kSizeBytes) {
        state_ = remaining_ == 0 ? State::kNewline : State::kBytes;
    }
    return bytes.substr(1);
}

std::string_view JournalExportReader::take_bytes(std::string_view bytes) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size()));
    keep(value_, bytes.substr(0, size), kMaxJournalFieldBytes);
    remaining_ -= size;
    if (remaining_ == 0) {
        state_ = State::kNewline;
    }
    return bytes.substr(size);
}

void JournalExportReader::feed(std::string_view bytes, std::vector<JournalRecord>& records) {
    while (!bytes.empty()) {
        switch (state_) {
            case State::kName:
                bytes = take_name(bytes, records);
                break;
            case State::kText:
                bytes = take_text(bytes);
                break;
            case State::kSize:
                bytes = take_size(bytes);
                break;
            case State::kBytes:
                bytes = take_bytes(bytes);
                break;
            case State::kNewline:
                bytes.remove_prefix(bytes.front() == '\n' ? 1 : 0);
                end_field();
                break;
        }
    }
}

void JournalExportReader::finish(std::vector<JournalRecord>& records) {
    if (state_ == State::kText) {
        end_field();
    }
    if (!builder_.is_empty()) {
        records.push_back(builder_.finish());
    }
    *this = JournalExportReader();
}

std::optional<JournalRecord> read_journal_json(std::string_view line) {
    if (!line.starts_with('{') || line.find("\"__REALTIME_TIMESTAMP\"") == std::string_view::npos) {
        return std::nullopt;
    }
    JournalRecordBuilder builder;
    JsonMembers members(line);
    for (JsonMember member; members.next(member);) {
        if (JournalRecordBuilder::is_wanted(member.key)) {
            builder.take(member.key, unescape_json(member.value.substr(0, kMaxJournalFieldBytes)));
        }
    }
    return builder.is_empty() ? std::nullopt : std::optional(builder.finish());
}

}  // namespace gatemend::parse
