// SPDX-License-Identifier: MIT
#include "core/inspection.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gatemend::core {
namespace {

Listener listen_at(const std::string& address) {
    Listener listener;
    listener.address = address;
    listener.unit = "app.service";
    return listener;
}

Inspection make_inspection() {
    Inspection inspection;
    PathStep step;
    step.path = "/run/a b%\xFF";
    step.kind = StepKind::kSocket;
    step.mode = 0660;
    step.uid = 33;
    step.has_acl = true;
    step.is_open = false;
    inspection.path = {step};
    FileSystem disk;
    disk.path = "/var/log";
    disk.bytes = ~std::uint64_t{0};
    disk.is_read_only = true;
    inspection.file_systems = {disk};
    Worker worker;
    worker.pid = 12;
    worker.is_nginx = true;
    worker.command = "nginx: worker";
    worker.state = 'D';
    worker.pool = "www";
    worker.own_bytes = 4096;
    worker.shared_bytes = 1024;
    worker.open_files_hard_limit = 524288;
    worker.parent = 11;
    worker.started = 4711;
    worker.done = ~std::uint64_t{0};
    worker.ticks = 150;
    worker.io_bytes = std::uint64_t{1} << 40U;
    worker.is_traced = true;
    worker.is_accepting = false;
    worker.connections = 3;
    inspection.workers = {worker};
    inspection.is_workers_cut = true;
    MachineLoad load;
    load.memory_bytes = 1;
    load.io_full10_permille = 0;
    load.consumers = {"postgres (pid 812): 310% cpu, 2.1 GiB", ""};
    inspection.load = load;
    UnitUse use;
    use.oom_kills = 2;
    inspection.use = use;
    use.memory_limit_bytes = 3;
    inspection.nginx_use = use;
    inspection.listeners = {{listen_at("0.0.0.0:80"), listen_at("unix:/run/a b")}};
    inspection.listeners->back().is_main = true;
    inspection.listeners->back().cookie = ~std::uint64_t{0};
    inspection.listeners->back().taken_by = "a b.service";
    inspection.listeners->back().is_in_own_view = true;
    inspection.is_listeners_cut = true;
    return inspection;
}

TEST(Inspection, ReadsWhatItWrote) {
    const Inspection inspection = make_inspection();
    const auto again = decode_inspection(encode(inspection));
    ASSERT_TRUE(again) << again.error().text;
    EXPECT_EQ(*again, inspection);
}

TEST(Inspection, TellsWhatCouldNotBeSeenFromNo) {
    Inspection inspection = make_inspection();
    for (const std::optional<bool> seen : {std::optional<bool>{}, std::optional{true}}) {
        inspection.workers.front().is_accepting = seen;
        const auto again = decode_inspection(encode(inspection));
        ASSERT_TRUE(again) << again.error().text;
        EXPECT_EQ(again->workers.front().is_accepting, seen);
    }
    const std::string text = encode(inspection);
    for (const std::string_view wrong : {" accepting=2 ", " accepting= ", " accepting=01 "}) {
        std::string changed = text;
        const std::size_t at = changed.find(" accepting=1 ");
        ASSERT_NE(at, std::string::npos);
        changed.replace(at, 13, wrong);
        EXPECT_FALSE(decode_inspection(changed)) << wrong;
    }
}

TEST(Inspection, NothingReadIsNotNothingThere) {
    const auto unread = decode_inspection("end\n");
    ASSERT_TRUE(unread);
    EXPECT_FALSE(unread->listeners);
    const auto nobody = decode_inspection("listeners count=0 cut=0\nend\n");
    ASSERT_TRUE(nobody);
    EXPECT_TRUE(nobody->listeners && nobody->listeners->empty());
}

TEST(Inspection, IsPrintableAsciiWhateverTheNamesAre) {
    Inspection inspection = make_inspection();
    inspection.workers[0].command = "evil\nend\n\x1B[2J\xC3\xA9 x=1";
    for (const char c : encode(inspection)) {
        EXPECT_TRUE(c == '\n' || (c >= ' ' && c <= '~'));
    }
    EXPECT_EQ(*decode_inspection(encode(inspection)), inspection);
}

TEST(Inspection, AWrongLineIsNamed) {
    const auto problem = [](const std::string& text) {
        const auto read = decode_inspection(text);
        return read ? std::string{"ok"} : read.error().text;
    };
    const std::string use =
        "use memory_bytes=1 memory_limit_bytes=0 memory_limit_own=0 memory_above_left_bytes=7 "
        "oom_kills=0 tasks=1";
    EXPECT_EQ(problem(use + " tasks_limit=0\nend\n"), "ok");
    EXPECT_EQ(problem(use + "\nend\n"),
              "inspection: line 1: field 'tasks_limit' is missing or wrong");
    EXPECT_EQ(problem(use + " tasks_limit=00\nend\n"),
              "inspection: line 1: field 'tasks_limit' is missing or wrong");
    EXPECT_EQ(problem(use + " tasks_limit=99999999999999999999\nend\n"),
              "inspection: line 1: field 'tasks_limit' is missing or wrong");
    EXPECT_EQ(problem(use + " tasks_limit=0 more=1\nend\n"),
              "inspection: line 1: more than the expected fields");
    EXPECT_EQ(problem(use + " tasks_limit=0\n" + use + " tasks_limit=0\nend\n"),
              "inspection: line 2: said twice");
    EXPECT_EQ(problem("guess x=1\nend\n"), "inspection: line 1: begins with an unknown word");
    EXPECT_EQ(problem("end\n" + use + " tasks_limit=0\n"), "inspection: line 2: is out of order");
    EXPECT_EQ(problem("consumer text=x\nend\n"), "inspection: line 1: a consumer without a load");
    EXPECT_EQ(problem("listeners count=1 cut=0\nend\n"),
              "inspection: not as many listeners as announced");
    EXPECT_EQ(problem(""), "inspection: it has no end");
    EXPECT_EQ(problem(use + " tasks_limit=0\n"), "inspection: it has no end");
    EXPECT_EQ(problem("end"), "inspection: line 1: it has no end");
    EXPECT_EQ(problem("end\nend\n"), "inspection: line 2: is out of order");
}

TEST(Inspection, OddEscapesAreRefused) {
    const auto is_good = [](const std::string& consumer) {
        const std::string load =
            "load memory_bytes=1 memory_available_bytes=0 cpus=1 load1_permille=0 "
            "cpu_some10_permille=- memory_full10_permille=- io_full10_permille=- open_files_most=0 "
            "open_files_left=0\n";
        return decode_inspection(load + "consumer text=" + consumer + "\nend\n").has_value();
    };
    EXPECT_TRUE(is_good("a%20b"));
    EXPECT_FALSE(is_good("a b"));
    EXPECT_FALSE(is_good("%"));
    EXPECT_FALSE(is_good("%2"));
    EXPECT_FALSE(is_good("%2g"));
    EXPECT_FALSE(is_good("%ff"));  // lower case
    EXPECT_FALSE(is_good("%41"));  // 'A' needs none
}

TEST(Inspection, TooManyLinesAreRefused) {
    Inspection inspection;
    inspection.workers.resize(kMaxWorkers);
    EXPECT_TRUE(decode_inspection(encode(inspection)));
    inspection.workers.resize(kMaxWorkers + 1);
    EXPECT_FALSE(decode_inspection(encode(inspection)));
    EXPECT_FALSE(decode_inspection(std::string(kMaxInspectionBytes + 1, 'x')));
}

TEST(FindListener, TakesTheExactAddressOrAWildcardOfTheFamily) {
    Inspection inspection;
    EXPECT_EQ(inspection.find_listener("127.0.0.1:80"), nullptr);
    Listener both = listen_at("[::]:3000");
    both.is_dual_stack = true;
    inspection.listeners = {{listen_at("0.0.0.0:80"),
                             listen_at("127.0.0.1:80"),
                             listen_at("[::]:81"),
                             both,
                             listen_at("unix:/run/x:80")}};
    const auto found = [&](std::string_view address) {
        const Listener* listener = inspection.find_listener(address);
        return listener == nullptr ? std::string{} : listener->address;
    };
    EXPECT_EQ(found("127.0.0.1:80"), "127.0.0.1:80");
    EXPECT_EQ(found("127.0.0.2:80"), "0.0.0.0:80");
    EXPECT_EQ(found("127.0.0.1:81"), "");
    EXPECT_EQ(found("[::1]:81"), "[::]:81");
    EXPECT_EQ(found("[::1]:80"), "");
    EXPECT_EQ(found("127.0.0.1:3000"), "[::]:3000");
    EXPECT_EQ(found("unix:/run/x:80"), "unix:/run/x:80");
    EXPECT_EQ(found("unix:/run/y:80"), "");
    EXPECT_EQ(found(""), "");
}

}  // namespace
}  // namespace gatemend::core
