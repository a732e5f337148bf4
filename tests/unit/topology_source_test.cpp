// SPDX-License-Identifier: MIT
#include "app/topology_source.hpp"

#include "fake_executor.hpp"
#include "temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gatemend::app {
namespace {

using testing::Contains;

constexpr const char* kDump =
    "# configuration file /etc/nginx/nginx.conf:\n"
    "http { server { location / { proxy_pass http://shop.lan:3000; } } }\n";

class Names : public testing::Test {
  protected:
    void SetUp() override {
        executor_.dump = io::NginxDump{0, kDump, ""};
        mean("192.0.2.1");
        source_.start();
        test::settle(loop_);
    }

    void mean(const std::string& address) {
        executor_.probe_answer = "outcome=good errno=0 us=1 addresses=" + address + "\n";
    }

    // nginx, as one read of its properties has it
    void see(core::ActiveState active, int changed) {
        core::UnitState state;
        state.active = active;
        state.changed = core::TimePoint{std::chrono::seconds{changed}};
        source_.take_nginx(state);
        test::settle(loop_);
    }

    [[nodiscard]] std::vector<std::string> addresses() const {
        std::vector<std::string> found;
        for (const core::Backend& backend : topology_.unowned) {
            found.push_back(backend.address);
        }
        return found;
    }

    test::TempDir folder_;
    bus::EventLoop loop_ = std::move(*bus::EventLoop::open());
    std::unique_ptr<io::Inotify> inotify_ = std::move(*io::Inotify::open(loop_, {}));
    test::FakeExecutor executor_;
    policy::Settings settings_;
    core::Topology topology_;
    TopologySource source_{{loop_,
                            *inotify_,
                            executor_,
                            [this]() -> const policy::Settings& { return settings_; },
                            [this](const core::Topology& topology) { topology_ = topology; },
                            [](const std::string&) {},
                            [](const std::string&) {}},
                           folder_ / "topology.json"};
};

TEST_F(Names, MeanWhatTheyMeantWhenNginxReadItsConfiguration) {
    see(core::ActiveState::kActive, 1);
    EXPECT_EQ(addresses(), std::vector<std::string>{"192.0.2.1:3000"});
    mean("192.0.2.2");
    see(core::ActiveState::kActive, 1);
    EXPECT_EQ(addresses(), std::vector<std::string>{"192.0.2.1:3000"});
    see(core::ActiveState::kReloading, 2);
    see(core::ActiveState::kActive, 3);
    EXPECT_EQ(addresses(), std::vector<std::string>{"192.0.2.2:3000"});
}

TEST_F(Names, AreLookedUpWhenAnNginxThatWasDownIsStarted) {
    see(core::ActiveState::kFailed, 1);
    mean("192.0.2.2");
    see(core::ActiveState::kActivating, 2);
    see(core::ActiveState::kActive, 3);
    EXPECT_EQ(addresses(), std::vector<std::string>{"192.0.2.2:3000"});
}

// The properties are read one by one.
TEST_F(Names, AreLookedUpAlsoAfterAReloadWhoseEndWasReadBeforeItsState) {
    see(core::ActiveState::kActive, 1);
    mean("192.0.2.2");
    see(core::ActiveState::kReloading, 2);
    see(core::ActiveState::kReloading, 3);
    see(core::ActiveState::kActive, 3);
    EXPECT_EQ(addresses(), std::vector<std::string>{"192.0.2.2:3000"});
}

TEST_F(Names, MeanBothWhereTheConfigurationIsReadAgainWithoutAReload) {
    see(core::ActiveState::kActive, 1);
    mean("192.0.2.2");
    source_.refresh();
    test::settle(loop_);
    EXPECT_THAT(addresses(), Contains("192.0.2.1:3000"));
    EXPECT_THAT(addresses(), Contains("192.0.2.2:3000"));
}

}  // namespace
}  // namespace gatemend::app
