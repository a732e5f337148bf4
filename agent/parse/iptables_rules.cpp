// SPDX-License-Identifier: MIT
// The text of iptables-save(8), and behind it that of ip6tables-save, with counters or without:
// "*table", ":CHAIN POLICY [..]",
// "[12:345] -A CHAIN ...". Options we do not know make a rule doubtful, never sure.
#include "parse/packet_rules.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <string>
#include <utility>

namespace gatemend::parse {
namespace {

using core::Error;
using core::Result;

template <class Number>
bool read_number(std::string_view text, Number& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

// Splits at blanks; a quoted word may hold them. Quotes are dropped.
std::vector<std::string> split_words(std::string_view line) {
    std::vector<std::string> words;
    std::string word;
    bool is_quoted = false;
    bool is_open = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (is_quoted && c == '\\' && i + 1 < line.size()) {
            word += line[++i];
        } else if (c == '"') {
            is_quoted = !is_quoted;
            is_open = true;
        } else if (c == ' ' && !is_quoted) {
            if (is_open) {
                words.push_back(std::exchange(word, {}));
            }
            is_open = false;
        } else {
            word += c;
            is_open = true;
        }
    }
    if (is_open) {
        words.push_back(std::move(word));
    }
    return words;
}

// "9000", "5000:5010", and lists of them with commas
Match match_ports(std::string_view text, std::uint16_t port) {
    Match result = Match::kNo;
    while (!text.empty()) {
        const std::size_t comma = std::min(text.find(','), text.size());
        const std::string_view range = text.substr(0, comma);
        text.remove_prefix(std::min(comma + 1, text.size()));
        const std::size_t colon = std::min(range.find(':'), range.size());
        std::uint16_t first = 0;
        if (!read_number(range.substr(0, colon), first)) {
            return Match::kMaybe;
        }
        std::uint16_t last = first;
        if (colon < range.size() && !read_number(range.substr(colon + 1), last)) {
            return Match::kMaybe;
        }
        result = first <= port && port <= last ? Match::kYes : result;
    }
    return result;
}

// "10.0.0.0/8", "10.0.0.5/32", "10.0.0.5"
Match match_network(std::string_view text, const Packet& packet) {
    const std::size_t slash = std::min(text.find('/'), text.size());
    const auto network = parse_ip(text.substr(0, slash));
    unsigned bits = 128;
    const bool has_bits = slash < text.size();
    if (!network || packet.is_any_address ||
        (has_bits && !read_number(text.substr(slash + 1), bits))) {
        return Match::kMaybe;
    }
    return match_if(is_in_network(packet.address, *network, bits));
}

bool has_word(std::string_view list, std::string_view word) {
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        if (list.substr(0, comma) == word) {
            return true;
        }
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return false;
}

struct Option {
    bool is_negated = false;
    std::string name;
    std::string value;
};

class RuleReader {
  public:
    explicit RuleReader(const Packet& packet) : packet_(packet) {}

    // From behind "-A CHAIN".
    PacketRule read(const std::vector<std::string>& words, std::size_t begin);

  private:
    // nullopt: an option we do not know.
    std::optional<Match> ask(std::string_view option, std::string_view value);
    bool take_target(std::string_view option, const std::string& value);
    void take_option(const Option& option);

