// SPDX-License-Identifier: MIT
#include "io/journal_anchors.hpp"

#include "io/journal_handle.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace gatemend::io {

namespace {

constexpr std::size_t kMaxFieldBytes = 4096;
constexpr std::size_t kHashDigits = 64;
constexpr const char* kRootsUnit = "gatemend-executor.service";

std::string_view field_of(sd_journal* journal, const char* name) {
    const void* data = nullptr;
    std::size_t size = 0;
    if (sd_journal_get_data(journal, name, &data, &size) < 0) {
        return {};
    }
    const std::string_view field(static_cast<const char*>(data), size);
    return field.substr(std::min(field.find('=') + 1, field.size()));
}

std::optional<sandbox::Anchor> anchor_at(sd_journal* journal) {
    sandbox::Anchor anchor;
    const std::string seq(field_of(journal, "AUDIT_SEQ"));
    const auto [end, error] = std::from_chars(seq.data(), seq.data() + seq.size(), anchor.seq);
    anchor.hash = std::string(field_of(journal, "AUDIT_HEAD"));
    std::uint64_t usec = 0;
    if (error != std::errc{} || end != seq.data() + seq.size() || anchor.seq == 0 ||
        anchor.hash.size() != kHashDigits || sd_journal_get_realtime_usec(journal, &usec) < 0) {
        return std::nullopt;
    }
    anchor.time = core::TimePoint{} + core::Duration{static_cast<std::int64_t>(usec)};
    return anchor;
}

}  // namespace

core::Result<std::vector<sandbox::Anchor>> read_anchors(const std::string& record,
                                                        const std::string& unit,
                                                        std::size_t most) {
    GATEMEND_TRY(journal, open_journal(kMaxFieldBytes));
    sd_journal* const raw = journal.get();
    int error = match_journal(raw, "AUDIT_FILE=" + record);
    error = error < 0 ? error : match_journal(raw, "_SYSTEMD_UNIT=" + unit);
    // An entry that root has not written is none of a unit that runs as root, whatever its name.
    error = error < 0 || unit != kRootsUnit ? error : match_journal(raw, "_UID=0");
    if (error < 0) {
        return journal_failure("select journal entries", error);
    }
    if (error = sd_journal_seek_tail(raw); error < 0) {
        return journal_failure("seek in the journal", error);
    }
    std::vector<sandbox::Anchor> anchors;
    // No more, or a damaged file: what there is will do.
    while (anchors.size() < most && sd_journal_previous(raw) > 0) {
        if (auto anchor = anchor_at(raw)) {
            anchors.push_back(std::move(*anchor));
        }
    }
    return anchors;
}

}  // namespace gatemend::io
