// SPDX-License-Identifier: MIT
#include "io/config_watch.hpp"
#include "io/cursor_store.hpp"
#include "temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace gatemend::io {
namespace {

const Cursors kCursors{{"/var/log/nginx/error.log", LogCursor{1, 2, 3, 4, 5}}};

TEST(Cursors, ReadsWhatItWrote) {
    EXPECT_EQ(decode_cursors(encode_cursors(kCursors)), kCursors);
}

TEST(Cursors, RefusesWhatItDidNotWrite) {
    for (const char* text : {"", "[]", "{\"/x\":1}", "{\"/x\":{\"device\":-1}}"}) {
        EXPECT_EQ(decode_cursors(text), std::nullopt) << text;
    }
}

TEST(CursorStore, WritesOnlyWhatMoved) {
    const test::TempDir dir;
    bus::EventLoop loop = std::move(*bus::EventLoop::open());
    CursorStore store(
        loop, dir / "cursors", [] { return kCursors; }, [](const core::Error&) {});
    store.flush();
    EXPECT_FALSE(std::filesystem::exists(dir / "cursors"));
    store.touch();
    store.flush();
    EXPECT_EQ(store.load(), kCursors);
}

TEST(CursorStore, SaysWhenTheFileIsNotItsOwn) {
    const test::TempDir dir;
    test::overwrite(dir / "cursors", "junk");
    bus::EventLoop loop = std::move(*bus::EventLoop::open());
    std::string said;
    CursorStore store(
        loop,
        dir / "cursors",
        [] { return Cursors{}; },
        [&](const core::Error& error) { said = error.text; });
    EXPECT_THAT(store.load(), testing::IsEmpty());
    EXPECT_THAT(said, testing::HasSubstr("not a cursor file"));
}

TEST(ConfigWatch, NamesTheUnitOnceForManyChanges) {
    const test::TempDir dir;
    bus::EventLoop loop = std::move(*bus::EventLoop::open());
    const auto inotify = std::move(*Inotify::open(loop, core::Duration::zero()));
    std::vector<std::set<std::string>> told;
    ConfigWatch watch(loop, *inotify, [&](const std::set<std::string>& units) {
        told.push_back(units);
        loop.exit(0);
    });
    std::filesystem::create_directories(dir / "sites-enabled");
    watch.set_roots({ConfigRoot{dir.path(), "nginx.service"}});
    test::overwrite(dir / "nginx.conf", "a");
    test::overwrite(dir / "sites-enabled/default", "b");
    (void)loop.run();
    EXPECT_THAT(told, testing::ElementsAre(std::set<std::string>{"nginx.service"}));
}

}  // namespace
}  // namespace gatemend::io
