// SPDX-License-Identifier: MIT
// Which rule of this machine's packet filter stops a new TCP connection to an address. From the
// text of `nft --json list ruleset` or `iptables-save`; used to name the rule to a person. Says
// only what is sure: whatever may let the packet through earlier, or cannot be read, means "no such
// rule".
#pragma once

#include "core/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatemend::parse {

// Decides which chains are asked: a packet to another machine passes "output" alone.
enum class Destination { kThisMachine, kElsewhere };

struct BlockingRule {
    std::string text;  // "inet filter input, handle 5: tcp dport 9000 counter drop", sanitized
    std::optional<std::uint64_t> packets;  // that it has stopped so far, where it counts
};

inline constexpr std::size_t kMaxPacketFilterText = std::size_t{256} * 1024;

// `address` is "IP:PORT"; "0.0.0.0:80" and "[::]:80" stand for this machine as visitors reach it.
// The rule must name the port or the destination address itself; a policy that drops everything is
// not reported. An error: the text is not what `format` ("nft-json", "iptables-save", "none")
// promises.
[[nodiscard]] core::Result<std::optional<BlockingRule>> find_blocking_rule(std::string_view format,
                                                                           std::string_view text,
                                                                           std::string_view address,
                                                                           Destination where);

}  // namespace gatemend::parse
