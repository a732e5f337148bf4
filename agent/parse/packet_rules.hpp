// SPDX-License-Identifier: MIT
// A packet filter as one packet meets it: chains of rules, each already asked whether it takes that
// packet. Filled by nft_ruleset and iptables_rules, walked by packet_filter. Internal to this
// folder.
#pragma once

#include "core/result.hpp"
#include "parse/packet_filter.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatemend::parse {

enum class Family { kIpv4, kIpv6 };

// IPv4 in the first four bytes.
struct IpAddress {
    Family family = Family::kIpv4;
    std::array<unsigned char, 16> bytes{};

    friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

[[nodiscard]] std::optional<IpAddress> parse_ip(std::string_view text);
// "10.0.0.0/8" and a single address.
[[nodiscard]] bool is_in_network(const IpAddress& address, const IpAddress& network, unsigned bits);

// The first packet of a connection.
struct Packet {
    IpAddress address;
    std::uint16_t port = 0;
    bool is_any_address = false;  // "0.0.0.0:80": some address of this machine
    Destination where = Destination::kThisMachine;

    // What a packet from this machine to itself goes through.
    [[nodiscard]] bool is_over_loopback() const {
        return where == Destination::kThisMachine && !is_any_address;
    }
};

enum class Match { kNo, kMaybe, kYes };

// One condition after the other: a single no decides, then a single doubt.
[[nodiscard]] constexpr Match both(Match a, Match b) {
    if (a == Match::kNo || b == Match::kNo) {
        return Match::kNo;
    }
    return a == Match::kYes && b == Match::kYes ? Match::kYes : Match::kMaybe;
}

[[nodiscard]] constexpr Match negated(Match match) {
    if (match == Match::kMaybe) {
        return match;
    }
    return match == Match::kYes ? Match::kNo : Match::kYes;
}

[[nodiscard]] constexpr Match match_if(bool is_true) {
    return is_true ? Match::kYes : Match::kNo;
}

// An interface by name, against the one that the packet certainly uses.
[[nodiscard]] Match match_interface(const Packet& packet, std::string_view name);

enum class Verdict {
    kContinue,  // counts, logs or marks
    kAccept,
    kBlock,
    kJump,
    kGoto,
    kReturn,
    kUnknown,  // redirects, queues: where the packet goes then is not known
};

struct PacketRule {
    Match match = Match::kYes;
    bool names_target = false;  // the port or the destination stands in it
    Verdict verdict = Verdict::kContinue;
    std::string target;  // of a jump
    std::string text;
    std::optional<std::uint64_t> packets;
};

enum class Hook { kNone, kInput, kOutput };

struct PacketChain {
    std::string table;  // family and name: chains are called by name within one table
    std::string name;
    Hook hook = Hook::kNone;
    std::vector<PacketRule> rules;
};

using PacketChains = std::vector<PacketChain>;

[[nodiscard]] core::Result<PacketChains> read_nft_ruleset(std::string_view text,
                                                          const Packet& packet);
[[nodiscard]] core::Result<PacketChains> read_iptables_rules(std::string_view text,
                                                             const Packet& packet);

}  // namespace gatemend::parse
