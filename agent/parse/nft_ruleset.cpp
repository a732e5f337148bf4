// SPDX-License-Identifier: MIT
// libnftables-json(5), of which we know what decides about a TCP connection; all else is a doubt.
#include "parse/packet_rules.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <string>

namespace gatemend::parse {
namespace {

using core::Error;
using core::Result;
using nlohmann::json;

constexpr int kMaxNesting = 8;
constexpr int kTcp = 6;

// nullptr: not an object, or without that key.
const json* find(const json& object, const char* key) {
    if (!object.is_object()) {
        return nullptr;
    }
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
}

std::string_view text_of(const json* value) {
    const auto* text = value == nullptr ? nullptr : value->get_ptr<const std::string*>();
    return text == nullptr ? std::string_view{} : std::string_view{*text};
}

std::string_view text_at(const json& object, const char* key) {
    return text_of(find(object, key));
}

std::optional<std::uint64_t> number_of(const json* value) {
    return value != nullptr && value->is_number_unsigned()
               ? std::optional{value->get<std::uint64_t>()}
               : std::nullopt;
}

// The one key of a statement or expression, "" for anything else.
std::string_view key_of(const json& object) {
    return object.is_object() && object.size() == 1 ? std::string_view{object.begin().key()}
                                                    : std::string_view{};
}

std::string table_of(const json& object) {
    return std::string{text_at(object, "family")} + " " + std::string{text_at(object, "table")};
}

using Sets = std::map<std::string, const json*, std::less<>>;  // "family table name" -> elements

// What a condition looks at, as the packet has it.
struct Subject {
    enum class Kind { kUnknown, kAbsent, kPort, kAddress, kWords, kInterface };

    Kind kind = Kind::kUnknown;
    std::vector<std::string_view> words{};  // any of which it is
    bool is_target = false;
};

Subject payload_subject(const json& payload, const Packet& packet) {
    const std::string_view protocol = text_at(payload, "protocol");
    const std::string_view field = text_at(payload, "field");
    const bool is_ipv4 = packet.address.family == Family::kIpv4;
    if (protocol == "udp" || protocol == "sctp" || protocol == "icmp" || protocol == "icmpv6") {
        return {.kind = Subject::Kind::kAbsent};
    }
    if ((protocol == "tcp" || protocol == "th") && field == "dport") {
        return {.kind = Subject::Kind::kPort, .is_target = true};
    }
    if (protocol == "ip" || protocol == "ip6") {
        if ((protocol == "ip") != is_ipv4) {
            return {.kind = Subject::Kind::kAbsent};
        }
        if (field == "daddr" && !packet.is_any_address) {
            return {.kind = Subject::Kind::kAddress, .is_target = true};
        }
        if (field == "protocol") {
            return {.kind = Subject::Kind::kWords, .words = {"tcp"}};
        }
    }
    return {};
}

Subject meta_subject(const json& meta, const Packet& packet) {
    const std::string_view key = text_at(meta, "key");
    const bool is_ipv4 = packet.address.family == Family::kIpv4;
    if (key == "l4proto") {
        return {.kind = Subject::Kind::kWords, .words = {"tcp"}};
    }
    if (key == "nfproto") {
        return {.kind = Subject::Kind::kWords, .words = {is_ipv4 ? "ipv4" : "ipv6"}};
    }
    if (key == "protocol") {
        return {.kind = Subject::Kind::kWords, .words = {is_ipv4 ? "ip" : "ip6"}};
    }
    if (key == "iif" || key == "iifname" || key == "oif" || key == "oifname") {
        return {.kind = Subject::Kind::kInterface};
    }
    return {};
}

Subject subject_of(const json& left, const Packet& packet) {
    if (const json* payload = find(left, "payload")) {
        return payload_subject(*payload, packet);
    }
    if (const json* meta = find(left, "meta")) {
        return meta_subject(*meta, packet);
    }
    if (const json* ct = find(left, "ct")) {
        const std::string_view key = text_at(*ct, "key");
        if (key == "state") {
            return {.kind = Subject::Kind::kWords, .words = {"new"}};
        }
        if (key == "status") {  // not redirected, or we would not know where it goes
            return {.kind = Subject::Kind::kWords, .words = {""}};
        }
    }
    if (const json* fib = find(left, "fib")) {
        const json* flags = find(*fib, "flags");
        const bool is_destination =
            flags != nullptr &&
            (text_of(flags) == "daddr" ||
             (flags->is_array() && flags->size() == 1 && text_of(&flags->front()) == "daddr"));
        if (text_at(*fib, "result") == "type" && is_destination) {
            return {.kind = Subject::Kind::kWords,
                    .words = {packet.where == Destination::kThisMachine ? "local" : "unicast"}};
        }
    }
    return {};
}

class Values {
  public:
    Values(const Packet& packet, const Sets& sets, const std::string& table)
        : packet_(packet),
          sets_(sets),
          table_(table) {}

