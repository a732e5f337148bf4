// SPDX-License-Identifier: MIT
// What gatemend-mend says on its standard output, as lines and back again. The program makes it,
// executor and dry run read it; both sides use this file.
//
//   change PATH BEFORE AFTER [STAGED]   hex digests, "-" = no such file; STAGED: the new content
//   note WORDS                          a sentence for people
//   diff LINE                           one line of the unified diff, as everybody may see it
//   full LINE                           the same whole, where that is more: for root alone
//   end
//
// Values as printable ASCII, other bytes and blanks as %XX (in `diff` and `full`: only what is not
// printable).
#pragma once

#include "actions/catalogue.hpp"
#include "core/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::actions {

struct StagedChange {
    FileChange change;
    std::string staged{};  // path of the new content, "" in a preview

    friend bool operator==(const StagedChange&, const StagedChange&) = default;
};

struct Mending {
    std::vector<StagedChange> changes;
    std::vector<std::string> notes;
    std::string diff;    // unified, at most kMaxDiffBytes
    std::string full{};  // "": `diff` is all there is

    friend bool operator==(const Mending&, const Mending&) = default;
};

// Of what went wrong, file by file.
inline constexpr std::size_t kMaxDetailBytes = std::size_t{4} * 1024;
inline constexpr std::size_t kMaxDiffBytes = std::size_t{48} * 1024;
inline constexpr std::size_t kMaxMendingBytes = std::size_t{384} * 1024;
inline constexpr std::size_t kMaxChanges = 64;

[[nodiscard]] std::string encode(const Mending& mending);
[[nodiscard]] core::Result<Mending> decode_mending(std::string_view text);

}  // namespace gatemend::actions
