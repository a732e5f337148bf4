// SPDX-License-Identifier: MIT
#include "sandbox/inspect/sockets.hpp"

#include "sandbox/bus/unique_fd.hpp"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace gatemend::inspect {
namespace {

using core::Done;
using core::Error;
using core::Result;
using core::Status;

constexpr unsigned char kShutBothWays = 3;  // the kernel's SHUTDOWN_MASK
constexpr std::uint32_t kEstablished = 1;   // TCP_ESTABLISHED, likewise
constexpr std::uint32_t kListening = 10;    // TCP_LISTEN, also for unix sockets
// TCP_ESTABLISHED, TCP_FIN_WAIT1 and 2, TCP_CLOSE_WAIT, TCP_LAST_ACK, TCP_CLOSING
constexpr std::uint32_t kConnected =
    1U << 1U | 1U << 4U | 1U << 5U | 1U << 8U | 1U << 9U | 1U << 11U;
constexpr std::size_t kChunk = std::size_t{64} * 1024;
constexpr auto kMaxWait = timeval{.tv_sec = 2, .tv_usec = 0};

Error system_error(const std::string& what) {
    return Error{what + ": " + std::generic_category().message(errno)};
}

// A structure of the kernel's at the start of `bytes`; nullopt when they are too few.
template <class Header>
std::optional<Header> read_header(std::string_view bytes) {
    if (bytes.size() < sizeof(Header)) {
        return std::nullopt;
    }
    Header header{};
    std::memcpy(&header, bytes.data(), sizeof header);
    return header;
}

constexpr std::size_t aligned(std::size_t size) {
    constexpr std::size_t kAlign = 4;
    return (size + kAlign - 1) / kAlign * kAlign;
}

// Takes the message or attribute of `size` bytes, header and padding included, off the front.
std::string_view take_block(std::string_view& bytes, std::size_t size) {
    const std::string_view block = bytes.substr(0, size);
    bytes.remove_prefix(std::min(aligned(size), bytes.size()));
    return block;
}

using OnAttribute = std::function<void(int type, std::string_view payload)>;

void for_each_attribute(std::string_view bytes, const OnAttribute& take) {
    while (const auto header = read_header<rtattr>(bytes)) {
        if (header->rta_len < sizeof(rtattr) || header->rta_len > bytes.size()) {
            return;
        }
        const std::string_view block = take_block(bytes, header->rta_len);
        take(header->rta_type, block.substr(aligned(sizeof(rtattr))));
    }
}

std::string ip_text(int family, const void* bytes) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const char* made = inet_ntop(family, bytes, text.data(), text.size());
    return made == nullptr ? std::string{"?"} : std::string{made};
}

std::string inet_address(const inet_diag_msg& message) {
    const std::string port = std::to_string(ntohs(message.id.idiag_sport));
    if (message.idiag_family == AF_INET) {
        return ip_text(AF_INET, &message.id.idiag_src) + ":" + port;
    }
    in6_addr address{};
    std::memcpy(&address, &message.id.idiag_src, sizeof address);
    if (IN6_IS_ADDR_V4MAPPED(&address)) {
        constexpr std::size_t kPrefix = 12;
        return ip_text(AF_INET, &address.s6_addr[kPrefix]) + ":" + port;
    }
    return "[" + ip_text(AF_INET6, &address) + "]:" + port;
}

using Found = std::vector<FoundSocket>;

void take_inet(std::string_view payload, Found& found) {
    const auto message = read_header<inet_diag_msg>(payload);
    if (!message || message->idiag_state != kListening) {
        return;
    }
    FoundSocket socket;
    socket.listener.address = inet_address(*message);
    socket.listener.queue = message->idiag_rqueue;
    socket.listener.backlog = message->idiag_wqueue;
    socket.inode = message->idiag_inode;
    for_each_attribute(
        payload.substr(aligned(sizeof(inet_diag_msg))), [&](int type, std::string_view value) {
            if (type == INET_DIAG_SKV6ONLY && !value.empty()) {
                socket.listener.is_dual_stack =
                    value.front() == 0 && socket.listener.address.starts_with("[::]:");
            }
        });
    found.push_back(std::move(socket));
}

// Without an inode: not accepted yet, or closed by its process.
void take_tcp_connection(std::string_view payload, Found& found) {
    const auto message = read_header<inet_diag_msg>(payload);
    if (!message || message->idiag_inode == 0) {
        return;
    }
    FoundSocket socket;
    socket.listener.address = inet_address(*message);
    socket.inode = message->idiag_inode;
    found.push_back(std::move(socket));
}

// "/var/run" is a link to "/run" everywhere.
std::string unix_address(std::string_view name) {
    constexpr std::string_view kVar = "/var";
    name.remove_prefix(name.starts_with("/var/run/") ? kVar.size() : 0);
    return name.empty() ? std::string{} : "unix:" + std::string{name};
}

