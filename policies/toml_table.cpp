// SPDX-License-Identifier: MIT
#include "policies/toml_table.hpp"

#include "core/text.hpp"
#include "policies/client_words.hpp"
#include "policies/nearest.hpp"

#include <algorithm>

namespace gatemend::policy {
namespace {

std::string in_quotes(std::string_view word) {
    return "\"" + core::sanitize(word, kMaxWordBytes) + "\"";
}

Position to_position(const toml::source_position& at) {
    return {static_cast<int>(at.line), static_cast<int>(at.column)};
}

}  // namespace

Position position_of(const toml::node& node) {
    return to_position(node.source().begin);
}

std::string_view type_name(const toml::node& node) {
    switch (node.type()) {
        case toml::node_type::none:
            return "nothing";
        case toml::node_type::table:
            return "a table";
        case toml::node_type::array:
            return "an array";
        case toml::node_type::string:
            return "a string";
        case toml::node_type::integer:
            return "an integer";
        case toml::node_type::floating_point:
            return "a floating-point number";
        case toml::node_type::boolean:
            return "a boolean";
        case toml::node_type::date:
            return "a date";
        case toml::node_type::time:
            return "a time of day";
        case toml::node_type::date_time:
            return "a date and time";
    }
    return "nothing";
}

std::string list_words(const std::vector<std::string_view>& words) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) {
            text += i + 1 == words.size() ? " or " : ", ";
        }
        text += in_quotes(words[i]);
    }
    return text;
}

std::optional<std::string> read_string(const toml::node& node,
                                       const std::string& what,
                                       Reporter& reporter) {
    const auto* value = node.as_string();
    if (value == nullptr) {
        reporter.error(position_of(node),
                       what + " must be a string, not " + std::string{type_name(node)});
        return std::nullopt;
    }
    const std::string& text = value->get();
    if (text.size() > kMaxStringBytes) {
        reporter.error(position_of(node),
                       what + " is longer than " + std::to_string(kMaxStringBytes) + " bytes");
        return std::nullopt;
    }
    if (core::sanitize(text) != text) {
        reporter.error(position_of(node), what + " holds characters that cannot be shown");
        return std::nullopt;
    }
    return text;
}

bool refuse_placeholder(const std::string& value, Position at, Reporter& reporter) {
    if (!holds_placeholder(value)) {
        return false;
    }
    reporter.error(at, in_quotes(value) + ": " + std::string{kClientTextRefusal});
    return true;
}

TableReader::TableReader(const toml::table& table,
                         std::string name,
                         Reporter& reporter,
                         std::optional<std::string> path)
    : table_{table},
      name_{std::move(name)},
      reporter_{reporter},
      path_{std::move(path)} {}

const toml::node* TableReader::take(std::string_view key) {
    known_.push_back(key);
    const toml::node* node = table_.get(key);
    if (node != nullptr && path_) {
        reporter_.note(*path_ + std::string{key}, position_of(*node));
    }
    return node;
}

void TableReader::report_type(const toml::node& node,
                              std::string_view key,
                              std::string_view wanted) {
    reporter_.error(position_of(node),
                    in_quotes(key) + " must be " + std::string{wanted} + ", not " +
                        std::string{type_name(node)});
}

std::optional<Found<std::string>> TableReader::text(std::string_view key) {
    const toml::node* node = take(key);
    if (node == nullptr) {
        return std::nullopt;
    }
    auto value = read_string(*node, in_quotes(key), reporter_);
    if (!value) {
        return std::nullopt;
    }
    return Found<std::string>{std::move(*value), position_of(*node)};
}

std::optional<Found<std::int64_t>> TableReader::integer(std::string_view key, IntegerRange range) {
    const toml::node* node = take(key);
    if (node == nullptr) {
        return std::nullopt;
    }
    const auto* value = node->as_integer();
    if (value == nullptr) {
        report_type(*node, key, "an integer");
        return std::nullopt;
    }
    if (value->get() < range.min || value->get() > range.max) {
        reporter_.error(position_of(*node),
                        in_quotes(key) + " must be between " + std::to_string(range.min) + " and " +
                            std::to_string(range.max) + ", not " + std::to_string(value->get()));
        return std::nullopt;
    }
    return Found<std::int64_t>{value->get(), position_of(*node)};
}

