// SPDX-License-Identifier: MIT
#include "cli/replay_log.hpp"

#include "parse/nginx_error_reader.hpp"
#include "parse/symptom_event.hpp"

namespace gatemend::cli {

namespace {

constexpr std::size_t kBlockBytes = std::size_t{256} * 1024;
constexpr std::size_t kMaxAddresses = 256;  // further ones are counted together
constexpr std::string_view kOthers = "(other addresses)";

// "2026/11/21 14:33:28" -> the same moment read as UTC
std::optional<core::TimePoint> log_time(std::string_view text) {
    std::string iso{text};
    if (iso.size() != 19) {
        return std::nullopt;
    }
    iso[4] = '-';
    iso[7] = '-';
    iso[10] = 'T';
    return core::parse_time(iso + "Z");
}

class LogReplay {
  public:
    LogReplay(engine::Timeline& timeline, LogSummary& summary)
        : timeline_(timeline),
          summary_(summary),
          reader_([this](const parse::NginxErrorAnswer& answer) { take(answer); },
                  parse::Wanted::kSymptoms) {}

    void feed(std::string_view block) { reader_.feed_block(block); }

    void finish(std::string_view rest) {
        if (!rest.empty()) {
            reader_.feed(rest);
        }
        reader_.flush();
    }

  private:
    void take(const parse::NginxErrorAnswer& answer) {
        const parse::NginxError& record = answer.line.record;
        if (record.symptom == core::Symptom::kNone) {
            return;
        }
        const std::string address{parse::upstream_address(record.upstream)};
        if (address.empty()) {
            return;
        }
        ++summary_.symptoms_by_address[count_key(address)];
        const core::TimePoint time = log_time(record.time).value_or(timeline_.now());
        introduce(address, time);
        timeline_.feed(core::Event{time, parse::symptom_seen(record)});
        answer_probe(address, time);
    }

    [[nodiscard]] std::string count_key(const std::string& address) const {
        const bool is_known = summary_.symptoms_by_address.count(address) > 0;
        return is_known || summary_.symptoms_by_address.size() < kMaxAddresses
                   ? address
                   : std::string{kOthers};
    }

    void introduce(const std::string& address, core::TimePoint time) {
        core::Topology topology = timeline_.state().topology;
        if (topology.find_by_address(address) != nullptr ||
            topology.services.size() >= kMaxAddresses) {
            return;
        }
        topology.services.push_back(core::Service{"(owner of " + address + ")",
                                                  core::ServiceRole::kOther,
                                                  {core::Backend{address, "", ""}}});
        timeline_.feed(core::Event{time, core::TopologyLearnt{std::move(topology)}});
    }

    void answer_probe(const std::string& address, core::TimePoint time) {
        const core::Service* service = timeline_.state().topology.find_by_address(address);
        if (service == nullptr) {
            return;
        }
        const auto record = timeline_.state().services.find(service->unit);
        if (record != timeline_.state().services.end() && record->second.is_inspecting) {
            timeline_.feed(core::Event{time, core::Inspected{service->unit, std::nullopt}});
        }
        if (record != timeline_.state().services.end() && record->second.running_probe) {
            timeline_.feed(core::Event{
                time,
                core::ProbeAnswered{*record->second.running_probe, service->unit, address, {}}});
        }
    }

    engine::Timeline& timeline_;
    LogSummary& summary_;
    parse::NginxErrorReader reader_;
};

}  // namespace

core::Status replay_log(std::istream& input,
                        std::string head,
                        const std::string& name,
                        engine::Timeline& timeline,
                        LogSummary& summary) {
    LogReplay replay(timeline, summary);
    std::string buffer = std::move(head);
    std::size_t kept = buffer.size();
    while (true) {
        buffer.resize(kept + kBlockBytes);
        input.read(buffer.data() + kept, kBlockBytes);
        const std::size_t filled = kept + static_cast<std::size_t>(input.gcount());
        const std::string_view view{buffer.data(), filled};
        const std::size_t end = view.rfind('\n');
        if (end == std::string_view::npos && filled > kBlockBytes) {
            kept = 0;  // a line of more than 256 KiB is no record: dropped
            continue;
        }
        const std::size_t whole = end == std::string_view::npos ? 0 : end + 1;
        replay.feed(view.substr(0, whole));
        if (input.gcount() == 0) {
            replay.finish(view.substr(whole));
            break;
        }
        kept = filled - whole;
        buffer.erase(0, whole);
    }
    return input.bad() ? core::Status{core::Error{name + ": read error"}}
                       : core::Status{core::Done{}};
}

}  // namespace gatemend::cli
