// SPDX-License-Identifier: MIT
// A machine of files for gatemend-mend in a temporary folder, and configurations in memory.
#pragma once

#include "sandbox/mend/draft.hpp"
#include "sandbox/mend/machine.hpp"
#include "sandbox/mend/nginx_tree.hpp"
#include "sandbox/mend/order.hpp"
#include "sandbox/mend/perform.hpp"
#include "tests/unit/temp_dir.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

namespace gatemend::test {

// Patterns are names of files, or "FOLDER/*" for all below a folder.
class MemorySource final : public mend::ConfigSource {
  public:
    explicit MemorySource(std::map<std::string, std::string> files) : files_(std::move(files)) {}

    std::vector<mend::ConfigFile> find(const std::string& pattern) override {
        std::vector<mend::ConfigFile> found;
        for (const auto& [path, text] : files_) {
            const bool is_below =
                pattern.ends_with("/*") && path.starts_with(pattern.substr(0, pattern.size() - 1));
            if (path == pattern || is_below) {
                found.push_back({path, text});
            }
        }
        return found;
    }

    [[nodiscard]] const std::vector<std::string>& notes() const override { return notes_; }

  private:
    std::map<std::string, std::string> files_;
    std::vector<std::string> notes_;
};

class MendMachine {
  public:
    MendMachine() {
        machine_.root = root_.path();
        machine_.owner = geteuid();
        make_folder("/var/lib/gatemend/snapshots");
        make_folder("/var/lib/gatemend/good");
        worker_.identity = {33, {33}};
        worker_.name = "www-data";
        worker_.group = "www-data";
        worker_.gid = 33;
        worker_.groups = {"www-data"};
    }

    [[nodiscard]] const mend::Machine& machine() const { return machine_; }

    // As on a file system whose rename() is only the old one.
    void take_rename_flags() { machine_.has_rename_flags = false; }

    [[nodiscard]] const mend::Worker& worker() const { return worker_; }

    [[nodiscard]] std::string at(const std::string& path) const { return root_.path() + path; }

    void make_folder(const std::string& path) const {
        std::filesystem::create_directories(at(path));
    }

    void write(const std::string& path, std::string_view text) const {
        make_folder(path.substr(0, path.rfind('/')));
        overwrite(at(path), text);
    }

    [[nodiscard]] std::string read(const std::string& path) const {
        std::ifstream file(at(path), std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    [[nodiscard]] bool has(const std::string& path) const {
        return std::filesystem::exists(std::filesystem::symlink_status(at(path)));
    }

    [[nodiscard]] struct stat look(const std::string& path) const {
        struct stat info {};

        (void)lstat(at(path).c_str(), &info);  // all zero where it is not
        return info;
    }

    // Everything below a folder, by name; what a change must not leave behind shows here.
    [[nodiscard]] std::vector<std::string> list(const std::string& path) const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(at(path))) {
            names.push_back(entry.path().filename().string());
        }
        std::sort(names.begin(), names.end());
        return names;
    }

    [[nodiscard]] core::Result<actions::Mending> run(const std::vector<std::string>& words) const {
        const auto order = mend::read_order(words);
        if (!order) {
            return order.error();
        }
        return mend::perform(machine_, *order, worker_);
    }

  private:
    TempDir root_;
    mend::Machine machine_;
    mend::Worker worker_;
};

inline std::string error_of(const core::Result<actions::Mending>& result) {
    return result ? "" : result.error().text;
}

}  // namespace gatemend::test
