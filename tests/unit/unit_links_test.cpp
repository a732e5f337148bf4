// SPDX-License-Identifier: MIT
// When links between units have changed, in folders of our own.
#include "sandbox/bus/unit_links.hpp"

#include "temp_dir.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace gatemend::bus {
namespace {

namespace fs = std::filesystem;

const std::string kLink = "multi-user.target.wants/php8.2-fpm.service";

// Does what `change` does show? The clock of the file system goes by a few milliseconds.
template <class Change>
bool is_noticed(const std::string& folder, Change change) {
    constexpr int kMaxTries = 1'000'000;
    const core::TimePoint before = unit_links_changed_below({folder});
    bool is_news = false;
    for (int i = 0; i < kMaxTries && !is_news; ++i) {
        change();
        is_news = unit_links_changed_below({folder}) > before;
    }
    return is_news;
}

TEST(UnitLinks, NoticesALinkThatIsRemoved) {
    for (const char* wish :
         {"multi-user.target.wants/", "web.target.requires/", "web.target.upholds/", ""}) {
        const test::TempDir dir;
        fs::create_directories(dir / wish);
        const std::string link = dir / (std::string{wish} + "php8.2-fpm.service");
        EXPECT_TRUE(is_noticed(dir.path(), [&link] {
            fs::create_symlink("/nowhere", link);
            fs::remove(link);
        })) << wish;
    }
}

// systemd removes a folder with its last link.
TEST(UnitLinks, NoticesAFolderThatIsRemoved) {
    const test::TempDir dir;
    const std::string folder = dir / "web.target.wants";
    EXPECT_TRUE(is_noticed(dir.path(), [&folder] {
        fs::create_directory(folder);
        fs::remove(folder);
    }));
}

TEST(UnitLinks, TakesNoDropInForALink) {
    const test::TempDir dir;
    fs::create_directory(dir / "php8.2-fpm.service.d");
    fs::create_directory(dir / "multi-user.target.wants");
    fs::create_symlink("/nowhere", dir / kLink);
    const core::TimePoint before = unit_links_changed_below({dir.path()});
    std::ofstream{dir / "php8.2-fpm.service.d/memory.conf"} << "[Service]\n";
    EXPECT_EQ(unit_links_changed_below({dir.path()}), before);
    EXPECT_EQ(unit_links_changed_below({dir / "none", dir.path()}), before);
}

TEST(UnitLinks, KnowsOfNoneWhereThereIsNoFolder) {
    const test::TempDir dir;
    EXPECT_EQ(unit_links_changed_below({dir / "none"}), core::TimePoint{});
}

TEST(UnitLinks, WhatCannotBeSeenMayHaveChanged) {
    const test::TempDir dir;
    std::ofstream{dir / "file"} << "no folder";
    EXPECT_EQ(unit_links_changed_below({dir / "file"}), core::TimePoint::max());
    for (std::size_t i = 0; i <= kMaxLinkEntries; ++i) {
        fs::create_symlink("/nowhere", dir / (std::to_string(i) + ".service"));
    }
    EXPECT_EQ(unit_links_changed_below({dir.path()}), core::TimePoint::max()) << "too many";
}

}  // namespace
}  // namespace gatemend::bus
