// SPDX-License-Identifier: MIT
// Where in nginx's configuration something has to be changed, and into what. Pure: from a tree to
// replacements, so that everything that is not replaced stays as it is, byte for byte.
#pragma once

#include "core/result.hpp"
#include "sandbox/mend/nginx_tree.hpp"
#include "sandbox/mend/text_edit.hpp"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatemend::mend {

using NginxEdits = std::map<std::size_t, std::vector<Replacement>>;  // by file of the tree
using Settings = std::vector<std::pair<std::string, std::string>>;   // name, value

// Every *_pass and every server of an upstream that names `from`, in any of its spellings, names
// `to` instead. An error when none does.
[[nodiscard]] core::Result<NginxEdits> repoint(const NginxTree& tree,
                                               const std::string& from,
                                               const std::string& to);

// "FILE:LINE" of a *_pass or upstream that names the backend or, for TCP, its port on whatever
// host: that may be another name of this machine. "" = none does.
[[nodiscard]] std::string place_of_backend(const NginxTree& tree, const std::string& address);

// A *_pass that leads to a backend, itself or through an upstream.
struct Pass {
    std::string directive;
    std::string where;
};

[[nodiscard]] std::vector<Pass> passes_to(const NginxTree& tree, const std::string& address);

// Does a *_pass or an upstream name the backend?
[[nodiscard]] bool names_backend(const NginxTree& tree, const std::string& address);

// "/run/php/php-fpm.sock": the paths that a *_pass or an upstream names.
[[nodiscard]] std::vector<std::string> named_sockets(const NginxTree& tree);

// Places that name the address where nothing is changed (a map, a variable): for people.
[[nodiscard]] std::vector<std::string> other_mentions(const NginxTree& tree,
                                                      const std::string& address);

// In every block whose *_pass leads to the backend, itself or through an upstream: `name value;`
// instead of what is there, or before the *_pass. Only beside a *_pass of the setting's own module.
[[nodiscard]] core::Result<NginxEdits> set_for_backend(const NginxTree& tree,
                                                       const std::string& backend,
                                                       const Settings& settings);

[[nodiscard]] core::Result<NginxEdits> set_in_main(const NginxTree& tree, const Settings& settings);
[[nodiscard]] core::Result<NginxEdits> set_in_events(const NginxTree& tree,
                                                     const Settings& settings);

// Level debug for each error_log of the main level and of http{}: one in an inner block takes the
// place of the outer one, and it is there that nginx tells about upstreams. A main level without
// one gets one.
[[nodiscard]] core::Result<NginxEdits> raise_error_log(const NginxTree& tree);
// Where these would write: "/var/log/nginx/error.log", "stderr", "syslog:server=...".
[[nodiscard]] std::vector<std::string> logs_to_raise(const NginxTree& tree);

}  // namespace gatemend::mend
