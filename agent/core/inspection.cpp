// SPDX-License-Identifier: MIT
#include "core/inspection.hpp"

#include "core/closed_set.hpp"

#include <algorithm>
#include <charconv>
#include <concepts>
#include <type_traits>
#include <utility>

namespace gatemend::core {
namespace {

constexpr std::string_view kAbsent = "-";
constexpr std::string_view kHexDigits = "0123456789ABCDEF";

// A value ends at the next space or at the end of its line, so neither may stand in it.
bool is_plain(char c) {
    return c > ' ' && c < '\x7F' && c != '%';
}

void append_escaped(std::string& line, std::string_view value) {
    for (const char c : value) {
        if (is_plain(c)) {
            line += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            line += '%';
            line += kHexDigits[byte >> 4U];
            line += kHexDigits[byte & 0xFU];
        }
    }
}

// nullopt: an escape that append_escaped() would not write.
std::optional<std::string> unescape(std::string_view value) {
    std::string bytes;
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] != '%') {
            bytes += value[i];
            continue;
        }
        const std::size_t high =
            i + 2 < value.size() ? kHexDigits.find(value[i + 1]) : std::string_view::npos;
        const std::size_t low =
            high == std::string_view::npos ? std::string_view::npos : kHexDigits.find(value[i + 2]);
        if (low == std::string_view::npos) {
            return std::nullopt;
        }
        bytes += static_cast<char>(high * 16 + low);
        i += 2;
    }
    std::string again;
    append_escaped(again, bytes);
    return again == value ? std::optional{bytes} : std::nullopt;
}

// The fields of a line, in order. `visit` below names them once for both directions.
class LineWriter {
  public:
    explicit LineWriter(std::string& out) : out_(out) {}

    void value(std::string_view name, const std::string& text) {
        begin(name);
        append_escaped(out_, text);
    }

    void value(std::string_view name, std::uint32_t number) { write(name, number); }

    void value(std::string_view name, std::uint64_t number) { write(name, number); }

    void value(std::string_view name, bool flag) { write(name, flag ? 1U : 0U); }

    void value(std::string_view name, char symbol) { value(name, std::string(1, symbol)); }

    void value(std::string_view name, StepKind kind) {
        value(name, std::string{step_kind_id(kind)});
    }

    void value(std::string_view name, const std::optional<std::uint32_t>& number) {
        value(name, number ? std::to_string(*number) : std::string{kAbsent});
    }

    void value(std::string_view name, const std::optional<bool>& flag) {
        value(name, flag ? std::string{*flag ? "1" : "0"} : std::string{kAbsent});
    }

  private:
    void begin(std::string_view name) {
        out_ += ' ';
        out_ += name;
        out_ += '=';
    }

    template <class Number>
    void write(std::string_view name, Number number) {
        begin(name);
        out_ += std::to_string(number);
    }

    std::string& out_;
};

// Remembers the first thing that was wrong.
class LineReader {
  public:
    explicit LineReader(std::string_view rest) : rest_(rest) {}

    void value(std::string_view name, std::string& text) {
        if (const auto bytes = unescape(take(name))) {
            text = *bytes;
        } else {
            fail(name);
        }
    }

    void value(std::string_view name, std::uint32_t& number) { read(name, number); }

    void value(std::string_view name, std::uint64_t& number) { read(name, number); }

    void value(std::string_view name, bool& flag) {
        const std::string_view text = take(name);
        flag = text == "1";
        if (!flag && text != "0") {
            fail(name);
        }
    }

    void value(std::string_view name, char& symbol) {
        std::string text;
        value(name, text);
        if (text.size() == 1) {
            symbol = text.front();
        } else {
            fail(name);
        }
    }

    void value(std::string_view name, StepKind& kind) {
        const auto known = step_kind_from_id(take(name));
        if (known) {
            kind = *known;
        } else {
            fail(name);
        }
    }

    void value(std::string_view name, std::optional<std::uint32_t>& number) {
        const std::string_view text = take(name);
        std::uint32_t read_number = 0;
        if (text == kAbsent) {
            number.reset();
        } else if (parse(text, read_number)) {
            number = read_number;
        } else {
            fail(name);
        }
    }

    void value(std::string_view name, std::optional<bool>& flag) {
        const std::string_view text = take(name);
        if (text == kAbsent) {
            flag.reset();
        } else if (text == "0" || text == "1") {
            flag = text == "1";
        } else {
            fail(name);
        }
    }

