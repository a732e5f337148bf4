// SPDX-License-Identifier: MIT
// Recorded from nftables 1.0.6 and iptables 1.8.9 in a network namespace of its own.
#include "parse/packet_filter.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gatemend::parse {
namespace {

std::string blocking(const std::string& format,
                     const std::string& text,
                     const std::string& address,
                     Destination where = Destination::kThisMachine) {
    const auto rule = find_blocking_rule(format, text, address, where);
    if (!rule) {
        return rule.error().text;
    }
    if (!*rule) {
        return "";
    }
    const auto packets = (*rule)->packets;
    return (*rule)->text + (packets ? " [" + std::to_string(*packets) + "]" : "");
}

// The rules of one chain as `nft --json` prints them, with the chain and its table around.
std::string nft(const std::string& hook, const std::string& rules) {
    return R"({"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}},)"
           R"( {"table": {"family": "inet", "name": "filter", "handle": 1}},)"
           R"( {"set": {"family": "inet", "name": "blocked", "table": "filter", "type": "ipv4_addr",)"
           R"( "handle": 13, "elem": ["10.8.0.1", {"prefix": {"addr": "10.9.0.0", "len": 24}}]}},)"
           R"( {"chain": {"family": "inet", "table": "filter", "name": "base", "handle": 1,)"
           R"( "type": "filter", "hook": ")" +
           hook +
           R"(", "prio": 0, "policy": "accept"}},)"
           R"( {"chain": {"family": "inet", "table": "filter", "name": "mine", "handle": 16}})" +
           rules + "]}\n";
}

std::string rule(const std::string& expressions,
                 const std::string& chain = "base",
                 const std::string& handle = "5") {
    return R"(, {"rule": {"family": "inet", "table": "filter", "chain": ")" + chain +
           R"(", "handle": )" + handle + R"(, "expr": [)" + expressions + "]}}";
}

constexpr const char* kPort9000 =
    R"({"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 9000}})";
constexpr const char* kCounter = R"({"counter": {"packets": 12, "bytes": 720}})";
constexpr const char* kLoopback =
    R"({"match": {"op": "==", "left": {"meta": {"key": "iif"}}, "right": "lo"}})";
constexpr const char* kEstablished =
    R"({"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}})";
constexpr const char* kUser33 =
    R"({"match": {"op": "==", "left": {"meta": {"key": "skuid"}}, "right": 33}})";

std::string match_daddr(const std::string& value) {
    return R"({"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": )" +
           value + "}}";
}

std::string match_port(const std::string& value, const std::string& op = "==") {
    return R"({"match": {"op": ")" + op +
           R"(", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": )" + value +
           "}}";
}

const std::string kDrop = R"(, {"drop": null})";
const std::string kAccept = R"(, {"accept": null})";

TEST(NftRuleset, TheRuleThatNamesThePortIsFoundWithItsCounter) {
    const std::string text = nft("input", rule(std::string{kPort9000} + ", " + kCounter + kDrop));
    EXPECT_EQ(blocking("nft-json", text, "127.0.0.1:9000"),
              "inet filter base, handle 5: tcp dport 9000 drop [12]");
    EXPECT_EQ(blocking("nft-json", text, "[::1]:9000"),
              "inet filter base, handle 5: tcp dport 9000 drop [12]");
    EXPECT_EQ(blocking("nft-json", text, "0.0.0.0:9000"),
              "inet filter base, handle 5: tcp dport 9000 drop [12]");
    EXPECT_EQ(blocking("nft-json", text, "127.0.0.1:9001"), "");
    EXPECT_EQ(blocking("nft-json", text, "10.0.0.5:9000", Destination::kElsewhere), "");
}

