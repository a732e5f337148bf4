// SPDX-License-Identifier: MIT
#include "sandbox/executor/resolved_names.hpp"

#include "core/probe.hpp"
#include "sandbox/executor/address_book.hpp"
#include "sandbox/probe/address.hpp"
#include "sandbox/tools/small_text.hpp"

#include <algorithm>
#include <utility>

namespace gatemend::sandbox {
namespace {

constexpr std::size_t kMaxResolvedNames = 64;

std::string_view take_word(std::string_view& line) {
    const std::size_t end = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    return word;
}

}  // namespace

bool ResolvedNames::remember(const std::string& name, std::vector<std::string> addresses) {
    const auto known = std::ranges::find(entries_, name, &Entry::name);
    std::size_t fresh = addresses.size();
    if (known != entries_.end()) {
        // nginx goes on with what the name meant when it read its configuration.
        for (std::string& address : known->addresses) {
            const bool is_gone = std::ranges::find(addresses, address) == addresses.end();
            fresh -= is_gone ? 0 : 1;
            if (is_gone && addresses.size() < core::kMaxResolvedAddresses) {
                addresses.push_back(std::move(address));
            }
        }
        entries_.erase(known);
    }
    if (entries_.size() == kMaxResolvedNames) {
        entries_.erase(entries_.begin());
    }
    entries_.push_back({name, std::move(addresses)});
    return fresh > 0;
}

std::vector<std::string> ResolvedNames::aliases(std::string_view address) const {
    const auto [bracketed, port] = split_port(address);
    std::string_view host = bracketed;
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    }
    std::vector<std::string> found;
    for (const Entry& entry : entries_) {
        if (std::ranges::find(entry.addresses, host) != entry.addresses.end()) {
            found.push_back(entry.name + std::string{port});
        }
    }
    return found;
}

std::string ResolvedNames::encode() const {
    std::string text;
    for (const Entry& entry : entries_) {
        text += entry.name;
        for (const std::string& address : entry.addresses) {
            text += ' ';
            text += address;
        }
        text += '\n';
    }
    return text;
}

ResolvedNames ResolvedNames::decode(std::string_view text) {
    ResolvedNames names;
    while (!text.empty()) {
        std::string_view line = take_line(text);
        const std::string_view name = take_word(line);
        std::vector<std::string> addresses;
        while (!line.empty() && addresses.size() < core::kMaxResolvedAddresses) {
            addresses.emplace_back(take_word(line));
        }
        if (probe::is_host_name(name) && !addresses.empty() && line.empty() &&
            std::ranges::all_of(addresses, core::is_numeric_address)) {
            names.remember(std::string{name}, std::move(addresses));
        }
    }
    return names;
}

}  // namespace gatemend::sandbox