    [[nodiscard]] Status finish() const {
        if (!problem_.empty()) {
            return Error{problem_};
        }
        return rest_.empty() ? Status{Done{}} : Status{Error{"more than the expected fields"}};
    }

  private:
    std::string_view take(std::string_view name) {
        const bool is_here = rest_.size() > name.size() + 1 && rest_.front() == ' ' &&
                             rest_.substr(1, name.size()) == name && rest_[name.size() + 1] == '=';
        if (!is_here) {
            fail(name);
            return {};
        }
        rest_.remove_prefix(name.size() + 2);
        const std::size_t end = std::min(rest_.find(' '), rest_.size());
        const std::string_view text = rest_.substr(0, end);
        rest_.remove_prefix(end);
        return text;
    }

    template <class Number>
    static bool parse(std::string_view text, Number& number) {
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        const bool is_padded = text.size() > 1 && text.front() == '0';
        return error == std::errc{} && end == text.data() + text.size() && !is_padded;
    }

    template <class Number>
    void read(std::string_view name, Number& number) {
        if (!parse(take(name), number)) {
            fail(name);
        }
    }

    void fail(std::string_view name) {
        if (problem_.empty()) {
            problem_ = "field '" + std::string{name} + "' is missing or wrong";
        }
    }

    std::string_view rest_;
    std::string problem_;
};

// What every line holds: `thing` is const for the writer.
struct ListenerCount {
    std::uint32_t count = 0;
    bool is_cut = false;
};

template <class Thing, class Plain>
concept Is = std::same_as<std::remove_const_t<Thing>, Plain>;

template <class Line, Is<ListenerCount> Thing>
void visit(Line& line, Thing& thing) {
    line.value("count", thing.count);
    line.value("cut", thing.is_cut);
}

template <class Line, Is<Listener> Thing>
void visit(Line& line, Thing& thing) {
    line.value("address", thing.address);
    line.value("unit", thing.unit);
    line.value("command", thing.command);
    line.value("pid", thing.pid);
    line.value("queue", thing.queue);
    line.value("backlog", thing.backlog);
    line.value("reachable", thing.is_reachable);
    line.value("dual_stack", thing.is_dual_stack);
    line.value("open", thing.is_open);
    line.value("main", thing.is_main);
    line.value("cookie", thing.cookie);
    line.value("taken_by", thing.taken_by);
    line.value("connections", thing.connections);
    line.value("own_view", thing.is_in_own_view);
}

template <class Line, Is<PathStep> Thing>
void visit(Line& line, Thing& thing) {
    line.value("path", thing.path);
    line.value("kind", thing.kind);
    line.value("mode", thing.mode);
    line.value("uid", thing.uid);
    line.value("gid", thing.gid);
    line.value("acl", thing.has_acl);
    line.value("open", thing.is_open);
}

template <class Line, Is<FileSystem> Thing>
void visit(Line& line, Thing& thing) {
    line.value("path", thing.path);
    line.value("bytes", thing.bytes);
    line.value("bytes_free", thing.bytes_free);
    line.value("inodes", thing.inodes);
    line.value("inodes_free", thing.inodes_free);
    line.value("read_only", thing.is_read_only);
    line.value("device", thing.device);
    line.value("journal_bytes", thing.journal_bytes);
}

template <class Line, Is<Worker> Thing>
void visit(Line& line, Thing& thing) {
    line.value("pid", thing.pid);
    line.value("nginx", thing.is_nginx);
    line.value("command", thing.command);
    line.value("pool", thing.pool);
    line.value("parent", thing.parent);
    line.value("started", thing.started);
    line.value("done", thing.done);
    line.value("ticks", thing.ticks);
    line.value("io_bytes", thing.io_bytes);
    line.value("leaving", thing.is_leaving);
    line.value("traced", thing.is_traced);
    line.value("state", thing.state);
    line.value("own_bytes", thing.own_bytes);
    line.value("shared_bytes", thing.shared_bytes);
    line.value("peak_bytes", thing.peak_bytes);
    line.value("open_files", thing.open_files);
    line.value("open_files_limit", thing.open_files_limit);
    line.value("open_files_hard_limit", thing.open_files_hard_limit);
    line.value("accepting", thing.is_accepting);
    line.value("connections", thing.connections);
}