TEST(NftRuleset, WhatIsAcceptedBeforeIsNotBlocked) {
    const std::string drop = rule(std::string{kPort9000} + kDrop);
    const std::string loopback = rule(std::string{kLoopback} + kAccept);
    const std::string established = rule(std::string{kEstablished} + kAccept);
    EXPECT_EQ(blocking("nft-json", nft("input", loopback + drop), "127.0.0.1:9000"), "");
    // a visitor comes in by another interface
    EXPECT_NE(blocking("nft-json", nft("input", loopback + drop), "0.0.0.0:9000"), "");
    EXPECT_NE(blocking("nft-json", nft("input", established + drop), "127.0.0.1:9000"), "");
    // accepted for some user: whether for nginx's is not known
    EXPECT_EQ(blocking("nft-json",
                       nft("output", rule(std::string{kUser33} + kAccept) + drop),
                       "127.0.0.1:9000"),
              "");
}

TEST(NftRuleset, ADoubtfulOrGeneralDropIsNotReported) {
    EXPECT_EQ(blocking("nft-json",
                       nft("output", rule(std::string{kPort9000} + ", " + kUser33 + kDrop)),
                       "127.0.0.1:9000"),
              "");
    EXPECT_EQ(blocking("nft-json", nft("output", rule(R"({"drop": null})")), "127.0.0.1:9000"), "");
    EXPECT_EQ(
        blocking(
            "nft-json", nft("output", rule(match_port("443", "!=") + kDrop)), "127.0.0.1:9000"),
        "");
    EXPECT_EQ(blocking("nft-json",
                       nft("output",
                           rule(std::string{kPort9000} +
                                R"(, {"limit": {"rate": 1, "per": "second"}})" + kDrop)),
                       "127.0.0.1:9000"),
              "");
    EXPECT_EQ(
        blocking("nft-json",
                 nft("output", rule(std::string{kPort9000} + R"(, {"redirect": {"port": 9001}})")),
                 "127.0.0.1:9000"),
        "");
}

TEST(NftRuleset, SetsRangesAndNetworksAreUnderstood) {
    const auto elsewhere = [](const std::string& expressions, const std::string& address) {
        return blocking("nft-json",
                        nft("output", rule(expressions + kDrop)),
                        address,
                        Destination::kElsewhere) != "";
    };
    const std::string ports = match_port(R"({"set": [3306, {"range": [9100, 9200]}]})");
    EXPECT_TRUE(elsewhere(ports, "10.0.0.5:3306"));
    EXPECT_TRUE(elsewhere(ports, "10.0.0.5:9200"));
    EXPECT_FALSE(elsewhere(ports, "10.0.0.5:9201"));
    EXPECT_TRUE(elsewhere(match_daddr(R"("10.0.0.5")"), "10.0.0.5:80"));
    EXPECT_FALSE(elsewhere(match_daddr(R"("10.0.0.5")"), "10.0.0.6:80"));
    EXPECT_FALSE(elsewhere(match_daddr(R"("10.0.0.5")"), "[fd00::1]:80"));
    EXPECT_TRUE(
        elsewhere(match_daddr(R"({"prefix": {"addr": "10.0.0.0", "len": 12}})"), "10.15.0.5:80"));
    EXPECT_FALSE(
        elsewhere(match_daddr(R"({"prefix": {"addr": "10.0.0.0", "len": 12}})"), "10.16.0.5:80"));
    EXPECT_TRUE(elsewhere(match_daddr(R"("@blocked")"), "10.9.0.77:80"));
    EXPECT_TRUE(elsewhere(match_daddr(R"("@blocked")"), "10.8.0.1:80"));
    EXPECT_FALSE(elsewhere(match_daddr(R"("@blocked")"), "10.8.0.2:80"));
    EXPECT_FALSE(elsewhere(match_daddr(R"("@absent")"), "10.8.0.1:80"));
    EXPECT_TRUE(elsewhere(match_daddr(R"({"range": ["10.0.0.1", "10.0.0.9"]})"), "10.0.0.9:80"));
}