template <std::uint32_t State>
void take_unix(std::string_view payload, Found& found) {
    const auto message = read_header<unix_diag_msg>(payload);
    if (!message || message->udiag_state != State || message->udiag_type != SOCK_STREAM) {
        return;
    }
    FoundSocket socket;
    socket.inode = message->udiag_ino;
    socket.listener.cookie =
        std::uint64_t{message->udiag_cookie[1]} << 32U | std::uint64_t{message->udiag_cookie[0]};
    for_each_attribute(
        payload.substr(aligned(sizeof(unix_diag_msg))), [&](int type, std::string_view value) {
            if (type == UNIX_DIAG_NAME) {
                // with its final null or without; an abstract name begins with one
                socket.listener.address = unix_address(value.substr(0, value.find('\0')));
            } else if (type == UNIX_DIAG_VFS) {
                const auto vfs = read_header<unix_diag_vfs>(value);
                socket.file = vfs ? vfs->udiag_vfs_ino : 0;
                socket.device = vfs ? vfs->udiag_vfs_dev : 0;
            } else if (type == UNIX_DIAG_SHUTDOWN && !value.empty()) {
                socket.has_peer_left = static_cast<unsigned char>(value.front()) == kShutBothWays;
            } else if (type == UNIX_DIAG_RQLEN) {
                const auto queue = read_header<unix_diag_rqlen>(value);
                socket.listener.queue = queue ? queue->udiag_rqueue : 0;
                socket.listener.backlog = queue ? queue->udiag_wqueue : 0;
            }
        });
    if (!socket.listener.address.empty() && (State != kListening || !socket.has_peer_left)) {
        found.push_back(std::move(socket));
    }
}

using OnMessage = void (*)(std::string_view payload, Found& found);

enum class Dump { kGoesOn, kEnded };

Result<Dump> take_messages(std::string_view bytes, OnMessage take, Found& found) {
    while (const auto header = read_header<nlmsghdr>(bytes)) {
        if (header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > bytes.size()) {
            return Error{"ask for sockets: the kernel's answer is cut"};
        }
        const std::string_view block = take_block(bytes, header->nlmsg_len);
        const std::string_view payload = block.substr(aligned(sizeof(nlmsghdr)));
        if (header->nlmsg_type == NLMSG_DONE) {
            return Dump::kEnded;
        }
        if (header->nlmsg_type == NLMSG_ERROR) {
            const auto error = read_header<nlmsgerr>(payload);
            errno = error ? -error->error : EPROTO;
            return system_error("ask for sockets");
        }
        if (found.size() >= kMaxSockets) {
            return Error{"ask for sockets: more than we look at"};
        }
        take(payload, found);
    }
    return Dump::kGoesOn;
}

template <class Request>
struct Question {
    nlmsghdr header{};
    Request request{};
};

template <class Request>
Status ask(const bus::UniqueFd& netlink, const Request& request, OnMessage take, Found& found) {
    Question<Request> question;
    question.header.nlmsg_len = sizeof question;
    question.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    question.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    question.request = request;
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    if (sendto(netlink.get(),
               &question,
               sizeof question,
               0,
               reinterpret_cast<const sockaddr*>(&kernel),
               sizeof kernel) < 0) {
        return system_error("ask for sockets");
    }
    std::vector<char> chunk(kChunk);
    for (;;) {
        const ssize_t got = recv(netlink.get(), chunk.data(), chunk.size(), 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return system_error("ask for sockets");
        }
        GATEMEND_TRY(dump,
                     take_messages({chunk.data(), static_cast<std::size_t>(got)}, take, found));
        if (dump == Dump::kEnded) {
            return Done{};
        }
    }
}

// `port`: 0 for all.
Status ask_tcp(const bus::UniqueFd& netlink,
               std::uint32_t states,
               std::uint16_t port,
               OnMessage take,
               Found& found) {
    inet_diag_req_v2 request{};
    request.sdiag_protocol = IPPROTO_TCP;
    request.idiag_states = states;
    request.id.idiag_sport = htons(port);
    request.sdiag_family = AF_INET;
    GATEMEND_CHECK(ask(netlink, request, take, found));
    request.sdiag_family = AF_INET6;
    // A kernel without IPv6 has nobody there.
    const Status ipv6 = ask(netlink, request, take, found);
    return ipv6 || errno == ENOENT ? Status{Done{}} : ipv6;
}

Result<bus::UniqueFd> open_netlink() {
    bus::UniqueFd netlink{socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)};
    if (!netlink.is_open() ||
        setsockopt(netlink.get(), SOL_SOCKET, SO_RCVTIMEO, &kMaxWait, sizeof kMaxWait) < 0) {
        return system_error("ask for sockets");
    }
    return netlink;
}

template <std::uint32_t State>
Status ask_unix(const bus::UniqueFd& netlink, Found& found) {
    unix_diag_req request{};
    request.sdiag_family = AF_UNIX;
    request.udiag_states = 1U << State;
    request.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_RQLEN | UDIAG_SHOW_VFS;
    return ask(netlink, request, take_unix<State>, found);
}

template <std::uint32_t State>
Result<Found> list_unix() {
    GATEMEND_TRY(netlink, open_netlink());
    Found found;
    GATEMEND_CHECK(ask_unix<State>(netlink, found));
    return found;
}

}  // namespace

std::uint32_t kernel_device(std::uint64_t device) {
    constexpr unsigned kMinorBits = 20;
    return static_cast<std::uint32_t>(major(device)) << kMinorBits |
           static_cast<std::uint32_t>(minor(device));
}

Result<std::vector<FoundSocket>> list_unix_sockets() {
    return list_unix<kListening>();
}

Result<std::vector<FoundSocket>> list_unix_connections() {
    return list_unix<kEstablished>();
}

Result<std::vector<FoundSocket>> list_sockets() {
    GATEMEND_TRY(netlink, open_netlink());
    Found found;
    GATEMEND_CHECK(ask_unix<kListening>(netlink, found));
    GATEMEND_CHECK(ask_tcp(netlink, 1U << kListening, 0, take_inet, found));
    return found;
}

Result<std::vector<FoundSocket>> list_tcp_connections(std::uint16_t port) {
    GATEMEND_TRY(netlink, open_netlink());
    Found found;
    GATEMEND_CHECK(ask_tcp(netlink, kConnected, port, take_tcp_connection, found));
    return found;
}

}  // namespace gatemend::inspect