template <class Line, Is<MachineLoad> Thing>
void visit(Line& line, Thing& thing) {
    line.value("memory_bytes", thing.memory_bytes);
    line.value("memory_available_bytes", thing.memory_available_bytes);
    line.value("cpus", thing.cpus);
    line.value("load1_permille", thing.load1_permille);
    line.value("cpu_some10_permille", thing.cpu_some10_permille);
    line.value("memory_full10_permille", thing.memory_full10_permille);
    line.value("io_full10_permille", thing.io_full10_permille);
    line.value("open_files_most", thing.open_files_most);
    line.value("open_files_left", thing.open_files_left);
}

template <class Line, Is<UnitUse> Thing>
void visit(Line& line, Thing& thing) {
    line.value("memory_bytes", thing.memory_bytes);
    line.value("memory_limit_bytes", thing.memory_limit_bytes);
    line.value("memory_limit_own", thing.is_memory_limit_own);
    line.value("memory_above_left_bytes", thing.memory_above_left_bytes);
    line.value("oom_kills", thing.oom_kills);
    line.value("tasks", thing.tasks);
    line.value("tasks_limit", thing.tasks_limit);
}

template <class Line, Is<std::string> Thing>
void visit(Line& line, Thing& thing) {
    line.value("text", thing);
}

template <class Thing>
void append_line(std::string& out, std::string_view word, const Thing& thing) {
    out += word;
    LineWriter writer{out};
    visit(writer, thing);
    out += '\n';
}

template <class Thing>
void append_lines(std::string& out, std::string_view word, const std::vector<Thing>& things) {
    for (const Thing& thing : things) {
        append_line(out, word, thing);
    }
}

// The kinds of line, in the order in which they stand.
enum class Word {
    kStep,
    kFileSystem,
    kLoad,
    kConsumer,
    kUse,
    kNginxUse,
    kWorker,
    kWorkersCut,
    kListeners,
    kListener,
    kEnd
};

std::string_view word_id(Word word) {
    switch (word) {
        case Word::kStep:
            return "step";
        case Word::kFileSystem:
            return "file_system";
        case Word::kLoad:
            return "load";
        case Word::kConsumer:
            return "consumer";
        case Word::kUse:
            return "use";
        case Word::kNginxUse:
            return "nginx_use";
        case Word::kWorker:
            return "worker";
        case Word::kWorkersCut:
            return "workers_cut";
        case Word::kListeners:
            return "listeners";
        case Word::kListener:
            return "listener";
        case Word::kEnd:
            return "end";
    }
    return "?";
}

template <class Thing>
Status read_into(std::vector<Thing>& things, std::size_t limit, LineReader line) {
    if (things.size() >= limit) {
        return Error{"more of these than allowed"};
    }
    Thing thing;
    visit(line, thing);
    GATEMEND_CHECK(line.finish());
    things.push_back(std::move(thing));
    return Done{};
}

template <class Thing>
Status read_into(std::optional<Thing>& thing, LineReader line) {
    if (thing) {
        return Error{"said twice"};
    }
    visit(line, thing.emplace());
    return line.finish();
}

class Decoder {
  public:
    Status take_line(std::string_view line);
    [[nodiscard]] Result<Inspection> finish();

  private:
    Status take_fields(Word word, const LineReader& fields);

    Inspection inspection_;
    std::optional<ListenerCount> count_;
    Word last_ = Word::kStep;
};

Status Decoder::take_line(std::string_view line) {
    const std::size_t end = std::min(line.find(' '), line.size());
    const auto word = find_by_id(line.substr(0, end), Word::kEnd, word_id);
    if (!word) {
        return Error{"begins with an unknown word"};
    }
    if (*word < last_ || last_ == Word::kEnd) {
        return Error{"is out of order"};
    }
    last_ = *word;
    return take_fields(*word, LineReader{line.substr(end)});
}

Status Decoder::take_fields(Word word, const LineReader& fields) {
    switch (word) {
        case Word::kStep:
            return read_into(inspection_.path, kMaxPathSteps, fields);
        case Word::kFileSystem:
            return read_into(inspection_.file_systems, kMaxFileSystems, fields);
        case Word::kLoad:
            return read_into(inspection_.load, fields);
        case Word::kConsumer:
            return inspection_.load ? read_into(inspection_.load->consumers, kMaxConsumers, fields)
                                    : Status{Error{"a consumer without a load"}};
        case Word::kUse:
            return read_into(inspection_.use, fields);
        case Word::kNginxUse:
            return read_into(inspection_.nginx_use, fields);
        case Word::kWorker:
            return read_into(inspection_.workers, kMaxWorkers, fields);
        case Word::kWorkersCut:
            inspection_.is_workers_cut = true;
            return fields.finish();
        case Word::kListeners:
            inspection_.listeners.emplace();
            return read_into(count_, fields);
        case Word::kListener:
            return inspection_.listeners ? read_into(*inspection_.listeners, kMaxListeners, fields)
                                         : Status{Error{"a listener before their number"}};
        case Word::kEnd:
            return fields.finish();
    }
    return Error{"begins with an unknown word"};
}

