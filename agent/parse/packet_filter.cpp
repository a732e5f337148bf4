// SPDX-License-Identifier: MIT
#include "parse/packet_filter.hpp"

#include "core/text.hpp"
#include "parse/packet_rules.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <utility>

namespace gatemend::parse {
namespace {

using core::Error;
using core::Result;

constexpr int kMaxDepth = 16;  // as the kernel
constexpr int kMaxVisited = 50'000;

// Where the packet is after a chain or a part of it.
enum class Fate { kGoesOn, kLetThrough, kBlocked };

class Walk {
  public:
    explicit Walk(const PacketChains& chains) {
        for (const PacketChain& chain : chains) {
            by_name_.emplace(std::pair{std::string_view{chain.table}, std::string_view{chain.name}},
                             &chain);
        }
    }

    // The rule that surely blocks, or nothing.
    std::optional<BlockingRule> go(const PacketChain& base) {
        found_ = nullptr;
        const Fate fate = pass(base, Match::kYes, 0);
        if (fate != Fate::kBlocked || found_ == nullptr) {
            return std::nullopt;
        }
        return BlockingRule{.text = core::sanitize(found_->text), .packets = found_->packets};
    }

  private:
    Fate pass(const PacketChain& chain, Match is_here, int depth);
    Fate take(const PacketChain& chain, const PacketRule& rule, Match is_taken, int depth);
    Fate enter(const PacketChain& chain, const PacketRule& rule, Match is_taken, int depth);

    std::map<std::pair<std::string_view, std::string_view>, const PacketChain*> by_name_;
    const PacketRule* found_ = nullptr;
    int visited_ = 0;
};

// A called chain that does not exist could do anything.
Fate Walk::enter(const PacketChain& chain, const PacketRule& rule, Match is_taken, int depth) {
    const auto called = by_name_.find({chain.table, rule.target});
    return called == by_name_.end() || depth >= kMaxDepth
               ? Fate::kLetThrough
               : pass(*called->second, is_taken, depth + 1);
}

// A doubt never blocks, but may let through.
Fate Walk::take(const PacketChain& chain, const PacketRule& rule, Match is_taken, int depth) {
    switch (rule.verdict) {
        case Verdict::kContinue:
        case Verdict::kReturn:
            return Fate::kGoesOn;
        case Verdict::kAccept:
        case Verdict::kUnknown:
            return Fate::kLetThrough;
        case Verdict::kJump:
        case Verdict::kGoto:
            return enter(chain, rule, is_taken, depth);
        case Verdict::kBlock:
            break;
    }
    if (is_taken == Match::kMaybe) {
        return Fate::kGoesOn;
    }
    found_ = rule.names_target ? &rule : nullptr;
    return Fate::kBlocked;
}

// `is_here`: whether the packet comes through here at all.
Fate Walk::pass(const PacketChain& chain, Match is_here, int depth) {
    for (const PacketRule& rule : chain.rules) {
        const Match is_taken = both(is_here, rule.match);
        if (++visited_ > kMaxVisited) {
            return Fate::kLetThrough;
        }
        if (is_taken == Match::kNo) {
            continue;
        }
        if (const Fate fate = take(chain, rule, is_taken, depth); fate != Fate::kGoesOn) {
            return fate;
        }
        if (rule.verdict == Verdict::kReturn || rule.verdict == Verdict::kGoto) {
            if (rule.match == Match::kYes) {
                return Fate::kGoesOn;
            }
            is_here = Match::kMaybe;
        }
    }
    return Fate::kGoesOn;
}

std::optional<Packet> read_packet(std::string_view address, Destination where) {
    const std::size_t colon = address.rfind(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view host = address.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    }
    const std::string_view port = address.substr(colon + 1);
    Packet packet;
    packet.where = where;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), packet.port);
    const auto ip = parse_ip(host);
    if (!ip || error != std::errc{} || end != port.data() + port.size()) {
        return std::nullopt;
    }
    packet.address = *ip;
    packet.is_any_address = std::ranges::all_of(ip->bytes, [](unsigned char b) { return b == 0; });
    return packet;
}

// nft prints one line. What follows are the rules that iptables keeps in nftables in a form which
// nft itself cannot show.
Result<PacketChains> read_chains(std::string_view format,
                                 std::string_view text,
                                 const Packet& packet) {
    if (format == "iptables-save") {
        return read_iptables_rules(text, packet);
    }
    if (format == "none") {
        return PacketChains{};
    }
    if (format != "nft-json") {
        return Error{"packet filter: unknown format"};
    }
    const std::size_t end = std::min(text.find('\n'), text.size());
    GATEMEND_TRY(chains, read_nft_ruleset(text.substr(0, end), packet));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (text.empty()) {
        return std::move(chains);
    }
    GATEMEND_TRY(more, read_iptables_rules(text, packet));
    std::ranges::move(more, std::back_inserter(chains));
    return std::move(chains);
}

}  // namespace

std::optional<IpAddress> parse_ip(std::string_view text) {
    constexpr std::size_t kMaxText = 46;
    if (text.size() > kMaxText || text.find('\0') != std::string_view::npos) {
        return std::nullopt;
    }
    const std::string terminated{text};
    IpAddress address;
    if (inet_pton(AF_INET, terminated.c_str(), address.bytes.data()) == 1) {
        return address;
    }
    address.family = Family::kIpv6;
    return inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1
               ? std::optional{address}
               : std::nullopt;
}

bool is_in_network(const IpAddress& address, const IpAddress& network, unsigned bits) {
    constexpr unsigned kByte = 8;
    if (address.family != network.family) {
        return false;
    }
    bits = std::min(bits, address.family == Family::kIpv4 ? 32U : 128U);
    for (std::size_t i = 0; bits > 0; ++i) {
        const unsigned here = std::min(bits, kByte);
        const unsigned mask = (0xFFU << (kByte - here)) & 0xFFU;
        if ((address.bytes.at(i) & mask) != (network.bytes.at(i) & mask)) {
            return false;
        }
        bits -= here;
    }
    return true;
}

Match match_interface(const Packet& packet, std::string_view name) {
    if (packet.is_over_loopback()) {
        return match_if(name == "lo" || name == "l+" || name == "lo+" || name == "+" ||
                        name == "l*" || name == "lo*" || name == "*");
    }
    return name == "lo" ? Match::kNo : Match::kMaybe;  // a visitor or another machine
}

Result<std::optional<BlockingRule>> find_blocking_rule(std::string_view format,
                                                       std::string_view text,
                                                       std::string_view address,
                                                       Destination where) {
    const auto packet = read_packet(address, where);
    if (!packet) {
        return Error{"packet filter: the address is not IP:PORT"};
    }
    if (text.size() > kMaxPacketFilterText) {
        return Error{"packet filter: more rules than we read"};
    }
    GATEMEND_TRY(chains, read_chains(format, text, *packet));
    Walk walk{chains};
    for (const PacketChain& chain : chains) {
        // A visitor's packet comes in only, one to elsewhere goes out only, our own does both.
        const bool is_passed = (chain.hook == Hook::kInput && where == Destination::kThisMachine) ||
                               (chain.hook == Hook::kOutput && !packet->is_any_address);
        auto rule = is_passed ? walk.go(chain) : std::nullopt;
        if (rule) {
            return rule;
        }
    }
    return std::optional<BlockingRule>{};
}

}  // namespace gatemend::parse