std::optional<Found<core::Duration>> TableReader::duration(std::string_view key,
                                                           DurationRange range) {
    const toml::node* node = take(key);
    if (node == nullptr) {
        return std::nullopt;
    }
    const auto* text = node->as_string();
    if (text == nullptr) {
        report_type(*node, key, "a duration in quotes (like \"30s\")");
        return std::nullopt;
    }
    if (refuse_placeholder(text->get(), position_of(*node), reporter_)) {
        return std::nullopt;
    }
    const auto value = parse_duration(text->get());
    if (!value) {
        reporter_.error(position_of(*node), in_quotes(key) + ": " + value.error().text);
        return std::nullopt;
    }
    if (*value < range.min || *value > range.max) {
        reporter_.error(position_of(*node),
                        in_quotes(key) + " must be between " + core::format_duration(range.min) +
                            " and " + core::format_duration(range.max) + ", not " +
                            core::format_duration(*value));
        return std::nullopt;
    }
    return Found<core::Duration>{*value, position_of(*node)};
}

std::optional<Found<std::size_t>> TableReader::word(std::string_view key,
                                                    const std::vector<std::string_view>& words) {
    const auto found = text(key);
    if (!found) {
        return std::nullopt;
    }
    const auto at = std::ranges::find(words, std::string_view{found->value});
    if (at == words.end()) {
        reporter_.error(
            found->at,
            in_quotes(key) + " must be " + list_words(words) + ", not " + in_quotes(found->value),
            suggest(found->value, words));
        return std::nullopt;
    }
    return Found<std::size_t>{static_cast<std::size_t>(at - words.begin()), found->at};
}

std::optional<Found<bool>> TableReader::boolean(std::string_view key) {
    const toml::node* node = take(key);
    if (node == nullptr) {
        return std::nullopt;
    }
    const auto* value = node->as_boolean();
    if (value == nullptr) {
        report_type(*node, key, "true or false");
        return std::nullopt;
    }
    return Found<bool>{value->get(), position_of(*node)};
}

const toml::table* TableReader::table(std::string_view key) {
    const toml::node* node = take(key);
    if (node != nullptr && !node->is_table()) {
        report_type(*node, key, "a table");
    }
    return node != nullptr ? node->as_table() : nullptr;
}

const toml::array* TableReader::array(std::string_view key) {
    const toml::node* node = take(key);
    if (node != nullptr && !node->is_array()) {
        report_type(*node, key, "an array");
    }
    return node != nullptr ? node->as_array() : nullptr;
}

std::vector<const toml::table*> TableReader::tables(std::string_view key) {
    std::vector<const toml::table*> found;
    const toml::node* node = take(key);
    if (node == nullptr) {
        return found;
    }
    if (!node->is_array()) {
        report_type(*node, key, "written [[" + std::string{key} + "]]");
        return found;
    }
    for (const toml::node& element : *node->as_array()) {
        if (const toml::table* table = element.as_table()) {
            found.push_back(table);
        } else {
            report_type(element, key, "written [[" + std::string{key} + "]]");
        }
    }
    return found;
}

void TableReader::report_missing(std::string_view key) {
    reporter_.error(position(), name_ + " has no " + in_quotes(key));
}

void TableReader::finish() {
    for (auto&& [key, node] : table_) {
        const std::string_view name = key.str();
        if (std::ranges::find(known_, name) == known_.end()) {
            report_unknown(name, to_position(key.source().begin), node);
        }
    }
}

void TableReader::report_unknown(std::string_view name, Position at, const toml::node& value) {
    const std::string what = "unknown key " + in_quotes(name) + " in " + name_;
    const auto* text = value.as_string();
    if (is_client_word(name) || (text != nullptr && holds_placeholder(text->get()))) {
        reporter_.error(at, what + ": " + std::string{kClientTextRefusal});
        return;
    }
    std::string hint = suggest(name, known_);
    if (hint.empty()) {
        hint = "known here: " + list_words(known_);
    }
    reporter_.error(at, what, std::move(hint));
}

}  // namespace gatemend::policy
