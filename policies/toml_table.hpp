// SPDX-License-Identifier: MIT
// One TOML table on its way into a struct. Every key that is asked for is thereby known; finish()
// reports all others, so a mistyped key is never silently ignored. Used by the two readers only.
#pragma once

#include "core/time.hpp"
#include "policies/toml_diagnostic.hpp"

#include <toml++/toml.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::policy {

template <class T>
struct Found {
    T value;
    Position at;
};

struct IntegerRange {
    std::int64_t min;
    std::int64_t max;
};

struct DurationRange {
    core::Duration min;
    core::Duration max;
};

inline constexpr std::size_t kMaxStringBytes = 512;

[[nodiscard]] Position position_of(const toml::node& node);
// "a string", "an integer"
[[nodiscard]] std::string_view type_name(const toml::node& node);
// `"a", "b" or "c"`
[[nodiscard]] std::string list_words(const std::vector<std::string_view>& words);
// A printable string of bounded length, or a report about `what`.
[[nodiscard]] std::optional<std::string> read_string(const toml::node& node,
                                                     const std::string& what,
                                                     Reporter& reporter);

// Reports a value that asks for text of a record ("$request"); true when it was one.
[[nodiscard]] bool refuse_placeholder(const std::string& value, Position at, Reporter& reporter);

class TableReader {
  public:
    // `name` is how people know the table: "rule", "limit". With a `path` ("", "limit.") the
    // reporter notes where each value of it stands.
    TableReader(const toml::table& table,
                std::string name,
                Reporter& reporter,
                std::optional<std::string> path = std::nullopt);

    // Absent keys and keys with a wrong value read as nullopt / nullptr; the latter are reported.
    [[nodiscard]] std::optional<Found<std::string>> text(std::string_view key);
    [[nodiscard]] std::optional<Found<std::int64_t>> integer(std::string_view key,
                                                             IntegerRange range);
    [[nodiscard]] std::optional<Found<core::Duration>> duration(std::string_view key,
                                                                DurationRange range);
    // The index of a word in `words`.
    [[nodiscard]] std::optional<Found<std::size_t>> word(
        std::string_view key, const std::vector<std::string_view>& words);
    [[nodiscard]] std::optional<Found<bool>> boolean(std::string_view key);

    // Whatever it is; the caller says what is wrong with it.
    [[nodiscard]] const toml::node* any(std::string_view key) { return take(key); }

    [[nodiscard]] const toml::table* table(std::string_view key);
    [[nodiscard]] const toml::array* array(std::string_view key);
    // [[key]]: reports elements that are no tables and leaves them out.
    [[nodiscard]] std::vector<const toml::table*> tables(std::string_view key);

    [[nodiscard]] bool has(std::string_view key) const { return table_.contains(key); }

    [[nodiscard]] Position position() const { return position_of(table_); }

    void report_missing(std::string_view key);
    void finish();

  private:
    [[nodiscard]] const toml::node* take(std::string_view key);
    void report_unknown(std::string_view name, Position at, const toml::node& value);
    void report_type(const toml::node& node, std::string_view key, std::string_view wanted);

    const toml::table& table_;
    std::string name_;
    Reporter& reporter_;
    std::optional<std::string> path_;
    std::vector<std::string_view> known_;
};

}  // namespace gatemend::policy