    // Whether the subject is this value, or one of these.
    [[nodiscard]] Match match(const Subject& subject, const json& value, int depth = 0) const;

  private:
    [[nodiscard]] Match match_any(const Subject& subject, const json& values, int depth) const;
    [[nodiscard]] Match match_text(const Subject& subject, std::string_view text, int depth) const;
    [[nodiscard]] Match match_range(const Subject& subject, const json& range) const;
    [[nodiscard]] Match match_prefix(const Subject& subject, const json& prefix) const;

    const Packet& packet_;
    const Sets& sets_;
    const std::string& table_;
};

Match Values::match_any(const Subject& subject, const json& values, int depth) const {
    if (!values.is_array()) {
        return Match::kMaybe;
    }
    Match result = Match::kNo;
    for (const json& value : values) {
        const Match here = match(subject, value, depth + 1);
        if (here == Match::kYes) {
            return here;
        }
        result = here == Match::kMaybe ? here : result;
    }
    return result;
}

Match Values::match_text(const Subject& subject, std::string_view text, int depth) const {
    if (text.starts_with('@')) {
        const auto set = sets_.find(table_ + " " + std::string{text.substr(1)});
        return set == sets_.end() ? Match::kMaybe : match_any(subject, *set->second, depth);
    }
    switch (subject.kind) {
        case Subject::Kind::kAddress:
            if (const auto address = parse_ip(text)) {
                return match_if(*address == packet_.address);
            }
            return Match::kMaybe;
        case Subject::Kind::kWords:
            return match_if(std::ranges::find(subject.words, text) != subject.words.end());
        case Subject::Kind::kInterface:
            return match_interface(packet_, text);
        case Subject::Kind::kPort:
        case Subject::Kind::kUnknown:
        case Subject::Kind::kAbsent:
            break;
    }
    return Match::kMaybe;
}

Match Values::match_range(const Subject& subject, const json& range) const {
    if (!range.is_array() || range.size() != 2) {
        return Match::kMaybe;
    }
    if (subject.kind == Subject::Kind::kPort) {
        const auto first = number_of(&range[0]);
        const auto last = number_of(&range[1]);
        return first && last ? match_if(*first <= packet_.port && packet_.port <= *last)
                             : Match::kMaybe;
    }
    const auto first = parse_ip(text_of(&range[0]));
    const auto last = parse_ip(text_of(&range[1]));
    if (subject.kind != Subject::Kind::kAddress || !first || !last) {
        return Match::kMaybe;
    }
    return match_if(first->family == packet_.address.family &&
                    first->bytes <= packet_.address.bytes && packet_.address.bytes <= last->bytes);
}

Match Values::match_prefix(const Subject& subject, const json& prefix) const {
    const auto network = parse_ip(text_at(prefix, "addr"));
    const auto bits = number_of(find(prefix, "len"));
    if (subject.kind != Subject::Kind::kAddress || !network || !bits || *bits > 128) {
        return Match::kMaybe;
    }
    return match_if(is_in_network(packet_.address, *network, static_cast<unsigned>(*bits)));
}

Match Values::match(const Subject& subject, const json& value, int depth) const {
    if (subject.kind == Subject::Kind::kUnknown || depth > kMaxNesting) {
        return Match::kMaybe;
    }
    if (subject.kind == Subject::Kind::kAbsent) {
        return Match::kNo;
    }
    if (value.is_string()) {
        return match_text(subject, text_of(&value), depth);
    }
    if (const auto number = number_of(&value)) {
        if (subject.kind == Subject::Kind::kPort) {
            return match_if(*number == packet_.port);
        }
        const bool is_protocol = subject.kind == Subject::Kind::kWords &&
                                 subject.words == std::vector<std::string_view>{"tcp"};
        return is_protocol ? match_if(*number == kTcp) : Match::kMaybe;
    }
    if (value.is_array()) {
        return match_any(subject, value, depth);
    }
    if (const json* set = find(value, "set")) {
        return match_any(subject, *set, depth);
    }
    if (const json* range = find(value, "range")) {
        return match_range(subject, *range);
    }
    if (const json* prefix = find(value, "prefix")) {
        return match_prefix(subject, *prefix);
    }
    if (const json* element = find(value, "elem")) {
        const json* inner = find(*element, "val");
        return inner == nullptr ? Match::kMaybe : match(subject, *inner, depth + 1);
    }
    return Match::kMaybe;
}

std::string words_of(const json& value, int depth = 0);

std::string joined(const json& values, const char* separator, int depth) {
    constexpr std::size_t kMaxShown = 8;
    std::string text;
    for (std::size_t i = 0; values.is_array() && i < values.size(); ++i) {
        if (i == kMaxShown) {
            return text + separator + "...";
        }
        text += (i == 0 ? "" : separator) + words_of(values[i], depth + 1);
    }
    return text;
}

// Close to what `nft list ruleset` would print.
std::string words_of(const json& value, int depth) {
    if (value.is_string()) {
        return std::string{text_of(&value)};
    }
    if (const auto number = number_of(&value)) {
        return std::to_string(*number);
    }
    if (depth > kMaxNesting) {
        return "...";
    }
    if (value.is_array()) {
        return joined(value, ",", depth);
    }
    if (const json* payload = find(value, "payload")) {
        return std::string{text_at(*payload, "protocol")} + " " +
               std::string{text_at(*payload, "field")};
    }
    if (const json* meta = find(value, "meta")) {
        return std::string{text_at(*meta, "key")};
    }
    if (const json* ct = find(value, "ct")) {
        return "ct " + std::string{text_at(*ct, "key")};
    }
    if (const json* set = find(value, "set")) {
        return "{ " + joined(*set, ", ", depth) + " }";
    }
    if (const json* range = find(value, "range")) {
        return joined(*range, "-", depth);
    }
    if (const json* prefix = find(value, "prefix")) {
        const auto bits = number_of(find(*prefix, "len"));
        return std::string{text_at(*prefix, "addr")} + "/" + std::to_string(bits.value_or(0));
    }
    return std::string{key_of(value)} + "...";
}

std::optional<Verdict> verdict_of(std::string_view key) {
    constexpr std::pair<std::string_view, Verdict> kVerdicts[] = {{"accept", Verdict::kAccept},
                                                                  {"drop", Verdict::kBlock},
                                                                  {"reject", Verdict::kBlock},
                                                                  {"return", Verdict::kReturn},
                                                                  {"jump", Verdict::kJump},
                                                                  {"goto", Verdict::kGoto},
                                                                  {"continue", Verdict::kContinue}};
    const auto* found =
        std::ranges::find(kVerdicts, key, &std::pair<std::string_view, Verdict>::first);
    return found == std::end(kVerdicts) ? std::nullopt : std::optional{found->second};
}

class RuleReader {
  public:
    RuleReader(const Packet& packet, const Sets& sets, const std::string& table)
        : packet_(packet),
          values_(packet, sets, table) {}

