// SPDX-License-Identifier: MIT
#include "sandbox/mend/order.hpp"

#include "actions/settings.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace gatemend::mend {
namespace {

using actions::ActId;
using core::Done;
using core::Error;
using core::Result;
using core::Status;

constexpr auto kCommands = std::to_array<std::pair<std::string_view, Command>>({
    {"preview", Command::kPreview},
    {"stage", Command::kStage},
    {"commit", Command::kCommit},
    {"review", Command::kReview},
    {"undo", Command::kUndo},
    {"forget", Command::kForget},
    {"keep", Command::kKeep},
});

bool is_attempt(std::string_view word) {
    constexpr std::size_t kMaxDigits = 20;
    return !word.empty() && word.size() <= kMaxDigits &&
           word.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_digest(std::string_view word) {
    constexpr std::size_t kDigits = 64;
    return word.size() == kDigits &&
           word.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Status read_candidate(Order& order, std::string_view value) {
    constexpr unsigned kMaxCandidates = 1000;
    const auto [end, error] =
        std::from_chars(value.data(), value.data() + value.size(), order.candidate);
    if (error != std::errc{} || end != value.data() + value.size() ||
        order.candidate > kMaxCandidates) {
        return Error{"candidate is not a small number"};
    }
    return Done{};
}

Status read_listener(Order& order, std::string_view value) {
    const auto [end, error] =
        std::from_chars(value.data(), value.data() + value.size(), order.listener);
    if (error != std::errc{} || end != value.data() + value.size() || order.listener == 0) {
        return Error{"listener is not the number of a socket"};
    }
    return Done{};
}

Status read_parameter(Order& order, const std::string& word) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) {
        return Error{"a parameter without ="};
    }
    const std::string name = word.substr(0, equals);
    const std::string value = word.substr(equals + 1);
    if (order.act == ActId::kRestoreConfig && name == "candidate") {
        return read_candidate(order, value);
    }
    if (order.act == ActId::kRestoreConfig && name == "version") {
        order.version = value;
        return is_digest(value) ? Status{Done{}} : Error{"version is not a SHA-256"};
    }
    if (order.act == ActId::kFixSocketOwner && name == "listener") {
        return read_listener(order, value);
    }
    if (!order.parameters.emplace(name, value).second) {
        return Error{"a parameter that is given twice"};
    }
    return Done{};
}

// ACT UNIT WORKER_USER [name=value ...]
Status read_act(Order& order, std::span<const std::string> words) {
    if (words.size() < 3) {
        return Error{"too few words"};
    }
    const auto act = actions::act_from_name(words[0]);
    if (!act || (!actions::is_file_act(*act) && *act != ActId::kFixSocketOwner)) {
        return Error{"not an act that changes files"};
    }
    order.act = *act;
    order.unit = words[1];
    order.worker_user = words[2];
    if (!actions::is_unit_name(order.unit)) {
        return Error{"not the name of a unit"};
    }
    for (const std::string& word : words.subspan(3)) {
        GATEMEND_CHECK(read_parameter(order, word));
    }
    auto fault = actions::find_fault(order.act, order.parameters);
    if (!fault && order.act == ActId::kApplySuggestion) {
        fault = actions::find_setting_fault(order.parameters);
    }
    return fault ? Status{Error{*fault}} : Status{Done{}};
}

// Each word at most once.
Status read_terms(Order& order, std::span<const std::string> words) {
    for (const std::string& word : words) {
        bool& term = word == "asked" ? order.terms.is_asked : order.terms.is_performed;
        if ((word != "asked" && word != "performed") || term) {
            return Error{"not a term of undoing"};
        }
        term = true;
    }
    return Done{};
}

Status read_rest(Order& order, std::span<const std::string> words) {
    switch (order.command) {
        case Command::kPreview:
            return read_act(order, words);
        case Command::kStage:
        case Command::kCommit:
        case Command::kReview:
        case Command::kUndo:
        case Command::kForget:
            if (words.empty() || !is_attempt(words[0])) {
                return Error{"the attempt is not a number"};
            }
            order.attempt = words[0];
            if (order.command == Command::kStage) {
                return read_act(order, words.subspan(1));
            }
            if (order.command == Command::kReview || order.command == Command::kUndo) {
                return read_terms(order, words.subspan(1));
            }
            return words.size() == 1 ? Status{Done{}} : Status{Error{"too many words"}};
        case Command::kKeep:
            if (words.size() != 1 || !actions::is_unit_name(words[0])) {
                return Error{"not the name of a unit"};
            }
            order.unit = words[0];
            return Done{};
    }
    return Error{"no such command"};
}

}  // namespace

Result<Order> read_order(std::span<const std::string> words) {
    const auto* command =
        words.empty() ? kCommands.end() : std::ranges::find_if(kCommands, [&](const auto& row) {
            return row.first == words[0];
        });
    if (command == kCommands.end()) {
        return Error{"no such command"};
    }
    Order order;
    order.command = command->second;
    GATEMEND_CHECK(read_rest(order, words.subspan(1)));
    return order;
}

}  // namespace gatemend::mend
