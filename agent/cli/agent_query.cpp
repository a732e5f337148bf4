// SPDX-License-Identifier: MIT
#include "cli/agent_query.hpp"

#include "cli/approval.hpp"
#include "cli/bus_call.hpp"
#include "cli/exit_code.hpp"
#include "cli/incident_text.hpp"
#include "cli/revealed_plan.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <string>

namespace gatemend::cli {

namespace {

constexpr std::chrono::seconds kDeadline{10};

void print(const std::string& text) {
    (void)std::fputs(text.c_str(), stdout);
}

// Asks for one document and hands it on; what it returns is the exit code.
int with_document(const char* method,
                  const std::function<int(const std::string& raw, const Json& document)>& use) {
    std::string raw;
    const int code = call_service(kAgent, [&](sdbus::IProxy& agent) {
        agent.callMethod(method)
            .onInterface(kAgent.interface)
            .withTimeout(kDeadline)
            .storeResultsTo(raw);
    });
    if (code != kExitOk) {
        return code;
    }
    const Json document = Json::parse(raw, nullptr, false);
    if (!document.is_object()) {
        (void)std::fputs("gatemend: the agent's answer is no JSON object\n", stderr);
        return kExitFailed;
    }
    return use(raw, document);
}

// What could not be undone, as it is now: the files, and what a rollback would do. `key` says where
// an item tells that it is such a one. The executor answers root alone.
void print_rollbacks(const Json& items, const char* key) {
    for (const Json& item : items) {
        if (geteuid() != 0 || item.value(key, "") != "undo-failed") {
            continue;
        }
        const auto attempt = item.value("attempt", std::uint64_t{0});
        const std::string text = review_rollback(attempt);
        if (!text.empty()) {
            print("`gatemend rollback --attempt " + std::to_string(attempt) + "` would do now:\n" +
                  text);
        }
    }
}

int print_one(std::uint64_t incident, Output output, std::string (*render)(const Json&)) {
    return with_revealed_incident(incident, [&](const Json& item) {
        if (output == Output::kJson) {
            print(item.dump() + "\n");
            return kExitOk;
        }
        print(render(item));
        print_rollbacks(item.value("acts", Json::array()), "undo");
        return kExitOk;
    });
}

}  // namespace

int with_incident(std::uint64_t incident, const std::function<int(const Json&)>& use) {
    return with_document("Incidents", [&](const std::string&, const Json& document) {
        for (const Json& item : document.value("incidents", Json::array())) {
            if (item.is_object() && item.value("id", Json()) == incident) {
                return use(item);
            }
        }
        (void)std::fprintf(stderr,
                           "gatemend: no incident %llu; `gatemend incidents` lists them, "
                           "`gatemend audit --incident` has older ones\n",
                           static_cast<unsigned long long>(incident));
        return kExitFailed;
    });
}

int with_revealed_incident(std::uint64_t incident, const std::function<int(const Json&)>& use) {
    return with_incident(incident, [&use](const Json& item) {
        Json shown = item;
        if (geteuid() == 0) {
            reveal_proposals(shown);
        }
        return use(shown);
    });
}

int run_status(Output output) {
    return with_document("Status", [output](const std::string& raw, const Json& document) {
        if (output == Output::kJson) {
            print(raw + "\n");
            return kExitOk;
        }
        print(status_text(document));
        print_rollbacks(document.value("attention", Json::array()), "kind");
        return kExitOk;
    });
}

int run_incidents(Output output) {
    return with_document("Incidents", [output](const std::string& raw, const Json& document) {
        if (output == Output::kJson) {
            print(raw + "\n");
            return kExitOk;
        }
        const Json incidents = document.value("incidents", Json::array());
        for (const Json& item : incidents) {
            print(incident_line(item));
        }
        if (incidents.empty()) {
            print("no incidents\n");
        }
        return kExitOk;
    });
}

int run_show(std::uint64_t incident, Output output) {
    return print_one(incident, output, incident_text);
}

int run_why(std::uint64_t incident, Output output) {
    return print_one(incident, output, why_text);
}

}  // namespace gatemend::cli