    PacketRule read(const json& rule);

  private:
    void take(std::string_view key, const json& content);
    void take_match(const json& content);
    void take_map(const json& content);
    void take_verdict(Verdict verdict, const json& content);
    void take_extension(const json& content);
    void add_words(const std::string& words);

    const Packet& packet_;
    Values values_;
    PacketRule rule_;
};

void RuleReader::add_words(const std::string& words) {
    rule_.text += (rule_.text.empty() ? "" : " ") + words;
}

void RuleReader::take_match(const json& content) {
    const json* left = find(content, "left");
    const json* right = find(content, "right");
    const std::string_view op = text_at(content, "op");
    if (left == nullptr || right == nullptr) {
        rule_.match = both(rule_.match, Match::kMaybe);
        return;
    }
    const bool is_equal = op == "==" || op == "in";
    const Subject subject = subject_of(*left, packet_);
    Match here = is_equal || op == "!=" ? values_.match(subject, *right) : Match::kMaybe;
    if (op == "!=" && subject.kind != Subject::Kind::kAbsent) {
        here = negated(here);
    }
    rule_.match = both(rule_.match, here);
    rule_.names_target = rule_.names_target || (is_equal && subject.is_target);
    add_words(words_of(*left) + (is_equal ? " " : " " + std::string{op} + " ") + words_of(*right));
}

// key : verdict pairs; the first that surely fits, unless an earlier one might.
void RuleReader::take_map(const json& content) {
    const json* key = find(content, "key");
    const json* data = find(content, "data");
    const json* set = data == nullptr ? nullptr : find(*data, "set");
    rule_.verdict = Verdict::kUnknown;
    if (key == nullptr || set == nullptr || !set->is_array()) {
        return;
    }
    const Subject subject = subject_of(*key, packet_);
    for (const json& entry : *set) {
        const bool is_pair = entry.is_array() && entry.size() == 2;
        const Match here = is_pair ? values_.match(subject, entry[0]) : Match::kMaybe;
        if (here == Match::kMaybe) {
            return;
        }
        if (here == Match::kYes) {
            add_words(words_of(*key) + " " + words_of(entry[0]));
            rule_.names_target = rule_.names_target || subject.is_target;
            if (const auto verdict = verdict_of(key_of(entry[1]))) {
                take_verdict(*verdict, entry[1].begin().value());
            }
            return;
        }
    }
    rule_.match = Match::kNo;  // no entry: the rule does nothing
}

void RuleReader::take_verdict(Verdict verdict, const json& content) {
    rule_.verdict = verdict;
    rule_.target = std::string{text_at(content, "target")};
}

// What iptables put there and nft cannot show. iptables-save has the words.
void RuleReader::take_extension(const json& content) {
    const std::string_view name = text_at(content, "name");
    const bool is_target = text_at(content, "type") == "target";
    add_words("xt " + std::string{name});
    if (is_target && (name == "REJECT" || name == "DROP")) {
        rule_.verdict = Verdict::kBlock;
    } else if (is_target && name != "LOG" && name != "NFLOG") {
        rule_.verdict = Verdict::kUnknown;
    } else if (!is_target && name != "comment") {
        rule_.match = both(rule_.match, Match::kMaybe);
    }
}

void RuleReader::take(std::string_view key, const json& content) {
    if (key == "match") {
        take_match(content);
    } else if (key == "vmap") {
        take_map(content);
    } else if (key == "xt") {
        take_extension(content);
    } else if (key == "counter") {
        rule_.packets = number_of(find(content, "packets"));
    } else if (const auto verdict = verdict_of(key)) {
        take_verdict(*verdict, content);
        add_words(std::string{key});
    } else if (key != "log" && key != "mangle" && key != "notrack") {
        // limits and the like decide by what we cannot see, redirects and queues lead elsewhere
        const bool is_condition = key == "limit" || key == "quota" || key == "ct count";
        rule_.match = both(rule_.match, is_condition ? Match::kMaybe : rule_.match);
        rule_.verdict = is_condition ? rule_.verdict : Verdict::kUnknown;
        add_words(std::string{key});
    }
}

PacketRule RuleReader::read(const json& rule) {
    const json* statements = find(rule, "expr");
    if (statements == nullptr || !statements->is_array()) {
        rule_.verdict = Verdict::kUnknown;
        return std::move(rule_);
    }
    for (const json& statement : *statements) {
        if (const std::string_view key = key_of(statement); !key.empty()) {
            take(key, statement.begin().value());
        } else {
            rule_.verdict = Verdict::kUnknown;
        }
    }
    rule_.text = table_of(rule) + " " + std::string{text_at(rule, "chain")} + ", handle " +
                 std::to_string(number_of(find(rule, "handle")).value_or(0)) + ": " + rule_.text;
    return std::move(rule_);
}

class RulesetReader {
  public:
    explicit RulesetReader(const Packet& packet) : packet_(packet) {}