    const Packet& packet_;
    PacketRule rule_;
};

std::optional<Match> RuleReader::ask(std::string_view option, std::string_view value) {
    if (option == "-p") {
        return match_if(value == "tcp" || value == "6" || value == "all");
    }
    if (option == "-d") {
        return match_network(value, packet_);
    }
    if (option == "-i" || option == "-o") {
        return match_interface(packet_, value);
    }
    if (option == "--dport" || option == "--dports" || option == "--ports") {
        const Match here = match_ports(value, packet_.port);
        return option == "--ports" && here == Match::kNo ? Match::kMaybe : here;
    }
    if (option == "--ctstate" || option == "--state") {
        return match_if(has_word(value, "NEW"));
    }
    if (option == "--dst-type") {
        return match_if(
            has_word(value, packet_.where == Destination::kThisMachine ? "LOCAL" : "UNICAST"));
    }
    return std::nullopt;
}

bool RuleReader::take_target(std::string_view option, const std::string& value) {
    if (option != "-j" && option != "-g") {
        return false;
    }
    constexpr std::pair<std::string_view, Verdict> kTargets[] = {{"ACCEPT", Verdict::kAccept},
                                                                 {"DROP", Verdict::kBlock},
                                                                 {"REJECT", Verdict::kBlock},
                                                                 {"RETURN", Verdict::kReturn},
                                                                 {"LOG", Verdict::kContinue},
                                                                 {"NFLOG", Verdict::kContinue},
                                                                 {"MARK", Verdict::kContinue},
                                                                 {"CONNMARK", Verdict::kContinue}};
    const auto* known =
        std::ranges::find(kTargets, value, &std::pair<std::string_view, Verdict>::first);
    if (known != std::end(kTargets)) {
        rule_.verdict = known->second;
    } else {  // a chain, or a target that leads elsewhere: then there is no such chain
        rule_.verdict = option == "-j" ? Verdict::kJump : Verdict::kGoto;
        rule_.target = value;
    }
    return true;
}

// Before the target, an option that we do not know is a condition that we cannot check; behind it,
// how to reject or what to log.
void RuleReader::take_option(const Option& option) {
    if (option.name == "-m" || option.name == "--comment" ||
        take_target(option.name, option.value)) {
        return;
    }
    const Match unknown = rule_.verdict == Verdict::kContinue ? Match::kMaybe : Match::kYes;
    const auto here = ask(option.name, option.value);
    const bool is_flipped = here && option.is_negated;
    rule_.match = both(rule_.match, is_flipped ? negated(*here) : here.value_or(unknown));
    const bool is_target = option.name == "-d" || option.name.starts_with("--dport");
    rule_.names_target = rule_.names_target || (is_target && !option.is_negated);
}

PacketRule RuleReader::read(const std::vector<std::string>& words, std::size_t begin) {
    Option option;
    for (std::size_t i = begin; i < words.size(); ++i) {
        rule_.text += (i == begin ? "" : " ") + words[i];
        if (words[i] == "!") {
            option.is_negated = true;
        } else if (words[i].starts_with('-')) {
            option.name = words[i];
            // the word of a comment may look like an option
            const bool has_value = i + 1 < words.size() &&
                                   (option.name == "--comment" || !words[i + 1].starts_with('-'));
            option.value = has_value ? words[++i] : std::string{};
            rule_.text += (has_value ? " " : "") + option.value;
            take_option(option);
            option = {};
        }
    }
    return std::move(rule_);
}

class RulesReader {
  public:
    explicit RulesReader(const Packet& packet) : packet_(packet) {}

    void take_line(std::string_view line);
    [[nodiscard]] Result<PacketChains> finish();

  private:
    PacketChain& chain_of(const std::string& name);

    const Packet& packet_;
    std::string table_;
    Family family_ = Family::kIpv4;  // as the line before the tables says
    bool is_recognized_ = false;
    PacketChains chains_;
    std::map<std::string, std::size_t, std::less<>> places_;  // "table chain" -> index
};

PacketChain& RulesReader::chain_of(const std::string& name) {
    const auto [place, is_new] = places_.emplace(table_ + " " + name, chains_.size());
    if (is_new) {
        PacketChain chain;
        chain.table = table_;
        chain.name = name;
        chain.hook = name == "INPUT"    ? Hook::kInput
                     : name == "OUTPUT" ? Hook::kOutput
                                        : Hook::kNone;
        chains_.push_back(std::move(chain));
    }
    return chains_[place->second];
}

void RulesReader::take_line(std::string_view line) {
    if (line.starts_with("# Generated by ip")) {
        is_recognized_ = true;
        family_ = line.starts_with("# Generated by ip6") ? Family::kIpv6 : Family::kIpv4;
        return;
    }
    if (line.starts_with('*')) {
        is_recognized_ = true;
        table_ =
            (family_ == Family::kIpv4 ? "iptables " : "ip6tables ") + std::string{line.substr(1)};
        return;
    }
    if (family_ != packet_.address.family) {
        return;
    }
    if (line.starts_with(':')) {
        (void)chain_of(std::string{line.substr(1, line.find(' ') - 1)});  // also without rules
        return;
    }
    std::vector<std::string> words = split_words(line);
    std::optional<std::uint64_t> packets;
    if (!words.empty() && words.front().starts_with('[')) {
        const std::string_view counters = words.front();
        std::uint64_t number = 0;
        if (read_number(counters.substr(1, counters.find(':') - 1), number)) {
            packets = number;
        }
        words.erase(words.begin());
    }
    if (words.size() < 2 || words[0] != "-A" || table_.empty()) {
        return;
    }
    PacketRule rule = RuleReader{packet_}.read(words, 2);
    rule.packets = packets;
    rule.text = table_ + " " + words[1] + ": " + rule.text;
    chain_of(words[1]).rules.push_back(std::move(rule));
}

Result<PacketChains> RulesReader::finish() {
    if (!is_recognized_) {
        return Error{"packet filter: not the text of iptables-save"};
    }
    return std::move(chains_);
}

}  // namespace

Result<PacketChains> read_iptables_rules(std::string_view text, const Packet& packet) {
    if (text.empty()) {  // so they say that there are no rules
        return PacketChains{};
    }
    RulesReader reader{packet};
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        reader.take_line(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return reader.finish();
}

}  // namespace gatemend::parse
