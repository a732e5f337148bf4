// SPDX-License-Identifier: MIT
// Text -> toml::table, with toml++'s exceptions turned into findings, and the two sections that
// rules and settings share. Used by the two readers only.
#pragma once

#include "policies/review.hpp"
#include "policies/toml_diagnostic.hpp"
#include "policies/toml_table.hpp"

#include <toml++/toml.h>

#include <optional>
#include <string_view>

namespace gatemend::policy {

// nullopt after a syntax error, which is reported.
[[nodiscard]] std::optional<toml::table> parse_document(std::string_view text, Reporter& reporter);

// The words of `mode`.
[[nodiscard]] std::optional<Found<Mode>> read_mode(TableReader& reader);

// The table `key` over `defaults`; keys that are absent keep their default.
[[nodiscard]] Limit read_limit(const toml::table& table,
                               std::string name,
                               Limit defaults,
                               Reporter& reporter);

// One file's content, what it is called, whose it is, and who reviews its rules.
struct Source {
    std::string_view text;
    std::string file;
    Author author{};
    Reviewer reviewer = nullptr;
};

// Fills `out` from one document. `rules` follow those already there.
void add_rules(const Source& source, LoadedPolicy& out);
void add_settings(const Source& source, LoadedPolicy& out);

}  // namespace gatemend::policy