TEST(NftRuleset, JumpsReturnsAndMapsAreFollowed) {
    const std::string jump = rule(R"({"jump": {"target": "mine"}})");
    const std::string drop = rule(std::string{kPort9000} + kDrop, "mine", "17");
    EXPECT_EQ(blocking("nft-json", nft("output", jump + drop), "127.0.0.1:9000"),
              "inet filter mine, handle 17: tcp dport 9000 drop");
    const std::string leave = rule(R"({"return": null})", "mine");
    EXPECT_EQ(blocking("nft-json", nft("output", jump + leave + drop), "127.0.0.1:9000"), "");
    const std::string maybe = rule(std::string{kUser33} + R"(, {"jump": {"target": "mine"}})");
    EXPECT_EQ(blocking("nft-json", nft("output", maybe + drop), "127.0.0.1:9000"), "");
    const std::string nowhere = rule(R"({"jump": {"target": "absent"}})");
    EXPECT_EQ(blocking("nft-json", nft("output", nowhere + jump + drop), "127.0.0.1:9000"), "");
    const std::string circle = rule(R"({"jump": {"target": "mine"}})", "mine");
    EXPECT_EQ(blocking("nft-json", nft("output", jump + circle), "127.0.0.1:9000"), "");
    const std::string map =
        R"({"vmap": {"key": {"payload": {"protocol": "tcp", "field": "dport"}}, "data": {"set": [[80, {"accept": null}], [9000, {"drop": null}]]}}})";
    EXPECT_EQ(blocking("nft-json", nft("output", rule(map)), "127.0.0.1:9000"),
              "inet filter base, handle 5: tcp dport 9000");
    EXPECT_EQ(blocking("nft-json", nft("output", rule(map) + jump + drop), "127.0.0.1:80"), "");
}

// firewalld's chains, shortened: states, loopback and its zones come first.
TEST(NftRuleset, FirewalldsOrderIsUnderstood) {
    const std::string state_map =
        R"({"vmap": {"key": {"ct": {"key": "state"}}, "data": {"set": [["established", {"accept": null}], ["invalid", {"drop": null}]]}}})";
    const std::string status =
        R"({"match": {"op": "in", "left": {"ct": {"key": "status"}}, "right": "dnat"}}, {"accept": null})";
    const std::string zone =
        rule(match_daddr(R"("10.0.0.5")") + ", " + kPort9000 +
                 R"(, {"reject": {"type": "icmpx", "expr": "admin-prohibited"}})",
             "mine");
    const std::string text = nft(
        "output", rule(state_map) + rule(status) + rule(R"({"jump": {"target": "mine"}})") + zone);
    EXPECT_EQ(blocking("nft-json", text, "10.0.0.5:9000", Destination::kElsewhere),
              "inet filter mine, handle 5: ip daddr 10.0.0.5 tcp dport 9000 reject");
}

TEST(NftRuleset, RulesOfIptablesAreReadFromTheTextBehindIt) {
    const std::string opaque = nft(
        "output",
        rule(
            R"({"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": "tcp"}}, {"xt": {"type": "match", "name": "multiport"}}, {"counter": {"packets": 0, "bytes": 0}}, {"drop": null})"));
    EXPECT_EQ(blocking("nft-json", opaque, "127.0.0.1:3306"), "");
    EXPECT_EQ(blocking("nft-json",
                       opaque + "*filter\n:OUTPUT ACCEPT [0:0]\n"
                                "[7:420] -A OUTPUT -p tcp -m multiport --dports 3306,5432 -j DROP\n"
                                "COMMIT\n",
                       "127.0.0.1:3306"),
              "iptables filter OUTPUT: -p tcp -m multiport --dports 3306,5432 -j DROP [7]");
    const std::string target =
        nft("output",
            rule(std::string{kPort9000} + R"(, {"xt": {"type": "target", "name": "REJECT"}})"));
    EXPECT_EQ(blocking("nft-json", target, "127.0.0.1:9000"),
              "inet filter base, handle 5: tcp dport 9000 xt REJECT");
}

