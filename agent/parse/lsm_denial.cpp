// SPDX-License-Identifier: MIT
#include "parse/lsm_denial.hpp"

#include "core/text.hpp"
#include "parse/text_pattern.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace gatemend::parse {
namespace {

constexpr std::size_t kMaxRecordBytes = 8192;

// `key=value` or `key="value"`, read from field to field, so that no value can hold another one.
std::string_view field(std::string_view record, std::string_view key) {
    while (!record.empty()) {
        record.remove_prefix(std::min(record.find_first_not_of(' '), record.size()));
        const std::size_t end = std::min(record.find_first_of(" ="), record.size());
        const bool is_wanted = record.substr(0, end) == key;
        const bool has_value = end < record.size() && record[end] == '=';
        record.remove_prefix(std::min(end + (has_value ? 1 : 0), record.size()));
        if (!has_value) {
            continue;
        }
        const bool is_quoted = record.starts_with('"');
        record.remove_prefix(is_quoted ? 1 : 0);
        const std::size_t size = std::min(record.find(is_quoted ? '"' : ' '), record.size());
        if (is_wanted) {
            return record.substr(0, size);
        }
        record.remove_prefix(std::min(size + 1, record.size()));
    }
    return {};
}

// "system_u:system_r:httpd_t:s0" to "httpd_t".
std::string_view type_of(std::string_view context) {
    for (int i = 0; i < 2; ++i) {
        const std::size_t colon = context.find(':');
        if (colon == std::string_view::npos) {
            return {};
        }
        context.remove_prefix(colon + 1);
    }
    return context.substr(0, std::min(context.find(':'), context.size()));
}

std::optional<LsmDenial> parse_selinux(std::string_view record) {
    const auto denied = match_pattern("*avc:  denied  { %s } for ", record);
    if (!denied) {
        return std::nullopt;
    }
    LsmDenial denial;
    denial.operation = denied->subject;
    record.remove_prefix(static_cast<std::size_t>(denied->subject.data() - record.data()) +
                         denied->subject.size());
    denial.comm = field(record, "comm");
    denial.path = field(record, "path");
    if (denial.path.empty()) {
        denial.path = field(record, "name");
    }
    denial.port = field(record, "dest");
    if (denial.port.empty()) {
        denial.port = field(record, "src");
    }
    denial.source_type = type_of(field(record, "scontext"));
    denial.target_type = type_of(field(record, "tcontext"));
    denial.target_class = field(record, "tclass");
    denial.is_permissive = field(record, "permissive") == "1";
    return denial;
}

std::optional<LsmDenial> parse_apparmor(std::string_view record) {
    const std::size_t at = record.find("apparmor=\"");
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    record.remove_prefix(at);
    const bool is_denied = record.starts_with("apparmor=\"DENIED\"");
    if (!is_denied && !record.starts_with("apparmor=\"ALLOWED\"")) {
        return std::nullopt;
    }
    LsmDenial denial;
    denial.kind = LsmKind::kApparmor;
    denial.operation = field(record, "operation");
    denial.profile = field(record, "profile");
    denial.path = field(record, "name");
    denial.comm = field(record, "comm");
    denial.target_class = field(record, "class");
    denial.is_permissive = !is_denied;
    return denial;
}

// What the record must begin with to be one, in all the places it ends up.
constexpr auto kBeginnings = std::to_array<std::string_view>({
    "type=AVC msg=audit(",
    "type=USER_AVC msg=audit(",
    "type=APPARMOR_DENIED msg=audit(",
    "type=1400 audit(",
    "audit: type=1400 audit(",
    "AVC avc:  denied  { ",
    "AVC apparmor=\"",
    "avc:  denied  { ",
    "apparmor=\"",
    "node=",  // a collector in front: `node=web1 type=AVC …`
});

bool is_web_server(std::string_view comm) {
    return comm == "nginx" || comm == "openresty" || comm == "tengine" || comm == "angie";
}

bool has_word(std::string_view words, std::string_view word) {
    const std::size_t at = words.find(word);
    return at != std::string_view::npos && (at == 0 || words[at - 1] == ' ') &&
           (at + word.size() == words.size() || words[at + word.size()] == ' ');
}

std::string selinux_advice(const LsmDenial& denial) {
    const std::string shown_path = core::sanitize(denial.path);
    if (has_word(denial.operation, "name_connect")) {
        return "setsebool -P httpd_can_network_connect on";
    }
    if (has_word(denial.operation, "name_bind")) {
        return "semanage port -a -t http_port_t -p tcp " + core::sanitize(denial.port);
    }
    if (has_word(denial.operation, "execmem")) {
        return "setsebool -P httpd_execmem on";
    }
    if (has_word(denial.operation, "connectto")) {
        return "the listening process runs as " + core::sanitize(denial.target_type) +
               ", which nginx may not connect to; start it by its unit, then see `ps -eZ`";
    }
    if (denial.target_class == "sock_file" || denial.target_class == "file" ||
        denial.target_class == "dir") {
        const bool is_content = denial.target_class != "sock_file";
        const std::string type = is_content ? "httpd_sys_content_t" : "httpd_var_run_t";
        return "label it " + type + ": `semanage fcontext -a -t " + type +
               " PATH` and `restorecon -v " +
               (shown_path.starts_with('/') ? shown_path : std::string("PATH")) + "`";
    }
    return "";
}

}  // namespace

std::optional<LsmDenial> parse_lsm_denial(std::string_view record) {
    record = record.substr(0, kMaxRecordBytes);
    const bool begins = std::ranges::any_of(
        kBeginnings, [record](std::string_view text) { return record.starts_with(text); });
    if (!begins) {
        return std::nullopt;
    }
    if (auto selinux = parse_selinux(record)) {
        return selinux;
    }
    return parse_apparmor(record);
}

bool is_connect_denial(const LsmDenial& denial) {
    if (denial.is_permissive) {
        return false;
    }
    if (denial.kind == LsmKind::kApparmor) {
        const bool is_nginx =
            is_web_server(denial.comm) || denial.profile.find("nginx") != std::string_view::npos;
        return is_nginx && denial.operation == "connect";
    }
    const bool is_nginx = is_web_server(denial.comm);
    const bool is_connect =
        has_word(denial.operation, "name_connect") || has_word(denial.operation, "connectto") ||
        (denial.target_class == "sock_file" && has_word(denial.operation, "write"));
    return is_nginx && is_connect;
}

std::string lsm_advice(const LsmDenial& denial) {
    if (denial.kind == LsmKind::kSelinux) {
        return selinux_advice(denial);
    }
    if (denial.profile.empty()) {
        return "";
    }
    const std::string path = core::sanitize(denial.path);
    return "allow it in the AppArmor profile " + core::sanitize(denial.profile) +
           (path.empty() ? "" : ": `" + path + " rw,`") + ", then `apparmor_parser -r`";
}

}  // namespace gatemend::parse
