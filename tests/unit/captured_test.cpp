// SPDX-License-Identifier: MIT
// What real nginx wrote while a fault was injected (tests/corpus/captured): each fault's symptom is
// found in its own log, trusted where nothing could have forged it.
#include "parse/nginx_error_reader.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>

namespace gatemend::testing {
namespace {

using core::Symptom;

struct Told {
    std::set<Symptom> all;
    std::set<Symptom> trusted;
};

Told read(const std::string& fault) {
    Told told;
    parse::NginxErrorReader reader([&told](const parse::NginxErrorAnswer& answer) {
        told.all.insert(answer.line.record.symptom);
        if (answer.line.record.is_trusted) {
            told.trusted.insert(answer.line.record.symptom);
        }
    });
    std::ifstream log(GATEMEND_SOURCE_DIR "/tests/corpus/captured/" + fault + ".nginx-error.log");
    EXPECT_TRUE(log.is_open()) << fault;
    for (std::string line; std::getline(log, line);) {
        reader.feed(line);
    }
    reader.flush();
    return told;
}

struct Fault {
    const char* name;
    Symptom symptom;
};

TEST(Captured, EveryFaultIsFoundInItsOwnLogAndTrusted) {
    for (const Fault& fault : {Fault{"app-down-node", Symptom::kConnectRefused},
                               Fault{"app-down-uwsgi", Symptom::kSocketMissing},
                               Fault{"backend-hung", Symptom::kResponseTimeout},
                               Fault{"disk-full-space", Symptom::kDiskFull},
                               Fault{"firewall-blocked-drop", Symptom::kConnectTimeout},
                               Fault{"header-too-big", Symptom::kHeaderTooBig},
                               Fault{"name-unresolved-resolver", Symptom::kNameUnresolved},
                               Fault{"nginx-fd-limit-connections", Symptom::kNginxLimit},
                               Fault{"nginx-fd-limit-files", Symptom::kNginxLimit},
                               Fault{"oom-killed", Symptom::kClosedEarly},
                               Fault{"pool-saturated", Symptom::kBackendSaturated},
                               Fault{"remote-upstream-down-no-route", Symptom::kUnreachable},
                               Fault{"slow-backend", Symptom::kResponseTimeout},
                               Fault{"socket-deleted", Symptom::kSocketMissing},
                               Fault{"socket-ownership", Symptom::kConnectDenied},
                               Fault{"upstream-tls", Symptom::kUpstreamTls},
                               Fault{"worker-crash", Symptom::kClosedEarly}}) {
        const Told told = read(fault.name);
        EXPECT_TRUE(told.trusted.contains(fault.symptom)) << fault.name;
    }
}

TEST(Captured, WhatAnApplicationWroteIsFoundAndNotTrusted) {
    for (const char* name : {"script-fatal-memory", "script-fatal-time", "script-fatal-uncaught"}) {
        const Told told = read(name);
        EXPECT_TRUE(told.all.contains(Symptom::kScriptFatal)) << name;
        EXPECT_FALSE(told.trusted.contains(Symptom::kScriptFatal)) << name;
    }
}

TEST(Captured, HealthySitesSayNothing) {
    for (const char* name : {"quiet-visitors-sent-away-by-a-limit",
                             "quiet-upgrade-of-nginx-without-a-pause",
                             "quiet-warnings-by-the-thousand"}) {
        EXPECT_EQ(read(name).all, std::set<Symptom>{Symptom::kNone}) << name;
    }
}

}  // namespace
}  // namespace gatemend::testing