TEST(NftRuleset, WhatIsNoRulesetIsAnError) {
    for (const char* text : {"", "[]", "{}", "{\"nftables\": 1}", "{\"nftables\": [", "nonsense"}) {
        EXPECT_EQ(blocking("nft-json", text, "127.0.0.1:80"),
                  "packet filter: not a list of nftables' rules")
            << text;
    }
    EXPECT_EQ(blocking("nft-json",
                       "{\"nftables\": [1, null, {\"rule\": []}, {\"chain\": 3}]}",
                       "127.0.0.1:80"),
              "");
    EXPECT_EQ(blocking("pf", "", "127.0.0.1:80"), "packet filter: unknown format");
    EXPECT_EQ(blocking("none", "", "127.0.0.1:80"), "");
    EXPECT_EQ(blocking("nft-json", "", "example.com:80"),
              "packet filter: the address is not IP:PORT");
    EXPECT_EQ(blocking("nft-json", std::string(kMaxPacketFilterText + 1, '['), "127.0.0.1:80"),
              "packet filter: more rules than we read");
    EXPECT_EQ(blocking("nft-json", std::string(kMaxPacketFilterText, '['), "127.0.0.1:80"),
              "packet filter: not a list of nftables' rules");
}

// ufw: `ufw deny out to 10.0.0.5 port 9000 proto tcp`, `ufw deny 8080/tcp`; its chains shortened.
constexpr const char* kUfw = R"(# Generated by iptables-save v1.8.9 on Sat Nov 21 18:51:33 2026
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:ufw-before-input - [0:0]
:ufw-before-output - [0:0]
:ufw-not-local - [0:0]
:ufw-user-input - [0:0]
:ufw-user-output - [0:0]
[1:60] -A INPUT -j ufw-before-input
[1:60] -A OUTPUT -j ufw-before-output
[1:60] -A ufw-before-input -i lo -j ACCEPT
[0:0] -A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
[0:0] -A ufw-before-input -m conntrack --ctstate INVALID -j DROP
[0:0] -A ufw-before-input -p icmp -m icmp --icmp-type 3 -j ACCEPT
[0:0] -A ufw-before-input -p udp -m udp --sport 67 --dport 68 -j ACCEPT
[0:0] -A ufw-before-input -j ufw-not-local
[0:0] -A ufw-before-input -d 224.0.0.251/32 -p udp -m udp --dport 5353 -j ACCEPT
[0:0] -A ufw-before-input -j ufw-user-input
[0:0] -A ufw-before-output -o lo -j ACCEPT
[0:0] -A ufw-before-output -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
[0:0] -A ufw-before-output -j ufw-user-output
[0:0] -A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN
[0:0] -A ufw-not-local -j DROP
[3:180] -A ufw-user-input -p tcp -m tcp --dport 8080 -m comment --comment "no \"one\" -j ACCEPT" -j DROP
[0:0] -A ufw-user-input -p tcp -m multiport --dports 80,443 -j ACCEPT
[9:540] -A ufw-user-output -d 10.0.0.5/32 -p tcp -m tcp --dport 9000 -j DROP
COMMIT
)";

TEST(IptablesRules, UfwsOrderIsUnderstood) {
    EXPECT_EQ(blocking("iptables-save", kUfw, "0.0.0.0:8080"),
              "iptables filter ufw-user-input: -p tcp -m tcp --dport 8080 -m comment --comment no "
              "\"one\" -j ACCEPT -j DROP [3]");
    EXPECT_EQ(blocking("iptables-save", kUfw, "127.0.0.1:8080"), "");  // lo is accepted first
    EXPECT_EQ(blocking("iptables-save", kUfw, "0.0.0.0:80"), "");
    EXPECT_EQ(blocking("iptables-save", kUfw, "10.0.0.5:9000", Destination::kElsewhere),
              "iptables filter ufw-user-output: -d 10.0.0.5/32 -p tcp -m tcp --dport 9000 -j DROP "
              "[9]");
    EXPECT_EQ(blocking("iptables-save", kUfw, "10.0.0.6:9000", Destination::kElsewhere), "");
    EXPECT_EQ(blocking("iptables-save", kUfw, "[fd00::1]:9000", Destination::kElsewhere), "");
}

