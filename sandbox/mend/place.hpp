// SPDX-License-Identifier: MIT
// The way to a file, walked component by component as the kernel would, links included. Refused
// where anybody but root could bend it: a folder or link that is not root's, a folder that others
// may write, sticky or not. What is found is held by its folder's descriptor, so that it cannot be
// exchanged between check and use.
#pragma once

#include "core/result.hpp"
#include "sandbox/bus/unique_fd.hpp"
#include "sandbox/mend/machine.hpp"

#include <sys/stat.h>

#include <cstdint>
#include <string>

namespace gatemend::mend {

struct Place {
    bus::UniqueFd folder{};  // O_PATH
    std::string name{};      // in it
    std::string path{};      // absolute, links resolved, without Machine::root
    bool is_there = false;   // else only its folder is

    struct stat info {};  // of what is there
};

// "0644"
[[nodiscard]] std::string octal(std::uint32_t mode);

// An error names the component that is missing or not to be trusted.
[[nodiscard]] core::Result<Place> find_place(const Machine& machine, const std::string& path);

// Where a path leads that nobody but root could bend, though its last folder may be anybody's, as
// Debian's /run/php: links are root's own, and in such a folder absolute, so that they mean the
// same wherever they are moved. What lies at the end may be anybody's doing.
[[nodiscard]] core::Result<std::string> end_of_roots_links(const Machine& machine,
                                                           const std::string& path);

// Without any link on the way, as openat2(RESOLVE_NO_SYMLINKS); owners and modes do not matter. An
// O_PATH descriptor of what is there.
[[nodiscard]] core::Result<bus::UniqueFd> open_without_links(const Machine& machine,
                                                             const std::string& path);

// "/var/run/x" is "/run/x", which the former links to.
[[nodiscard]] std::string without_var_run(const std::string& path);

[[nodiscard]] core::Error errno_error(const std::string& what);

}  // namespace gatemend::mend