Result<Inspection> Decoder::finish() {
    if (last_ != Word::kEnd) {
        return Error{"inspection: it has no end"};
    }
    if (count_ && count_->count != inspection_.listeners->size()) {
        return Error{"inspection: not as many listeners as announced"};
    }
    inspection_.is_listeners_cut = count_ && count_->is_cut;
    return std::move(inspection_);
}

bool is_ipv6(std::string_view address) {
    return address.starts_with('[');
}

}  // namespace

std::string_view step_kind_id(StepKind kind) {
    switch (kind) {
        case StepKind::kMissing:
            return "missing";
        case StepKind::kDirectory:
            return "directory";
        case StepKind::kSocket:
            return "socket";
        case StepKind::kOther:
            return "other";
    }
    return "?";
}

std::optional<StepKind> step_kind_from_id(std::string_view id) {
    return find_by_id(id, StepKind::kOther, step_kind_id);
}

std::string_view port_of(std::string_view address) {
    const std::size_t colon = address.rfind(':');
    return address.starts_with("unix:") || colon == std::string_view::npos
               ? std::string_view{}
               : address.substr(colon + 1);
}

bool is_answered_by(std::string_view address, const Listener& listener) {
    if (listener.address == address) {
        return true;
    }
    const std::string_view port = port_of(address);
    const bool is_any_ipv6 = listener.address.starts_with("[::]:");
    const bool is_any = is_ipv6(address) ? is_any_ipv6
                                         : listener.address.starts_with("0.0.0.0:") ||
                                               (is_any_ipv6 && listener.is_dual_stack);
    return !port.empty() && is_any && port_of(listener.address) == port;
}

const Listener* Inspection::find_listener(std::string_view address) const {
    if (!listeners) {
        return nullptr;
    }
    const auto exact = std::ranges::find(*listeners, address, &Listener::address);
    if (exact != listeners->end()) {
        return &*exact;
    }
    const auto any = std::ranges::find_if(
        *listeners, [&](const Listener& listener) { return is_answered_by(address, listener); });
    return any == listeners->end() ? nullptr : &*any;
}

std::string encode(const Inspection& inspection) {
    std::string text;
    append_lines(text, word_id(Word::kStep), inspection.path);
    append_lines(text, word_id(Word::kFileSystem), inspection.file_systems);
    if (inspection.load) {
        append_line(text, word_id(Word::kLoad), *inspection.load);
        append_lines(text, word_id(Word::kConsumer), inspection.load->consumers);
    }
    if (inspection.use) {
        append_line(text, word_id(Word::kUse), *inspection.use);
    }
    if (inspection.nginx_use) {
        append_line(text, word_id(Word::kNginxUse), *inspection.nginx_use);
    }
    append_lines(text, word_id(Word::kWorker), inspection.workers);
    if (inspection.is_workers_cut) {
        text += word_id(Word::kWorkersCut);
        text += '\n';
    }
    if (inspection.listeners) {
        append_line(text,
                    word_id(Word::kListeners),
                    ListenerCount{static_cast<std::uint32_t>(inspection.listeners->size()),
                                  inspection.is_listeners_cut});
        append_lines(text, word_id(Word::kListener), *inspection.listeners);
    }
    text += word_id(Word::kEnd);
    text += '\n';
    return text;
}

Result<Inspection> decode_inspection(std::string_view text) {
    if (text.size() > kMaxInspectionBytes) {
        return Error{"inspection: longer than " + std::to_string(kMaxInspectionBytes) + " bytes"};
    }
    Decoder decoder;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos) {
            return Error{"inspection: line " + std::to_string(number) + ": it has no end"};
        }
        if (const Status taken = decoder.take_line(text.substr(0, end)); !taken) {
            return taken.error().within("inspection: line " + std::to_string(number));
        }
        text.remove_prefix(end + 1);
    }
    return decoder.finish();
}

}  // namespace gatemend::core