TEST(IptablesRules, NegationsRangesAndUnknownOptionsAreDoubtsAtMost) {
    const auto is_blocked = [](const std::string& options, const std::string& address) {
        const std::string text =
            "*filter\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT " + options + "\nCOMMIT\n";
        return blocking("iptables-save", text, address, Destination::kElsewhere) != "";
    };
    EXPECT_TRUE(
        is_blocked("-p tcp -m tcp --dport 5000:5010 -j REJECT --reject-with icmp-port-unreachable",
                   "10.0.0.5:5005"));
    EXPECT_FALSE(is_blocked("-p tcp -m tcp --dport 5000:5010 -j DROP", "10.0.0.5:5011"));
    EXPECT_FALSE(
        is_blocked("-p tcp -m tcp --dport 5005 -m owner --uid-owner 33 -j DROP", "10.0.0.5:5005"));
    EXPECT_FALSE(is_blocked("-p udp -m udp --dport 5005 -j DROP", "10.0.0.5:5005"));
    EXPECT_FALSE(is_blocked("! -d 10.0.0.0/8 -p tcp --dport 5005 -j DROP", "10.0.0.5:5005"));
    EXPECT_TRUE(is_blocked("! -d 10.0.0.0/8 -p tcp --dport 5005 -j DROP", "192.168.0.5:5005"));
    EXPECT_FALSE(is_blocked("! -d 10.0.0.0/8 -j DROP", "192.168.0.5:5005"));  // names neither
    EXPECT_FALSE(is_blocked("-j DROP", "10.0.0.5:5005"));
    EXPECT_FALSE(is_blocked("-o eth0 -p tcp --dport 5005 -j DROP", "10.0.0.5:5005"));
    EXPECT_FALSE(is_blocked("-p tcp --dport 5005 -j TARPIT", "10.0.0.5:5005"));
    EXPECT_FALSE(is_blocked("-p tcp --dport x -j DROP", "10.0.0.5:5005"));
}

TEST(IptablesRules, EachFamilyHasItsOwn) {
    const std::string text = std::string{kUfw} +
                             "# Generated by ip6tables-save v1.8.9 on Sat Nov 21 18:51:33 2026\n"
                             "*filter\n:OUTPUT ACCEPT [0:0]\n"
                             "[2:160] -A OUTPUT -d fd00::/8 -p tcp -m tcp --dport 9000 -j REJECT\n"
                             "COMMIT\n";
    EXPECT_EQ(blocking("iptables-save", text, "[fd00::1]:9000", Destination::kElsewhere),
              "ip6tables filter OUTPUT: -d fd00::/8 -p tcp -m tcp --dport 9000 -j REJECT [2]");
    EXPECT_EQ(blocking("iptables-save", text, "10.0.0.6:9000", Destination::kElsewhere), "");
    EXPECT_NE(blocking("iptables-save", text, "10.0.0.5:9000", Destination::kElsewhere), "");
}

TEST(IptablesRules, NothingAndNonsense) {
    EXPECT_EQ(blocking("iptables-save", "", "127.0.0.1:80"), "");
    EXPECT_EQ(blocking("iptables-save", "nonsense\n", "127.0.0.1:80"),
              "packet filter: not the text of iptables-save");
    EXPECT_EQ(blocking("iptables-save", "*filter\n:", "127.0.0.1:80"), "");
    EXPECT_EQ(
        blocking(
            "iptables-save", "*filter\n-A OUTPUT -d\n-A OUTPUT !\n-A OUTPUT -j\n[", "127.0.0.1:80"),
        "");
}

}  // namespace
}  // namespace gatemend::parse