    PacketChains read(const json& objects);

  private:
    void take_chain(const json& chain);
    void take_rule(const json& rule);

    const Packet& packet_;
    Sets sets_;
    PacketChains chains_;
    std::map<std::string, std::size_t, std::less<>> places_;  // "family table chain" -> index
};

void RulesetReader::take_chain(const json& object) {
    PacketChain chain;
    chain.table = table_of(object);
    chain.name = std::string{text_at(object, "name")};
    const std::string_view family = text_at(object, "family");
    const std::string_view fitting = packet_.address.family == Family::kIpv4 ? "ip" : "ip6";
    if (family == "inet" || family == fitting) {
        const std::string_view hook = text_at(object, "hook");
        chain.hook = hook == "input"    ? Hook::kInput
                     : hook == "output" ? Hook::kOutput
                                        : Hook::kNone;
    }
    places_.emplace(chain.table + " " + chain.name, chains_.size());
    chains_.push_back(std::move(chain));
}

void RulesetReader::take_rule(const json& object) {
    const std::string table = table_of(object);
    const auto place = places_.find(table + " " + std::string{text_at(object, "chain")});
    if (place != places_.end()) {
        chains_[place->second].rules.push_back(RuleReader{packet_, sets_, table}.read(object));
    }
}

PacketChains RulesetReader::read(const json& objects) {
    for (const json& object : objects) {
        const json* set = find(object, "set");
        const json* elements = set == nullptr ? nullptr : find(*set, "elem");
        if (elements != nullptr) {
            sets_.emplace(table_of(*set) + " " + std::string{text_at(*set, "name")}, elements);
        }
        if (const json* chain = find(object, "chain")) {
            take_chain(*chain);
        }
    }
    for (const json& object : objects) {
        if (const json* rule = find(object, "rule")) {
            take_rule(*rule);
        }
    }
    return std::move(chains_);
}

}  // namespace

Result<PacketChains> read_nft_ruleset(std::string_view text, const Packet& packet) {
    const json ruleset = json::parse(text.begin(), text.end(), nullptr, false);
    const json* objects = ruleset.is_discarded() ? nullptr : find(ruleset, "nftables");
    if (objects == nullptr || !objects->is_array()) {
        return Error{"packet filter: not a list of nftables' rules"};
    }
    return RulesetReader{packet}.read(*objects);
}

}  // namespace gatemend::parse
